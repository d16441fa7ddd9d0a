"""The thread pool: scheduling, concurrency, cancellation and shutdown."""

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from hapiish.store.threads import Pool

word: ContextVar[str] = ContextVar("word", default="none")


def test_a_call_runs_in_a_thread_of_the_pool_and_gives_its_result() -> None:
    def blocking(left: int, right: int) -> tuple[int, str]:
        return left + right, threading.current_thread().name

    async def main() -> tuple[int, str]:
        pool = Pool(1)
        try:
            return await pool.call(blocking, 2, 3)
        finally:
            await pool.stop()

    total, name = asyncio.run(main())
    assert total == 5
    assert name.startswith("hapiish")


def test_context_variables_of_the_caller_are_seen_in_the_thread() -> None:
    async def main() -> list[str]:
        pool = Pool(1)
        seen = []
        for text in ("first", "second"):
            word.set(text)
            seen.append(await pool.call(word.get))
        await pool.stop()
        return seen

    assert asyncio.run(main()) == ["first", "second"]


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration("enough")])
def test_an_exception_reaches_the_caller(error: Exception) -> None:
    def fail() -> None:
        raise error

    async def main() -> None:
        pool = Pool(1)
        try:
            await pool.call(fail)
        finally:
            await pool.stop()

    with pytest.raises((ValueError, RuntimeError)) as caught:
        asyncio.run(main())
    assert error in (caught.value, caught.value.__cause__)


def test_no_more_calls_run_at_once_than_the_pool_has_threads() -> None:
    gate = threading.Barrier(3)
    running: list[int] = []

    def meet() -> int:
        running.append(1)
        gate.wait()  # opens for exactly three: a fourth at the same time would break the count below
        return len(running)

    async def main() -> list[int]:
        pool = Pool(3)
        counts = await asyncio.gather(*(pool.call(meet) for _ in range(3)))
        await pool.stop()
        return counts

    assert asyncio.run(main()) == [3, 3, 3]

    async def crowd() -> int:
        pool = Pool(2)
        most = 0
        inside = 0
        lock = threading.Lock()

        def work() -> None:
            nonlocal most, inside
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.001)
            with lock:
                inside -= 1

        await asyncio.gather(*(pool.call(work) for _ in range(40)))
        await pool.stop()
        return most

    assert asyncio.run(crowd()) <= 2


def test_a_cancelled_call_that_waits_never_begins_and_one_that_has_begun_ends() -> None:
    begun = threading.Event()
    release = threading.Event()
    done: list[str] = []

    def slow() -> None:
        begun.set()
        release.wait()
        done.append("slow")

    async def main() -> None:
        pool = Pool(1)
        running = asyncio.create_task(pool.call(slow))
        waiting = asyncio.create_task(pool.call(done.append, "waiting"))
        await asyncio.to_thread(begun.wait)
        for task in (waiting, running):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        release.set()
        await pool.stop()

    asyncio.run(main())
    assert done == ["slow"]


def test_a_stopped_pool_can_be_used_again() -> None:
    async def main() -> int:
        pool = Pool(1)
        await pool.stop()
        await pool.call(int)
        await pool.stop()
        value = await pool.call(int, "7")
        await pool.stop()
        return value

    assert asyncio.run(main()) == 7


def test_the_pool_and_the_names_load_no_database_driver() -> None:
    code = (
        "import sys, hapiish.store.threads, hapiish.store.models;"
        "print([m for m in ('mongoengine', 'pymongo', 'bson') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
