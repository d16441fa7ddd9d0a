"""Used tables at run time: separate names, models, schemas and strategies behind one router."""

import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

HANDLERS = """
from hapiish import boom

def show(request, h):
    return {
        "by": WHO, "model": request.models.User.name, "id": request.params.get("id"),
        "options": getattr(request.server, "options", None), "caller": request.auth.credentials,
    }

async def onward(request, h):
    request.app.setdefault("seen", []).append(f"{WHO}:{request.models.User.name}:{request.path}")
    return h.continue_

def seen(request, h):
    return request.app.get("seen", [])

def check(request, username, password, h):
    return {"isValid": username == WHO, "credentials": {"who": WHO, "model": request.models.User.name}}

async def started(server):
    server.app.setdefault("started", []).append(f"{WHO}:{server.models.User.name}")

def starts(request, h):
    return request.server.app["started"]

def fail(request, h, error):
    return h.response(f"{WHO}:{request.models.User.name}").takeover()

def find(request, h):
    return request.server.lookup("show").path

def who():
    return WHO

def chosen(request, h):
    return {"is": request.pre["who"]}
"""
COLOURS = """
def colour(request, h):
    return request.server.settings.app

async def paint(server):
    server.app.setdefault("painted", []).append(server.settings.app["colour"])

def painted(request, h):
    return request.server.app["painted"]
"""
USER = "class User:\n    name = '{}'\n"


def project(folder: Path, **files: str) -> Path:
    """A folder for each table, with its `handlers.py` and its `models.py`."""
    for name, table in files.items():
        where = folder / name
        where.mkdir()
        (where / "routes.yaml").write_text(dedent(table))
        (where / "handlers.py").write_text(f"WHO = {name!r}\n{HANDLERS}")
        (where / "models.py").write_text(USER.format(name))
    return folder / "host" / "routes.yaml"


def made(folder: Path, **files: str) -> Application:
    return create_app(project(folder, **files), env={})


async def answer(app: Application, url: str, **given: Any) -> Any:
    response = await inject(app, url=url, **given)
    return response.json if response.status_code == 200 else response.status_code


HOST = """
models: {User: "models:User"}
plugins:
  - {table: ../used/routes.yaml, routes: {prefix: /used}}
routes: [{method: GET, path: "/own/{id}", handler: "handlers:show"}]
"""
USED = """
models: {User: "models:User"}
schemas: {Id: {type: string, maxLength: 1}}
routes:
  - method: GET
    path: "/{id}"
    handler: "handlers:show"
    options: {validate: {params: {properties: {id: {$ref: "#/schemas/Id"}}}}}
"""


async def test_names_models_and_schemas_of_a_used_table_are_its_own(tmp_path: Path) -> None:
    app = made(tmp_path, host=HOST + "schemas: {Id: {type: string, minLength: 2}}\n", used=USED)
    own, used = await answer(app, "/own/1"), await answer(app, "/used/2")
    assert (own["by"], own["model"], own["id"]) == ("host", "host", "1")
    assert (used["by"], used["model"], used["id"]) == ("used", "used", "2")
    assert await answer(app, "/used/22") == 400


async def test_a_name_given_to_a_used_table_means_what_it_means_where_it_is_written(tmp_path: Path) -> None:
    used = """
    params: {userModel: {type: string, default: "models:User"}, show: {type: string, default: "handlers:show"}}
    models: {User: "${params.userModel}"}
    routes: [{method: GET, path: /, handler: "${params.show}"}, {method: GET, path: /mine, handler: "handlers:show"}]
    """
    host = """
    models: {User: "models:User"}
    plugins:
      - {table: ../used/routes.yaml, as: a, routes: {prefix: /a}}
      - {table: ../used/routes.yaml, as: b, routes: {prefix: /b}, with: {userModel: "models:User"}}
      - {table: ../used/routes.yaml, as: c, routes: {prefix: /c}, with: {show: "handlers:show"}}
    """
    app = made(tmp_path, host=host, used=used)
    found = {path: await answer(app, path) for path in ("/a", "/b", "/c", "/c/mine")}
    assert {path: (each["by"], each["model"]) for path, each in found.items()} == {
        "/a": ("used", "used"),
        "/b": ("used", "host"),
        "/c": ("host", "host"),
        "/c/mine": ("used", "used"),
    }
    assert found["/c/mine"]["options"] == {"show": "handlers:show"}


