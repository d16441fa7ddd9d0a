"""Fixtures that build applications from a few lines of YAML and Python."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from hapiish import Application, create_app

Make = Callable[..., Application]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(table, code)`: the application of a table whose handlers are `my:name` in `code`."""

    def write(table: str, code: str = "", **env: str) -> Application:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "routes.yaml").write_text(dedent(table))
        (folder / "my.py").write_text("from hapiish import boom\n" + dedent(code))
        return create_app(folder / "routes.yaml", env=env)

    return write
