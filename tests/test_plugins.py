"""Python plugins: registrations, order, and problems."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, TableError, cli, create_app
from hapiish import table as tables
from hapiish.cli import main
from hapiish.compile import compile_table
from hapiish.server import Server
from hapiish.table.problems import Problem
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

PROJECT = Path(__file__).parent / "projects" / "python-plugin"

Make = Callable[..., Application]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(table, code)`: the application of a table whose plugins are `my:name` in `code`."""

    def write(table: str, code: str = "") -> Application:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "my.py").write_text(PLUGIN + dedent(code))
        (folder / "routes.yaml").write_text(dedent(table))
        return create_app(folder / "routes.yaml", env={})

    return write


PLUGIN = """
from hapiish import boom

order = []

class P:
    def __init__(self, name, does=None, **more):
        self.name = name
        self.does = does
        self.__dict__.update(more)

    def register(self, server, options):
        order.append(self.name)
        if self.does is not None:
            self.does(server, options)

async def show(request, h):
    return {"order": order, "trace": request.app.get("trace")}

def tracing(name, **hints):
    async def trace(request, h):
        request.app.setdefault("trace", []).append(name)
        return h.continue_
    return lambda server, options: server.ext("onPreHandler", trace, **hints)

"""


@pytest.fixture
def project(tmp_path: Path) -> Application:
    shutil.copytree(PROJECT, tmp_path / "project")
    return create_app(tmp_path / "project" / "routes.yaml", env={})


async def test_a_plugin_contributes_schemes_kinds_methods_extensions_and_routes(project: Application) -> None:
    assert (await inject(project, url="/metrics")).json == {"requests": 1, "unit": "ms"}
    assert (await inject(project, url="/sum?a=40")).json == 42
    assert (await inject(project, url="/counted")).headers["www-authenticate"] == "Password"
    counted = await inject(project, url="/counted", headers={"password": "open sesame"})
    assert counted.json == {"count": 8, "user": "porter"}
    assert str(counted.headers["cache-control"]).startswith("max-age=60")


async def test_the_routes_of_a_plugin_are_checked_and_merged_like_those_of_a_table(project: Application) -> None:
    route = project.server.lookup("metrics.show")
    assert route is not None
    assert (route.path, route.settings.plugins) == ("/metrics", {"metrics": {"quiet": True}})
    assert (await inject(project, url="/metrics?page=x")).status_code == 400


async def test_a_plugin_exposes_values_and_is_registered(project: Application) -> None:
    assert (await inject(project, url="/time")).json == {"tick": 42, "order": ["clock", "metrics"]}
    registered = project.server.registrations
    assert {name: each.version for name, each in registered.items()} == {"clock": "2.1.0", "metrics": "1.0.0"}
    assert registered["metrics"].options["unit"] == "ms"


async def test_a_reload_registers_the_plugins_anew(project: Application) -> None:
    await inject(project, url="/metrics")
    file = Path(project.server.compiled.table.file)
    code = file.with_name("metrics.py")
    edited = (await asyncio.to_thread(code.read_text)).replace('"requests": counts', '"seen": counts')
    await asyncio.to_thread(code.write_text, edited)
    assert await project.reload() == []
    assert (await inject(project, url="/metrics")).json == {"seen": 1, "unit": "ms"}
    await asyncio.to_thread(code.write_text, edited.replace("def register", "def registre"))
    (problem,) = await project.reload()
    assert problem.code == "HA0406"
    assert (await inject(project, url="/metrics")).json == {"seen": 2, "unit": "ms"}
    assert not [name for name in sys.modules if name.startswith("_metrics_") and "registre" in name]


