"""An upload: a file of a user that arrives in pieces and is stored in chunks. All methods except `take` block."""

from typing import Any

from bson import ObjectId

from . import media
from .filenames import clean


class WrongTypeError(ValueError):
    """The content of a file contradicts the declared type."""


class Upload:
    """A new file of a user. Call `begin`, then `take` for each piece and `flush` if it returns True, then `finish`.

    After an error, call `undo`. `files` is the class of attachments. `type` is the usual name of the declared type, and
    after the first chunk the type of the content.
    """

    WrongType = WrongTypeError

    def __init__(self, files: Any, user_id: str, name: str, declared: str) -> None:
        self._files = files
        self._user_id = user_id
        self._name = clean(name)
        self._waiting = bytearray()
        self._chunks = 0
        self._size: media.Size | None = None
        self.id = str(ObjectId())
        self.type = media.canonical(declared)
        self.length = 0

    def begin(self, size: int, quota: int) -> bool:
        """Reserves `size` bytes, the most that can arrive; False if the user's files would exceed `quota` bytes."""
        began: bool = self._files.begin(self.id, self._user_id, self._name, size, quota)
        return began

    def take(self, piece: bytes) -> bool:
        """Keeps a piece in memory; returns True if there is a full chunk for `flush`."""
        self._waiting += piece
        self.length += len(piece)
        size: int = self._files.CHUNK
        return len(self._waiting) >= size

    def flush(self) -> None:
        """Stores the full chunks. The first chunk of a file raises WrongTypeError if it contradicts the type."""
        size = self._files.CHUNK
        while len(self._waiting) >= size:
            self._write(size)

    def finish(self) -> dict[str, Any] | None:
        """Stores the rest and returns the attachment; None if it was removed meanwhile. Raises WrongTypeError."""
        self.flush()
        if self._waiting or not self._chunks:
            self._write(len(self._waiting))
        stored: dict[str, Any] | None = self._files.finish(self.id, self.type, self.length, self._size)
        return stored

    def undo(self) -> None:
        """Removes the file and its chunks."""
        self._files.discard(self.id)

    def _write(self, size: int) -> None:
        data = bytes(memoryview(self._waiting)[:size])
        if not self._chunks:
            self._recognise(data[: media.HEAD])
        self._files.write(self.id, self._chunks, data)
        self._chunks += 1
        del self._waiting[:size]

    def _recognise(self, head: bytes) -> None:
        found = media.recognised(self.type, head)
        if found is None:
            raise WrongTypeError(self.type)
        self.type = found
        self._size = media.size_of(found, head)