async def test_each_table_reads_the_data_of_its_own(tmp_path: Path) -> None:
    used = """
    models: {User: "models:User"}
    params: {colour: {type: string, default: red}}
    server: {app: {colour: "${params.colour}"}}
    ext: {onPostStart: "handlers:paint"}
    routes: [{method: GET, path: /colour, handler: "handlers:colour"}]
    """
    plain = """
    models: {User: "models:User"}
    routes: [{method: GET, path: /, handler: "handlers:colour"}]
    """
    host = """
    models: {User: "models:User"}
    server: {app: {colour: grey, size: 3}}
    plugins:
      - {table: ../used/routes.yaml, routes: {prefix: /a}}
      - {table: ../used/routes.yaml, routes: {prefix: /b}, with: {colour: blue}}
      - {table: ../plain/routes.yaml, routes: {prefix: /c}}
    routes: [{method: GET, path: /, handler: "handlers:colour"}, {method: GET, path: /all, handler: "handlers:painted"}]
    """
    file = project(tmp_path, host=host, used=used, plain=plain)
    for name in ("host", "used", "plain"):
        with (tmp_path / name / "handlers.py").open("a") as handlers:
            handlers.write(COLOURS)
    app = create_app(file, env={})
    async with app.router.lifespan_context(app):
        found = {path: await answer(app, path) for path in ("/", "/a/colour", "/b/colour", "/c", "/all")}
    assert found == {
        "/": {"colour": "grey", "size": 3},
        "/a/colour": {"colour": "red", "size": 3},
        "/b/colour": {"colour": "blue", "size": 3},
        "/c": {"colour": "grey", "size": 3},
        "/all": ["red", "blue"],
    }


async def test_a_call_before_the_handler_is_of_a_method_of_its_own_table(tmp_path: Path) -> None:
    used = """
    models: {User: "models:User"}
    methods: {who: "handlers:who"}
    routes: [{method: GET, path: /, handler: "handlers:chosen", options: {pre: ["who()"]}}]
    """
    app = made(
        tmp_path, host=used.replace("path: /", "path: /own") + "plugins: [{table: ../used/routes.yaml}]\n", used=used
    )
    assert (await answer(app, "/own"), await answer(app, "/")) == ({"is": "host"}, {"is": "used"})


async def test_a_used_table_uses_others_and_gives_on_what_it_was_given(tmp_path: Path) -> None:
    middle = """
    params: {userModel: {type: string}}
    plugins: [{table: ../inner/routes.yaml, as: inner, routes: {prefix: /inner}, with: {user: "${params.userModel}"}}]
    routes:
      - {method: GET, path: /find, handler: "handlers:find"}
      - {method: GET, path: /show, id: show, handler: "handlers:show"}
    """
    inner = """
    params: {user: {type: string}}
    models: {User: "${params.user}"}
    routes:
      - {method: GET, path: /, id: show, handler: "handlers:show"}
      - {method: GET, path: /find, handler: "handlers:find"}
    """
    host = """
    models: {User: "models:User"}
    plugins: [{table: ../middle/routes.yaml, as: middle, routes: {prefix: /m}, with: {userModel: "models:User"}}]
    """
    app = made(tmp_path, host=host, middle=middle, inner=inner)
    found = await answer(app, "/m/inner")
    assert (found["by"], found["model"]) == ("inner", "host")
    assert (await answer(app, "/m/show"))["model"] == "host"
    assert (await inject(app, url="/m/inner/find")).text == "/m/inner"
    assert (await inject(app, url="/m/find")).text == "/m/show"
    assert sorted(app.server.dispatch.routes) == ["middle.inner.show", "middle.show"]


AUTH = """
auth:
  strategies: {door: {scheme: basic, options: {validate: "handlers:check"}}}
  default: door
"""


def basic(name: str) -> dict[str, str]:
    from base64 import b64encode

    return {"authorization": "Basic " + b64encode(f"{name}:x".encode()).decode()}


