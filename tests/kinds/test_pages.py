"""Lists compared with a slow reference implementation: filters, order, and pages of any size."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish import Application
from hapiish.testing import inject
from tests.kinds.conftest import Client

pytestmark = pytest.mark.anyio

TODOS = "/boards/home/todos"
START = datetime(2030, 1, 1, tzinfo=UTC)

TITLES = st.text(alphabet="abAB.*é", min_size=1, max_size=3)
DOCUMENTS = st.fixed_dictionaries(
    {"title": TITLES},
    optional={
        "done": st.booleans(),
        "priority": st.none() | st.integers(0, 3),
        "dueAt": st.none() | st.integers(0, 3).map(lambda days: (START + timedelta(days)).isoformat()),
        "tags": st.lists(st.sampled_from("xyz"), max_size=3),
    },
)
SORTS = st.lists(
    st.tuples(st.sampled_from(["", "-"]), st.sampled_from(["priority", "dueAt", "title"])),
    max_size=3,
    unique_by=lambda key: key[1],
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "done": st.booleans(),
        "priority": st.integers(0, 3),
        "priority[ne]": st.integers(0, 3),
        "priority[in]": st.lists(st.integers(0, 3), min_size=1, max_size=2),
        "priority[lt]": st.integers(0, 4),
        "priority[gte]": st.integers(0, 4),
        "dueAt[gte]": st.integers(0, 3).map(lambda days: (START + timedelta(days)).isoformat()),
        "dueAt[lt]": st.integers(0, 4).map(lambda days: (START + timedelta(days)).isoformat()),
        "title[prefix]": TITLES,
        "title[contains]": TITLES,
        "tags": st.sampled_from("xyz"),
        "tags[in]": st.lists(st.sampled_from("xyz"), min_size=1, max_size=2),
    },
)


def has(value: Any, wanted: Any) -> bool:
    """Whether a value, or one of a list, is one of those wanted."""
    return bool({*wanted} & {*value}) if isinstance(value, list) else value in wanted


VERDICTS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda value, wanted: has(value, [wanted]),
    "ne": lambda value, wanted: not has(value, [wanted]),
    "in": has,
    "lt": lambda value, wanted: value is not None and value < wanted,
    "gte": lambda value, wanted: value is not None and value >= wanted,
    "prefix": lambda value, wanted: value.startswith(wanted),
    "contains": lambda value, wanted: wanted.lower() in value.lower(),
}


def fits(item: dict[str, Any], filters: dict[str, Any]) -> bool:
    """Whether one of the service's own items is what the filters ask for."""
    for name, asked in filters.items():
        field, _, operator = name.rstrip("]").partition("[")
        value, wanted = item[field], asked
        if field == "dueAt":
            value, wanted = value and at(value), at(asked)
        if not VERDICTS[operator](value, wanted):
            return False
    return True


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ordered(items: list[dict[str, Any]], sort: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """By the keys in turn, nothing before everything; by id in the end, in the direction of the last key."""
    last = sort[-1][0] if sort else ""
    keys = [*sort, (last, "_id")]

    def compare(one: dict[str, Any], other: dict[str, Any]) -> int:
        for sign, field in keys:
            left, right = ((item[field] is not None, item[field]) for item in (one, other))
            if left != right:
                less = left[0] < right[0] if left[0] != right[0] else left[1] < right[1]
                return -1 if less != (sign == "-") else 1
        return 0

    return sorted(items, key=cmp_to_key(compare))


def params(filters: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in filters.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(DOCUMENTS, max_size=12),
    later=st.lists(DOCUMENTS, max_size=4),
    sort=SORTS,
    filters=FILTERS,
    limit=st.integers(1, 5),
)
async def test_pages_are_the_filtered_and_sorted_list_whatever_is_inserted_between_them(
    todos: Application,
    ann: Client,
    *,
    documents: list[dict[str, Any]],
    later: list[dict[str, Any]],
    sort: list[tuple[str, str]],
    filters: dict[str, Any],
    limit: int,
) -> None:
    await todos.server.pool.call(todos.server.models.Todo.objects.delete)
    first = [await ann("POST", TODOS, document) for document in documents]
    waiting = list(later)
    query = {**params(filters), "limit": limit, "sort": ",".join("".join(key) for key in sort) or "-createdAt"}
    seen: list[dict[str, Any]] = []
    inserted: list[dict[str, Any]] = []
    cursor = None
    while True:
        more: dict[str, str] = {"cursor": cursor} if cursor else {}
        response = await inject(
            todos, url=f"{TODOS}?{urlencode({**query, **more}, doseq=True)}", credentials={"sub": "ann"}
        )
        assert response.status_code == 200, response.text
        seen += response.json["items"]
        cursor = response.json["next"]
        assert len(response.json["items"]) == limit or cursor is None
        if cursor is None:
            break
        if waiting:
            inserted.append(await ann("POST", TODOS, waiting.pop()))
    keys = sort or [("-", "createdAt")]
    assert seen == ordered(seen, keys)
    assert len({item["_id"] for item in seen}) == len(seen)
    assert [item for item in seen if item not in inserted] == ordered([i for i in first if fits(i, filters)], keys)
    assert all(fits(item, filters) for item in seen)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cursor=st.text(max_size=30) | st.binary(max_size=40).map(lambda raw: raw.hex()))
async def test_no_cursor_that_a_client_makes_up_is_more_than_a_400(ann: Client, cursor: str) -> None:
    response = await ann.send("GET", f"{TODOS}?{urlencode({'cursor': cursor})}")
    assert response.status_code == 400
