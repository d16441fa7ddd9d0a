"""scripts/cluster serves the chat, and leaves nothing behind however it ends."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.cluster.cluster import ROOT
from tests.cluster.processes import PATIENCE, free_port


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_cluster_serves_and_its_end_leaves_neither_processes_nor_files(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.cluster", "--workers", "2", "--port", str(free_port())]
    starter = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    lines: list[str] = []
    while not lines or "  logs " not in lines[-1]:
        line = starter.stdout.readline()
        assert line, "it has ended"
        lines.append(line)
    shown = "".join(lines)
    url, folder = re.search(r"cluster: (\S+)", shown), re.search(r"logs +(\S+)", shown)
    assert url is not None
    assert folder is not None
    with urllib.request.urlopen(f"{url[1]}/health/ready") as answer:
        assert answer.status == 200
    pids = [int(text) for text in re.findall(r"^  (?:nginx|redis|worker-\d|mongod-\d) +(\d+)", shown, re.MULTILINE)]
    assert len(pids) == 7
    assert all(is_alive(pid) for pid in pids)
    os.kill(starter.pid, number)
    starter.communicate(timeout=PATIENCE)
    until = time.monotonic() + PATIENCE
    while (any(is_alive(pid) for pid in pids) or Path(folder[1]).exists()) and time.monotonic() < until:
        time.sleep(0.05)
    assert [pid for pid in pids if is_alive(pid)] == []
    assert not Path(folder[1]).exists()
