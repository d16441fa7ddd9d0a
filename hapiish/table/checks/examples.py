"""Checks `examples` of routes and events: what they refer to, and their values against the schemas of the table."""

import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hapiish.declare.types import is_function_name
from hapiish.grammar import example as grammar
from hapiish.table.checks.defaults import Validators, ValueCheck
from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import Merged
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section

_OF_TEXT: Final = frozenset({"params", "query"})
"""Inputs whose values are text until they are coerced."""

_INPUTS: Final = ("params", "query", "payload")
_EVENT_INPUTS: Final = ("params", "payload")
_PARAMETER: Final = re.compile(r"\{(\w+)", re.ASCII)
_OPTIONAL: Final = re.compile(r"\{(\w+)(?:\?|\*)\}", re.ASCII)
_OF_PARTS: Final = frozenset({"dependentRequired", "minItems", "minProperties", "required", "unevaluatedProperties"})
"""Keywords that a mapping with some of the keys need not satisfy."""


@dataclass(frozen=True, slots=True)
class ExampleDraft:
    """An example of a route or event; `given` are those that it refers to, by the name of their result."""

    realm: RealmDraft
    title: str
    at: Path
    value: Mapping[str, Any]
    options: Merged
    params: tuple[str, ...] | None
    optional: frozenset[str]
    inputs: tuple[str, ...]
    given: dict[str, "ExampleDraft"] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        """The expected status; None for any below 400."""
        status = section(self.value, "response").get("status")
        return status if isinstance(status, int) else None

    @property
    def succeeds(self) -> bool:
        """True if the request is to be accepted, so that it has to be valid."""
        return self.status is None or self.status < 400


def examples(draft: Draft) -> Iterator[Problem]:
    """All problems of examples."""
    found = {(each.at, each.title): each for each in _examples(draft)}
    if not found:
        return
    named: dict[tuple[int, str], ExampleDraft] = {}
    for example in found.values():
        name = example.value.get("name")
        if isinstance(name, str):
            first = named.setdefault((example.realm.index, name), example)
            if first.at != example.at:
                related = ((draft.mark(*first.at, "name"), "the first one"),)
                message = f'two examples have the name "{name}"'
                yield Problem(draft.mark(*example.at, "name"), Code.DUPLICATE_NAME, message, related=related)
    written = _written(draft)
    for example in found.values():
        yield from _given(draft, example, named, written)
    yield from _circles(draft, found.values())
    check_of = _value_checks(draft)
    emitted = {
        str(emit["event"])
        for space in draft.namespaces
        for emit, _ in mappings(space.value, "emits")
        if "event" in emit
    }
    for example in found.values():
        yield from _references(draft, example)
        yield from _params(draft, example)
        yield from _emits(draft, example, emitted)
        yield from _strategy(draft, example)
        yield from _requests(draft, example, check_of)
        yield from _responses(draft, example, check_of)


def _examples(draft: Draft) -> Iterator[ExampleDraft]:
    for route in draft.routes:
        optional = frozenset(_OPTIONAL.findall(route.text))
        for merged in route.options.values():
            yield from _entries(
                merged, route.realm, route.title, params=route.params, optional=optional, inputs=_INPUTS
            )
    for space in draft.namespaces:
        for event in space.events:
            yield from _entries(
                event.options, space.realm, event.title, params=space.params, optional=frozenset(), inputs=_EVENT_INPUTS
            )


def _entries(
    merged: Merged,
    realm: RealmDraft,
    title: str,
    *,
    params: tuple[str, ...] | None,
    optional: frozenset[str],
    inputs: tuple[str, ...],
) -> Iterator[ExampleDraft]:
    given = merged.value.get("examples")
    for index, value in enumerate(given if isinstance(given, list) else ()):
        if isinstance(value, Mapping):
            at = merged.origin("examples", index)
            yield ExampleDraft(realm, title, at, value, merged, params, optional, inputs)


def _written(draft: Draft) -> set[tuple[int, str]]:
    """Returns the names of all examples, those of routes that an override omits included, by their table."""
    names = set()
    for layer in draft.written:
        entries = layer.value.get("examples")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                names.add((draft.realm_at(layer.at).index, entry["name"]))
    return names


