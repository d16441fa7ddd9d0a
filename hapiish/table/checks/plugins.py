"""Checks used tables and plugins: duplicate names, unknown overrides, options that events do not have."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.table.draft import Draft
from hapiish.table.form import schema
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section


def forms(draft: Draft) -> Iterator[Problem]:
    """Entries with both of `table` and `plugin`, or with neither."""
    for realm in draft.realms:
        for entry, at in mappings(realm.value, "plugins", realm.at):
            was_pruned = draft.was_pruned(*at, "table") or draft.was_pruned(*at, "plugin")
            if ("table" in entry) == ("plugin" in entry) and not was_pruned:
                both = "table" in entry
                message = "an entry must be either a table or a plugin" if both else 'missing "table" or "plugin"'
                hint = "" if both else "table: for a route table, plugin: for a Python plugin"
                yield Problem(draft.mark(*at), Code.PLUGIN_FORM, message, hint)


def names(draft: Draft) -> Iterator[Problem]:
    """Used tables with the same name (`as`)."""
    for realm in draft.realms:
        taken: dict[str, Mark] = {}
        for entry, at in mappings(realm.value, "plugins", realm.at):
            name, mark = entry.get("as"), draft.mark(*at, "as")
            if isinstance(name, str) and taken.setdefault(name, mark) != mark:
                message = f'the name "{name}" is already used for another table'
                yield Problem(mark, Code.DUPLICATE_NAME, message, related=((taken[name], "the first one"),))


def declarations(draft: Draft) -> Iterator[Problem]:
    """Declarations of a Python plugin whose names its table or another of its plugins already uses."""
    for realm in draft.realms:
        for path in (("auth", "schemes"), ("auth", "strategies"), ("kinds",), ("methods",)):
            taken = {name: (*realm.at, *path, name) for name in section(realm.value, *path)}
            for plugin in realm.plugins:
                for name in section(plugin.value, *path):
                    place = (*plugin.at, *path, name)
                    if taken.setdefault(name, place) != place:
                        related = ((draft.key_mark(*taken[name]), "the first one"),)
                        message = f'"{name}" is already declared under {".".join(path)}'
                        yield Problem(draft.key_mark(*place), Code.DUPLICATE_NAME, message, related=related)


def overrides(draft: Draft) -> Iterator[Problem]:
    """Overrides of unknown routes and events, and overrides with options that events do not have."""
    ids = {realm.index: {*_ids(draft, realm)} for realm in draft.realms if realm.host is not None}
    for realm in draft.realms:
        if realm.host is None:
            continue
        at = (*realm.host.at, *realm.part.entry_at, "override")
        for id, override in section(realm.part.entry, "override").items():
            place = (*at, id)
            if place not in draft.layout.overridden and not _was_pruned(draft, realm):
                known = ids[realm.index]
                message = f'the used table has no route or event with the id "{id}"{did_you_mean(id, known)}'
                hint = "" if known else "none of its routes and events has an id"
                yield Problem(draft.key_mark(*place), Code.UNKNOWN_OVERRIDE, message, hint)
            elif isinstance(override, Mapping) and draft.layout.overridden.get(place) == "event":
                yield from _unsupported_options(draft, override, place)


def _was_pruned(draft: Draft, realm: RealmDraft) -> bool:
    """Returns whether a route of the table or its id was pruned, so that its id may be missing."""
    inside = (path for path in draft.tree.broken if path[: len(realm.at)] == realm.at)
    return any(path[-1] == "id" or path[-2:-1] in (("routes",), ("events",)) for path in inside)


def _unsupported_options(draft: Draft, override: Mapping[str, Any], at: Path) -> Iterator[Problem]:
    known = schema.follow({"$ref": "#/definitions/eventOptions"})["properties"]
    for key in section(override, "options"):
        if key not in known and key != "use" and not key.startswith("x-"):
            message = f'the option "{key}" is not available for events'
            yield Problem(draft.key_mark(*at, "options", key), Code.UNKNOWN_OVERRIDE, message)


def _ids(draft: Draft, realm: RealmDraft) -> Iterator[str]:
    """The ids of a used table's routes and events, as the table that uses it sees them."""
    for inner in draft.realms:
        lineage = [*inner.lineage]
        if realm not in lineage:
            continue
        prefix = "".join(f"{outer.name}." for outer in reversed(lineage[: lineage.index(realm)]) if outer.name)
        found = [*(route.value for route in draft.routes if route.realm is inner)]
        found += [event.value for space in draft.namespaces if space.realm is inner for event in space.events]
        yield from (f"{prefix}{value['id']}" for value in found if value.get("id") is not None)
