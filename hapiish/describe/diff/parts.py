"""Compares what routes and events have in common: schemas, access, limits, deprecation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hapiish.declare.types import Json, Mark
from hapiish.describe.diff.change import ChangeSubject, Direction, TableChange, Verdict
from hapiish.describe.diff.values import COMPARISONS, Side
from hapiish.describe.surface import HandlerSurface, Surface
from hapiish.options import Limit, RouteAuth
from hapiish.options.deprecated import Deprecated, instant


@dataclass(frozen=True, slots=True)
class ChangeReporter:
    """Makes the changes of one subject, with its places in the two tables."""

    subject: ChangeSubject
    old: Mark | None
    new: Mark | None

    def change(
        self, rule: str, verdict: Verdict, text: str, *, direction: Direction = "both", part: str = ""
    ) -> TableChange:
        """Returns a change of the subject."""
        return TableChange(
            subject=self.subject,
            verdict=verdict,
            rule=rule,
            direction=direction,
            text=text,
            part=part,
            old=self.old,
            new=self.new,
        )

    def schema(
        self, part: str, old: Side, new: Side, direction: Direction, *, is_text: bool = False
    ) -> Iterator[TableChange]:
        """Yields the differences of two schemas."""
        for edit in COMPARISONS.edits(old, new, direction, is_text=is_text):
            yield TableChange(
                subject=self.subject,
                verdict=edit.verdict,
                rule=edit.rule,
                direction=direction,
                text=edit.text,
                part=part,
                pointer=edit.pointer,
                example=edit.example,
                old=self.old,
                new=self.new,
            )

    def rule(
        self,
        part: str,
        old: tuple[Any, str | None, Mapping[str, Json], Any],
        new: tuple[Any, str | None, Mapping[str, Json], Any],
        *,
        is_text: bool = False,
    ) -> Iterator[TableChange]:
        """Yields the changes of a validated input: (schema, function, named schemas, `validate` of the options)."""
        if old[1] != new[1]:
            verb = f"the function {new[1]} validates" if new[1] else "a schema validates in place of a function"
            yield self.change("function-changed", "unknown", verb, direction="sent", part=part)
        elif old[1] is None:
            sides = [Side(*_enforced(each), *_closing(part, each[3])) for each in (old, new)]
            yield from self.schema(part, sides[0], sides[1], "sent", is_text=is_text)


def _enforced(rule: tuple[Any, str | None, Mapping[str, Json], Any]) -> tuple[Any, Mapping[str, Json]]:
    """Returns the schema that refuses values: none does with `failAction: log` or `ignore`."""
    schema, _, schemas, validate = rule
    is_enforced = validate is None or validate.fail_action not in ("log", "ignore")
    return (schema if is_enforced else True), schemas


def _closing(part: str, validate: Any) -> tuple[bool, bool]:
    """Returns `allowUnknown` and `stripUnknown`; unknown headers and cookies are always accepted."""
    if validate is None or part not in ("query", "payload"):
        return True, False
    return validate.options.allow_unknown, validate.options.strip_unknown


def common(
    old: HandlerSurface, new: HandlerSurface, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    """Yields the changes of access, limits, validation errors, and deprecation."""
    yield from access(old.security, new.security, tables, to)
    yield from limits(old.limits, new.limits, to)
    yield from deprecation(old.deprecated, new.deprecated, to)
    before, after = old.options.validate, new.options.validate
    if before.status != after.status:
        text = f"invalid requests get {after.status} instead of {before.status}"
        yield to.change("validation-status", "unknown", text, direction="received")
    if before.all != after.all:
        yield from to.rule(
            "all inputs",
            (_schema(before.all), _function(before.all), tables[0].schemas, None),
            (_schema(after.all), _function(after.all), tables[1].schemas, None),
        )


def _schema(rule: Any) -> Any:
    return None if isinstance(rule, str) else rule


def _function(rule: Any) -> str | None:
    return rule if isinstance(rule, str) else None


def access(
    old: RouteAuth | None, new: RouteAuth | None, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    """Yields the changes of authentication and access rules."""
    demands = [auth is not None and auth.mode == "required" for auth in (old, new)]
    if not demands[0] and demands[1]:
        assert new is not None
        text = f"callers need credentials of {' or '.join(new.strategies) or 'the namespace'}"
        yield to.change("auth-added", "breaking", text, direction="sent")
        return
    if demands[0] and not demands[1]:
        yield to.change("auth-relaxed", "safe", "callers need no credentials", direction="sent")
    if new is None:
        return
    if old is None:
        if new.mode != "required" and new.access:
            text = f"callers with credentials need {_rules(new.access)}"
            yield to.change("access-narrowed", "unknown", text, direction="sent")
        return
    if old.mode == "try" and new.mode == "optional":
        text = "invalid credentials are refused, and were accepted"
        yield to.change("auth-stricter", "breaking", text, direction="sent")
    elif old.mode == "optional" and new.mode == "try":
        text = "invalid credentials are no longer refused"
        yield to.change("auth-relaxed", "safe", text, direction="sent")
    yield from _strategies(old, new, tables, to)
    yield from _access_rules(old.access, new.access, to)


def _strategies(
    old: RouteAuth, new: RouteAuth, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    for name in old.strategies:
        if name not in new.strategies:
            verdict: Verdict = "breaking" if new.mode == "required" else "unknown"
            yield to.change("strategy-removed", verdict, f"the strategy {name} is not accepted", direction="sent")
        else:
            given = [table.strategies.get(name) for table in tables]
            if given[0] is not None and given[1] is not None and _manner(given[0]) != _manner(given[1]):
                text = f"the credentials of {name} are sent in another way"
                yield to.change("strategy-changed", "breaking", text, direction="sent")
    for name in new.strategies:
        if name not in old.strategies:
            yield to.change("strategy-added", "safe", f"the strategy {name} is accepted too", direction="sent")


def _access_rules(old: tuple[Any, ...], new: tuple[Any, ...], to: ChangeReporter) -> Iterator[TableChange]:
    if old == new:
        return
    if not new:
        yield to.change("access-widened", "safe", "any authenticated caller is admitted", direction="sent")
    elif old and all(any(_admits(each, other) for each in new) for other in old):
        yield to.change("access-widened", "safe", "the access rules admit more callers", direction="sent")
    else:
        text = f"callers need {_rules(new)}" + (f", and needed {_rules(old)}" if old else "")
        yield to.change("access-narrowed", "breaking", text, direction="sent")


def _manner(strategy: Any) -> tuple[Any, ...]:
    return strategy.kind, strategy.place, strategy.name, strategy.word


def _rules(rules: tuple[Any, ...]) -> str:
    words = [" ".join([*(rule.scope or ()), *([rule.entity] if rule.entity != "any" else [])]) for rule in rules]
    return " or ".join(word or "nothing" for word in words)


def _admits(new: Any, old: Any) -> bool:
    """Returns whether a rule admits every caller that another one admits."""
    demanded, forbidden, choice = _parts(new.scope)
    had, excluded, chosen = _parts(old.scope)
    certain = had | (chosen if len(chosen) == 1 else set())
    picks = not choice or bool(choice & certain) or (bool(chosen) and chosen <= choice)
    return demanded <= certain and forbidden <= excluded and picks and new.entity in ("any", old.entity)


def _parts(scope: tuple[str, ...] | None) -> tuple[set[str], set[str], set[str]]:
    """Returns the demanded and forbidden scopes, and those of which one is needed."""
    words = scope or ()
    return (
        {word[1:] for word in words if word.startswith("+")},
        {word[1:] for word in words if word.startswith("!")},
        {word for word in words if not word.startswith(("+", "!"))},
    )


def limits(old: tuple[Limit, ...], new: tuple[Limit, ...], to: ChangeReporter) -> Iterator[TableChange]:
    """Yields the changes of rate limits, compared by name, else by what they count."""
    before, after = _keyed(old), _keyed(new)
    for key, limit in after.items():
        if key not in before:
            yield to.change("limit-added", "breaking", f"a new limit: {_limit(limit)}", direction="sent")
            continue
        was = before[key]
        if (limit.by, limit.count, limit.skip, limit.strategy) != (was.by, was.count, was.skip, was.strategy):
            yield to.change(
                "limit-changed", "unknown", f"the limit counts otherwise: {_limit(limit)}", direction="sent"
            )
        if _rate(limit) == _rate(was):
            continue
        text = f"{_limit(was)} becomes {_limit(limit)}"
        if all(one >= other for one, other in zip(_rate(limit), _rate(was), strict=True)):
            yield to.change("limit-raised", "safe", text, direction="sent")
        else:
            yield to.change("limit-lowered", "breaking", text, direction="sent")
    for key, limit in before.items():
        if key not in after:
            yield to.change("limit-removed", "safe", f"no longer a limit of {_limit(limit)}", direction="sent")


def _keyed(limits: tuple[Limit, ...]) -> dict[Any, Limit]:
    found: dict[Any, Limit] = {}
    for limit in limits:
        key: Any = limit.name or limit.by
        while key in found:
            key = (key,)
        found[key] = limit
    return found


def _rate(limit: Limit) -> tuple[float, int]:
    """Returns the requests a second, and those at once."""
    return limit.max / limit.duration, max(limit.burst or 0, limit.max)


def _limit(limit: Limit) -> str:
    seconds = limit.duration / 1000
    burst = f", at once {limit.burst}" if limit.burst else ""
    return f"{limit.max} in {seconds:g} s{burst}"


def deprecation(old: Deprecated | None, new: Deprecated | None, to: ChangeReporter) -> Iterator[TableChange]:
    """Yields the changes of a deprecation."""
    if old is None and new is not None:
        until = f", until {new.sunset}" if new.sunset else ""
        yield to.change("deprecated", "safe", f"is deprecated{until}")
    elif old is not None and new is None:
        yield to.change("deprecated", "safe", "is no longer deprecated")
    elif old is not None and new is not None and old.sunset != new.sunset and old.sunset is not None:
        if new.sunset is None:
            yield to.change("sunset-earlier", "breaking", f"the sunset {old.sunset} is gone")
        elif instant(new.sunset) < instant(old.sunset):
            yield to.change("sunset-earlier", "breaking", f"the sunset {old.sunset} becomes {new.sunset}")
        else:
            yield to.change("deprecated", "safe", f"the sunset {old.sunset} becomes {new.sunset}")


def is_past(deprecated: Deprecated | None) -> bool:
    """Returns whether the sunset of a deprecation has passed."""
    return deprecated is not None and deprecated.sunset is not None and instant(deprecated.sunset) <= datetime.now(UTC)
