"""The type of a file by its content, and the names of files."""

import struct
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import filenames, media

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 7, 9),
    "image/gif": b"GIF89a" + struct.pack("<HH", 7, 9),
    "image/jpeg": b"\xff\xd8\xff\xe0\0\x04xx\xff\xff\xc2\0\x11\x08" + struct.pack(">HH", 9, 7) + b"\3",
    "image/webp": b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + (6).to_bytes(3, "little") + (8).to_bytes(3, "little"),
    "image/avif": b"\0\0\0\x1cftypavif\0\0\0\0mif1" + b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", 7, 9),
    "application/pdf": b"%PDF-1.7",
    "video/webm": b"\x1a\x45\xdf\xa3",
    "video/mp4": b"\0\0\0\x18ftypisom\0\0\0\0mp42",
    "video/quicktime": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "video/ogg": b"OggS",
    "audio/wav": b"RIFF\0\0\0\0WAVE",
    "audio/flac": b"fLaC",
    "audio/mpeg": b"\xff\xfb\x90",
    "audio/aac": b"\xff\xf1\x50",
}


@pytest.mark.parametrize("media_type", HEADS)
def test_a_type_is_that_of_the_content(media_type: str) -> None:
    assert media.recognised(media_type, HEADS[media_type]) == media_type
    assert media.recognised(media.UNKNOWN, HEADS[media_type]) == media_type
    assert media.recognised(media_type, b"<html>") is None
    assert media.recognised(media_type, b"") is None


@pytest.mark.parametrize("media_type", media.IMAGES)
def test_an_image_has_a_size(media_type: str) -> None:
    assert media.size_of(media_type, HEADS[media_type]) == (7, 9)


@pytest.mark.parametrize(
    ("bits", "size"),
    [(b"VP8L\0\0\0\0\x2f" + struct.pack("<I", 6 | 8 << 14), (7, 9)), (b"VP8 " + bytes(10) + b"\7\0\x09\0", (7, 9))],
)
def test_the_other_forms_of_webp_have_a_size(bits: bytes, size: tuple[int, int]) -> None:
    assert media.size_of("image/webp", b"RIFF\0\0\0\0WEBP" + bits) == size


@given(st.sampled_from(sorted(HEADS)), st.binary(max_size=200), st.integers(0, 60))
@example("image/jpeg", b"\xff" * 200, 3)
def test_broken_content_has_a_sound_size_or_none(media_type: str, noise: bytes, cut: int) -> None:
    size = media.size_of(media_type, HEADS[media_type][:cut] + noise)
    assert size is None or all(0 < side <= media.LARGEST for side in size)
    assert media.recognised(media_type, noise) in (media_type, None)


@given(st.text(max_size=600))
@example("../../etc/passwd")
@example("x" * 500 + ".tar.gz")
@example("\ud800\u202e.\0")
@example("COM1.txt")
@example("0 \U00018cd6\r0")
def test_a_clean_name_can_be_shown_and_saved(name: str) -> None:
    cleaned = filenames.clean(name)
    assert cleaned
    assert len(cleaned.encode()) <= filenames.LONGEST + 1
    assert not set(cleaned) & set('/\\<>:"|?*')
    assert cleaned == cleaned.strip(" .")
    assert not any(unicodedata.category(each)[0] == "C" for each in cleaned if each not in "\u200c\u200d")
    assert filenames.clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("holiday photo.jpg", "holiday photo.jpg"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("con.txt", "_con.txt"),
        ("e\u0301.txt", "é.txt"),
        (" .. ", "file"),
        ("", "file"),
    ],
)
def test_a_name_keeps_harmless_characters(name: str, cleaned: str) -> None:
    assert filenames.clean(name) == cleaned


def test_a_long_name_keeps_its_extension() -> None:
    assert filenames.clean("é" * 300 + ".png").endswith("é.png")
