"""A short run of `scripts/soak tables`: all seeds, and some mutations of each."""

from tests.soak.tables import run, seeds


def test_no_table_gets_anything_but_reasons_out_of_check() -> None:
    said: list[str] = []
    assert run(len(seeds()) + 100, 1, said.append) == 0, "\n".join(said)
