"""Seals JSON values: encrypted, authenticated text with an optional expiry, in the format Fe26.2 of @hapi/iron.

AES-256-CBC and HMAC-SHA256 with keys that PBKDF2 derives from a password and a salt, so that hapi and hapiish read each
other's cookies. Needs the package cryptography, imported at first use.

No maintained Python library reads this format.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from time import time
from typing import Any, Final

from hapiish import codec
from hapiish.types import Value

Password = str | Mapping[str, str]
"""A secret, or secrets by id for rotation: the first one seals, each unseals text with its id.

Text sealed without an id belongs to the secret named `default`, as in iron.
"""

SHORTEST: Final = 32
"""Minimum length of a password in characters."""

_PREFIX: Final = "Fe26.2"
_SIGNED: Final = "hapi.signed.cookie.1"
_ID: Final = re.compile(r"\w+", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,15}")
_PIECE: Final = re.compile(r"[\w-]*", re.ASCII)


class SealError(ValueError):
    """Text that is not sealed, sealed with another password, or expired."""


def check_password(password: Password) -> None:
    """Raises ValueError for a secret that is too short or an invalid id."""
    named = {"default": password} if isinstance(password, str) else password
    if not named:
        raise ValueError("no password is set")
    for name, secret in named.items():
        if not _ID.fullmatch(name):
            raise ValueError(f'"{name}" is no password id: letters, digits and _')
        if len(secret) < SHORTEST:
            raise ValueError(f"a password must have at least {SHORTEST} characters")


def seal(value: Value, password: Password, *, ttl: int | None = None, clock: Callable[[], float] = time) -> str:
    """Seals `value`; the text is valid for `ttl` milliseconds."""
    name, secret = _sealing(password)
    salt, iv = _salt(), secrets.token_bytes(16)
    expires = str(int(clock() * 1000) + ttl) if ttl else ""
    encrypted = codec.to_base64url(_encrypted(codec.encode(value), _key(secret, salt), iv))
    sealed = f"{_PREFIX}*{name}*{salt}*{codec.to_base64url(iv)}*{encrypted}*{expires}"
    return f"{sealed}*{_mac(secret, sealed, _salt())}"


def unseal(text: str, password: Password, *, skew: int = 60000, clock: Callable[[], float] = time) -> Value:
    """Unseals a text. Raises SealError; an expired one is accepted for another `skew` milliseconds."""
    parts = text.split("*")
    if len(parts) != 8:
        raise SealError("incorrect number of sealed components")
    prefix, name, salt, iv, encrypted, expires, mac_salt, mac = parts
    if prefix != _PREFIX:
        raise SealError("wrong prefix")
    secret = _unsealing(password, name)
    if not _is_equal(_mac(secret, "*".join(parts[:6]), mac_salt), f"{mac_salt}*{mac}"):
        raise SealError("bad hmac value")
    if expires and (not _DIGITS.fullmatch(expires) or int(expires) <= clock() * 1000 - skew):
        raise SealError("expired seal")
    try:
        return codec.decode_trusted(_decrypted(_bytes(encrypted), _key(secret, salt), _bytes(iv)))
    except ValueError as error:
        raise SealError("broken content") from error


def sign(name: str, text: str, password: Password) -> str:
    """Appends a signature that binds `text` to the cookie `name`, in the format of hapi's `sign`."""
    _, secret = _sealing(password)
    return f"{text}.{_mac(secret, _signed(name, text), _salt())}"


def unsign(name: str, text: str, password: Password) -> str:
    """Removes the signature; raises SealError if it is missing or matches none of the secrets."""
    unsigned, dot, signature = text.rpartition(".")
    salt, star, _ = signature.partition("*")
    if not dot or not star:
        raise SealError("missing signature")
    given = [password] if isinstance(password, str) else list(password.values())
    signed = _signed(name, unsigned)
    if not any(_is_equal(_mac(secret, signed, salt), signature) for secret in given):
        raise SealError("invalid signature")
    return unsigned


def _sealing(password: Password) -> tuple[str, str]:
    return ("", password) if isinstance(password, str) else next(iter(password.items()))


def _unsealing(password: Password, name: str) -> str:
    if isinstance(password, str):
        return password
    found = password.get(name or "default")
    if found is None:
        raise SealError("sealed with an unknown password")
    return found


def _signed(name: str, text: str) -> str:
    return f"{_SIGNED}\n{name}\n{text}"


def _salt() -> str:
    return secrets.token_hex(32)


def _key(secret: str, salt: str) -> bytes:
    """Derives a key with one iteration, as iron does: the password is long and random, not a person's."""
    return hashlib.pbkdf2_hmac("sha1", secret.encode(), salt.encode(), 1, 32)


def _mac(secret: str, text: str, salt: str) -> str:
    return f"{salt}*{codec.to_base64url(hmac.digest(_key(secret, salt), text.encode(), 'sha256'))}"


def _is_equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode())


def _bytes(text: str) -> bytes:
    if not _PIECE.fullmatch(text):
        raise ValueError(text)
    return codec.from_base64url(text)


def _encrypted(data: bytes, key: bytes, iv: bytes) -> bytes:
    from cryptography.hazmat.primitives.padding import PKCS7

    padder = PKCS7(128).padder()
    encryptor = _cipher(key, iv).encryptor()
    return bytes(encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize())


def _decrypted(data: bytes, key: bytes, iv: bytes) -> bytes:
    from cryptography.hazmat.primitives.padding import PKCS7

    decryptor, unpadder = _cipher(key, iv).decryptor(), PKCS7(128).unpadder()
    padded = decryptor.update(data) + decryptor.finalize()
    return bytes(unpadder.update(padded) + unpadder.finalize())


def _cipher(key: bytes, iv: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CBC(iv))
