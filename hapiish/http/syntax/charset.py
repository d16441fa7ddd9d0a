"""Decoders for the `charset` of a media type (RFC 9110 §8.3.2). Invalid bytes raise; nothing is guessed."""

import codecs
import re
from collections.abc import Callable
from typing import Final

from hapiish import boom

Decode = Callable[[bytes], str]
"""Decodes bytes; raises BadRequest for bytes that are invalid in the charset."""

UTF_8: Final = "utf-8"

_PARAMETER: Final = re.compile(r";[ \t]*charset=(?:\"([^\"]*)\"|([^;\s\"]*))", re.IGNORECASE)
_MAX_LABEL_LENGTH: Final = 40
_ASCII_COMPATIBLE: Final = frozenset(
    (
        *("ascii", UTF_8, "utf-8-sig", "gb18030", "gbk", "gb2312", "big5", "big5hkscs", "hz", "tis-620"),
        *("euc_jp", "euc_kr", "iso2022_jp", "iso2022_kr", "johab", "shift_jis", "cp932", "cp949", "cp950"),
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{page}" for page in (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866)),
        *(f"cp{page}" for page in (869, 874, *range(1250, 1259))),
        *("koi8-r", "koi8-t", "koi8-u", "mac-cyrillic", "mac-greek", "mac-latin2", "mac-roman", "mac-turkish"),
    )
)
"""ASCII-compatible charsets by Python's names. Python's other codecs are no charsets, or slow."""

_WIDE: Final = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})


def named(content_type: str) -> str | None:
    """The charset of a Content-Type header by Python's name; UTF-8 if it has none, None for an unknown one."""
    match = _PARAMETER.search(content_type)
    label = (match[1] or match[2] or "").strip() if match is not None else ""
    if not label:
        return UTF_8
    try:
        name = codecs.lookup(label).name if len(label) <= _MAX_LABEL_LENGTH and label.isascii() else ""
    except LookupError:
        return None
    return name if name in _ASCII_COMPATIBLE or name in _WIDE else None


def is_wide(name: str) -> bool:
    """Returns whether ASCII characters take more than one byte."""
    return name in _WIDE


def decoder(name: str) -> Decode:
    """The decoder of a charset that `named` returned."""

    def decode(data: bytes) -> str:
        try:
            return data.decode(name)
        except UnicodeError:
            raise boom.BadRequest(f"Invalid request payload: it is not text in {name}") from None

    return decode
