"""The page of each code: the wrong table has the problem and no other one, the right table has none."""

from pathlib import Path

import pytest

from hapiish import create_app
from hapiish.cli.check import unresolved
from hapiish.plugins import Plugins
from hapiish.table import check, extras
from hapiish.table.problems import TableError
from hapiish.table.problems.codes import Code
from hapiish.table.problems.pages import Example, examples, page, write

ROOT = Path(__file__).parents[2]
ENV = {
    "JWT_SECRET": "j" * 32,
    "ADMIN_SECRET": "a" * 32,
    "COOKIE_PASSWORD": "c" * 32,
    "MONGODB_URI": "mongodb://127.0.0.1/shop",
    "REDIS_URL": "redis://127.0.0.1:6379",
}
SHOWN = sorted(code for code, example in examples().items() if example.right)


def found(folder: Path, example: Example, text: str, files: dict[str, str]) -> set[str]:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    if text:
        (folder / example.file).write_text(text)
    if example.run:
        try:
            create_app(folder / example.file, env=ENV)
        except TableError as error:
            return {str(each.code) for each in error.problems}
        return set()
    register = Plugins() if example.imports else None
    table, problems = check(folder / example.file, ENV, register=register, workers=example.workers, advise=True)
    if table is not None:
        problems += extras.missing(table)
    if table is not None and example.imports:
        problems += unresolved(table)
    return {str(each.code) for each in problems}


@pytest.mark.parametrize("code", SHOWN, ids=str)
def test_the_wrong_table_has_the_problem_and_the_right_one_has_none(
    tmp_path: Path, code: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = examples()[code]
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    for side in ("wrong", "right"):
        (tmp_path / f"{code}_{side}").mkdir()
    monkeypatch.chdir(tmp_path / f"{code}_wrong")
    wrong = found(Path(), example, example.wrong, example.files)
    monkeypatch.chdir(tmp_path / f"{code}_right")
    right = found(Path(), example, example.right, example.fixed)
    assert (wrong, right) == ({str(code)}, set())


def test_the_pages_of_the_documentation_are_generated(tmp_path: Path) -> None:
    write(tmp_path)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.md")}
    docs = ROOT / "docs"
    kept = {path.relative_to(docs): path.read_text() for path in [docs / "problems.md", *(docs / "problems").glob("*")]}
    assert kept == made


def test_every_code_has_a_page_that_says_why() -> None:
    assert set(examples()) == set(Code)
    for code in Code:
        assert page(code).startswith(f"# {code}\n\n{code.meaning}\n")
        assert "## Why" in page(code)
        assert examples()[code].why.endswith(".")