async def test_a_strategy_is_that_of_the_table_that_names_it_or_of_the_one_around(tmp_path: Path) -> None:
    plain = 'models: {User: "models:User"}\nroutes: [{method: GET, path: /, handler: "handlers:show"}]\n'
    given = (
        "params: {door: {type: string, default: door}}\n"
        + plain
        + AUTH.replace("default: door", "default: '${params.door}'")
    )
    host = (
        'models: {User: "models:User"}\n'
        + AUTH
        + """
plugins:
  - {table: ../plain/routes.yaml, routes: {prefix: /plain}}
  - {table: ../own/routes.yaml, routes: {prefix: /own}}
  - {table: ../own/routes.yaml, routes: {prefix: /given}, with: {door: door}}
"""
    )
    app = made(tmp_path, host=host, plain=plain, own=given)
    callers = {
        (path, name): await answer(app, path, headers=basic(name))
        for path in ("/plain", "/own", "/given")
        for name in ("host", "own")
    }
    assert {
        key: found if isinstance(found, int) else (found["model"], found["caller"]) for key, found in callers.items()
    } == {
        ("/plain", "host"): ("plain", {"who": "host", "model": "host"}),
        ("/plain", "own"): 401,
        ("/own", "host"): 401,
        ("/own", "own"): ("own", {"who": "own", "model": "own"}),
        ("/given", "host"): ("own", {"who": "host", "model": "host"}),
        ("/given", "own"): 401,
    }


async def test_extensions_of_the_host_reach_everybody_and_those_of_a_used_table_its_own_routes(tmp_path: Path) -> None:
    table = """
    models: {User: "models:User"}
    ext:
      onPreStart: "handlers:started"
      onRequest: "handlers:onward"
      onPreHandler: "handlers:onward"
    routes:
      - {method: GET, path: "/seen", handler: "handlers:seen"}
      - {method: GET, path: /starts, handler: "handlers:starts"}
    """
    plugins = "\nplugins: [{table: ../used/routes.yaml, routes: {prefix: /used}}]\n"
    app = made(tmp_path, host=dedent(table) + plugins, used=table)
    assert await answer(app, "/seen") == ["host:host:/seen", "host:host:/seen"]
    assert await answer(app, "/used/seen") == [
        *("host:host:/used/seen", "used:used:/used/seen"),
        *("host:host:/used/seen", "used:used:/used/seen"),
    ]
    assert await answer(app, "/starts") == ["host:host", "used:used"]


async def test_an_override_changes_single_routes_and_leaves_the_table_as_it_is(tmp_path: Path) -> None:
    used = """
    models: {User: "models:User"}
    routes:
      - {method: GET, path: /a, id: a, handler: "handlers:show"}
      - {method: GET, path: /b, id: b, handler: "handlers:show"}
      - {method: GET, path: /c, id: c, handler: "handlers:show", options: {validate: {query: {required: [x]}}}}
      - {method: GET, path: /d, id: d, handler: "handlers:show"}
    """
    host = """
    models: {User: "models:User"}
    presets: {strict: {validate: {query: {required: [y]}, failAction: "handlers:fail"}}}
    plugins:
      - table: ../used/routes.yaml
        as: u
        options: {validate: {failAction: "handlers:fail"}}
        override:
          a: {handler: "handlers:show"}
          b: false
          d: {options: {use: strict}}
    """
    app = made(tmp_path, host=host, used=used)
    found = await answer(app, "/a")
    assert (found["by"], found["model"]) == ("host", "host")
    assert await answer(app, "/b") == 404
    assert (await inject(app, url="/c")).text == "host:host"
    assert (await inject(app, url="/c?x=1")).json["by"] == "used"
    assert (await inject(app, url="/d")).text == "host:host"


