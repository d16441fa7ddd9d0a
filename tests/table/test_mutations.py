"""Mutations of tables with used tables, groups and presets produce problems with locations, never a traceback."""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.table import check

PROJECTS = Path(__file__).parent.parent / "projects"
FILES = ["tables/routes.yaml", "tables/accounts.yaml", "groups/routes.yaml", "presets/routes.yaml", "todo/routes.yaml"]
VALUES: list[Any] = [
    *("", "\0", "a:b", "/", "${params.a}", "${", "package:", "./routes.yaml", "f(", "{a", "\u00e9", "1s"),
    *(None, True, -1, 5.5, 10**40, [], {}, [None], {"": None}, [{}]),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all that is in a value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What a path leads to."""
    for step in path:
        value = value[step]
    return value


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None, derandomize=True)  # `scripts/soak tables` searches at random
@given(data=st.data())
def test_a_changed_table_is_read_or_refused_with_reasons(name: str, data: st.DataObject) -> None:
    tree = yaml.safe_load((PROJECTS / name).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        *outer, last = data.draw(st.sampled_from(list(places(tree))))
        inside = data.draw(st.sampled_from(list(places(tree))))
        holder = at(tree, tuple(outer))
        change = data.draw(st.sampled_from(["value", "move", "rename", "drop"]))
        if change == "value":
            holder[last] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))  # else a list may come into itself
        elif change == "move":
            holder[last] = copy.deepcopy(at(tree, inside))
        else:
            gone = holder.pop(last)
            if change == "rename" and isinstance(holder, dict):
                holder[f"{last}x"] = gone
        if not any(True for _ in places(tree)):
            break
    with TemporaryDirectory() as folder:
        shutil.copytree((PROJECTS / name).parent, folder, dirs_exist_ok=True)
        (Path(folder) / Path(name).name).write_text(json.dumps(tree))
        table, problems = check(Path(folder) / "routes.yaml", {})
    assert (table is None) == any(not problem.warning for problem in problems)
    for problem in problems:
        assert problem.mark.line >= 1
        assert problem.message