def test_a_command_of_a_plugin_runs_with_its_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(PROJECT, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    assert main(["report", "routes.yaml", "so", "far"]) == 3
    assert main(["report"]) == 3
    assert capsys.readouterr().out == "requests: 0 so far\nrequests: 0\n"
    assert main(["reprot"]) == 1
    assert (
        capsys.readouterr().err == 'hapiish: no plugin of routes.yaml has a command "reprot"; did you mean "report"?\n'
    )


def test_check_imports_plugins_only_when_asked_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "my.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "routes.yaml").write_text("plugins: [{plugin: my:a}]\nroutes: []\n")
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 0
    assert main(["check", "--import"]) == 1
    assert f"{tmp_path / 'my.py'}:1: RuntimeError: imported" in capsys.readouterr().out


def test_a_table_without_its_plugins_is_not_served() -> None:
    table, problems = tables.check(PROJECT / "routes.yaml", {})
    assert problems == []
    assert table is not None
    with pytest.raises(ValueError, match=r"hapiish\.plugins\.load"):
        compile_table(table, Server(table))


TWO = """
plugins: [{plugin: my:a}, {plugin: my:b}, {plugin: my:c}]
routes: [{method: GET, path: /, handler: my:show}]
"""


async def test_plugins_are_registered_after_those_that_they_need(make: Make) -> None:
    app = make(
        TWO,
        """
        a = P("a", tracing("a"), dependencies={"b": ">=1"})
        b = P("b", tracing("b"), dependencies="c", version="1.5")
        c = P("c", tracing("c"))
        """,
    )
    assert (await inject(app, url="/")).json == {"order": ["c", "b", "a"], "trace": ["c", "b", "a"]}


async def test_extension_functions_of_plugins_keep_their_hints(make: Make) -> None:
    app = make(
        """
        plugins: [{plugin: my:a}, {plugin: my:b}, {plugin: my:c}]
        ext: {onPreHandler: my:own}
        routes: [{method: GET, path: /, handler: my:show}]
        """,
        """
        a = P("a", tracing("a", after="c"))
        b = P("b", tracing("b"))
        c = P("c", tracing("c", before=["b"]))

        async def own(request, h):
            request.app.setdefault("trace", []).append("own")
            return h.continue_
        """,
    )
    assert (await inject(app, url="/")).json["trace"] == ["own", "c", "a", "b"]


async def test_a_plugin_made_for_it_is_registered_more_than_once(make: Make) -> None:
    app = make(
        """
        plugins:
          - {plugin: "my:a", options: {at: /x}, routes: {prefix: /one}}
          - {plugin: "my:a", options: {at: /y}, routes: {prefix: /two, vhost: b.test}}
        """,
        """
        def routes(server, options):
            server.route({"method": "GET", "path": options["at"], "handler": lambda request, h: options["at"]})

        a = P("a", routes, multiple=True)
        """,
    )
    assert (await inject(app, url="/one/x")).text == "/x"
    assert (await inject(app, url="http://b.test/two/y")).text == "/y"
    assert (await inject(app, url="/two/y")).status_code == 404


async def test_a_plugin_brings_cookies_caches_and_strategies(make: Make) -> None:
    app = make(
        """
        plugins: [{plugin: my:a}]
        auth: {default: open}
        caches: [{provider: memory}]
        methods: {twice: {method: "my:twice", cache: {cache: extra, expiresIn: 60s, generateTimeout: 1s}}}
        routes: [{method: GET, path: /, handler: "my:state"}]
        """,
        """
        calls = []

        class Open:
            def __init__(self, server, options): self.name = options["name"]
            async def authenticate(self, request, h): return h.authenticated(credentials={"name": self.name})

        def brings(server, options):
            server.auth.scheme("any", Open)
            server.auth.strategy("open", "any", {"name": "ada"})
            server.state("sid", {"encoding": "none", "isSecure": False})
            server.cache("extra", "memory", {"maxByteSize": "1MB"})
            server.method("thrice", twice, cache={"expiresIn": "1m", "generateTimeout": "1s"}, generate_key=key)

        def key(value):
            return str(value)

        async def twice(value):
            calls.append(value)
            return 2 * value

        async def state(request, h):
            ready = request.server.caches.stores["extra"].is_ready
            return [request.auth.credentials["name"], request.state["sid"], ready]

        a = P("a", brings)
        """,
    )
    assert (await inject(app, url="/", headers={"cookie": "sid=x"})).json == ["ada", "x", True]
    assert [await app.server.methods.thrice(4), await app.server.methods.thrice(4)] == [8, 8]
    assert app.server.methods.thrice.cache.stats.generates == 1


async def test_a_plugin_declares_events_and_listens_to_them(make: Make) -> None:
    app = make(
        "plugins: [{plugin: my:a}]\nroutes: [{method: GET, path: /, handler: my:tell}]",
        """
        heard = []

        def brings(server, options):
            server.event("sold", channels=["shop"])
            server.on("sold", sold, channels="shop")
            server.on("log", logged, tags=["odd", "news"], all_tags=True)

        async def sold(what):
            heard.append(what)

        async def logged(event, tags):
            heard.append(sorted(event.tags))

        async def tell(request, h):
            request.server.events.emit("sold", "a book", channel="shop")
            request.server.log(["odd"])
            request.server.log(["odd", "news"])
            return heard

        a = P("a", brings)
        """,
    )
    await inject(app, url="/")
    await app.server.stop()
    assert (await inject(app, url="/")).json[:2] == ["a book", ["news", "odd"]]


def refused(make: Make, table: str, code: str = "") -> list[Problem]:
    with pytest.raises(TableError) as caught:
        make(table, code)
    return caught.value.problems


@pytest.mark.parametrize(
    ("code", "told", "said"),
    [
        ("a, b = P('a', dependencies='m'), P('b')", "2:20 HA0368", "Plugin a missing dependency m"),
        (
            "a, b = P('a', dependencies={'b': '>=2,<3'}), P('b', version='1.2.3')",
            "2:20 HA0368",
            "Plugin a requires b version >=2,<3 but found 1.2.3",
        ),
        (
            "a, b = P('a', dependencies='b'), P('b', dependencies=['a'])",
            "2:20 HA0368",
            "circular dependencies of plugins",
        ),
        ("a, b = P('a', lambda s, o: s.dependency('m')), P('b')", "2:20 HA0368", "Plugin a missing dependency m"),
        ("a, b = P('a'), P('a')", "2:36 HA0369", "Plugin a already registered"),
        ("a, b = object(), P('b')", "2:20 HA0406", '"my:a" is not a plugin: it has no name'),
        ("a, b = P('a', register=None), P('b')", "2:20 HA0406", "it has no register(server, options)"),
        ("a, b = P('a', dependencies=5), P('b')", "2:20 HA0406", 'dependencies of the plugin "a" must be names'),
        ("a, b = P('a', requirements=['python']), P('b')", "2:20 HA0406", "must be versions by name"),
        ("a, b = P('a', requirements={'python': 3}), P('b')", "2:20 HA0406", "requires python 3 but found 3."),
        ("a, b = P('a', options_schema={'type': 'objekt'}), P('b')", "2:20 HA0406", "the options_schema of the plugin"),
        ("a, b = P('a', lambda s, o: exit(3)), P('b')", "2:20 HA0406", "my.py:26: SystemExit: 3"),
        ("import sys; sys.exit('no')", "2:20 HA0401", "failed while it was imported at"),
        ("a, b = P('a', lambda s, o: s.kind(b'k', show)), P('b')", "2:20 HA0406", "an invalid table"),
        (
            "def c(s, o):\n    o['o'] = o\n    s.route({'options': {'app': o}})\na, b = P('a', c), P('b')",
            "2:20 HA0406",
            "RecursionError",
        ),
        ("b = P('b')", "2:20 HA0401", 'module "my" has no "a"'),
        ("a, b = P('a', requirements={'python': '<3'}), P('b')", "2:20 HA0406", "requires python <3 but found 3."),
        ("a, b = P('a', requirements={'hapi': '21'}), P('b')", "2:20 HA0406", 'requires "hapi"'),
        ("a, b = P('a', requirements={'hapiish': 'x'}), P('b')", "2:20 HA0406", "requires hapiish x but found"),
        ("a, b = P('a', lambda s, o: 1 / 0), P('b')", "2:20 HA0406", "my.py:26: ZeroDivisionError: division by zero"),
        (
            "a, b = P('a', lambda s, o: s.route({'method': 'GET', 'path': '/', 'handlr': show})), P('b')",
            "2:20 HA0204",
            'plugin "a": unknown option "handlr"; did you mean "handler"?',
        ),
        ("a, b = P('a', lambda s, o: s.ext('onRequst', show)), P('b')", "2:20 HA0204", 'did you mean "onRequest"?'),
        ("a, b = P('a', lambda s, o: s.kind('k', 5)), P('b')", "2:20 HA0201", 'plugin "a"'),
        (
            "k = lambda s, o: s.kind('k', show)\na, b = P('a', k), P('b', k)",
            "2:36 HA0364",
            '"k" is already declared under kinds',
        ),
        (
            "c = lambda s, o: s.command('c', show)\na, b = P('a', c), P('b', c)",
            "2:36 HA0406",
            'the command "c" is already used by another plugin',
        ),
        (
            "a, b = P('a', lambda s, o: s.command('run', show)), P('b')",
            "2:20 HA0406",
            'the command "run" is built into hapiish',
        ),
        (
            "r = lambda s, o: s.route({'method': 'GET', 'path': '/r', 'handler': show})\na, b = P('a', r), P('b', r)",
            "2:36 HA0302",
            '"GET /r" answers the same requests',
        ),
    ],
)
def test_what_is_wrong_with_a_plugin_is_told_at_its_entry(make: Make, code: str, told: str, said: str) -> None:
    problems = refused(make, "\nplugins: [{plugin: my:a}, {plugin: my:b}]\n", code)
    assert [f"{each.mark.line}:{each.mark.column} {each.code}" for each in problems][:1] == [told]
    assert said in problems[0].message


@pytest.mark.parametrize("name", cli.COMMANDS)
async def test_no_command_of_hapiish_can_be_taken(make: Make, name: str) -> None:
    program = f"a = P('a', lambda s, o: s.command('{name}', show))"
    said = refused(make, "\nplugins: [{plugin: my:a}]\n", program)
    assert said[0].message == f'the command "{name}" is built into hapiish'


async def test_keys_and_sets_of_python_are_what_they_would_be_in_a_file(make: Make) -> None:
    app = make(
        "plugins: [{plugin: my:a}]",
        """
        options = {"tags": {"x"}, "response": {"status": {200: {"required": ["order"]}}}}
        a = P("a", lambda s, o: s.route({"method": "GET", "path": "/", "handler": show, "options": options}))
        """,
    )
    assert (await inject(app, url="/")).status_code == 200
    assert app.server.compiled.table.routes[0].options.tags == ("x",)


@pytest.mark.parametrize(
    ("contribution", "code", "said"),
    [
        ("s.auth.scheme('x', fails); s.auth.strategy('x1', 'x')", "HA0403", 'strategy "x1": its factory failed at '),
        ("s.cache('x', fails)", "HA0365", "invalid cache: its factory failed at "),
        ("s.kind('x', fails); s.route({**ROUTE, 'handler': {'x': {}}})", "HA0407", "handler.x: its factory failed at "),
        ("s.kind('x', five); s.route({**ROUTE, 'handler': {'x': {}}})", "HA0407", "returned int, not a handler"),
        ("s.kind('x', 'my:order'); s.route({**ROUTE, 'handler': {'x': {}}})", "HA0402", "is list, not a function"),
    ],
)
def test_a_factory_that_fails_is_a_problem_of_the_table(make: Make, contribution: str, code: str, said: str) -> None:
    code_of_plugin = f"""
        ROUTE = {{"method": "GET", "path": "/"}}
        def fails(*given): raise KeyError("gone")
        def five(*given): return 5
        def register(s, o): {contribution}
        a = P("a", register)
    """
    (problem,) = refused(make, "plugins: [{plugin: my:a}]", code_of_plugin)
    assert (problem.code, problem.mark.line) == (code, 1)
    assert said in problem.message


def test_options_are_judged_by_the_plugins_schema_at_their_own_place(make: Make) -> None:
    table = """
    plugins:
      - plugin: my:a
        options:
          list:
            - {n: 1}
            - {n: one}
    """
    code = """
    schema = {"properties": {"list": {"items": {"properties": {"n": {"type": "integer"}}}}}}
    a = P("a", options_schema=schema)
    """
    (problem,) = refused(make, table, code)
    assert (problem.mark.line, problem.code) == (7, "HA0406")
    assert problem.message == 'plugin "a": options.list.1.n must be integer'


def test_an_asynchronous_register_is_refused(make: Make) -> None:
    code = """
    class A:
        name = "a"
        async def register(self, server, options): pass

    a = A()
    """
    (problem,) = refused(make, "plugins: [{plugin: my:a}]", code)
    assert problem.message == 'register of the plugin "a" must be a def'


async def test_a_plugin_of_a_used_table_is_that_tables(make: Make, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "theirs.py").write_text(
        dedent("""
        name = "theirs"

        def register(server, options):
            server.method("hello", hello)
            server.route({"method": "GET", "path": "/own", "handler": "hello('own')"})

        async def hello(who):
            return f"hello {who}"
        """)
    )
    (tmp_path / "used" / "table.yaml").write_text(
        "plugins: [{plugin: theirs}]\nroutes: [{method: GET, path: /x, handler: \"hello('x')\"}]\n"
    )
    app: Any = make("plugins: [{table: ../used/table.yaml, routes: {prefix: /used}}]")
    assert (await inject(app, url="/used/x")).text == "hello x"
    assert (await inject(app, url="/used/own")).text == "hello own"


def test_a_plugin_of_hapiish_hides_no_mistakes_from_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plugin of the application may add strategies, so without its code names are not judged; ours are known."""
    monkeypatch.chdir(tmp_path)
    routes = "routes: [{method: GET, path: /a, handler: 'm:h', options: {auth: sesion}}]\n"
    (tmp_path / "routes.yaml").write_text(f"plugins: [{{plugin: hapiish.plugins.docs}}]\n{routes}")
    assert main(["check"]) == 1
    assert "routes.yaml:2:66: HA0311 unknown strategy" in capsys.readouterr().out
    (tmp_path / "routes.yaml").write_text("plugins: [{plugin: hapiish.plugins.docs, options: {pat: /d}}]\nroutes: []\n")
    assert main(["check"]) == 1
    assert 'plugin "docs": options.pat is not allowed' in capsys.readouterr().out
    (tmp_path / "routes.yaml").write_text(
        f"plugins: [{{plugin: hapiish.plugins.docs}}, {{plugin: 'own:plugin'}}]\n{routes}"
    )
    assert main(["check"]) == 0
