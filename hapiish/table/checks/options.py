"""Checks the effective options of routes, after the merge, for contradictions and for options without effect."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.declare.option import classes_of, keys_of, settings_of, spelled
from hapiish.options import RouteOptions
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import RouteDraft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import Merged
from hapiish.table.merging.realms import DEFAULTS
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.references import value_at
from hapiish.table.schemas.weight import always_applied
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import section

_RULED: Final = [
    (key, kind, fault)
    for key, option in keys_of(RouteOptions).items()
    for kind in classes_of(option.hint)
    if (fault := settings_of(kind).fault) is not None
]
_BODILESS = frozenset({"204", "205", "304"})


def expiry(draft: Draft) -> Iterator[Problem]:
    """`cache.expiresIn` beside `cache.expiresAt`, either of which may be inherited."""
    for merged in _effective_options(draft):
        cache = _section(merged, "cache")
        if "expiresIn" in cache and "expiresAt" in cache:
            yield _exclusive(draft, merged.origin("cache", "expiresIn"), merged.origin("cache", "expiresAt"))


def contradictions(draft: Draft) -> Iterator[Problem]:
    """Values of one option that contradict each other, by the rule of its declaration."""
    for merged in _effective_options(draft):
        for name, kind, fault in _RULED:
            value = merged.value.get(name)
            if value is not False and (found := fault(spelled(kind, value))) is not None:
                key, message = found
                place = (name, key) if isinstance(value, Mapping) else (name,)
                yield Problem(draft.mark(*merged.origin(*place)), Code.VALUE, message)


def sampled_changes(draft: Draft) -> Iterator[Problem]:
    """`response.modify` beside `response.sample`, which would modify only some of the responses."""
    for merged in _effective_options(draft):
        response = _section(merged, "response")
        if response.get("modify") is True and "sample" in response:
            yield _exclusive(draft, merged.origin("response", "sample"), merged.origin("response", "modify"))


def bodiless(draft: Draft) -> Iterator[Problem]:
    """`response.status` with a schema for a status that has no body."""
    for merged in _effective_options(draft):
        by_status = _section(merged, "response").get("status")
        if not isinstance(by_status, Mapping):
            continue
        for status, rule in by_status.items():
            if status in _BODILESS and rule not in (None, True):
                mark = draft.key_mark(*merged.origin("response", "status", status))
                message = f"a {status} response has no body to validate"
                yield Problem(mark, Code.RESPONSE_STATUS, message, "write true, or remove it")


def exclusive(
    draft: Draft, first: Path, second: Path, hint: str = "keep one of the two", code: Code = Code.EXCLUSIVE
) -> Problem:
    """The problem of two options that exclude each other, at the second one."""
    message = f'"{second[-1]}" and "{first[-1]}" exclude each other'
    related = ((draft.key_mark(*first), f'"{first[-1]}" is here'),)
    return Problem(draft.key_mark(*second), code, message, hint, related)


def _exclusive(draft: Draft, first: Path, second: Path) -> Problem:
    """As `exclusive`, at the option that overrides an inherited one."""
    if first[:2] != DEFAULTS and second[:2] == DEFAULTS:
        first, second = second, first
    if first[:2] == DEFAULTS:
        return exclusive(draft, first, second, f"write {first[-1]}: null to remove the inherited one")
    return exclusive(draft, first, second)


def get_payload(draft: Draft) -> Iterator[Problem]:
    """Options for a request body on routes that have none."""
    for route in draft.routes:
        if "GET" not in route.options:
            continue
        written = route.value.get("options") or {}
        for place in (("payload",), ("validate", "payload")):
            value: Any = written
            for step in place:
                value = value.get(step) if isinstance(value, Mapping) else None
            if value is not None and value is not True:
                message = f'"{".".join(place)}" on a GET route, which has no request body'
                hint = "" if len(route.options) == 1 else "write a separate route for GET"
                yield Problem(draft.key_mark(*route.at, "options", *place), Code.GET_PAYLOAD, message, hint)


def params(draft: Draft) -> Iterator[Problem]:
    """Parameters in `validate.params` that the path does not have."""
    for route in draft.routes:
        if route.path is None:
            continue
        for merged in route.options.values():
            schema = _section(merged, "validate").get("params")
            if schema is None or schema is True:
                continue
            place = merged.origin("validate", "params")
            if not route.path.params:
                message = f'"validate.params" on "{route.path.text}", which has no parameters'
                yield Problem(draft.key_mark(*place), Code.PARAMS, message)
            elif isinstance(schema, Mapping):
                yield from _param_names(draft, route, schema, place)


def _param_names(
    draft: Draft, route: RouteDraft, schema: Mapping[str, Any], place: tuple[str | int, ...]
) -> Iterator[Problem]:
    assert route.path is not None
    names, text = route.path.params, route.path.text
    reported: set[str] = set()
    for name, where, written in _named_params(draft, schema, place):
        if name in names or name in reported:
            continue
        reported.add(name)
        required = ", which is required" if where == "required" else ""
        message = f'"{text}" has no parameter "{name}"{required}{did_you_mean(name, names)}'
        mark = draft.key_mark(*written) if where == "properties" else draft.mark(*written)
        if written[: len(place)] != place:
            related = ((mark, f'"{name}" is here'),)
            yield Problem(draft.mark(*place), Code.PARAMS, message, related=related)
        else:
            yield Problem(mark, Code.PARAMS, message)


def header_names(draft: Draft) -> Iterator[Problem]:
    """Uppercase names in `validate.headers`, which never match."""
    reported: set[Path] = set()
    for merged in _effective_options(draft):
        schema = _section(merged, "validate").get("headers")
        if not isinstance(schema, Mapping):
            continue
        for name, where, written in _named_params(draft, schema, merged.origin("validate", "headers")):
            if name != name.lower() and written not in reported:
                reported.add(written)
                mark = draft.key_mark(*written) if where == "properties" else draft.mark(*written)
                message = f'"{name}" never matches: the names of request headers are lowercase'
                yield Problem(mark, Code.PARAMS, message, f'write "{name.lower()}"')


def _named_params(draft: Draft, schema: Mapping[str, Any], place: Path) -> Iterator[tuple[str, str, Path]]:
    """The properties that a schema and its references declare or require: name, keyword and path.

    `additionalProperties` and similar keywords are ignored.
    """
    root = draft.root_of(place, schema)
    if root is None:
        return
    for its_root, path in always_applied(draft.libraries[draft.realm_at(place).index], root):
        found = value_at(its_root.schema, path)
        if not isinstance(found, Mapping):
            continue
        outer = place if its_root is root else draft.place_of(its_root)
        for name in section(found, "properties"):
            yield name, "properties", (*outer, *path, "properties", name)
        required = found.get("required")
        for index, name in enumerate(required if isinstance(required, list) else ()):
            if isinstance(name, str):
                yield name, "required", (*outer, *path, "required", index)


def unparsed(draft: Draft) -> Iterator[Problem]:
    """Validation of a body or of cookies that are not parsed."""
    for route in draft.routes:
        for method, merged in route.options.items():
            validate, payload = _section(merged, "validate"), _section(merged, "payload")
            if validate.get("state") not in (None, True) and _section(merged, "state").get("parse") is False:
                yield _unparsed(draft, merged, ("validate", "state"), ("state", "parse"))
            if method == "GET":
                continue
            off = payload.get("parse") not in (None, True)
            streamed = payload.get("output") == "stream" and payload.get("multipart") in (None, False)
            if validate.get("payload") not in (None, True) and (off or streamed):
                cause = ("payload", "parse" if off else "output")
                yield _unparsed(draft, merged, ("validate", "payload"), cause)
            inherited = merged.origin("payload", "multipart")[:2] == DEFAULTS
            if off and payload.get("multipart") not in (None, False) and not inherited:
                yield _unparsed(draft, merged, ("payload", "multipart"), ("payload", "parse"))


def _unparsed(draft: Draft, merged: Merged, option: Path, cause: Path) -> Problem:
    streamed = cause[-1] == "output"
    reason = "the body is a stream" if streamed else "parsing is switched off"
    related = ((draft.mark(*merged.origin(*cause)), f"{reason} here"),)
    setting = 'with "payload.output: stream"' if streamed else f'without "{cause[0]}.parse"'
    purpose = "parse" if option[0] == "payload" else "validate"
    message = f'"{".".join(map(str, option))}" {setting}: there is nothing to {purpose}'
    return Problem(draft.key_mark(*merged.origin(*option)), Code.UNPARSED, message, related=related)


def cors(draft: Draft) -> Iterator[Problem]:
    """Contradictory origins, and credentials for any origin."""
    for merged in _effective_options(draft):
        settings = merged.value.get("cors")
        if not isinstance(settings, Mapping):
            continue
        origin = settings.get("origin", ["*"])
        place = merged.origin("cors", "origin")
        if isinstance(origin, list) and "*" in origin and len(origin) > 1:
            yield Problem(draft.mark(*place), Code.CORS_ORIGIN, 'the origin "*" allows any; others have no effect')
        elif settings.get("credentials") is True and (origin == "ignore" or "*" in origin):
            shown = "ignore" if origin == "ignore" else "*"
            message = f'credentials with the origin "{shown}" would let any site send requests as its visitors'
            mark = draft.mark(*merged.origin("cors", "credentials"))
            yield Problem(mark, Code.CORS_ORIGIN, message, "list the origins that may send credentials")
        elif settings.get("credentials") is True and isinstance(origin, list):
            for each in origin:
                host = str(each).partition("://")[2].partition(":")[0]
                if host and not host.strip("*?."):
                    message = f'credentials with the origin "{each}" would let any site send requests as its visitors'
                    mark = draft.mark(*merged.origin("cors", "credentials"))
                    yield Problem(mark, Code.CORS_ORIGIN, message, "name the domain, as in https://*.example.com")


def encodings(draft: Draft) -> Iterator[Problem]:
    """Settings for content codings that the server does not offer."""
    setting = draft.section("server").get("compression")
    offered = setting.get("encodings") if isinstance(setting, Mapping) else None
    offered = [] if setting is False else offered or ["gzip", "deflate"]
    for merged in _effective_options(draft):
        for coding in _section(merged, "compression"):
            if coding not in offered and not coding.startswith("x-"):
                message = f'"compression.{coding}" has no effect: the server does not offer this content coding'
                hint = f"write server.compression.encodings: [{', '.join([coding, *offered])}]"
                mark = draft.key_mark(*merged.origin("compression", coding))
                yield Problem(mark, Code.ENCODING, message, "" if setting is False else hint)


def _effective_options(draft: Draft) -> Iterator[Merged]:
    """Yields the merged options of every route and event; routes that say nothing of their own share one."""
    merged = [draft.defaults, *(each for route in draft.routes for each in route.options.values())]
    merged += [event.options for namespace in draft.namespaces for event in namespace.events]
    yield from {id(each): each for each in merged}.values()


def _section(merged: Merged, name: str) -> Mapping[str, Any]:
    section = merged.value.get(name)
    return section if isinstance(section, Mapping) else {}
