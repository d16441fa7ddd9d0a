"""Transactions on a real mongod: atomic under every failure."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mongoengine import Document, IntField, NotUniqueError, OperationError, StringField
from pymongo import timeout
from pymongo.errors import OperationFailure

from hapiish import boom
from hapiish.store import local
from hapiish.store.connection import MEMORY, StoreError
from hapiish.store.store import Store
from hapiish.store.threads import Pool
from tests.store.test_store import AWAY, process, server
from tests.store.waiting import freeze

__all__ = ["server"]


class Account(Document):
    name = StringField(primary_key=True)
    balance = IntField(default=0)


class Entry(Document):
    account = StringField(required=True)
    amount = IntField(required=True)


MODELS = {"Account": Account, "Entry": Entry}


def run(uri: str, use: Callable[[Store], Awaitable[Any]], *, timeout_ms: int = 5000) -> Any:
    async def main() -> Any:
        pool = Pool(4)
        store = Store(uri, pool=pool, models=MODELS, timeout_ms=timeout_ms)
        await store.start()
        try:
            return await use(store)
        finally:
            await pool.stop()
            await store.stop()

    return asyncio.run(main())


def with_accounts(uri: str, work: Callable[[Store], Any]) -> Any:
    """What `work` returns in a thread of the pool, with an account of 100 and an empty one."""

    async def use(store: Store) -> Any:
        await store.call(begin)
        return await store.call(work, store)

    return run(uri, use)


def begin() -> None:
    Account.objects.delete()
    Entry.objects.delete()
    Account(name="a", balance=100).save()
    Account(name="b").save()


def pay(amount: int) -> None:
    Account.objects(name="a").update_one(dec__balance=amount)
    Entry(account="a", amount=-amount).save()
    Account.objects(name="b").update_one(inc__balance=amount)
    Entry(account="b", amount=amount).save()


def state() -> tuple[dict[str, int], int]:
    return {each.name: each.balance for each in Account.objects}, Entry.objects(amount__ne=0).count()


def raised(work: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:
        work()
    return caught.value


def test_what_a_block_writes_to_two_collections_is_there_when_it_ends(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        with store.transaction() as session:
            pay(30)
            assert session.in_transaction
        return state()

    assert with_accounts(mongo_uri, work) == ({"a": 70, "b": 30}, 2)


def test_an_exception_undoes_all_of_a_block_and_goes_on(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        def block() -> None:
            with store.transaction():
                pay(30)
                raise boom.Conflict("Too little")

        assert isinstance(raised(block), boom.Conflict)
        return state()

    assert with_accounts(mongo_uri, work) == ({"a": 100, "b": 0}, 0)


def test_others_see_nothing_of_a_block_before_it_ends_and_itself_sees_all(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        seen: list[Any] = []
        with store.transaction():
            pay(30)
            other = threading.Thread(target=lambda: seen.append(state()))
            other.start()
            other.join()
            seen.append(state())
        return [*seen, state()]

    assert with_accounts(mongo_uri, work) == [
        ({"a": 100, "b": 0}, 0),
        ({"a": 70, "b": 30}, 2),
        ({"a": 70, "b": 30}, 2),
    ]


def test_a_block_reads_as_of_one_moment(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        with store.transaction():
            before = Account.objects.get(name="a").balance
            other = threading.Thread(target=lambda: Account.objects(name="a").update_one(set__balance=5))
            other.start()
            other.join()
            return before, Account.objects.get(name="a").balance

    assert with_accounts(mongo_uri, work) == (100, 100)


def test_a_failed_write_of_mongoengine_undoes_what_came_before(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        def block() -> None:
            with store.transaction():
                pay(30)
                Account(name="a").save(force_insert=True)

        assert isinstance(raised(block), NotUniqueError)
        return state()

    assert with_accounts(mongo_uri, work) == ({"a": 100, "b": 0}, 0)


@pytest.mark.parametrize("wrapped", [lambda error: error, OperationError], ids=["by the driver", "by MongoEngine"])
def test_a_function_is_tried_again_when_another_writer_was_in_its_way(mongo_uri: str, wrapped: Any) -> None:
    tries: list[int] = []

    def transfer(amount: int) -> str:
        tries.append(Account.objects.get(name="a").balance)
        if len(tries) < 3:
            other = threading.Thread(target=lambda: Account.objects(name="a").update_one(inc__balance=1000))
            other.start()
            other.join()
        try:
            pay(amount)
        except OperationFailure as error:
            raise wrapped(error)  # noqa: B904 - as MongoEngine does
        return "paid"

    def work(store: Store) -> Any:
        return store.transact(transfer, 30), state()

    assert with_accounts(mongo_uri, work) == ("paid", ({"a": 2070, "b": 30}, 2))
    assert tries == [100, 1100, 2100]


def test_fifty_transfers_of_many_threads_lose_nothing(mongo_uri: str) -> None:
    async def use(store: Store) -> Any:
        await store.call(begin)
        await asyncio.gather(*(store.transact(pay, 1, timeout_ms=30_000) for _ in range(50)))
        return await store.call(state)

    assert run(mongo_uri, use) == ({"a": 50, "b": 50}, 100)


def test_a_function_whose_way_is_never_free_is_given_up_in_time_as_a_503(mongo_uri: str) -> None:
    def transfer() -> None:
        Account.objects.get(name="a")
        other = threading.Thread(target=lambda: Account.objects(name="a").update_one(inc__balance=1))
        other.start()
        other.join()
        Account.objects(name="a").update_one(dec__balance=1)

    def work(store: Store) -> Any:
        return store.translate(raised(lambda: store.transact(transfer, timeout_ms=300)))

    answer = with_accounts(mongo_uri, work)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_what_a_slow_block_holds_is_free_as_soon_as_its_time_is_over(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        def block() -> None:
            with store.transaction(timeout_ms=200):
                pay(30)
                list(Account.objects(__raw__={"$where": "sleep(2000) || true"}))

        error = raised(block)
        Account.objects(name="a").update_one(inc__balance=1)  # which waits for the other one
        return store.translate(error), state()

    answer, after = with_accounts(mongo_uri, work)
    assert answer.status == 503
    assert after == ({"a": 101, "b": 0}, 0)


def test_other_exceptions_of_a_function_are_its_callers_after_one_try(mongo_uri: str) -> None:
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        pay(30)
        raise KeyError("x")

    def work(store: Store) -> Any:
        with pytest.raises(KeyError):
            store.transact(fail)
        return state()

    assert with_accounts(mongo_uri, work) == ({"a": 100, "b": 0}, 0)
    assert tries == [1]


def test_an_async_function_awaits_a_transaction_and_may_not_block_in_one(mongo_uri: str) -> None:
    async def use(store: Store) -> Any:
        await store.call(begin)
        await store.transact(pay, 10)
        with pytest.raises(RuntimeError, match="blocks its thread"):
            store.transaction()
        return await store.call(state)

    assert run(mongo_uri, use) == ({"a": 90, "b": 10}, 2)


def test_a_transaction_in_a_transaction_is_a_part_of_it(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        def block() -> None:
            with store.transaction():
                store.transact(pay, 30)
                with store.transaction():
                    pay(30)
                raise KeyError("x")

        assert isinstance(raised(block), KeyError)
        with store.transaction():
            store.transact(pay, 5)
        return state()

    assert with_accounts(mongo_uri, work) == ({"a": 95, "b": 5}, 2)


def test_a_part_that_failed_is_never_committed_with_the_rest(mongo_uri: str) -> None:
    def part() -> None:
        pay(30)
        raise KeyError("x")

    def work(store: Store) -> Any:
        def block() -> None:
            with store.transaction():
                assert isinstance(raised(lambda: store.transact(part)), KeyError)

        assert "a nested transaction failed" in str(raised(block))
        return state()

    assert with_accounts(mongo_uri, work) == ({"a": 100, "b": 0}, 0)


def test_what_is_done_on_the_event_loop_meanwhile_is_no_part_of_it(mongo_uri: str) -> None:
    def work(store: Store) -> Any:
        with store.transaction():
            pay(30)
            return store.call(state), state()  # another thread of the pool

    assert with_accounts(mongo_uri, work) == (({"a": 100, "b": 0}, 0), ({"a": 70, "b": 30}, 2))


def test_a_database_that_is_away_is_a_503_within_its_time() -> None:
    async def use(store: Store) -> Any:
        with pytest.raises(Exception) as caught:
            await store.transact(pay, 1)
        return store.translate(caught.value)

    assert run(AWAY, use, timeout_ms=100).status == 503


def test_a_database_in_memory_says_that_it_has_no_transactions() -> None:
    async def use(store: Store) -> None:
        with pytest.raises(StoreError, match="no transactions"):
            await store.transact(pay, 1)

    run(MEMORY, use)


@pytest.mark.parametrize("moment", ["in the block", "at the commit"])
def test_a_server_that_freezes_meanwhile_holds_nothing_once_it_is_back(server: local.LocalMongo, moment: str) -> None:
    pid = process(server)

    def work(store: Store) -> Any:
        def block() -> None:
            with store.transaction(timeout_ms=1000):
                pay(30)
                freeze(pid)
                time.sleep(0.1)  # until all its threads have stopped
                if moment == "in the block":
                    Account.objects(name="a").first()

        error = raised(block)
        os.kill(pid, signal.SIGCONT)
        with timeout(30):  # half of the time after which a server ends what nobody goes on with
            Account.objects(name="a").update_one(inc__balance=1)
        return store.translate(error)

    assert with_accounts(server.uri, work).status == 503
