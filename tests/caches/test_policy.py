"""catbox's cache policy rules, on a controlled clock."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

import pytest

from hapiish import boom
from hapiish.caches import Decorated, Flags, Policy, Rules
from hapiish.outages import BURST
from tests.caches.support import FaultyStore, Source
from tests.virtual_loop import START, VirtualLoop, clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


async def make(source: Source | None = None, **rules: Any) -> tuple[Policy, FaultyStore]:
    """A policy over a store of its own; with a `source`, values are waited for a second."""
    if source is not None:
        rules = {"generate_timeout": 1000, "generate_func": source, **rules}
    store = FaultyStore(clock)
    await store.start()
    return Policy(Rules(**rules), store, "tests", clock=clock), store


async def took(call: Awaitable[Any]) -> tuple[Any, int]:
    """What a call returns, and the milliseconds until then."""
    began = clock()
    value = await call
    return value, round((clock() - began) * 1000)


async def passed(milliseconds: int) -> None:
    await asyncio.sleep(milliseconds / 1000)


async def test_what_is_missing_is_none_without_a_function_that_makes_it() -> None:
    policy, _ = await make(expires_in=1000)
    assert await policy.get("a") is None
    await policy.set("a", {"x": 1})
    assert await policy.get("a") == {"x": 1}
    assert await policy.get({"id": "a"}) == {"x": 1}
    await policy.drop("a")
    assert await policy.get("a") is None


async def test_a_value_is_made_once_and_kept_until_it_expires() -> None:
    source = Source()
    policy, _ = await make(source, expires_in=1000)
    assert await policy.get("a") == {"made": 1}
    await passed(999)
    assert await policy.get("a") == {"made": 1}
    await passed(1)
    assert await policy.get("a") == {"made": 2}
    assert source.asked == ["a", "a"]


async def test_the_function_gets_the_key_as_it_was_given() -> None:
    source = Source()
    policy, _ = await make(source, expires_in=1000)
    await policy.get({"id": "a", "more": 1})
    assert source.asked == [{"id": "a", "more": 1}]


async def test_a_value_without_any_rule_of_expiry_is_not_kept() -> None:
    policy, _ = await make(Source())
    assert [await policy.get("a"), await policy.get("a")] == [{"made": 1}, {"made": 2}]


async def test_a_value_expires_at_a_local_time_of_day(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        # The loop begins at 2023-11-14 23:13:20 in Berlin.
        policy, _ = await make(Source(), expires_at="03:30")
        assert policy.ttl() == (4 * 3600 + 16 * 60 + 40) * 1000
        await policy.get("a")
        await passed(policy.ttl() - 1)
        assert await policy.get("a") == {"made": 1}
        await passed(1)
        assert await policy.get("a") == {"made": 2}
        assert policy.ttl() == 24 * 3600 * 1000
        assert policy.ttl(START) == 0
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_what_is_left_of_a_value_follows_from_when_it_was_made() -> None:
    policy, _ = await make(expires_in=1000)
    assert (policy.ttl(), policy.ttl(clock() - 0.4), policy.ttl(clock() - 5), policy.ttl(clock() + 5)) == (
        1000,
        600,
        0,
        0,
    )


async def test_a_value_that_takes_too_long_is_a_503_and_is_kept_when_it_comes() -> None:
    policy, _ = await make(Source(500), expires_in=10_000, generate_timeout=200)
    began = clock()
    with pytest.raises(boom.ServerUnavailable):
        await policy.get("a")
    assert round(clock() - began, 3) == 0.2
    await passed(301)
    assert await policy.get("a") == {"made": 1}
    assert policy.stats.generates == 1


async def test_generate_timeout_false_waits_for_as_long_as_it_takes() -> None:
    policy, _ = await make(Source(3_600_000), expires_in=1, generate_timeout=False)
    assert await took(policy.get("a")) == ({"made": 1}, 3_600_000)


async def test_concurrent_calls_share_one_look_up_and_one_generate() -> None:
    source = Source(100)
    policy, store = await make(source, expires_in=1000)
    store.delay = 50
    calls = [asyncio.create_task(took(policy.get("a"))) for _ in range(3)]
    await passed(120)
    assert await took(policy.get("a")) == ({"made": 1}, 30)
    assert await asyncio.gather(*calls) == [({"made": 1}, 150)] * 3
    assert (store.lookups, len(source.asked), policy.stats.gets) == (1, 1, 4)
    assert await policy.get("b") == {"made": 2}


async def test_a_caller_that_leaves_takes_nothing_from_the_others() -> None:
    source = Source(100)
    policy, store = await make(source, expires_in=1000)
    store.delay = 50
    looking, other = asyncio.create_task(policy.get("a")), asyncio.create_task(policy.get("a"))
    await passed(10)
    looking.cancel()
    assert await other == {"made": 1}
    waiting, other = asyncio.create_task(policy.get("b")), asyncio.create_task(policy.get("b"))
    await passed(70)
    waiting.cancel()
    assert await other == {"made": 2}
    alone = asyncio.create_task(policy.get("c"))
    await passed(70)
    alone.cancel()
    await passed(100)
    assert await policy.get("c") == {"made": 3}
    early = asyncio.create_task(policy.get("d"))
    await passed(10)
    early.cancel()
    assert await policy.get("d") == {"made": 4}


STALE = {"expires_in": 1000, "stale_in": 500, "stale_timeout": 20}


async def test_a_stale_value_is_handed_out_while_a_fresh_one_is_made() -> None:
    source = Source(0)
    policy, _ = await make(source, **STALE)
    await policy.get("a")
    await passed(499)
    assert await took(policy.get("a")) == ({"made": 1}, 0)
    source.delay = 60
    await passed(1)
    assert await took(policy.get("a")) == ({"made": 1}, 20)
    await passed(41)
    assert await took(policy.get("a")) == ({"made": 2}, 0)
    stats = policy.stats
    assert (stats.gets, stats.hits, stats.stales, stats.generates, stats.sets) == (4, 3, 1, 2, 2)


async def test_a_fresh_value_that_comes_before_the_stale_timeout_is_the_answer() -> None:
    source = Source(0)
    policy, _ = await make(source, **STALE)
    await policy.get("a")
    source.delay = 10
    await passed(500)
    assert await took(policy.get("a")) == ({"made": 2}, 10)


async def test_a_stale_value_that_expires_within_the_timeout_is_not_handed_out() -> None:
    source = Source(0)
    policy, _ = await make(source, **STALE)
    await policy.get("a")
    source.delay = 100
    await passed(985)
    assert await took(policy.get("a")) == ({"made": 2}, 100)


async def test_a_function_says_from_when_on_a_value_is_stale() -> None:
    source = Source(0)
    asked = []

    def stale_in(stored: int, ttl: int) -> int:
        asked.append((stored, ttl))
        return 300

    policy, _ = await make(source, expires_in=1000, stale_in=stale_in, stale_timeout=20)
    await policy.get("a")
    await passed(299)
    assert await policy.get("a") == {"made": 1}
    await passed(1)
    assert await policy.get("a") == {"made": 2}
    assert asked == [(int(START * 1000), 701), (int(START * 1000), 700)]


async def test_a_second_generate_runs_beside_the_first_by_default() -> None:
    source = Source(0)
    policy, _ = await make(source, **STALE)
    await policy.get("a")
    source.delay = 100
    await passed(500)
    assert await took(policy.get("a")) == ({"made": 1}, 20)
    assert await took(policy.get("a")) == ({"made": 1}, 20)
    assert len(source.asked) == 3


async def test_no_second_generate_begins_within_the_pending_timeout() -> None:
    source = Source(0)
    policy, _ = await make(source, **STALE, pending_generate_timeout=60)
    await policy.get("a")
    source.delay = 100
    await passed(500)
    assert await took(policy.get("a")) == ({"made": 1}, 20)
    assert await took(policy.get("a")) == ({"made": 1}, 20)
    assert len(source.asked) == 2
    await passed(20)  # 60 since the first one began
    assert await took(policy.get("a")) == ({"made": 1}, 20)
    assert len(source.asked) == 3
    await passed(10)
    source.delay = 0
    assert await policy.get("a") == {"made": 2}


async def test_errors_of_the_function_reach_the_caller_as_they_are() -> None:
    failure = LookupError("no such user")
    source = Source(fails=failure)
    policy, _ = await make(source, expires_in=1000)
    with pytest.raises(LookupError) as caught:
        await policy.get("a")
    assert caught.value is failure
    source.fails = None
    assert await policy.get("a") == {"made": 2}


async def test_an_error_drops_the_stale_value() -> None:
    source = Source(0)
    policy, store = await make(source, **STALE)
    await policy.get("a")
    source.fails = LookupError("gone")
    await passed(500)
    with pytest.raises(LookupError):
        await policy.get("a")
    assert await store.get("tests", "a") is None


async def test_drop_on_error_false_answers_with_the_stale_value_and_keeps_it() -> None:
    source = Source(0)
    policy, store = await make(source, **STALE, drop_on_error=False, get_decorated_value=True)
    await policy.get("a")
    source.fails = LookupError("gone")
    await passed(500)
    answer = await policy.get("a")
    assert answer.value == {"made": 1}
    assert answer.report.error is source.fails
    assert await store.get("tests", "a") is not None


async def test_drop_on_error_false_still_fails_where_nothing_is_stale() -> None:
    policy, _ = await make(Source(fails=LookupError("gone")), expires_in=1000, drop_on_error=False)
    with pytest.raises(LookupError):
        await policy.get("a")


async def test_a_store_that_cannot_be_read_is_gone_around() -> None:
    policy, store = await make(Source(), expires_in=1000)
    store.broken = {"get"}
    assert [await policy.get("a"), await policy.get("a")] == [{"made": 1}, {"made": 2}]
    assert policy.stats.errors == 2
    store.broken = set()
    assert await policy.get("a") == {"made": 2}


async def test_generate_on_read_error_false_hands_the_error_on() -> None:
    source = Source()
    policy, store = await make(source, expires_in=1000, generate_on_read_error=False)
    store.broken = {"get"}
    with pytest.raises(ConnectionError):
        await policy.get("a")
    assert source.asked == []


async def test_a_store_that_cannot_be_written_does_not_fail_the_call(caplog: pytest.LogCaptureFixture) -> None:
    policy, store = await make(Source(), expires_in=1000)
    store.broken, store.error = {"set"}, TypeError
    assert [await policy.get("a"), await policy.get("a")] == [{"made": 1}, {"made": 2}]
    assert policy.stats.errors == 2
    assert [record.message for record in caplog.records] == [
        "cache segment tests cannot write: TypeError: cannot write"
    ]


async def test_a_store_that_is_away_is_told_of_once_and_so_is_its_return(caplog: pytest.LogCaptureFixture) -> None:
    policy, store = await make(Source(), expires_in=1000)
    with caplog.at_level(logging.INFO, logger="hapiish"):
        for _ in range(2):
            store.broken = {"get", "set", "drop"}
            for key in "abc":
                await policy.get(key)
                with pytest.raises(ConnectionError):
                    await policy.drop(key)
            store.broken = set()
            await policy.get("a")
            await policy.get("b")
    lost = 'the store of the cache "tests" does not answer: cannot read; it caches no values until it does'
    back = 'the store of the cache "tests" answers again'
    said = [("WARNING", lost), ("INFO", back)]
    assert [(record.levelname, record.message) for record in caplog.records] == said * 2


async def test_a_store_that_comes_and_goes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    policy, store = await make(expires_in=1000)
    with caplog.at_level(logging.INFO, logger="hapiish"):
        for _ in range(1000):
            store.broken = {"get"}
            with pytest.raises(ConnectionError):
                await policy.get("a")
            store.broken = set()
            await policy.get("a")
    assert len(caplog.records) <= 2 * (BURST + 1)


async def test_generate_ignore_write_error_false_fails_the_call() -> None:
    policy, store = await make(Source(), expires_in=1000, generate_ignore_write_error=False)
    store.broken = {"set"}
    with pytest.raises(ConnectionError):
        await policy.get("a")


async def test_setting_oneself_hears_of_every_error() -> None:
    policy, store = await make(expires_in=1000)
    store.broken = {"set"}
    with pytest.raises(ConnectionError):
        await policy.set("a", 1)
    assert (policy.stats.sets, policy.stats.errors) == (1, 1)


async def test_a_function_may_set_a_ttl_of_its_own_and_zero_drops() -> None:
    source = Source(ttl=50)
    policy, store = await make(source, expires_in=1000)
    await policy.get("a")
    await passed(49)
    assert await policy.get("a") == {"made": 1}
    await passed(1)
    source.ttl = 0
    await policy.set("a", "old", 1)
    await passed(1)
    assert await policy.get("a") == {"made": 2}
    assert await store.get("tests", "a") is None


async def test_a_decorated_value_says_how_it_was_come_by() -> None:
    policy, _ = await make(Source(), expires_in=1000, get_decorated_value=True)
    made = await policy.get("a")
    assert isinstance(made, Decorated)
    assert (made.value, made.cached, made.report.is_stale) == ({"made": 1}, None, None)
    await passed(100)
    found = await policy.get("a")
    assert found.value == {"made": 1}
    assert (found.cached.stored, found.cached.ttl, found.cached.is_stale) == (int(START * 1000), 900, False)
    assert (found.report.stored, found.report.ttl, found.report.is_stale) == (int(START * 1000), 900, False)


async def test_none_is_never_a_hit() -> None:
    policy, _ = await make(Source(), expires_in=1000)
    await policy.set("a", None)
    assert await policy.get("a") == {"made": 1}


async def test_callers_cannot_change_what_is_kept() -> None:
    policy, _ = await make(Source(), expires_in=1000)
    await policy.get("a")
    (await policy.get("a"))["made"] = "changed"
    assert await policy.get("a") == {"made": 1}


async def test_before_the_store_is_started_values_are_made_each_time() -> None:
    policy, store = await make(Source(), expires_in=1000)
    await store.stop()
    assert not policy.is_ready
    assert [await policy.get("a"), await policy.get("a")] == [{"made": 1}, {"made": 2}]
    await store.start()
    assert policy.is_ready


async def test_closing_answers_those_who_wait() -> None:
    policy, _ = await make(Source(100), expires_in=1000)
    waiting = asyncio.create_task(policy.get("a"))
    await passed(10)
    await policy.close()
    with pytest.raises(boom.ServerUnavailable):
        await waiting


@pytest.mark.parametrize("key", [None, 5, {"id": 5}])
async def test_a_key_is_text(key: Any) -> None:
    policy, _ = await make(expires_in=1000)
    with pytest.raises(TypeError):
        await policy.get(key)


async def generate(key: Any, flags: Flags) -> None:
    """Nothing."""


MADE = {"generate_func": generate, "generate_timeout": 10}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"expires_in": 5, "expires_at": "03:30"}, "exclude each other"),
        ({"expires_at": "25:99"}, "a time of day"),
        ({"expires_in": 0}, "at least 1 millisecond"),
        ({"expires_in": 5, "stale_in": 2, "stale_timeout": 1}, '"staleIn" needs "generateFunc"'),
        ({"generate_timeout": 5}, '"generateTimeout" needs "generateFunc"'),
        ({"generate_func": generate}, '"generateFunc" needs "generateTimeout"'),
        ({"drop_on_error": True}, '"dropOnError" needs "generateFunc"'),
        ({"generate_on_read_error": True}, '"generateOnReadError" needs "generateFunc"'),
        ({"generate_ignore_write_error": True}, '"generateIgnoreWriteError" needs "generateFunc"'),
        ({**MADE, "expires_in": 9, "stale_in": 5}, '"staleIn" needs "staleTimeout"'),
        ({**MADE, "expires_in": 9, "stale_timeout": 5}, '"staleTimeout" needs "staleIn"'),
        ({**MADE, "expires_in": 9, "stale_in": 9, "stale_timeout": 1}, '"staleIn" must be less than "expiresIn"'),
        ({**MADE, "expires_in": 9, "stale_in": 5, "stale_timeout": 4}, '"staleTimeout" must be less than'),
        ({**MADE, "expires_in": 9, "stale_in": len, "stale_timeout": 9}, '"staleTimeout" must be less than'),
        ({**MADE, "expires_at": "3:00", "stale_in": 86_400_000, "stale_timeout": 1}, "less than a day"),
        (
            {**MADE, "expires_in": 99, "stale_in": 5, "stale_timeout": 4, "pending_generate_timeout": 4},
            '"pendingGenerateTimeout" must be greater',
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(rules: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Rules(**rules)
