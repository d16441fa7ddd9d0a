"""A check leaves nothing behind: its draft is freed when it returns, without the garbage collector.

What a route costs is counted in objects, since a table may have thousands of routes.
"""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hapiish.table import check
from hapiish.table.compose.composition import Composition
from hapiish.table.draft import Draft
from hapiish.table.draft.layout import Layout
from hapiish.table.schemas.references import Library, Root
from hapiish.table.text import source
from hapiish.table.text.marks import MarkNode

ROUTE = """
  - method: POST
    path: /r{0}/{{id}}
    id: r{0}
    handler: "a:b"
    options:
      description: Route {0}
      validate:
        params: {{type: object, properties: {{id: {{$ref: "#/schemas/Id"}}}}}}
        payload: {{type: object, properties: {{name: {{type: string}}}}, required: [name]}}
      response: {{schema: {{$ref: "#/schemas/Id"}}}}
"""


def table(routes: int) -> str:
    return "schemas: {Id: {type: string}}\nroutes:" + "".join(map(ROUTE.format, range(routes)))


def is_of(each: object, kinds: Any) -> bool:
    """As isinstance, which raises for a weak proxy whose object is gone."""
    return issubclass(type(each), kinds)


def test_the_draft_of_a_table_is_freed_when_the_check_returns(tmp_path: Path) -> None:
    (tmp_path / "used.yaml").write_text('routes: [{method: GET, path: /a, handler: "a:b"}]')
    (tmp_path / "routes.yaml").write_text(
        "presets: {p: {tags: [x]}}\nschemas: {s: {properties: {a: {$ref: '#/schemas/s'}}}}\n"
        "plugins: [{table: used.yaml}]\n"
        "groups: [{prefix: /g, options: {use: [p]}, routes: [{method: GET, path: /b, handler: 'a:b'}]}]\n"
        "sockets: {namespaces: [{namespace: /, events: [{event: a, handler: 'a:b'}]}]}"
    )
    parts = Draft | Layout | Composition | Library | Root
    gc.collect()
    gc.disable()
    try:
        held = {id(each) for each in gc.get_objects() if is_of(each, parts)}  # by tests of the same process
        table, problems = check(tmp_path / "routes.yaml", {})
        left = [type(each).__name__ for each in gc.get_objects() if is_of(each, parts) and id(each) not in held]
    finally:
        gc.enable()
    assert (table is not None, problems, left) == (True, [], [])


def test_the_positions_of_a_file_are_a_node_for_each_mapping_and_list_and_a_number_for_each_key_and_value() -> None:
    tree, problems = source.read(table(3), "routes.yaml")
    assert tree is not None
    assert problems == []
    nodes = list(nodes_in(tree.marks.root))
    mappings, lists, values = count(tree.value)
    assert len(nodes) == mappings + lists
    assert len(tree.marks.positions) == values + sum(len(node.names) for node in nodes if node.names is not None)
    routes = [node for node in nodes if node.names is not None and "handler" in node.names]
    assert [node.names is routes[0].names for node in routes] == [True] * 3


def test_a_file_with_more_routes_keeps_so_many_more_objects_and_no_more(tmp_path: Path) -> None:
    few, many = kept(tmp_path, 100), kept(tmp_path, 200)
    assert (many - few) / 100 <= 3.5


def parts() -> dict[int, object]:
    """The parts of drafts in memory, by identity; metaschemas stay there once they are used."""
    kinds = Draft | Layout | Composition | Library | Root
    return {id(each): each for each in gc.get_objects() if is_of(each, kinds)}


def kept(folder: Path, routes: int) -> int:
    """The number of objects that a checked table keeps."""
    (folder / "routes.yaml").write_text(table(routes))
    check(folder / "routes.yaml", {})
    gc.collect()
    before = len(gc.get_objects())
    kept, problems = check(folder / "routes.yaml", {})
    gc.collect()
    assert (kept is not None, problems) == (True, [])
    return len(gc.get_objects()) - before


def nodes_in(node: object) -> Iterator[MarkNode]:
    if isinstance(node, MarkNode):
        yield node
        for child in node.children:
            yield from nodes_in(child)


def count(value: object) -> tuple[int, int, int]:
    """The number of mappings, lists, and values in them."""
    if not isinstance(value, dict | list):
        return 0, 0, 0
    inside = [count(each) for each in (value.values() if isinstance(value, dict) else value)]
    mappings, lists, values = (sum(each) for each in zip((0, 0, 0), *inside, strict=True))
    return mappings + isinstance(value, dict), lists + isinstance(value, list), values + len(value)
