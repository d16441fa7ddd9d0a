"""Bodies and parts written to disk while they arrive, and what a handler gets of them; all is removed afterwards.

A file that the handler has moved elsewhere stays. What no response came of is removed with the request.
"""

import asyncio
import os
import tempfile
import weakref
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from starlette.datastructures import Headers, UploadFile

from hapiish.bridge import anywhere

_AT_ONCE: Final = 65536
"""So many bytes are gathered for one write; a thread for every network packet would cost more than the writing."""


class Uploads:
    """What was stored of one request's body; `folder` is where files go, None for the system's."""

    __slots__ = ("__weakref__", "_files", "_folder", "_paths")

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._paths: list[str] = []
        self._files: list[IO[bytes]] = []
        weakref.finalize(self, _discard, self._paths, self._files)

    def create(self) -> "Upload":
        """A new file of a name that nobody can guess, readable by the server's own user only."""
        number, path = tempfile.mkstemp(prefix="upload-", dir=self._folder)
        self._paths.append(path)
        file = os.fdopen(number, "wb", buffering=0)
        self._files.append(file)
        return Upload(file, path)

    def part(self, filename: str, headers: Mapping[str, str]) -> "Part":
        """A new part to write to, which stays in memory while it is small."""
        part = Part(filename, headers, self._folder)
        self._files.append(part.file)
        return part

    async def clear(self) -> None:
        """Closes the parts and removes the files that are still where they were written."""
        if self._paths or self._files:
            await asyncio.to_thread(_discard, self._paths, self._files)


def _discard(paths: list[str], files: list[IO[bytes]]) -> None:
    while files:
        files.pop().close()
    while paths:
        Path(paths.pop()).unlink(missing_ok=True)


class Upload:
    """A file that is being written; `bytes` counts what it has got."""

    __slots__ = ("_file", "_waiting", "bytes", "path")

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file = file
        self._waiting = bytearray()
        self.path = path
        self.bytes = 0

    async def write(self, data: bytes) -> None:
        """Adds to the file."""
        self.bytes += len(data)
        self._waiting += data
        if len(self._waiting) >= _AT_ONCE:
            await self._flush()

    async def close(self) -> None:
        """Writes what is left."""
        try:
            if self._waiting:
                await self._flush()
        finally:
            self._file.close()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, bytearray()
        await asyncio.to_thread(_write_all, self._file, waiting)


def _write_all(file: Any, data: bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


class Part(UploadFile):
    """A file of a multipart body under `output: stream`: Starlette's UploadFile, to be read, or gone through.

    It is all there before the handler begins: in memory while it is small, else in a nameless file.
    """

    def __init__(self, filename: str, headers: Mapping[str, str], folder: str | None) -> None:
        file: Any = tempfile.SpooledTemporaryFile(max_size=_AT_ONCE * 4, dir=folder)  # noqa: SIM115 - closed later
        super().__init__(file, size=0, filename=filename, headers=Headers(headers))

    read = anywhere(UploadFile.read)
    seek = anywhere(UploadFile.seek)
    write = anywhere(UploadFile.write)
    close = anywhere(UploadFile.close)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.read(_AT_ONCE):
            yield piece


async def save(pieces: AsyncIterator[bytes], uploads: Uploads) -> dict[str, Any]:
    """Writes a whole body to a file: `{path, bytes}`."""
    upload = uploads.create()
    try:
        async for piece in pieces:
            await upload.write(piece)
    finally:
        await upload.close()
    return {"path": upload.path, "bytes": upload.bytes}
