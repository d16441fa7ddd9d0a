"""Tests of the chat pass against three workers behind nginx, as they do against one process."""

import os
import re
import subprocess
import sys

from tests.cluster.cluster import ROOT

PASSED = re.compile(r"^(\d+) passed\b", re.MULTILINE)

PARTS = (
    *("blocks", "conversations", "friends", "groups", "javascript", "limits", "messages", "presence"),
    *("realtime", "sessions", "sync"),
)
"""What several processes share. `pytest --cluster tests/chat` runs all parts."""


def test_the_chat_passes_its_tests_against_three_workers() -> None:
    options = ["--quiet", "--cluster", "-p", "no:cacheprovider", "-n", "0"]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", *options, *(f"tests/chat/test_{part}.py" for part in PARTS)]
    answer = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-20000:] + answer.stderr[-2000:]
    assert PASSED.search(answer.stdout)
