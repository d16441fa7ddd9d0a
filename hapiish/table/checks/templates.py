"""Checks templates such as `user-{params.id}`: their syntax, and the values that they refer to."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from hapiish.grammar.template import TemplateError, Value, parse
from hapiish.table.form.wording import did_you_mean


@dataclass(frozen=True, slots=True)
class Available:
    """The values that a template or call may read: `sources`, and the names in `params` and `pre`, None if unknown."""

    owner: str
    sources: tuple[str, ...]
    params: Collection[str] | None = None
    pre: Collection[str] | None = None


def faults(text: Any, available: Available) -> Iterator[tuple[str, str]]:
    """The problems of a template, with hints; the table's schema reports values that are not text."""
    if not isinstance(text, str):
        return
    try:
        template = parse(text)
    except TemplateError as error:
        yield str(error), ""
        return
    for value in template.values:
        fault = _fault(value, available)
        if fault is not None:
            yield fault


def sources(text: Any) -> set[str]:
    """The sources that a template reads; empty if it is malformed."""
    try:
        return {value.source for value in parse(text).values} if isinstance(text, str) else set()
    except TemplateError:
        return set()


def _fault(value: Value, available: Available) -> tuple[str, str] | None:
    owner, sources = available.owner, available.sources
    if value.source not in sources:
        meant = did_you_mean(value.source, sources)
        hint = f"available: {', '.join(f'{{{known}.…}}' for known in sources)}"
        return f'"{owner}" has no "{value}"{meant}', hint if meant else f"{hint}; a literal brace is {{{{"
    if not value.path:
        return f'"{value}" is incomplete; write {{{value.source}.name}}', ""
    name = value.path[0]
    if value.source == "params" and available.params is not None:
        whole = ".".join(value.path)
        if whole not in available.params:
            return f'"{owner}" has no parameter "{whole}"{did_you_mean(whole, available.params)}', ""
    if value.source == "pre" and available.pre is not None and name not in available.pre:
        return f'no step of "{owner}" assigns "{name}"{did_you_mean(name, available.pre)}', ""
    return None
