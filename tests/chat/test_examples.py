"""The examples in the chat's table are true."""

import re

import pytest

from hapiish.cli import main
from tests.chat.callers import ROUTES, SECRET


def test_the_examples_of_the_table_pass(
    mongo_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    assert main(["test", str(ROUTES), "--database", mongo_server]) == 0, capsys.readouterr().out
    assert " failed" not in (said := capsys.readouterr().out)
    assert re.search(r"(\d+) of \1 routes and (\d+) of \2 events have examples", said), said
