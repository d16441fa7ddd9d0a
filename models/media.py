"""The media type of a file by its first bytes, and the size of an image.

Only types that clients show inside of a page are known. Files are not decoded: only a few fields are read.
"""

import struct
from collections.abc import Callable
from typing import Final

HEAD: Final = 64 * 1024
"""The most bytes at the start of a file that are examined."""

LARGEST: Final = 100_000
"""The most pixels of a side. A file with a larger number is broken or hostile."""

UNKNOWN: Final = "application/octet-stream"

_ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "audio/x-aac": "audio/aac",
    "video/x-m4v": "video/mp4",
    "application/x-pdf": "application/pdf",
}

Size = tuple[int, int]


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:4] == b"RIFF" and head[8:12] == kind


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Returns a test for the brands of an ISO media file (ISO/IEC 14496-12 §4.3). Without `brands`, each matches."""

    def test(head: bytes) -> bool:
        if head[4:8] != b"ftyp":
            return False
        end = min(int.from_bytes(head[:4]), 256)
        named = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
        return not brands or any(each in brands for each in named)

    return test


def _is_mpeg_audio(head: bytes) -> bool:
    return head[:3] == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6))


def _is_aac(head: bytes) -> bool:
    return head[:3] == b"ID3" or (head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0)


_TESTS: Final[dict[str, Callable[[bytes], bool]]] = {
    "image/png": _starts(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": _starts(b"\xff\xd8\xff"),
    "image/gif": _starts(b"GIF87a", b"GIF89a"),
    "image/webp": _riff(b"WEBP"),
    "image/avif": _brand(b"avif", b"avis"),
    "application/pdf": _starts(b"%PDF-"),
    "video/webm": _starts(b"\x1a\x45\xdf\xa3"),
    "audio/webm": _starts(b"\x1a\x45\xdf\xa3"),
    "video/quicktime": _brand(b"qt  "),
    "video/mp4": _brand(),
    "audio/mp4": _brand(),
    "video/ogg": _starts(b"OggS"),
    "audio/ogg": _starts(b"OggS"),
    "audio/wav": _riff(b"WAVE"),
    "audio/flac": _starts(b"fLaC"),
    "audio/mpeg": _is_mpeg_audio,
    "audio/aac": _is_aac,
}


def is_known(media_type: str) -> bool:
    """Returns True for a type that can be recognised by the content of a file."""
    return media_type in _TESTS


def canonical(media_type: str) -> str:
    """Returns the usual name of a type, in lower case and without parameters."""
    plain = media_type.partition(";")[0].strip().lower()
    return _ALIASES.get(plain, plain)


def recognised(declared: str, head: bytes) -> str | None:
    """Returns the type of a file that begins with `head`: the declared one, or None if the content contradicts it.

    A file of `application/octet-stream` gets the type of its content, if that is known. The content of an unknown
    declared type is not examined.
    """
    if declared == UNKNOWN:
        return next((name for name, test in _TESTS.items() if test(head)), UNKNOWN)
    test = _TESTS.get(declared)
    return declared if test is None or test(head) else None


def size_of(media_type: str, head: bytes) -> Size | None:
    """Returns the width and height of an image in pixels, as its head declares them; None if they cannot be read."""
    read = _SIZES.get(media_type)
    try:
        size = read(head) if read else None
    except (struct.error, IndexError):
        return None
    return size if size and all(0 < side <= LARGEST for side in size) else None


def _png(head: bytes) -> Size:
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(head: bytes) -> Size:
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _jpeg(head: bytes) -> Size | None:
    """Follows the segments to the start of the frame (ISO/IEC 10918-1 §B.2)."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        mark = head[at + 1]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 1 if mark == 0xFF else 2 + max(2, int.from_bytes(head[at + 2 : at + 4]))
    return None


def _webp(head: bytes) -> Size | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _avif(head: bytes) -> Size | None:
    at = head.find(b"ispe")
    if at < 0:
        return None
    width, height = struct.unpack_from(">II", head, at + 8)
    return width, height


_SIZES: Final[dict[str, Callable[[bytes], Size | None]]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/avif": _avif,
}

IMAGES: Final = tuple(_SIZES)
"""The types of images that browsers show without running code."""
