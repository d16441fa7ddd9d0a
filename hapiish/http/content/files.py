"""Files as responses (hapi's inert): confinement of paths, validators, and bytes as a body.

All disk access runs in the thread pool. A file is opened once, so that body and headers describe the same file even if
its name changes meanwhile.

Starlette's FileResponse stats and opens a path separately, and has no precompressed variants.
"""

import asyncio
import errno
import hashlib
import os
import stat
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Final, Literal, TypedDict, Unpack

from hapiish import boom
from hapiish.http.content.compression import negotiate
from hapiish.types import Run

SMALL: Final = 64 * 1024
"""Maximum size of a file that is read when it is opened and sent as plain bytes."""

_CHUNK: Final = 256 * 1024
_NOT_FOUND: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENXIO})
# O_NONBLOCK: opening a pipe would otherwise block until it has a writer.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK

EtagMethod = Literal["hash", "simple", False]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Options for sending a file, with inert's names. `folder` is absolute; `confine` refuses paths outside of it.

    `mode` (attachment, inline) and `filename` set Content-Disposition. `lookup` maps codings to the extensions of
    compressed siblings. `start` and `end` (inclusive) are byte offsets.
    """

    folder: str
    confine: bool = True
    filename: str | None = None
    mode: Literal["attachment", "inline", False] = False
    lookup: Mapping[str, str] = field(default_factory=dict)
    etag_method: EtagMethod = "hash"
    start: int = 0
    end: int | None = None


DEFAULT_LOOKUP: Final[Mapping[str, str]] = {"gzip": ".gz"}


class FileKeywords(TypedDict, total=False):
    """The keywords of `h.file`: inert's options in snake_case, with inert's defaults.

    `confine` is the folder to confine the path to, relative to the route's `files.relativeTo`; true is that folder.
    """

    confine: str | bool
    """The folder that the path must not leave, relative to `files.relativeTo`; True is that folder, False none."""
    filename: str | None
    """The name that `content-disposition` shows; needs `mode`."""
    mode: Literal["attachment", "inline", False]
    """Sends `content-disposition`: `attachment` makes browsers save the file, `inline` show it."""
    lookup_compressed: bool
    """Sends a precompressed file beside it, such as page.html.gz, to clients that accept its coding."""
    lookup_map: Mapping[str, str] | None
    """The extensions of precompressed files by coding; `.gz` without it."""
    etag_method: EtagMethod
    """`hash` for a tag of the content, `simple` for one of size and time, False for none."""
    start: int
    """The first byte to send."""
    end: int | None
    """The last byte to send; None for the end of the file."""


def options_of(base: str, **keywords: Unpack[FileKeywords]) -> FileOptions:
    """Options of a file, relative to `base`, the route's `files.relativeTo`. Raises ValueError for invalid ones."""
    confine, mode, filename = keywords.get("confine", True), keywords.get("mode", False), keywords.get("filename")
    start, end = keywords.get("start", 0), keywords.get("end")
    if unknown := keywords.keys() - FileKeywords.__annotations__.keys():
        raise ValueError(f"unknown options of a file: {', '.join(sorted(unknown))}")
    if keywords.get("etag_method", "hash") not in ("hash", "simple", False):
        raise ValueError("etag_method must be false, hash or simple")
    if mode not in ("attachment", "inline", False):
        raise ValueError("mode must be false, attachment or inline")
    if filename is not None and not mode:
        raise ValueError("filename needs a mode: attachment or inline")
    if start < 0 or (end is not None and end < start):
        raise ValueError("start must be at least 0 and at most end")
    is_whole = not start and end is None
    return FileOptions(
        folder=_joined(base, confine) if isinstance(confine, str) else base,
        confine=confine is not False,
        filename=filename,
        mode=mode,
        lookup=keywords.get("lookup_map") or DEFAULT_LOOKUP if keywords.get("lookup_compressed") and is_whole else {},
        etag_method=keywords.get("etag_method", "hash"),
        start=start,
        end=end,
    )


class IsDirectory(boom.Forbidden):
    """403 for a path that is a directory."""


class Etags:
    """`server.files.etagsCacheMaxSize`: an LRU cache of content hashes by path, inode, size and time; thread-safe."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._known: OrderedDict[Hashable, str] = OrderedDict()
        self._pending: dict[Hashable, asyncio.Task[str]] = {}
        self._lock = Lock()

    def get(self, key: Hashable) -> str | None:
        """The cached tag of a file in that state."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: Hashable, tag: str) -> str:
        """Caches a tag and evicts the least recently used ones."""
        with self._lock:
            self._known[key] = tag
            while len(self._known) > self.max_size:
                self._known.popitem(last=False)
        return tag

    async def of(self, key: Hashable, descriptor: int) -> str:
        """The tag of an open file; concurrent requests share one computation."""
        cached = self.get(key)
        if cached is not None:
            return cached
        task = self._pending.get(key)
        if task is None:
            # A duplicate descriptor, because the request that opened the file may end first.
            reading = asyncio.to_thread(_hash, os.dup(descriptor))
            task = self._pending[key] = asyncio.ensure_future(reading)
            task.add_done_callback(partial(self._done, key))
        return await asyncio.shield(task)

    def _done(self, key: Hashable, task: asyncio.Task[str]) -> None:
        del self._pending[key]
        if not task.cancelled() and task.exception() is None:
            self.put(key, task.result())


