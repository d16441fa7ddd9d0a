"""Stores bodies and parts on disk while they arrive; they are removed after the response.

Files that the handler has moved are kept. Without a response, files are removed with the request.
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
from hapiish.types import Json

_AT_ONCE: Final = 65536
"""Bytes buffered per write; a thread per network packet would cost more than the write."""


class Uploads:
    """The stored files of one request's body; `folder` is their directory, None for the system's."""

    __slots__ = ("__weakref__", "_files", "_folder", "_paths")

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._paths: list[str] = []
        self._files: list[IO[bytes]] = []
        weakref.finalize(self, _discard, self._paths, self._files)

    def create(self) -> "Upload":
        """Creates a file with a random name, readable by the server's user only."""
        number, path = tempfile.mkstemp(prefix="upload-", dir=self._folder)
        self._paths.append(path)
        file = os.fdopen(number, "wb", buffering=0)
        self._files.append(file)
        return Upload(file, path)

    def part(self, filename: str, headers: Mapping[str, str]) -> "UploadPart":
        """Creates a part, which stays in memory while it is small."""
        part = UploadPart(filename, headers, self._folder)
        self._files.append(part.file)
        return part

    async def clear(self) -> None:
        """Closes the parts and removes the files that the handler did not move."""
        if self._paths or self._files:
            await asyncio.to_thread(_discard, self._paths, self._files)


def _discard(paths: list[str], files: list[IO[bytes]]) -> None:
    while files:
        files.pop().close()
    while paths:
        Path(paths.pop()).unlink(missing_ok=True)


class Upload:
    """A file being written; `bytes` is its size."""

    __slots__ = ("_file", "_waiting", "bytes", "path")

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file = file
        self._waiting = bytearray()
        self.path = path
        self.bytes = 0

    async def write(self, data: bytes) -> None:
        """Appends to the file."""
        self.bytes += len(data)
        self._waiting += data
        if len(self._waiting) >= _AT_ONCE:
            await self._flush()

    async def close(self) -> None:
        """Flushes the buffer and closes the file."""
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


class UploadPart(UploadFile):
    """A file of a multipart body under `output: stream`: Starlette's UploadFile, also an async iterator.

    It is complete before the handler runs: in memory while it is small, else in an unnamed file.
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


async def save(pieces: AsyncIterator[bytes], uploads: Uploads) -> dict[str, Json]:
    """Writes a whole body to a file and returns `{path, bytes}`."""
    upload = uploads.create()
    try:
        async for piece in pieces:
            await upload.write(piece)
    finally:
        await upload.close()
    return {"path": upload.path, "bytes": upload.bytes}
