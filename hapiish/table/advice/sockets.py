"""Warns of namespaces with unvalidated or foreign patterns in their names, and of events called `*`."""

import re
from collections.abc import Iterator
from typing import Final

from hapiish.table.advice.own import Advised
from hapiish.table.draft.parts import NamespaceDraft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.tree import section

_FOREIGN: Final = re.compile(r":[A-Za-z_]\w*|<\w+>|\[[^\]]*\]|\\[dws]|\([^)]*\)|[\^$+]|\.\.\.")
"""Parts of names that are patterns elsewhere: of Express, Flask, Next.js and regular expressions."""


def _own(advised: Advised) -> Iterator[NamespaceDraft]:
    return (namespace for namespace in advised.draft.namespaces if namespace.realm.index in advised.own)


def unvalidated_names(advised: Advised) -> Iterator[Problem]:
    """Namespaces with parameters that nothing validates: each value of a client makes another namespace."""
    draft = advised.draft
    for namespace in _own(advised):
        if (
            namespace.params
            and "{" in str(namespace.value.get("namespace"))
            and section(namespace.value, "validate").get("params") in (None, True)
        ):
            names = ", ".join(f"{{{name}}}" for name in namespace.params)
            message = f'"{namespace.name}" is a pattern: each value of {names} that a client sends is another namespace'
            hint = "validate them by validate: {params: …} of the namespace"
            mark = draft.mark(*namespace.at, "namespace")
            yield Problem(mark, Code.NAMESPACE_PATTERN, message, hint, warning=True)


def foreign_names(advised: Advised) -> Iterator[Problem]:
    """Namespaces whose names look like patterns of other frameworks, and are matched literally."""
    draft = advised.draft
    for namespace in _own(advised):
        found = _FOREIGN.search(namespace.name)
        if found and not namespace.params:
            message = f'the namespace "{namespace.name}" looks like a pattern; "{found[0]}" is matched literally'
            mark = draft.mark(*namespace.at, "namespace")
            hint = "for a variable part, use a parameter: /room-{id}"
            yield Problem(mark, Code.NAMESPACE_PATTERN, message, hint, warning=True)


def catch_all(advised: Advised) -> Iterator[Problem]:
    """Events called `*`, which handle every undeclared event."""
    draft = advised.draft
    for namespace in _own(advised):
        for event in namespace.events:
            if event.value.get("event") == "*":
                message = (
                    f'the event "*" of "{namespace.name}" handles every event that is not declared: none is refused as '
                    "unknown, misspelled ones included"
                )
                mark = draft.mark(*event.at, "event")
                yield Problem(mark, Code.CATCH_ALL, message, "declare each event by its name", warning=True)