def _given(
    draft: Draft,
    example: ExampleDraft,
    named: Mapping[tuple[int, str], ExampleDraft],
    written: Container[tuple[int, str]],
) -> Iterator[Problem]:
    """Links an example to those that it names; yields unknown names."""
    for alias, name in section(example.value, "given").items():
        if not isinstance(name, str) or is_function_name(name):
            continue
        target = named.get((example.realm.index, name))
        if target is None and (example.realm.index, name) in written:
            continue  # of an omitted route: the example cannot run
        if target is None:
            known = [known for realm, known in named if realm == example.realm.index]
            message = f'no example has the name "{name}"{did_you_mean(name, known)}'
            hint = "" if known else "give the example a `name`, or name a function as module:attribute"
            yield Problem(draft.mark(*example.at, "given", alias), Code.EXAMPLE, message, hint)
        else:
            example.given[alias] = target


def _circles(draft: Draft, examples: Any) -> Iterator[Problem]:
    """Examples that are given to themselves."""
    done: set[Path] = set()
    for example in examples:
        stack: list[tuple[ExampleDraft, Iterator[tuple[str, ExampleDraft]]]] = [(example, iter(example.given.items()))]
        on_stack = {example.at}
        while stack and example.at not in done:
            current, rest = stack[-1]
            alias, target = next(rest, ("", None))
            if target is None:
                stack.pop()
                done.add(current.at)
                on_stack.discard(current.at)
            elif target.at in on_stack:
                message = f'the example "{target.value.get("name")}" is given to itself'
                yield Problem(draft.mark(*current.at, "given", alias), Code.EXAMPLE, message)
                return
            elif target.at not in done:
                on_stack.add(target.at)
                stack.append((target, iter(target.given.items())))


def _references(draft: Draft, example: ExampleDraft) -> Iterator[Problem]:
    """Values `{name.path}` of a name that `given` does not have."""
    given = section(example.value, "given")
    for part in ("request", "response", "emits"):
        for path, text in _texts(example.value.get(part), ()):
            for root, names in grammar.references(text):
                mark = draft.mark(*example.at, part, *path)
                whole = ".".join((root, *names))
                if root not in given:
                    message = f'{{{whole}}}: `given` has no "{root}"{did_you_mean(root, given)}'
                    yield Problem(mark, Code.EXAMPLE, message, warning=True)
                elif root in example.given and names and names[0] not in grammar.RESULT:
                    hint = did_you_mean(names[0], grammar.RESULT)
                    known = ", ".join(grammar.RESULT)
                    message = f'{{{whole}}}: an example has no "{names[0]}"{hint or f"; it has {known}"}'
                    yield Problem(mark, Code.EXAMPLE, message)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))


def _params(draft: Draft, example: ExampleDraft) -> Iterator[Problem]:
    """Parameters that the path does not have, and missing ones."""
    if example.params is None:
        return
    given = section(example.value, "request", "params")
    for name in given:
        if name not in example.params:
            message = f'"{example.title}" has no parameter "{name}"{did_you_mean(name, example.params)}'
            yield Problem(draft.key_mark(*example.at, "request", "params", name), Code.EXAMPLE, message)
    # Who uses the table may add parameters by its prefix, which its examples cannot know.
    free = {*example.optional, *_PARAMETER.findall(example.realm.prefix)}
    missing = [name for name in example.params if name not in given and name not in free]
    if missing:
        message = f'the example has no value for the parameter "{missing[0]}" of "{example.title}"'
        yield Problem(draft.mark(*example.at), Code.EXAMPLE, message, f"request: {{params: {{{missing[0]}: …}}}}")


def _emits(draft: Draft, example: ExampleDraft, emitted: Collection[str]) -> Iterator[Problem]:
    """Events that the table does not emit."""
    for emit, place in mappings(example.value, "emits"):
        name = emit.get("event")
        if isinstance(name, str) and name not in emitted:
            message = f'no namespace declares the emit "{name}"{did_you_mean(name, emitted)}'
            yield Problem(draft.mark(*example.at, *place, "event"), Code.EXAMPLE, message)