def _hash(descriptor: int) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    position = 0
    try:
        while chunk := os.pread(descriptor, _CHUNK, position):
            digest.update(chunk)
            position += len(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


class Descriptor:
    """An open file, closed by `close` or by garbage collection: a response may be replaced before it is sent."""

    __slots__ = ("number",)

    def __init__(self, path: str) -> None:
        self.number = -1
        self.number = os.open(path, _FLAGS)

    def close(self) -> None:
        number, self.number = self.number, -1
        if number >= 0:
            os.close(number)

    def __del__(self) -> None:
        self.close()


class FileBody:
    """A body object of bytes `start` to `stop` (exclusive) of an open file, read in chunks in the thread pool."""

    __slots__ = ("_descriptor", "_run", "_start", "_stop")

    def __init__(self, descriptor: Descriptor, start: int, stop: int, run: Run) -> None:
        self._descriptor = descriptor
        self._start = start
        self._stop = stop
        self._run = run

    @property
    def length(self) -> int | None:
        """Number of bytes, fixed when the file was opened."""
        return self._stop - self._start

    def part(self, start: int, end: int) -> "FileBody":
        """A body of bytes `start` to `end`, inclusive."""
        return FileBody(self._descriptor, self._start + start, self._start + end + 1, self._run)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        position = self._start
        while position < self._stop:
            size = min(_CHUNK, self._stop - position)
            chunk = await self._run(os.pread, self._descriptor.number, size, position)
            if not chunk:
                raise OSError("the file was truncated while it was sent")
            yield chunk
            position += len(chunk)

    async def aclose(self) -> None:
        """Closes the file."""
        self._descriptor.close()


@dataclass(slots=True, kw_only=True)
class Opened:
    """An open file with its validators; `content` holds the bytes of a small file."""

    path: str
    descriptor: Descriptor
    size: int
    modified: float
    key: Hashable
    content: bytes | None = None
    tag: str | None = None
    coding: str | None = None


def open_file(path: str, options: FileOptions, etags: Etags, accept: str = "") -> Opened:
    """Opens the file at `path` (relative to the folder, or absolute), or its compressed sibling; blocking.

    `accept`, an Accept-Encoding header, selects the sibling. Raises Forbidden outside of the folder (symbolic links
    are followed) and for unreadable files, IsDirectory and NotFound.
    """
    resolved = locate(path, options)
    opened = _open(resolved, options)
    if options.etag_method == "simple":
        opened.tag = f"{opened.size:x}-{int(opened.modified * 1000):x}"
    elif options.etag_method == "hash" and etags.max_size > 0:
        opened.tag = etags.get(opened.key)
        if opened.tag is None and opened.content is not None:
            opened.tag = etags.put(opened.key, hashlib.sha1(opened.content, usedforsecurity=False).hexdigest())
    if options.lookup and accept:
        coding = negotiate(accept, tuple(options.lookup))
        if coding in options.lookup:
            _use_compressed(opened, coding, options)
    return opened


def locate(path: str, options: FileOptions) -> str:
    """Resolves `path`, following symbolic links; raises Forbidden outside of the folder."""
    if "\0" in path:
        raise boom.NotFound
    lexical = _joined(options.folder, path)
    if not options.confine:
        return lexical
    if not _is_inside(lexical, os.path.normpath(options.folder)):
        raise boom.Forbidden
    real = os.path.realpath(lexical)
    if not _is_inside(real, os.path.realpath(options.folder)):
        raise boom.Forbidden
    # A final slash is kept: a path with it is valid for a folder only.
    return real + "/" if path.endswith("/") else real


def _joined(folder: str, path: str) -> str:
    return os.path.normpath(path if path.startswith("/") else f"{folder}/{path}")


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _open(path: str, options: FileOptions) -> Opened:
    try:
        descriptor = Descriptor(path)
    except OSError as error:
        if error.errno in _NOT_FOUND:
            raise boom.NotFound from error
        if error.errno in _FORBIDDEN:
            raise boom.Forbidden from error
        raise
    state = os.fstat(descriptor.number)
    if stat.S_ISDIR(state.st_mode):
        descriptor.close()
        raise IsDirectory
    if not stat.S_ISREG(state.st_mode):
        raise boom.Forbidden
    opened = Opened(
        path=path,
        descriptor=descriptor,
        size=state.st_size,
        modified=state.st_mtime,
        key=(path, state.st_ino, state.st_size, state.st_mtime_ns),
    )
    if state.st_size <= SMALL:
        opened.content = _read_all(descriptor.number)
        opened.size = len(opened.content)
    return opened


def _read_all(descriptor: int) -> bytes:
    chunks: list[bytes] = []
    position = 0
    while chunk := os.pread(descriptor, SMALL + 1, position):
        chunks.append(chunk)
        position += len(chunk)
    return b"".join(chunks)


def _use_compressed(opened: Opened, coding: str, options: FileOptions) -> None:
    """Replaces the content with that of the compressed sibling, if it exists."""
    try:
        other = _open(locate(opened.path + options.lookup[coding], options), options)
    except boom.Boom:
        return
    opened.descriptor.close()
    opened.descriptor, opened.content, opened.size = other.descriptor, other.content, other.size
    opened.coding = coding
