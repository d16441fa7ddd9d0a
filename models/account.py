"""The account of a caller: the data for clients, and the data for authentication."""

from datetime import UTC, datetime
from typing import Any, Final, Self

from .wire import now, object_id

READ: Final = ("fullName", "email", "scope", "banned", "erasedAt", "signedOutAt", "sessions.id", "verifiedAt")
"""The fields of a stored account that `Account` needs."""


class Account(dict[str, Any]):
    """`{_id, fullName, email}` of an account. The attributes are for authentication and are never sent.

    `scope` lists the rights of the account. `ban` is `{until?, reason?, at}` while the account is banned. `proof` is
    the hash of the password, if the password was just verified or set.
    """

    __slots__ = ("_sessions", "_signed_out_at", "ban", "is_verified", "proof", "scope")

    def __init__(self, stored: dict[str, Any], proof: str = "") -> None:
        super().__init__(_id=str(stored["_id"]), fullName=stored["fullName"], email=stored["email"])
        self.scope: list[str] = list(stored.get("scope") or ())
        self.is_verified = bool(stored.get("verifiedAt"))
        self.proof = proof
        ban = stored.get("banned")
        self.ban: dict[str, Any] | None = ban if ban and _is_ahead(ban.get("until")) else None
        self._sessions = [row["id"] for row in stored.get("sessions") or ()]
        ended = stored.get("signedOutAt")
        self._signed_out_at: datetime | None = ended and ended.replace(tzinfo=UTC)

    @classmethod
    def of(cls, stored: dict[str, Any] | None) -> Self | None:
        """Returns the account of a stored document; None for no document and for an erased account."""
        return cls(stored) if stored is not None and not stored.get("erasedAt") else None

    @property
    def session_ids(self) -> list[str]:
        """The ids of the sessions, in the order of opening."""
        return [str(key) for key in self._sessions]

    def has_session(self, session_id: Any, issued_at: Any) -> bool:
        """Returns whether a token belongs to an open session. `issued_at` is in seconds since the epoch.

        A token that names no session was issued by an older version. It is valid until all sessions are ended.
        """
        if session_id is not None:
            return isinstance(session_id, str) and object_id(session_id) in self._sessions
        if self._signed_out_at is None:
            return True
        return isinstance(issued_at, int | float) and issued_at > self._signed_out_at.timestamp()


def _is_ahead(until: datetime | None) -> bool:
    return until is None or until.replace(tzinfo=UTC) > now()