def _strategy(draft: Draft, example: ExampleDraft) -> Iterator[Problem]:
    """Credentials of a strategy that the table does not have."""
    name = section(example.value, "request").get("strategy")
    known = draft.known(example.realm.index, "auth", "strategies")
    if isinstance(name, str) and name not in known and draft.declaring(name, "auth", "strategies") is None:
        message = f'unknown strategy "{name}"{did_you_mean(name, known)}'
        yield Problem(draft.mark(*example.at, "request", "strategy"), Code.EXAMPLE, message)


CheckOf = Callable[[Merged, Path], ValueCheck | None]


def _value_checks(draft: Draft) -> CheckOf:
    validators = Validators()
    made: dict[tuple[Path, int], ValueCheck] = {}

    def of(merged: Merged, place: Path) -> ValueCheck | None:
        schema: Any = merged.value
        for step in place:
            schema = schema.get(step) if isinstance(schema, Mapping) else None
        at = merged.origin(*place)
        if not isinstance(schema, dict) or draft.root_of(at, schema) is None:
            return None
        key = at, id(schema)
        if key not in made:
            made[key] = ValueCheck(draft, at, schema, validators)
        return made[key]

    return of


def _requests(draft: Draft, example: ExampleDraft, check_of: CheckOf) -> Iterator[Problem]:
    """Values of a request that the route refuses, in an example that is to succeed."""
    if not example.succeeds:
        return
    request = section(example.value, "request")
    for source in example.inputs:
        check = check_of(example.options, ("validate", source))
        if check is None or (source == "payload" and source not in request):
            continue
        value = request.get(source, {})
        if source == "payload" and (value is None or isinstance(value, str)):
            continue
        as_text = source in _OF_TEXT or _is_form(request)
        for path, _, reason in check.faults(value):
            if not _depends(value, path, as_text=as_text):
                mark = draft.mark(*example.at, "request", source, *path)
                message = f"the example does not match {_pointed('validate.' + source, path)}: {reason}"
                yield Problem(mark, Code.SCHEMA_VALUE, message, warning=True)


def _is_form(request: Mapping[str, Any]) -> bool:
    headers = section(request, "headers").items()
    return any("form" in str(value) for name, value in headers if name.lower() == "content-type")


def _responses(draft: Draft, example: ExampleDraft, check_of: CheckOf) -> Iterator[Problem]:
    """Values of a response that its schema forbids."""
    response = section(example.value, "response")
    value, status = response.get("payload"), example.status
    if value is None or (status is not None and status >= 400):
        return
    declared = section(example.options.value, "response").get("status")
    statuses = [key for key in (declared if isinstance(declared, Mapping) else ()) if str(key).startswith("2")]
    key = str(status) if status is not None else str(statuses[0]) if len(statuses) == 1 else ""
    place = ("response", "status", key) if key in statuses else ("response", "schema")
    check = check_of(example.options, place)
    if check is None:
        return
    if isinstance(value, Mapping) and "query" not in example.inputs:  # the envelope of an acknowledgement
        value = {name: inner for name, inner in value.items() if name != "ok"}
    for path, keyword, reason in check.faults(value):
        if not _depends(value, path) and (response.get("exact") is True or keyword not in _OF_PARTS):
            mark = draft.mark(*example.at, "response", "payload", *path)
            message = f"the example does not match {_pointed('.'.join(place), path)}: {reason}"
            yield Problem(mark, Code.SCHEMA_VALUE, message, warning=True)


def _pointed(name: str, path: Path) -> str:
    return f"`{name}` at /{'/'.join(map(str, path))}" if path else f"`{name}`"


def _depends(value: Any, path: Path, *, as_text: bool = False) -> bool:
    """Returns whether the value at `path` is known at run time only: a reference or a matcher, or text to coerce."""
    for step in path:
        if grammar.is_matcher(value):
            return True
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return grammar.is_matcher(value) or (isinstance(value, str) and (as_text or any(grammar.references(value))))
