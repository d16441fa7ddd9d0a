"""Accounts and their lists, on the real database."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import PasswordHasher

from models import user as module
from models.user import User

pytestmark = pytest.mark.usefixtures("documents")

NOBODY = "0" * 24


def someone(name: str = "ann") -> dict[str, Any]:
    account = User.register(name.title(), f"{name}@example.org", "correct horse")
    assert account is not None
    return account


def test_an_account_is_found_by_its_id_and_by_its_email_in_any_case() -> None:
    ann = User.register("Ann", "Ann@Example.org", "correct horse")
    assert ann is not None
    assert ann == {"_id": ann["_id"], "fullName": "Ann", "email": "ann@example.org"}
    assert User.account(ann["_id"]) == ann
    assert User.by_email("ANN@example.ORG") == ann


@pytest.mark.parametrize("unknown", [NOBODY, "", "ann", "x" * 24])
def test_an_id_without_an_account_finds_nobody(unknown: str) -> None:
    assert User.account(unknown) is None


def test_of_many_who_register_one_email_at_once_one_gets_it() -> None:
    with ThreadPoolExecutor(16) as threads:
        accounts = list(threads.map(lambda n: User.register(f"Ann {n}", "ann@example.org", "correct horse"), range(16)))
    assert sum(account is not None for account in accounts) == 1
    assert User.objects(email="ann@example.org").count() == 1


def test_a_password_is_kept_as_an_argon2id_hash_alone() -> None:
    ann = someone()
    stored = User.objects(id=ann["_id"]).as_pymongo().first()
    assert stored["password"].startswith("$argon2id$")
    assert "correct horse" not in str(stored)


@pytest.mark.parametrize(
    ("email", "password", "known"),
    [
        ("ann@example.org", "correct horse", True),
        ("ANN@EXAMPLE.ORG", "correct horse", True),
        ("ann@example.org", "Correct horse", False),
        ("ann@example.org", "", False),
        ("bob@example.org", "correct horse", False),
        ("bob@example.org", "nobody's password", False),  # the decoy's own password opens nothing
    ],
)
def test_only_the_right_email_with_the_right_password_is_let_in(email: str, password: str, known: bool) -> None:
    ann = someone()
    assert User.authenticate(email, password) == (ann if known else None)


def test_a_hash_of_weaker_parameters_is_renewed_by_the_next_login() -> None:
    ann = someone()
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("correct horse")
    User.objects(id=ann["_id"]).update_one(set__password=weak)
    assert User.authenticate("ann@example.org", "correct horse") == ann
    assert User.objects.get(id=ann["_id"]).password != weak
    assert User.authenticate("ann@example.org", "correct horse") == ann


def test_a_friend_is_added_once_however_many_add_at_once() -> None:
    ann, bob = someone("ann"), someone("bob")
    with ThreadPoolExecutor(16) as threads:
        added = list(threads.map(lambda _: User.add_friend(ann["_id"], bob["_id"]), range(32)))
    assert sorted(added) == ["added"] + ["present"] * 31
    assert User.friends_of(ann["_id"]) == [{"_id": bob["_id"], "fullName": "Bob"}]
    assert User.friends_of(bob["_id"]) == []


def test_friends_are_listed_in_the_order_they_were_added_without_accounts_that_are_gone() -> None:
    ann, *others = (someone(name) for name in ("ann", "dan", "bob", "cat"))
    for friend in others:
        User.add_friend(ann["_id"], friend["_id"])
    User.objects(email="bob@example.org").delete()
    assert [friend["fullName"] for friend in User.friends_of(ann["_id"])] == ["Dan", "Cat"]
    assert User.friends_of(NOBODY) == []


def test_a_list_takes_no_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIST_LIMIT", 2)
    ann, *others = (someone(name) for name in ("ann", "bob", "cat", "dan"))
    assert [User.block(ann["_id"], other["_id"]) for other in others] == ["added", "added", "full"]
    assert User.block(ann["_id"], others[0]["_id"]) == "present"


def test_a_list_that_changes_meanwhile_is_not_called_full() -> None:
    ann, bob = someone("ann")["_id"], someone("bob")["_id"]

    def change(number: int) -> Any:
        return User.block(ann, bob) if number % 2 else User.unblock(ann, bob)

    with ThreadPoolExecutor(8) as threads:
        assert "full" not in {*threads.map(change, range(400))}


def test_a_block_bars_both_ways_until_it_is_taken_back() -> None:
    ann, bob, cat = (someone(name) for name in ("ann", "bob", "cat"))
    User.block(ann["_id"], bob["_id"])
    assert User.is_barred(ann["_id"], bob["_id"])
    assert User.is_barred(bob["_id"], ann["_id"])
    assert not User.is_barred(ann["_id"], cat["_id"])
    assert User.blocked_by(ann["_id"]) == [{"_id": bob["_id"], "fullName": "Bob"}]
    assert User.blocked_by(bob["_id"]) == []
    User.unblock(ann["_id"], bob["_id"])
    User.unblock(ann["_id"], bob["_id"])
    assert not User.is_barred(ann["_id"], bob["_id"])
