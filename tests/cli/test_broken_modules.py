"""A module that cannot be imported is one problem, with the place of its fault and all names that need it."""

import json
from pathlib import Path

import pytest

from hapiish import create_app
from hapiish.cli import main
from hapiish.table.problems import TableError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(folder: Path, *names: str, more: str = "") -> None:
    rows = [f"- {{method: GET, path: /{i}, handler: {name}}}" for i, name in enumerate(names)]
    (folder / "routes.yaml").write_text(more + "routes:\n" + "\n".join(rows) + "\n")


def problems(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    assert main(["check", "--import", "--format", "json"]) == 1
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["problems"]
    return [each for each in found if each["severity"] == "error"]


def places(problem: dict[str, object]) -> list[int]:
    related = problem["related"]
    assert isinstance(related, list)
    return [each["line"] for each in related]


def test_all_functions_of_a_broken_module_are_one_problem_with_their_places(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bm_once.py").write_text("COUNT = 0\nraise ValueError(f'{object()}')\n")
    table(folder, *(f"bm_once:f{i}" for i in range(14)))
    [problem] = problems(capsys)
    assert (problem["line"], places(problem)) == (2, [*range(3, 16)])
    assert f"at {folder / 'bm_once.py'}:2: ValueError: <object" in str(problem["message"])
    main(["check", "--import"])
    out = capsys.readouterr().out
    assert '= routes.yaml:3:36: "bm_once:f1" needs it too' in out
    assert "= and 3 more places" in out
    assert out.endswith("routes.yaml: 1 error\n")


def test_a_broken_module_is_executed_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bm_log.py").write_text("with open('log', 'a') as log:\n    log.write('x')\n1 / 0\n")
    table(folder, "bm_log:a", "bm_log:b", "bm_log:c")
    assert len(problems(capsys)) == 1
    assert (folder / "log").read_text() == "x"


def test_a_module_that_fails_differently_at_its_second_import_is_one_problem(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bm_base.py").write_text(
        "import builtins\nif hasattr(builtins, 'bm_seen'):\n    raise ValueError('registered twice')\n"
        "builtins.bm_seen = True\nimport nowhere_at_all\n"
    )
    for name in "abc":
        (folder / f"bm_user_{name}.py").write_text("import bm_base\n")
    table(folder, "bm_user_a:f", "bm_user_b:f", "bm_user_c:f")
    [problem] = problems(capsys)
    assert "bm_base.py:5: ModuleNotFoundError" in str(problem["message"])
    assert places(problem) == [3, 4]


def test_two_broken_modules_are_two_problems(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bm_one.py").write_text("1 / 0\n")
    (folder / "bm_two.py").write_text("1 / 0\n")
    table(folder, "bm_one:a", "bm_two:a", "bm_one:b", "bm_two:b")
    assert [(each["line"], places(each)) for each in problems(capsys)] == [(2, [4]), (3, [5])]


def test_a_missing_module_is_one_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(folder, "bm_absent.users:a", "bm_absent.users:b", "bm_absent.posts:c")
    [problem] = problems(capsys)
    assert 'no module named "bm_absent"' in str(problem["message"])
    assert places(problem) == [3, 4]


def test_a_syntax_error_names_its_file_and_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bm_syntax.py").write_text("def f(request, h):\n    return (1,\n\ndef g(request, h):\n    return 2\n")
    table(folder, "bm_syntax:f", "bm_syntax:g")
    [problem] = problems(capsys)
    assert f"at {folder / 'bm_syntax.py'}:2: SyntaxError: '(' was never closed" in str(problem["message"])
    assert "line 2)" not in str(problem["message"])


def test_a_syntax_error_of_an_imported_module_names_that_module(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bm_inner.py").write_text("x = = 1\n")
    (folder / "bm_outer.py").write_text("import bm_inner\ndef f(request, h): ...\n")
    table(folder, "bm_outer:f")
    [problem] = problems(capsys)
    assert f"at {folder / 'bm_inner.py'}:1: SyntaxError: invalid syntax" in str(problem["message"])


def test_an_exception_in_a_library_is_placed_where_the_application_called_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bm_library.py").write_text("import mongoengine\n\nmongoengine.StringField(db_field='a.b')\n")
    table(folder, "bm_library:f")
    [problem] = problems(capsys)
    assert f"at {folder / 'bm_library.py'}:3: " in str(problem["message"])


def test_names_of_every_section_share_the_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bm_all.py").write_text("1 / 0\n")
    more = (
        "models: {Thing: 'bm_all:Thing'}\nmethods: {find: 'bm_all:find'}\n"
        "auth: {schemes: {own: 'bm_all:scheme'}, strategies: {s: {scheme: own}}}\next: {onRequest: 'bm_all:early'}\n"
    )
    table(folder, "bm_all:f", more=more)
    [problem] = problems(capsys)
    assert places(problem) == [2, 3, 4, 6]


def test_plugins_of_a_broken_module_are_one_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bm_plugins.py").write_text("1 / 0\n")
    more = "plugins:\n- {plugin: 'bm_plugins:one'}\n- {plugin: 'bm_plugins:two'}\n"
    table(folder, "json:dumps", more=more)
    [problem] = problems(capsys)
    assert (problem["line"], places(problem)) == (2, [3])


def test_run_reports_the_broken_module_once(folder: Path) -> None:
    (folder / "bm_run.py").write_text("def f(:\n")
    table(folder, "bm_run:f", "bm_run:g", "bm_run:h")
    with pytest.raises(TableError) as caught:
        create_app(folder / "routes.yaml")
    [problem] = caught.value.problems
    assert "bm_run.py:1: SyntaxError" in problem.message
    assert len(problem.related) == 2
