"""A check leaves nothing behind: its draft is freed when it returns, without the garbage collector."""

import gc
from pathlib import Path

from hapiish.table import check
from hapiish.table.compose.composition import Composition
from hapiish.table.draft import Draft
from hapiish.table.draft.layout import Layout


def test_the_draft_of_a_table_is_freed_when_the_check_returns(tmp_path: Path) -> None:
    (tmp_path / "used.yaml").write_text('routes: [{method: GET, path: /a, handler: "a:b"}]')
    (tmp_path / "routes.yaml").write_text(
        "presets: {p: {tags: [x]}}\nplugins: [{table: used.yaml}]\n"
        "groups: [{prefix: /g, options: {use: [p]}, routes: [{method: GET, path: /b, handler: 'a:b'}]}]\n"
        "sockets: {namespaces: [{namespace: /, events: [{event: a, handler: 'a:b'}]}]}"
    )
    gc.collect()
    gc.disable()
    try:
        table, problems = check(tmp_path / "routes.yaml", {})
        left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, Draft | Layout | Composition)]
    finally:
        gc.enable()
    assert (table is not None, problems, left) == (True, [], [])
