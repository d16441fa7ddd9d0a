"""Compares the HTTP routes of two tables."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.describe.diff.change import ChangeSubject, TableChange, Verdict
from hapiish.describe.diff.parts import ChangeReporter, common, is_past
from hapiish.describe.diff.values import Side
from hapiish.describe.surface import AnswerSurface, BodySurface, NamedValue, RouteSurface, Surface, followed, relocated
from hapiish.grammar.path import parse
from hapiish.options import Cache, Cors

_TEXTS: Final = ("query", "headers", "state")


def compare_routes(old: Surface, new: Surface) -> Iterator[TableChange]:
    """Yields the changes of the routes that callers reach."""
    before, after = _keyed(old), _keyed(new)
    ids = {route.id: route for route in after.values() if route.id is not None}
    moved: set[Any] = set()
    for key, route in before.items():
        if key in after:
            yield from _route(route, after[key], (old, new))
            continue
        wider = _wider(key, after)
        if wider is not None:
            moved.add(wider)
            yield from _route(route, after[wider], (old, new))
            continue
        target = ids.get(route.id) if route.id is not None else None
        if target is not None and _key(target) not in before:
            moved.add(_key(target))
            yield from _moved(route, target, (old, new))
        else:
            yield _removed(route)
    for key, route in after.items():
        if key not in before and key not in moved:
            to = ChangeReporter(_subject(route), None, route.mark)
            yield to.change("route-added", "safe", "new route")


def _wider(key: tuple[str, str, str | None], routes: Mapping[Any, RouteSurface]) -> Any:
    """Returns the key of the route for any method or host that answers in the place of a route; None without one."""
    method, path, host = key
    return next((each for each in (("*", path, host), (method, path, None), ("*", path, None)) if each in routes), None)


def _keyed(table: Surface) -> dict[Any, RouteSurface]:
    return {_key(route): route for route in table.routes if not route.is_internal}


def _key(route: RouteSurface) -> tuple[str, str, str | None]:
    return route.method, parse(route.path).fingerprint, route.vhost


def _subject(route: RouteSurface) -> ChangeSubject:
    host = f" ({route.vhost})" if route.vhost else ""
    return ChangeSubject("route", f"{route.method} {route.path}{host}", route.id)


def _removed(route: RouteSurface) -> TableChange:
    to = ChangeReporter(_subject(route), route.mark, None)
    if is_past(route.deprecated):
        return to.change("route-removed", "safe", "the route is gone, after its sunset")
    return to.change("route-removed", "breaking", "the route is gone")


def _moved(old: RouteSurface, new: RouteSurface, tables: tuple[Surface, Surface]) -> Iterator[TableChange]:
    to = ChangeReporter(_subject(old), old.mark, new.mark)
    verdict: Verdict = "safe" if is_past(old.deprecated) else "breaking"
    yield to.change("route-moved", verdict, f"the route moves to {_subject(new).label}")
    yield from _contents(old, new, tables, to)


def _route(old: RouteSurface, new: RouteSurface, tables: tuple[Surface, Surface]) -> Iterator[TableChange]:
    to = ChangeReporter(_subject(new), old.mark, new.mark)
    for before, after in _pairs(old, new):
        if before.name != after.name:
            text = f"the parameter {before.name} is called {after.name}"
            yield to.change("param-renamed", "safe", text, direction="sent", part="params")
        if before.is_optional != after.is_optional:
            word = "optional" if after.is_optional else "required"
            verdict: Verdict = "safe" if after.is_optional else "breaking"
            text = f"the parameter {after.name} becomes {word}"
            yield to.change("param-required", verdict, text, direction="sent", part="params")
    yield from _contents(old, new, tables, to)


def _pairs(old: RouteSurface, new: RouteSurface) -> list[tuple[NamedValue, NamedValue]]:
    """Returns the parameters at the same places of two paths; none if they cover other segments, as `{a*2}` does."""
    members = old.params.members, new.params.members
    spans = [[each.spans for each in side] for side in members]
    return list(zip(*members, strict=True)) if spans[0] == spans[1] else []


def _contents(
    old: RouteSurface, new: RouteSurface, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    yield from common(old, new, tables, to)
    schemas = tables[0].schemas, tables[1].schemas
    rules = old.options.validate, new.options.validate
    pairs = _pairs(old, new)
    if pairs or not (old.params.members and new.params.members):
        renamed = {before.name: after.name for before, after in pairs}
        yield from to.rule(
            "params",
            (_params(old, schemas[0], renamed), old.params.function, schemas[0], rules[0]),
            (_params(new, schemas[1], {}), new.params.function, schemas[1], rules[1]),
            is_text=True,
        )
    else:
        text = "the parameters divide the path otherwise, so that their schemas are not compared"
        yield to.change("params-divided", "unknown", text, direction="sent", part="params")
    for source in _TEXTS:
        before, after = getattr(old, source), getattr(new, source)
        yield from to.rule(
            source,
            (before.schema, before.function, schemas[0], rules[0]),
            (after.schema, after.function, schemas[1], rules[1]),
            is_text=True,
        )
    yield from _unknown_query(old, new, to)
    if old.body is not None and new.body is not None:
        yield from _body(old.body, new.body, to)
        yield from to.rule(
            "payload",
            (old.body.schema, old.body.function, schemas[0], rules[0]),
            (new.body.schema, new.body.function, schemas[1], rules[1]),
        )
    yield from answers(old.answers, new.answers, tables, to)
    yield from _failures(old, new, to)
    yield from _errors(old, new, tables, to)
    yield from _browsers(old, new, to)
    yield from _caching(old.options.cache or Cache(), new.options.cache or Cache(), to)


def _unknown_query(old: RouteSurface, new: RouteSurface, to: ChangeReporter) -> Iterator[TableChange]:
    """Yields the refusal of unknown names by `allowUnknown`, which the surface of a query tells beside its schema."""
    before, after = old.options.validate.options, new.options.validate.options
    if before.allow_unknown == after.allow_unknown or not (old.query.members and new.query.members):
        return
    if before.allow_unknown and not after.strip_unknown:
        text = "parameters that the schema does not name are refused"
        yield to.change("undeclared-refused", "breaking", text, direction="sent", part="query")
    elif after.allow_unknown:
        text = "parameters that the schema does not name are accepted"
        yield to.change("schema-widened", "safe", text, direction="sent", part="query")


def _params(route: RouteSurface, schemas: Mapping[str, Any], renamed: Mapping[str, str]) -> Any:
    """Returns the schema of the parameters, by the names in the new table."""
    schema = route.params.schema
    if not renamed or all(old == new for old, new in renamed.items()) or not isinstance(schema, dict):
        return schema
    flat = followed(schema, schemas)
    copy = {**flat, "properties": {renamed.get(name, name): each for name, each in flat.get("properties", {}).items()}}
    if "required" in flat:
        copy["required"] = [renamed.get(name, name) for name in flat["required"]]
    return relocated(copy, "#", lambda name: f"#/schemas/{name}")


def _body(old: BodySurface, new: BodySurface, to: ChangeReporter) -> Iterator[TableChange]:
    if new.max_bytes != old.max_bytes:
        is_lower = new.max_bytes < old.max_bytes
        text = f"at most {new.max_bytes} bytes, and {old.max_bytes} before"
        rule, verdict = ("size-lowered", "breaking") if is_lower else ("size-raised", "safe")
        yield to.change(rule, verdict, text, direction="sent", part="payload")  # type: ignore[arg-type]
    for media in old.media_types:
        if not any(_matches(media, other) for other in new.media_types):
            yield to.change("media-type-removed", "breaking", f"{media} is refused", direction="sent", part="payload")
    for media in new.media_types:
        if not any(_matches(media, other) for other in old.media_types):
            yield to.change("media-type-added", "safe", f"{media} is accepted", direction="sent", part="payload")
    if old.schema is None and new.schema is None and old.is_required != new.is_required:
        rule = "body-required" if new.is_required else "body-optional"
        verdict_: Verdict = "breaking" if new.is_required else "safe"
        yield to.change(
            rule, verdict_, "a body is required" if new.is_required else "a body is optional", part="payload"
        )


def _matches(media: str, pattern: str) -> bool:
    """Returns whether a media type, or each of a pattern, is one of another pattern."""
    if pattern in (media, "*/*"):
        return True
    kind, _, sub = media.partition("/")
    other, _, rest = pattern.partition("/")
    return kind == other and (rest == "*" or (rest.startswith("*+") and sub.endswith(rest[1:])))


def answers(
    old: Iterable[AnswerSurface], new: Iterable[AnswerSurface], tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    """Yields the changes of the responses that are no errors."""
    before, after = {each.status: each for each in old}, {each.status: each for each in new}
    if None in after and None not in before:
        yield to.change("response-undeclared", "breaking", "the responses are no longer declared", direction="received")
        return
    if None in before and None not in after:
        yield to.change("response-declared", "safe", "the responses are declared", direction="received")
        return
    for status, answer in before.items():
        if status not in after:
            text = f"no longer answers {status}"
            yield to.change("status-removed", "breaking", text, direction="received", part=f"response {status}")
            continue
        yield from _answer(answer, after[status], tables, to)
    for status in after.keys() - before.keys():
        text = f"may answer {status}"
        yield to.change("status-added", "safe", text, direction="received", part=f"response {status}")


def _answer(
    old: AnswerSurface, new: AnswerSurface, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    part = "response" if old.status is None else f"response {old.status}"
    if old.media_type != new.media_type:
        text = f"{new.media_type or 'no body'} instead of {old.media_type or 'no body'}"
        verdict: Verdict = "safe" if old.media_type == "*/*" else "breaking"
        yield to.change("response-type-changed", verdict, text, direction="received", part=part)
    if old.function != new.function:
        text = "a function validates it, or another one"
        yield to.change("function-changed", "unknown", text, direction="received", part=part)
    elif old.function is None and None not in (old.media_type, new.media_type):
        sides = Side(old.schema, tables[0].schemas), Side(new.schema, tables[1].schemas)
        yield from to.schema(part, *sides, "received")
    names = {header.name for header in new.headers}
    for header in old.headers:
        if header.name not in names:
            verdict = "breaking" if header.always else "unknown"
            yield to.change("header-removed", verdict, f"no header {header.name}", direction="received", part=part)
    for name in sorted(names - {header.name for header in old.headers}):
        yield to.change("header-added", "safe", f"a header {name}", direction="received", part=part)


def _failures(old: RouteSurface, new: RouteSurface, to: ChangeReporter) -> Iterator[TableChange]:
    before, after = ({each.status for each in route.failures} for route in (old, new))
    for status in sorted(after - before):
        text = f"may answer {status}"
        yield to.change("status-added", "safe", text, direction="received", part=f"response {status}")
    for status in sorted(before - after):
        text = f"no longer answers {status}"
        yield to.change("status-removed", "safe", text, direction="received", part=f"response {status}")


def _errors(
    old: RouteSurface, new: RouteSurface, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    """Yields the changes of the errors that both tables declare with a schema."""
    before, after = old.options.response.status, new.options.response.status
    for status in sorted(each for each in before.keys() & after.keys() if each >= 400):
        rules = before[status], after[status]
        if isinstance(rules[0], str) or isinstance(rules[1], str):
            if rules[0] != rules[1]:
                text = "a function validates it, or another one"
                part = f"response {status}"
                yield to.change("function-changed", "unknown", text, direction="received", part=part)
            continue
        sides = Side(rules[0], tables[0].schemas), Side(rules[1], tables[1].schemas)
        yield from to.schema(f"response {status}", *sides, "received")


def _caching(old: Cache, new: Cache, to: ChangeReporter) -> Iterator[TableChange]:
    if old != new:
        others = [replace(each, expires_in=None) for each in (old, new)]
        shorter = others[0] == others[1] and (new.expires_in or 0) < (old.expires_in or 0)
        text = "responses are cached for a shorter time" if shorter else "the caching of responses changes"
        yield to.change("caching-changed", "safe" if shorter else "unknown", text, direction="received")


def _browsers(old: RouteSurface, new: RouteSurface, to: ChangeReporter) -> Iterator[TableChange]:
    if old.options.csrf and not new.options.csrf:
        yield to.change("csrf-removed", "safe", "no token against request forgery is demanded", direction="sent")
    if new.options.csrf and not old.options.csrf:
        yield to.change("csrf-added", "breaking", "a token against request forgery is demanded", direction="sent")
    before, after = old.options.cors, new.options.cors
    if before == after or not (before or after):
        return
    if not isinstance(before, Cors):
        yield to.change("cors-widened", "safe", "browsers of other origins may call it", direction="sent")
    elif not isinstance(after, Cors):
        yield to.change("cors-narrowed", "breaking", "browsers of other origins may not call it", direction="sent")
    elif _cors_admits(after, before):
        yield to.change("cors-widened", "safe", "CORS permits more", direction="sent")
    else:
        yield to.change("cors-narrowed", "breaking", "CORS permits less, or other things", direction="sent")


def _cors_admits(new: Cors, old: Cors) -> bool:
    origins = {"*"} if new.origin == "ignore" else set(new.origin)
    former = {"*"} if old.origin == "ignore" else set(old.origin)
    lists = (
        ({*old.headers, *old.additional_headers}, {*new.headers, *new.additional_headers}),
        (
            {*old.exposed_headers, *old.additional_exposed_headers},
            {*new.exposed_headers, *new.additional_exposed_headers},
        ),
    )
    fits = all({each.lower() for each in before} <= {each.lower() for each in after} for before, after in lists)
    return (former <= origins or "*" in origins) and fits and (new.credentials or not old.credentials)
