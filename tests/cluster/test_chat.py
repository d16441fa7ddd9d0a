"""The chat's own tests pass against three workers behind nginx, as they do against one process."""

import os
import re
import subprocess
import sys

from tests.cluster.cluster import ROOT

PASSED = re.compile(r"^(\d+) passed\b", re.MULTILINE)


def test_the_whole_suite_of_the_chat_passes_against_three_workers() -> None:
    options = ["--quiet", "--cluster", "-p", "no:cacheprovider", "-n", "0"]
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    command = [sys.executable, "-m", "pytest", *options, "tests/chat"]
    answer = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout[-20000:] + answer.stderr[-2000:]
    assert PASSED.search(answer.stdout)
