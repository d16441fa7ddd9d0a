"""After any history and any catch-ups, a reader has the state that a new client would read."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chat.reader import Reader
from tests.chat.world import KINDS, World, random_acts

pytestmark = pytest.mark.in_process

acts = st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.integers(0, 1), st.integers(0, 19))
syncs = st.tuples(st.just("sync"), st.integers(0, 2), st.just(0), st.just(0))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(acts | syncs, max_size=50), shown=st.sampled_from(["joined", "all"]))
def test_a_reader_that_syncs_at_any_moments_ends_with_the_state_of_a_fresh_client(
    documents: None, history: list[tuple[str, int, int, int]], shown: str
) -> None:
    world = World(shown)
    readers = [Reader(user) for user in world.users]
    for kind, who, where, which in history:
        if kind == "sync":
            world.sync(readers[who])
            world.check(readers[who])
        else:
            world.act(kind, who, where, which)
    for reader in readers:
        world.sync(reader)
        world.check(reader)


@pytest.mark.parametrize("seed", range(2))
def test_readers_that_race_with_writers_miss_nothing(documents: None, seed: int) -> None:
    world = World()
    readers = [Reader(user) for user in world.users]

    def write(number: int) -> None:
        for act in random_acts(10 * seed + number, 30):
            if number == 0 or act[0] not in ("join", "leave"):  # changes of one group run one after another
                world.act(*act)

    def read(reader: Reader) -> None:
        while not all(writer.done() for writer in writers):
            world.sync(reader)

    with ThreadPoolExecutor(6) as threads:
        writers = [threads.submit(write, number) for number in range(3)]
        readings = [threads.submit(read, reader) for reader in readers]
        for each in (*writers, *readings):
            each.result()
    for reader in readers:
        world.sync(reader)
        world.check(reader)
