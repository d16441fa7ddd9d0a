"""The places where each option of routes and events may stand, as declared: the page `places` of the reference."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hapiish.declare.option import On, classes_of, keys_of
from hapiish.options import RouteOptions

PLACES: Final = {
    "route": On.ROUTE,
    "group": On.ROUTE,
    "server.routes": On.DEFAULTS,
    "preset": On.ROUTE,
    "event": On.EVENT,
    "namespace": On.NAMESPACE,
    "reaches events": On.HANDED_DOWN,
}
"""The columns of the table: places of an option, and whether events inherit it from `server.routes`."""

_TEXT: Final = """\
# Where options may stand

Generated from the declarations of the options. A mark means: the option may stand there and has an effect.

- `route`, `event`: `options` of an HTTP route or of a Socket.IO event
- `group`: `options` of an entry of `groups` and of a used table, for all of its routes
- `server.routes`: the defaults of all routes
- `preset`: an entry of `presets`; an event that uses a preset takes the options that an event may have
- `namespace`: `options` of a namespace, for all of its events
- `reaches events`: events inherit the option from `server.routes`
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One option by its path in `options`; `on` are its places."""

    path: str
    on: On


def rows() -> list[Row]:
    """Returns every option of routes and events, in the order of their declaration."""
    return list(_rows(RouteOptions, "", On.EVERYWHERE))


def _rows(kind: type, above: str, limit: On) -> Iterator[Row]:
    for key in keys_of(kind).values():
        path = f"{above}{key.key}"
        on = (key.declared.on or limit) & limit
        if on:
            yield Row(path, on)
            for inner in classes_of(key.hint):
                yield from _rows(inner, f"{path}.", on)


def page() -> str:
    """Returns the page as Markdown."""
    head = " | ".join(PLACES)
    lines = [_TEXT, f"| option | {head} |", "| --- |" + " :-: |" * len(PLACES)]
    for row in rows():
        cells = " | ".join("✓" if place in row.on else " " for place in PLACES.values())
        lines.append(f"| `{row.path}` | {cells} |")
    return "\n".join(lines) + "\n"
