"""Hashes of passwords and API keys, the only form in which a table holds them; printed by `hapiish hash`.

A password is hashed slowly, by scrypt (`$scrypt$ln=15,r=8,p=1$salt$hash`) or Argon2 (`$argon2id$…`, which needs the
package cryptography); a key, which is random and long, by SHA-256 (`sha256:…`). Comparisons take constant time.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from typing import Final

_SCRYPT: Final = re.compile(r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([\w+/]+)\$([\w+/]+)", re.ASCII)
_ARGON: Final = re.compile(r"\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[\w+/]+\$[\w+/]+", re.ASCII)
_KEY: Final = re.compile(r"sha256:([0-9a-f]{64})")
_COST: Final = (15, 8, 1)  # ln, r, p: 32 MiB and about 60 ms per attempt


def hash_password(password: str) -> str:
    """Hashes a password with a random salt; slow by design."""
    salt = secrets.token_bytes(16)
    log_n, r, p = _COST
    return f"$scrypt$ln={log_n},r={r},p={p}${_text(salt)}${_text(_scrypt(password, salt, _COST, 32))}"


def is_password(password: str, hashed: str) -> bool:
    """Returns whether `known` is a hash of `password`; slow by design."""
    match = _SCRYPT.fullmatch(hashed)
    if match is None:
        return _is_argon(password, hashed)
    salt, expected = _bytes(match[4]), _bytes(match[5])
    cost = (int(match[1]), int(match[2]), int(match[3]))
    return hmac.compare_digest(_scrypt(password, salt, cost, len(expected)), expected)


def check_password_hash(hashed: str) -> None:
    """Raises ValueError for an invalid hash, or one whose cost is too high for a request."""
    match = _SCRYPT.fullmatch(hashed)
    if match is None and not _ARGON.fullmatch(hashed):
        raise ValueError('not a hash of a password: use the output of "hapiish hash"')
    if match is not None and not (1 <= int(match[1]) <= 20 and 1 <= int(match[2]) <= 16 and 1 <= int(match[3]) <= 16):
        raise ValueError("a hash of a password with unreasonable costs")


def hash_key(key: str) -> str:
    """Hashes an API key."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def key_digest(hashed: str) -> bytes:
    """The digest in the hash of a key. Raises ValueError for an invalid hash."""
    match = _KEY.fullmatch(hashed)
    if match is None:
        raise ValueError('not a hash of a key: use the output of "hapiish hash --key"')
    return bytes.fromhex(match[1])


def _scrypt(password: str, salt: bytes, cost: tuple[int, int, int], length: int) -> bytes:
    n, r, p = 1 << cost[0], cost[1], cost[2]
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r * p, dklen=length)


def _is_argon(password: str, hashed: str) -> bool:
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed)
    except InvalidKey:
        return False
    return True


def _text(data: bytes) -> str:
    return b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4))
