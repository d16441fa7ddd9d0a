"""Common mistakes of beginners, and the problems that `check` reports for them."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from hapiish import TableError, create_app
from hapiish.cli import main
from hapiish.table import check
from hapiish.table.problems import Problem

ROUTE = "routes: [{method: GET, path: /, handler: 'a:b'}]\n"


def problems(folder: Path, text: str) -> list[Problem]:
    """What is wrong with a table."""
    (folder / "routes.yaml").write_text(text)
    return check(folder / "routes.yaml", {})[1]


def told(folder: Path, text: str) -> str:
    """All that is said of what is wrong with a table."""
    return "\n".join(f"{problem}; {problem.hint}" for problem in problems(folder, text))


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/a/:id", "{id}"),
        ("/a/:id?", "{id}"),
        ("/a/<id>", "{id}"),
        ("/a/<int:id>", "{id}"),
        ("/a/<path:rest>", "{rest*}"),
        ("/a/*", "{rest*}"),
        ("/a/*name", "{name*}"),
        ("/a/{id:int}", "{id}"),
        ("/a/{rest:path}", "{rest*}"),
        ("/a/{int:id}", "{id}"),
        ("/a/{**rest}", "{rest*}"),
        ("/a/[id]", "{id}"),
        ("/a/[...rest]", "{rest*}"),
        ("/a/(?P<id>[0-9]+)", "{id}"),
        ("/:tenant/users", "{tenant}"),
    ],
)
def test_parameters_as_other_frameworks_write_them_are_told_in_our_words(tmp_path: Path, path: str, meant: str) -> None:
    said = told(tmp_path, f"routes: [{{method: GET, path: '{path}', handler: 'a:b'}}]\n")
    assert "HA0301" in said
    assert f"write {meant}" in said


@pytest.mark.parametrize("path", ["/v1/users:batch", "/a/b*c", "/@{name}", "/a/{id}.json"])
def test_a_colon_or_a_star_inside_a_segment_is_text(tmp_path: Path, path: str) -> None:
    assert not problems(tmp_path, f"routes: [{{method: GET, path: '{path}', handler: 'a:b'}}]\n")


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{method: GET, path: feed, handler: 'a:b'}]\n",
        "groups: [{prefix: /articles, routes: [{method: GET, path: feed, handler: 'a:b'}]}]\n",
        "groups: [{prefix: /a, groups: [{prefix: /b, routes: [{method: GET, path: feed, handler: 'a:b'}]}]}]\n",
        (
            "models: {Note: 'a:b'}\ndatabase: {uri: 'mongodb://x/y'}\n"
            "groups: [{prefix: /articles, routes: [{resource: notes, path: feed, handler: {model: Note}}]}]\n"
        ),
    ],
)
def test_a_relative_path_is_refused_wherever_it_stands(tmp_path: Path, text: str) -> None:
    assert 'path "feed" must start with "/"; write "/feed"' in told(tmp_path, text)


def test_a_relative_path_in_a_used_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "used.yaml").write_text("routes: [{method: GET, path: feed, handler: 'a:b'}]\n")
    said = told(tmp_path, "plugins: [{table: used.yaml, routes: {prefix: /articles}}]\n")
    assert 'path "feed" must start with "/"; write "/feed"' in said


@pytest.mark.parametrize(
    "text",
    [
        "groups: [{prefix: articles, routes: []}]\n",
        "plugins: [{table: used.yaml, routes: {prefix: articles}}]\n",
        "sockets: {path: socket.io}\n",
        "sockets: {namespaces: [{namespace: admin}]}\n",
        "groups: [{prefix: /a, routes: [{method: GET, path: '', handler: 'a:b'}]}]\n",
    ],
)
def test_relative_prefixes_and_names_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "used.yaml").write_text(ROUTE)
    assert next(problem.code for problem in problems(tmp_path, text)) in ("HA0205", "HA0301")


@pytest.mark.parametrize(
    ("method", "meant"), [("PSOT", "POST"), ("GTE", "GET"), ("delte", "DELETE"), ("PATHC", "PATCH")]
)
def test_a_misspelt_method_is_refused(tmp_path: Path, method: str, meant: str) -> None:
    for written in (method, f"[PUT, {method}]"):
        said = told(tmp_path, f"routes: [{{method: {written}, path: /, handler: 'a:b'}}]\n")
        assert f'HA0376 "{method}" is not an HTTP method; did you mean "{meant}"?' in said


@pytest.mark.parametrize("method", ["GET", "post", "'*'", "PURGE", "QUERY", "PROPFIND", "M-SEARCH", "FROBNICATE"])
def test_methods_of_others_are_allowed(tmp_path: Path, method: str) -> None:
    assert not problems(tmp_path, f"routes: [{{method: {method}, path: /, handler: 'a:b'}}]\n")


@pytest.mark.parametrize(
    "schemas",
    [
        "{P: {type: object, properties: {id: {}, other: {}}}}",
        "{P: {allOf: [{$ref: '#/schemas/Q'}]}, Q: {properties: {id: {}, other: {}}}}",
        "{P: {$ref: '#/schemas/Q'}, Q: {$ref: '#/schemas/R'}, R: {properties: {other: {}}}}",
    ],
)
def test_a_parameter_that_the_path_lacks_is_found_behind_references(tmp_path: Path, schemas: str) -> None:
    route = "{method: GET, path: '/{id}', handler: 'a:b', options: {validate: {params: {$ref: '#/schemas/P'}}}}"
    found = problems(tmp_path, f"schemas: {schemas}\nroutes: [{route}]\n")
    assert [problem.message for problem in found] == ['"/{id}" has no parameter "other"']
    assert found[0].mark.line == 2
    assert [mark.line for mark, _ in found[0].related] == [1]


@pytest.mark.parametrize("word", ["no", "off", "No", "n"])
def test_a_word_for_no_in_the_place_of_a_strategy_is_told_as_yaml_has_it(tmp_path: Path, word: str) -> None:
    said = told(tmp_path, f"routes: [{{method: GET, path: /, handler: 'a:b', options: {{auth: {word}}}}}]\n")
    assert "write false; YAML 1.2 has only true and false" in said


@pytest.mark.parametrize("place", ["definitions", "$defs", "components/schemas"])
@pytest.mark.parametrize("declared", ["schemas: {X: {type: object}}\n", "", "schemas: {Other: {type: object}}\n"])
def test_a_reference_as_other_documents_write_it_is_told_in_our_words(
    tmp_path: Path, place: str, declared: str
) -> None:
    schema = f"{{$ref: '#/{place}/X'}}"
    route = f"{{method: POST, path: /, handler: 'a:b', options: {{validate: {{payload: {schema}}}}}}}"
    assert 'write "#/schemas/X"' in told(tmp_path, f"{declared}routes: [{route}]\n")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of which one module fails."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fh_models").mkdir()
    (tmp_path / "fh_models" / "thing.py").write_text("import surely_not_installed\n")
    (tmp_path / "fh_handlers").mkdir()
    for name in ("one", "two"):
        functions = "".join(f"def f{i}(request, h):\n    return None\n" for i in range(6))
        (tmp_path / "fh_handlers" / f"{name}.py").write_text(f"from fh_models.thing import Thing\n{functions}")
    routes = "".join(
        f"  - {{method: GET, path: /{name}{i}, handler: 'fh_handlers.{name}:f{i}'}}\n"
        for name in ("one", "two")
        for i in range(6)
    )
    (tmp_path / "routes.yaml").write_text(f"routes:\n{routes}")
    return tmp_path


def test_one_import_that_fails_is_one_problem(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--import"]) == 1
    out = capsys.readouterr().out
    assert out.count("HA0401") == 1
    assert "thing.py:1: ModuleNotFoundError: No module named 'surely_not_installed'" in out
    assert "11 other names fail for the same reason" in out
    with pytest.raises(TableError) as caught:
        create_app(project / "routes.yaml", env={})
    assert [problem.code for problem in caught.value.problems] == ["HA0401"]


def test_a_module_that_is_missing_is_one_problem_and_attributes_are_one_each(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("fh_gone:a", "fh_gone:b", "fh_gone.inner:c", "json:nope", "json:neither")
    routes = "".join(f"  - {{method: GET, path: /{i}, handler: '{name}'}}\n" for i, name in enumerate(names))
    (project / "routes.yaml").write_text(f"routes:\n{routes}")
    assert main(["check", "--import"]) == 1
    assert capsys.readouterr().out.count("HA0401") == 3


def test_names_are_imported_where_a_variable_is_not_set(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "server: {port: '${FH_PORT}'}\nroutes: [{method: GET, path: /, handler: 'fh_handlers.one:f0'}]\n"
    (project / "routes.yaml").write_text(text)
    assert main(["check", "--no-env"]) == 0
    assert "valid except for unset variables, secrets and packages, 1 warning" in capsys.readouterr().out
    assert main(["check", "--no-env", "--import"]) == 1
    out = capsys.readouterr().out
    assert "warning: HA0121" in out
    assert "HA0401" in out
    (project / "fh_models" / "thing.py").write_text("Thing = 1\n")
    assert main(["check", "--no-env", "--import"]) == 0


def test_a_table_error_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("database: {uri: ''}\n" + ROUTE.replace("a:b", "json:dumps"))
    with pytest.raises(TableError, match="start with `hapiish run`, which brings a local MongoDB"):
        create_app(tmp_path / "routes.yaml", env={})


EXTRAS = {
    "limits": ("limits", "routes: [{method: GET, path: /, handler: 'a:b', options: {limit: 5/second}}]\n"),
    "events": (
        "limits",
        "sockets: {namespaces: [{events: [{event: a, handler: 'a:b', options: {limit: 5/second}}]}]}\n",
    ),
    "proxy": ("proxy", "routes: [{method: GET, path: /, handler: {proxy: {uri: 'http://x.example/'}}}]\n"),
    "view": ("view", "routes: [{method: GET, path: /, handler: {view: page}}]\n"),
    "views": ("view", "views: {path: .}\n"),
    "redis": ("redis", "caches: [{provider: redis, options: {url: 'redis://x'}}]\n"),
    "br": ("compression", "server: {compression: {encodings: [br, gzip]}}\n"),
    "iron": ("auth", f"state: {{a: {{encoding: iron, password: {'p' * 40}}}}}\n"),
    "session": ("auth", f"session: {{cookieOptions: {{password: {'p' * 40}}}}}\n"),
    "jwks": (
        "auth",
        (
            "auth: {strategies: {s: {scheme: jwt, options: {keys: {uri: 'https://x.example/k'},"
            " verify: {aud: false, iss: false, sub: false}, validate: 'a:b'}}}}\n"
        ),
    ),
}


@pytest.mark.parametrize("name", EXTRAS)
def test_check_names_the_extra_that_run_would_want(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    extra, text = EXTRAS[name]
    (tmp_path / "routes.yaml").write_text(text if "routes:" in text else text + ROUTE)
    assert main(["check", str(tmp_path / "routes.yaml")]) == 0, capsys.readouterr().out
    find = importlib.util.find_spec

    def found(module: str, package: str | None = None) -> Any:
        gone = ("limits", "httpx", "jinja2", "redis", "brotli", "cryptography", "backports.zstd")
        return None if module in gone else find(module, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    assert main(["check", str(tmp_path / "routes.yaml")]) == 1
    assert f'pip install "hapiish[{extra}]"' in capsys.readouterr().out
    assert main(["check", "--no-env", str(tmp_path / "routes.yaml")]) == 0
    assert "warning: HA0405" in capsys.readouterr().out


@pytest.fixture(autouse=True)
def clean() -> None:
    """Takes out what other tests have imported."""
    for name in [name for name in sys.modules if "fh_handlers" in name or "fh_models" in name]:
        del sys.modules[name]
