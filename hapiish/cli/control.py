"""The control socket of `hapiish run`: a Unix socket through which `hapiish reload` reaches the server.

Each run has its own, `.hapiish/run-PID.sock` beside the table, in a folder that only its user can enter. Where that
path is too long for the kernel, or the folder cannot be written, a private folder in XDG_RUNTIME_DIR or TMPDIR replaces
it. A request and its answer are one line of JSON each.
"""

import json
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from hapiish.options import Table
from hapiish.reload import Outcome
from hapiish.table import report

Message = dict[str, Any]

LONGEST_PATH: Final = 103
"""Bytes of a Unix socket's path: 107 on Linux, fewer elsewhere."""

LONGEST: Final = 65536
"""Bytes of a request."""

PATIENCE: Final = 5.0
"""Seconds in which a request has to arrive, and in which a server answers that it runs."""

RELOAD_PATIENCE: Final = 300.0
"""Seconds that `hapiish reload` waits for a reload."""

_NAME: Final = "run-{}.sock"


class ControlError(Exception):
    """A server did not answer."""


def folders(file: str) -> list[Path]:
    """Returns the folders for control sockets of the table in `file`, in the order in which they are tried.

    Links are not followed: a ConfigMap is a link to a folder that each change replaces.
    """
    folder = Path(os.path.abspath(file)).parent  # noqa: PTH100 - Path.absolute keeps ".."
    digest = sha256(os.fsencode(folder)).hexdigest()[:12]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return [folder / ".hapiish", base / f"hapiish-{os.geteuid()}-{digest}"]


@contextmanager
def listening(file: str) -> Iterator[socket.socket]:
    """Context with the listening control socket of this process. Raises OSError if there can be none."""
    path = _place(file)
    found = socket.socket(socket.AF_UNIX)
    with found:
        path.unlink(missing_ok=True)  # of a process that had the same number
        before = os.umask(0o177)
        try:
            found.bind(str(path))
        finally:
            os.umask(before)
        found.listen()
        found.setblocking(False)
        owner = os.getpid()
        try:
            yield found
        finally:
            if os.getpid() == owner:
                path.unlink(missing_ok=True)


def _place(file: str) -> Path:
    """Returns the path of the control socket of this process; removes sockets of processes that have ended."""
    error: OSError | None = None
    for folder in folders(file):
        path = folder / _NAME.format(os.getpid())
        if len(os.fsencode(path)) > LONGEST_PATH:
            continue
        try:
            _make_private(folder)
        except OSError as failed:
            error = failed
            continue
        for other in sockets_in(folder):
            _is_answered(other)
        return path
    raise error or OSError("no path is short enough for a Unix socket (TMPDIR decides)")


def _make_private(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise OSError(f"{folder} is not a private folder of this user")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written")


def sockets_in(folder: Path) -> list[Path]:
    """Returns the control sockets in a folder, those of ended processes included."""
    return sorted(folder.glob(_NAME.format("*")))


def _is_answered(path: Path) -> bool:
    """Returns whether a process listens; removes the socket of a process that has ended."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return False
        except OSError:
            return False
    return True


def running(file: str) -> list[tuple[Path, Message]]:
    """Returns control socket and status of each process that serves the table in `file`.

    A process that does not answer has the status `{"error": …}`.
    """
    found = []
    for path in (path for folder in folders(file) for path in sockets_in(folder) if _is_answered(path)):
        status: Message
        try:
            status = ask(path, {"do": "status"}, PATIENCE)
        except ControlError as error:
            status = {"table": os.path.realpath(file), "error": str(error)}
        if status.get("table") == os.path.realpath(file):
            found.append((path, status))
    return found


def ask(path: Path, request: Message, seconds: float) -> Message:
    """Returns the answer to a request. Raises ControlError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
            answer = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError) as error:
            raise ControlError(f"{path}: {error}") from error
    if not isinstance(answer, dict):
        raise ControlError(f"{path}: the server ended before it answered")
    return answer


def read_request(line: bytes) -> Message:
    """Returns the request in a line; that of an invalid line is empty."""
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {}


def status_of(table: Table, **more: Any) -> Message:
    """Returns the answer to `status`: the table's file, the process, and `more`, such as the address."""
    return {"table": os.path.realpath(table.file), "pid": os.getpid(), **more}


def answer_of(outcome: Outcome, *, colour: bool = False) -> Message:
    """Returns the answer to `reload`: hashes, differences and problems. Takes as long as compiling a table."""
    return {
        "applied": outcome.applied,
        "before": outcome.before,
        "after": outcome.after,
        "changes": outcome.changes(),
        "atNextStart": outcome.at_next_start(),
        "wrong": outcome.new is None,
        "problems": report.as_text([*outcome.problems], colour=colour) if outcome.problems else "",
    }


def failure(error: BaseException | str) -> Message:
    """Returns the answer to a request that failed."""
    return {"error": str(error) or type(error).__name__}
