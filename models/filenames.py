"""File names that are safe to show and to save: no paths, no invisible characters, no reserved names."""

import re
import unicodedata
from typing import Final

LONGEST: Final = 200
"""The most bytes of a name in UTF-8. File systems allow 255."""

DEFAULT: Final = "file"

_PATH: Final = re.compile(r"[/\\]")
_FORBIDDEN: Final = re.compile(r'[<>:"|?*]')
_SPACES: Final = re.compile(r"\s+")
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_JOINERS: Final = "\u200c\u200d"  # parts of words and of emojis


def clean(name: str) -> str:
    """Returns a name that is safe to show and to save: the last part of a path, without invisible characters.

    A long name is shortened before its extension, if that has up to 16 bytes. An empty name becomes `file`.
    """
    last = _PATH.split(unicodedata.normalize("NFC", name))[-1]
    visible = "".join(each for each in _SPACES.sub(" ", last) if each in _JOINERS or _is_visible(each))
    safe = _FORBIDDEN.sub("_", _SPACES.sub(" ", visible)).strip(" .")
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    return _shortened(safe).strip(" .") or DEFAULT


def _is_visible(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp")


def _shortened(name: str) -> str:
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = LONGEST - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip() + dot + extension
