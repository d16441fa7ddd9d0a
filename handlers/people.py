"""Queries for several users at once.

The user class of another project need not have the methods for several users: the chat then queries one after another.
"""

from collections.abc import Iterable
from typing import Any

from hapiish import Request, boom


def check_invited(request: Request, user_ids: list[str]) -> None:
    """Raises 404 if one of these users does not exist, 403 `blocked` if one has blocked the caller or the reverse."""
    me, users = request.auth.credentials["id"], request.models.User
    if hasattr(users, "barred_among"):
        barred = users.barred_among(me, user_ids)
    else:
        barred = {each: users.is_barred(me, each) for each in user_ids if users.account(each) is not None}
    for each in user_ids:
        if each not in barred:
            raise boom.NotFound("There is no such user", code="not_found", data={"userId": each})
        if barred[each]:
            raise boom.Forbidden("One of you has blocked the other", code="blocked", data={"userId": each})


def named(models: Any, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows that have a `userId`, with the `fullName` and the `avatar` of these users.

    A user without an account has an empty name.
    """
    rows, users = list(rows), models.User
    ids = [row["userId"] for row in rows]
    if hasattr(users, "people"):
        people = users.people(ids)
    else:
        people = {each: found for each in ids if (found := users.account(each)) is not None}
    nobody = {"fullName": ""}
    return [
        {**row, **{key: value for key, value in people.get(row["userId"], nobody).items() if key in _SHOWN}}
        for row in rows
    ]


_SHOWN = ("fullName", "avatar")
