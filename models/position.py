"""Positions of readers: the number of the newest own change, and the time, as an opaque cursor."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple, Self

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION: Final = 1
_FORM: Final = Struct(">BQQ")
_LATEST: Final = 253_402_300_799_999
"""The last millisecond of the calendar."""
_HIGHEST: Final = 2**63 - 1
"""The highest number that the store can compare."""
_CHECK: Final = 8
"""Bytes that bind a cursor to its user. They detect mistakes, not attacks: a cursor gives no rights."""


class Position(NamedTuple):
    """The state at the beginning of a catch-up: the number of the reader's newest own change, and the time."""

    number: int
    moment: datetime

    def cursor(self, user_id: str) -> str:
        """Returns the position as the cursor of a user."""
        packed = _FORM.pack(_VERSION, self.number, (self.moment - _EPOCH) // timedelta(milliseconds=1))
        return urlsafe_b64encode(packed + _check(packed, user_id)).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str, user_id: str) -> Self | None:
        """Returns the position of a cursor; None if it was changed or is another user's."""
        try:
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (Error, ValueError):
            return None
        packed, check = raw[: _FORM.size], raw[_FORM.size :]
        if len(packed) < _FORM.size or check != _check(packed, user_id):
            return None
        version, number, milliseconds = _FORM.unpack(packed)
        if version != _VERSION or number > _HIGHEST or milliseconds > _LATEST:
            return None
        return cls(number, _EPOCH + timedelta(milliseconds=milliseconds))


def _check(packed: bytes, user_id: str) -> bytes:
    return sha256(packed + user_id.encode()).digest()[:_CHECK]
