"""A project that a page of the documentation describes: its files are written, its commands run in one shell.

`hapiish run` goes on in the background, on a free port in place of 3000, until the next one or the end. After a
change of a file it is started again. The output of each command must equal that of the page; `…` stands for any text.
"""

import os
import re
import secrets
import select
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Self

from tests.docs.blocks import ROOT, Block
from tests.docs.check import ENV, check, exchanges, is_table, python

PATIENCE = 120
"""Seconds for a command, on a machine with other work."""
PORT = "3000"
PREPARED = """
curl() { command curl --silent --show-error "$@"; }
pip() { true; }
"""
ALONE = "-c /dev/null --rootdir=. -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"
"""Options of pytest: no settings of a folder above, no warning about an editable installation."""
if not entry_points(group="pytest11", name="hapiish.pytest_plugin"):
    ALONE += " -p hapiish.pytest_plugin"  # an installation older than the entry point
PIP = re.compile(r"(?:python3? -m )?pip install (.*)")


class Failed(Exception):
    """A block did not work as the page says."""


class Project:
    """A folder, a shell in it, and the server that runs."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        environment = {
            **{name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "HAPIISH_MONGOD") if name in os.environ},
            **{name: value for name, value in ENV.items() if value},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "COLUMNS": "120",
            "PYTEST_ADDOPTS": ALONE,
            **env,
        }
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.serving: str | None = None
        self.port = ""
        self.server_pid: int | None = None
        self.is_changed = False
        self.here = folder
        self.send(PREPARED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.close()
        try:
            self.shell.wait(PATIENCE)
        finally:
            if self.shell.poll() is None:
                os.killpg(self.shell.pid, signal.SIGKILL)
            self.shell.stdout.close()

    def play(self, block: Block) -> None:
        """Writes the file of a block, or runs its commands; raises Failed."""
        if block.not_run is not None or block.foreign is not None:
            self.expect(check(block, self.here))
            return
        if block.language == "console":
            for command, output in exchanges(block.text):
                self.run(command, output)
            return
        if block.file is None and not is_table(block):
            self.expect(check(block, self.here))
            return
        file = self.here / (block.file or "routes.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_placed(file.read_text() if file.exists() else "", block))
        self.is_changed = True
        whole = replace(block, text=file.read_text(), how=None)
        if block.language == "python":
            self.expect(python(whole, self.here))
        elif block.language != "yaml" or is_table(block):
            self.expect(check(whole, self.here))

    def load(self, found: list[Block]) -> None:
        """Loads the table if its functions are shown, as a server does; raises Failed for its problems."""
        table = self.folder / "routes.yaml"
        shows_functions = any(block.language == "python" and block.file is not None for block in found)
        if table.exists() and shows_functions:
            load = (
                "from hapiish import create_app; create_app('routes.yaml', database_uri='mongodb://db.example.com/app')"
            )
            if said := self.send(f'cd {self.folder} && python -W error -c "{load}"'):
                raise Failed(f"the table does not load:\n{said}")

    def expect(self, faults: list[str]) -> None:
        """Raises Failed for faults."""
        if faults:
            raise Failed("\n".join(faults))

    def run(self, command: str, expected: str) -> None:
        """Runs a command and compares its output."""
        installed = PIP.fullmatch(command.strip())
        if installed:
            self.expect(_extras(installed[1]))
            return
        if re.match(r"(\w+=\S+ )*hapiish run\b", command):
            self.serve(command, expected)
            return
        if self.serving is not None and self.is_changed and re.search(r"\bcurl\b|\bpython\b|\bnode\b", command):
            self.serve(self.serving, "")
        compare(
            command,
            expected,
            self.send(command.replace(f":{PORT}", f":{self.port}" if self.port else f":{PORT}")),
            self.port,
        )
        self.here = Path(self.send("pwd").strip())

    def serve(self, command: str, expected: str) -> None:
        """Starts the server in the background, in place of the running one."""
        self.stop()
        log = self.folder / f".server-{secrets.token_hex(4)}.log"
        log.touch()
        call = re.sub(r"\s*(&|#.*)$", "", command)
        call = re.sub(r" --port \d+", "", call)
        pid = self.send(f"{call} --port 0 >{log} 2>&1 & echo $!").strip().splitlines()[-1]
        self.server_pid = int(pid)
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"serving \S+ on https?://[^:\s]+:(\d+)", log.read_text())):
            if time.monotonic() > deadline or not Path(f"/proc/{pid}").exists():
                self.server_pid = None
                raise Failed(f"$ {command}\ndoes not serve:\n{log.read_text()}")
            time.sleep(0.05)
        self.serving, self.port, self.is_changed = command, found[1], False
        if expected:
            said = "\n".join(line for line in log.read_text().splitlines() if not line.startswith('{"time":'))
            compare(command, f"{expected.rstrip()}…", said, self.port)

    def stop(self) -> None:
        """Ends the running server."""
        if self.server_pid is not None:
            self.send(f"kill {self.server_pid}; wait {self.server_pid}")
            self.server_pid = None

    def send(self, command: str) -> str:
        """Runs a command in the shell; returns what it writes."""
        end = f"--{secrets.token_hex(8)}--"
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '%s' {end}\n".encode())
        self.shell.stdin.flush()
        output, deadline = b"", time.monotonic() + PATIENCE
        while not output.endswith(end.encode()):
            if not select.select([self.shell.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Failed(f"$ {command}\ndoes not end; it wrote:\n{output.decode(errors='replace')}")
            part = os.read(self.shell.stdout.fileno(), 65536)
            if not part:
                raise Failed(f"$ {command}\nended the shell:\n{output.decode(errors='replace')}")
            output += part
        return output[: -len(end)].decode(errors="replace")


def compare(command: str, expected: str, found: str, port: str) -> None:
    """Raises Failed if the output of a command is not the one that the page shows."""
    found = re.sub(r"\x1b\[[0-9;]*m", "", found.replace("\r", "")).strip()
    if port:
        found = found.replace(f":{port}", f":{PORT}")
    lines = [line.rstrip() for line in found.splitlines()]
    pattern = ".*".join(map(re.escape, "\n".join(line.rstrip() for line in expected.strip().splitlines()).split("…")))
    if not re.fullmatch(pattern, "\n".join(lines), re.DOTALL) and (expected.strip() or not _is_silent(command)):
        raise Failed(f"$ {command}\nwrote:\n{found}\n\nnot:\n{expected}")


def _is_silent(command: str) -> bool:
    """Returns True for commands whose output a page need not show."""
    return not re.search(r"\bcurl\b", command) or "=$(" in command


def _placed(text: str, block: Block) -> str:
    if block.how is None:
        return block.text
    added = block.text.partition("\n")[2]
    if block.how == "at the end":
        return f"{text.rstrip()}\n\n{added}" if block.language == "python" else f"{text.rstrip()}\n{added}"
    key = block.how.removeprefix("below ")
    lines = text.splitlines()
    try:
        start = min(_depth(line) * len(lines) + at for at, line in enumerate(lines) if line.strip() == key) % len(lines)
    except ValueError:
        raise Failed(f"there is no {key} to add to") from None
    depth, end = _depth(lines[start]), start + 1
    while end < len(lines) and (not lines[end].strip() or _depth(lines[end]) > depth):
        end += 1
    return "\n".join([*lines[:end], *added.rstrip().splitlines(), *lines[end:], ""])


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _extras(words: str) -> list[str]:
    """Checks the packages that a page installs: the extras of hapiish exist."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [name for names in re.findall(r"hapiish\[([\w,-]+)\]", words) for name in names.split(",")]
    return [f"hapiish has no extra {name}" for name in named if name not in known]
