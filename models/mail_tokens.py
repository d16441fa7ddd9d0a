"""Tokens in mails. A user who has the token receives the mail of the account's address.

A token is valid once and for a limited time. A new token of the same purpose replaces it. Only its hash is stored.
"""

import hmac
import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal

from bson import ObjectId
from mongoengine import BinaryField, DateTimeField, EmbeddedDocument

from hapiish.store.rows import Row, get, update

from . import change, passwords
from .account import READ, Account
from .wire import now, object_id

Purpose = Literal["verification", "reset"]


class MailToken(EmbeddedDocument):
    """A token that was sent and is not used yet."""

    hash = BinaryField(required=True)
    expires_at = DateTimeField(db_field="expiresAt", required=True)


class MailTokens:
    """The tokens of the accounts of a document class with the fields `verification` and `reset`."""

    @classmethod
    def issue_mail_token(cls, user_id: str, purpose: Purpose, *, seconds: float) -> str | None:
        """Returns a new token of an account; None if the account is gone, or its e-mail is verified already."""
        user = ObjectId(user_id)
        token = f"{user}.{secrets.token_urlsafe(32)}"
        row = {"hash": _digest(token), "expiresAt": now() + timedelta(seconds=seconds)}
        pending = {"verifiedAt": None} if purpose == "verification" else {}
        is_issued = update(cls, {"_id": user, "erasedAt": None, **pending}, {"$set": {purpose: row}})
        return token if is_issued else None

    @classmethod
    def of_mail_token(cls, token: str, purpose: Purpose) -> Account | None:
        """Returns the account of a valid token, without using up the token; None for any other token."""
        user = object_id(token.partition(".")[0])
        found = get(cls, {"_id": user}, fields=(*READ, purpose)) if user is not None else None
        stored = (found or {}).get(purpose)
        if stored is None or stored["expiresAt"] <= now() or not hmac.compare_digest(stored["hash"], _digest(token)):
            return None
        return Account.of(found)

    @classmethod
    def verify_email(cls, token: str) -> str | None:
        """Uses a token to verify an e-mail; returns the user's id, None for a token that is not valid."""
        return cls._use(token, "verification", {})

    @classmethod
    def reset_password(cls, token: str, password: str, *, hashing: passwords.Options | None = None) -> str | None:
        """Uses a token to set a password and ends all sessions; returns the user's id, None as `verify_email` does.

        The e-mail is verified, too. Raises TimeoutError while too many passwords are being hashed.
        """
        if cls.of_mail_token(token, "reset") is None:  # checked first: a hash is expensive
            return None
        values = {"password": passwords.digest(password, hashing), "sessions": [], "signedOutAt": now()}
        return cls._use(token, "reset", values)

    @classmethod
    def _use(cls, token: str, purpose: Purpose, values: Row) -> str | None:
        user, moment = object_id(token.partition(".")[0]), now()
        if user is None:
            return None
        valid = {f"{purpose}.hash": _digest(token), f"{purpose}.expiresAt": {"$gt": moment}}
        news = change.user_entry("profile", user)
        writing: dict[str, Any] = {
            "$set": {"verifiedAt": moment, **values},  # the token was mailed to the address
            "$unset": {purpose: ""},
            "$push": {"pending": news},
        }
        if not update(cls, {"_id": user, "erasedAt": None, **valid}, writing):
            return None
        change.publish(cls, user, [news])
        return str(user)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
