"""Notations of durations and sizes."""

import pytest

from hapiish.declare import units


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [(250, 250), ("70", 70), ("50ms", 50), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000)],
)
def test_durations_are_milliseconds(written: int | str, milliseconds: int) -> None:
    assert units.duration(written) == milliseconds


@pytest.mark.parametrize(("written", "seconds"), [(60, 60), ("70", 70), ("30s", 30), ("5m", 300), ("1d", 86_400)])
def test_ages_in_headers_are_seconds(written: int | str, seconds: int) -> None:
    assert units.seconds(written) == seconds


@pytest.mark.parametrize(
    ("written", "size"), [(5, 5), ("6", 6), ("7B", 7), ("64KB", 65_536), ("1MB", 1_048_576), ("1GB", 1_073_741_824)]
)
def test_sizes_are_bytes_and_a_kilobyte_has_1024(written: int | str, size: int) -> None:
    assert units.size(written) == size


@pytest.mark.parametrize("written", ["", "1x", "s", "1.5s", "-1s", "1 s", "1mb"])
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        units.duration(written)
