"""Checks options of the built-in schemes: missing and contradictory options, and those that accept any caller."""

from collections.abc import Iterator, Mapping

from hapiish.options.schemes import SCHEMES
from hapiish.table.checks.options import exclusive
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path


def options(draft: Draft) -> Iterator[Problem]:
    """Options that exclude or need each other."""
    sections = draft.sections("auth", "strategies")
    declared = (
        (name, strategy, (*at, name)) for _, at, strategies in sections for name, strategy in strategies.items()
    )
    for name, strategy, place in declared:
        at = (*place, "options")
        if not isinstance(strategy, Mapping) or draft.was_pruned(*at):
            continue
        scheme = SCHEMES.get(str(strategy.get("scheme")))
        if scheme is None:
            continue
        settings = strategy.get("options") or {}
        for group in scheme.one_of:
            present = [key for key in group if key in settings]
            if not present:
                message = f'the strategy "{name}" needs {" or ".join(group)}'
                yield Problem(draft.mark(*at), Code.STRATEGY, message)
            yield from _exclusive(draft, at, present)
        for group in scheme.at_most_one:
            yield from _exclusive(draft, at, [key for key in group if settings.get(key) is not None])
        for fault in scheme.faults(settings) if scheme.faults is not None else ():
            mark = draft.key_mark if fault.is_at_key else draft.mark
            message = fault.message if fault.key else f'the strategy "{name}" {fault.message}'
            yield Problem(mark(*at, *filter(None, [fault.key])), Code.STRATEGY, message, fault.hint)


def _exclusive(draft: Draft, at: Path, present: list[str]) -> Iterator[Problem]:
    if len(present) > 1:
        yield exclusive(draft, (*at, present[0]), (*at, present[1]))


def redirects(draft: Draft) -> Iterator[Problem]:
    """`plugins.cookie.redirectTo` of a route that is neither text nor false."""
    for route in draft.routes:
        plugins = (route.value.get("options") or {}).get("plugins")
        override = plugins.get("cookie") if isinstance(plugins, Mapping) else None
        if isinstance(override, Mapping) and "redirectTo" in override:
            uri = override["redirectTo"]
            if uri is not False and not (isinstance(uri, str) and uri):
                mark = draft.mark(*route.at, "options", "plugins", "cookie", "redirectTo")
                yield Problem(mark, Code.STRATEGY, "plugins.cookie.redirectTo must be a path, a URI or false")
