"""Used tables and what is said of them: names that clash, overrides of what is not there or does not fit."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.table import schema
from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.places import mappings, section
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path


def forms(draft: Draft) -> Iterator[Problem]:
    """Entries that are neither a table nor a plugin, or both."""
    for realm in draft.realms:
        for entry, at in mappings(realm.value, "plugins", realm.at):
            lost = draft.lost(*at, "table") or draft.lost(*at, "plugin")
            if ("table" in entry) == ("plugin" in entry) and not lost:
                both = "table" in entry
                message = "an entry must be either a table or a plugin" if both else 'missing "table" or "plugin"'
                hint = "" if both else "table: for a route table, plugin: for a Python plugin"
                yield Problem(draft.mark(*at), Code.PLUGIN_FORM, message, hint)


def names(draft: Draft) -> Iterator[Problem]:
    """Used tables that are called the same."""
    for realm in draft.realms:
        taken: dict[str, Mark] = {}
        for entry, at in mappings(realm.value, "plugins", realm.at):
            name, mark = entry.get("as"), draft.mark(*at, "as")
            if isinstance(name, str) and taken.setdefault(name, mark) != mark:
                message = f'the name "{name}" is already used for another table'
                yield Problem(mark, Code.DUPLICATE_NAME, message, related=((taken[name], "the first one"),))


def declarations(draft: Draft) -> Iterator[Problem]:
    """What a Python plugin declares under a name that its table, or another plugin of it, has already."""
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
    """Overrides of what the used table does not have, and options that an event cannot have."""
    ids = {realm.index: {*_ids(draft, realm)} for realm in draft.realms if realm.host is not None}
    for realm in draft.realms:
        if realm.host is None:
            continue
        at = (*realm.host.at, *realm.part.entry_at, "override")
        for id, override in section(realm.part.entry, "override").items():
            place = (*at, id)
            if place not in draft.layout.overridden and not _lost(draft, realm):
                known = ids[realm.index]
                message = f'the used table has no route or event with the id "{id}"{did_you_mean(id, known)}'
                hint = "" if known else "none of its routes and events has an id"
                yield Problem(draft.key_mark(*place), Code.UNKNOWN_OVERRIDE, message, hint)
            elif isinstance(override, Mapping) and draft.layout.overridden.get(place) == "event":
                yield from _unfit(draft, override, place)


def _lost(draft: Draft, realm: RealmDraft) -> bool:
    """Whether a route of the table or its id was taken out, so that an id may be missing for that."""
    inside = (gone for gone in draft.tree.broken if gone[: len(realm.at)] == realm.at)
    return any(gone[-1] == "id" or gone[-2:-1] in (("routes",), ("events",)) for gone in inside)


def _unfit(draft: Draft, override: Mapping[str, Any], at: Path) -> Iterator[Problem]:
    known = schema.follow({"$ref": "#/definitions/eventOptions"})["properties"]
    for key in section(override, "options"):
        if key not in known and key != "use" and not key.startswith("x-"):
            message = f'the option "{key}" is not available for events'
            yield Problem(draft.key_mark(*at, "options", key), Code.UNKNOWN_OVERRIDE, message)


def _ids(draft: Draft, realm: RealmDraft) -> Iterator[str]:
    """The ids that a used table's routes and events have for the table that uses it."""
    for inner in draft.realms:
        line = [*inner.line]
        if realm not in line:
            continue
        front = "".join(f"{outer.name}." for outer in reversed(line[: line.index(realm)]) if outer.name)
        found = [*(route.value for route in draft.routes if route.realm is inner)]
        found += [event.value for space in draft.namespaces if space.realm is inner for event in space.events]
        yield from (f"{front}{value['id']}" for value in found if value.get("id") is not None)