async def test_a_table_of_a_package_finds_its_names_in_the_package_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "acme_accounts"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models.py").write_text(USER.format("package"))
    (package / "handlers.py").write_text("WHO = 'package'\nfrom .models import User\n" + HANDLERS)
    (package / "routes.yaml").write_text(
        'models: {User: "models:User"}\nroutes: [{method: GET, path: /, handler: "handlers:show"},'
        ' {method: GET, path: /live, handler: "hapiish.health:live"}]\n'
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    host = """
    models: {User: "models:User"}
    plugins: [{table: "package:acme_accounts/routes.yaml", routes: {prefix: /accounts}}]
    routes: [{method: GET, path: /, handler: "handlers:show"}]
    """
    app = made(tmp_path, host=host)
    found = await answer(app, "/accounts")
    assert (found["by"], found["model"]) == ("package", "package")
    assert (await answer(app, "/"))["model"] == "host"
    assert await answer(app, "/accounts/live") == {"status": "live"}
    assert "acme_accounts.handlers" in sys.modules


async def test_a_reload_reads_used_tables_and_their_modules_anew(tmp_path: Path) -> None:
    app = made(tmp_path, host=HOST, used=USED)
    assert (await answer(app, "/used/1"))["model"] == "used"
    (tmp_path / "used" / "models.py").write_text(USER.format("changed!"))
    (tmp_path / "used" / "routes.yaml").write_text(USED.replace('path: "/{id}"', 'path: "/again/{id}"'))
    assert await app.reload() == []
    assert (await answer(app, "/used/again/1"))["model"] == "changed!"
    assert [Path(file).parent.name for file in app.server.compiled.table.files] == ["host", "used"]


def test_a_table_that_uses_no_other_has_no_step_and_no_wrapper_for_it(tmp_path: Path) -> None:
    host = 'models: {User: "models:User"}\nroutes: [{method: GET, path: /, handler: "handlers:onward"}]\n'
    app = made(tmp_path, host=host)
    route = app.server.match("GET", "/")
    assert route is not None
    assert route.steps == ()
    assert route.handler.__name__ == "onward"


SIGNING = """
    hapiish: 1
    auth:
      strategies:
        session: {{scheme: jwt, options: {{keys: {secret}, verify: {{aud: false, iss: false, sub: false}}}}}}
      default: session
    routes:
      - {{method: GET, path: /token, handler: "handlers:token", options: {{auth: false}}}}
      - {{method: GET, path: /me, handler: "handlers:verified"}}
"""
SIGNERS = """
def token(request, h):
    service = request.server.auth
    return {"named": service.sign({"sub": WHO}, "session"), "default": service.sign({"sub": WHO})}

async def verified(request, h):
    await request.server.auth.verify(request)
    tested = await request.server.auth.test("session", request)
    return [request.auth.credentials["sub"], tested.credentials["sub"]]
"""


async def test_a_used_table_signs_and_tests_tokens_with_its_own_strategy_of_that_name(tmp_path: Path) -> None:
    uses = "\n    plugins: [{table: ../used/routes.yaml, routes: {prefix: /used}}]\n"
    tables = {"host": SIGNING.format(secret="h" * 40) + uses, "used": SIGNING.format(secret="u" * 40)}
    file = project(tmp_path, **tables)
    for name in tables:
        with (tmp_path / name / "handlers.py").open("a") as handlers:
            handlers.write(SIGNERS)
    app = create_app(file, env={})
    for at, other, who in [("", "/used", "host"), ("/used", "", "used")]:
        for token in (await answer(app, f"{at}/token")).values():
            bearer = {"authorization": f"Bearer {token}"}
            assert await answer(app, f"{at}/me", headers=bearer) == [who, who]
            assert await answer(app, f"{other}/me", headers=bearer) == 401


@pytest.mark.parametrize("has_strategy", ["host", "used"])
async def test_a_table_without_strategies_signs_with_those_of_the_other(tmp_path: Path, has_strategy: str) -> None:
    plain = "routes: [{method: GET, path: /token, handler: 'handlers:token', options: {auth: false}}]\n"
    own = dedent(SIGNING.format(secret="s" * 40))
    uses = "\nplugins: [{table: ../used/routes.yaml, routes: {prefix: /used}}]\n"
    tables = {name: own if name == has_strategy else plain for name in ("host", "used")}
    file = project(tmp_path, **{**tables, "host": tables["host"] + uses})
    for name in tables:
        with (tmp_path / name / "handlers.py").open("a") as handlers:
            handlers.write(SIGNERS)
    app = create_app(file, env={})
    for url in ("/token", "/used/token"):
        token = (await answer(app, url))["named"]
        me = "/me" if has_strategy == "host" else "/used/me"
        assert (await inject(app, url=me, headers={"authorization": f"Bearer {token}"})).status_code == 200
