"""The lists of files in CONTRIBUTING.md and docs/architecture.md: names exist, and code runs as the walks say."""

import ast
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

from hapiish import create_app
from hapiish.testing import inject

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hapiish"
CODE = """
async def validate(request, username, password, h): return {"is_valid": True, "credentials": {"id": username}}
async def load(request, h): return 1
async def create(request, h): return h.response({"id": 1}).code(201)
"""
TABLE = """
auth: {strategies: {basic: {scheme: basic, options: {validate: "my:validate"}}}}
state: {seen: {}}
routes:
  - method: POST
    path: /messages/{id}
    handler: "my:create"
    options:
      auth: basic
      limit: {max: 5, duration: 1m, by: user}
      cors: true
      deprecated: "2026-01-31"
      validate:
        params: {type: object, properties: {id: {type: integer}}}
        payload: {type: object, required: [text]}
      pre: [{method: "my:load", assign: loaded}]
      response: {status: {"201": {type: object}}}
"""


def rows(file: str, heading: str) -> list[list[str]]:
    """Returns the cells of the first table after a heading."""
    text = (ROOT / file).read_text().partition(f"{heading}\n")[2]
    lines = [line for line in re.split(r"\n#+ ", text)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


QUESTIONS = rows("CONTRIBUTING.md", "## Where to change what")
REQUEST = rows("docs/architecture.md", "### One request, file by file")
OPTION = rows("docs/architecture.md", "### One option, file by file")


@cache
def names(file: str) -> frozenset[str]:
    """Returns the qualified names that a module defines: functions, classes and attributes of classes."""
    found: set[str] = set()

    def collect(body: list[ast.stmt], above: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(f"{above}{node.name}")
                inside = "" if isinstance(node, ast.ClassDef) else "<locals>."
                collect(node.body, f"{above}{node.name}.{inside}")
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.add(f"{above}{node.target.id}")
            else:
                collect([inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)], above)

    collect(ast.parse((PACKAGE / file).read_text()).body, "")
    return frozenset(found)


LISTED = sorted({(row[-2], row[-1]) for row in QUESTIONS} | {(row[0], row[1]) for row in [*REQUEST, *OPTION]})


@pytest.mark.parametrize(("file", "name"), LISTED)
def test_a_listed_name_is_in_its_file(file: str, name: str) -> None:
    assert name in names(file)


def test_twenty_questions_and_both_walks_are_listed() -> None:
    assert len(QUESTIONS) >= 20
    assert len(REQUEST) >= 20
    assert len(OPTION) >= 10


PATHS = re.compile(r"`((?:caches|cli|compile|docs|http|kinds|options|realtime|store|table|tests)/[\w/.]+)`")
TEXTS = [(ROOT / file).read_text() for file in ("CONTRIBUTING.md", "docs/architecture.md")]


@pytest.mark.parametrize("file", sorted({file for text in TEXTS for file in PATHS.findall(text)}))
def test_a_path_in_the_text_exists(file: str) -> None:
    assert (ROOT / file).exists() or (PACKAGE / file).exists()


class Trace:
    """Records the calls of functions of hapiish, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        sys.setprofile(self.profile)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(PACKAGE)):
            self.calls.append((str(Path(code.co_filename).relative_to(PACKAGE)), code.co_qualname))

    def follows(self, walk: list[list[str]]) -> list[str]:
        """Returns the rows of a walk that are not called in its order."""
        rest = iter(self.calls)
        return [f"{file} {name}" for file, name, _ in walk if (file, name) not in rest]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[], Any]:
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(TABLE)
    return lambda: create_app(tmp_path / "routes.yaml", env={})


@pytest.mark.anyio
async def test_a_request_walks_as_the_architecture_says(make: Callable[[], Any]) -> None:
    app = make()
    await app.server.start()
    headers = {"authorization": "Basic YTpi", "cookie": "seen=1", "origin": "http://x.test"}
    with Trace() as trace:
        response = await inject(app, method="POST", url="/messages/5", headers=headers, payload={"text": "x"})
    assert response.status_code == 201
    assert not trace.follows(REQUEST)


@pytest.mark.anyio
async def test_an_option_walks_as_the_architecture_says(make: Callable[[], Any]) -> None:
    with Trace() as trace:
        app = make()
        response = await inject(
            app, method="POST", url="/messages/5", headers={"authorization": "Basic YTpi"}, payload={}
        )
    assert response.headers["deprecation"] == "@1769817600"
    assert not trace.follows([row for row in OPTION if not row[0].startswith("options/")])
