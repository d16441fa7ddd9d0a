"""Checks `csp` and `csrf` for settings without effect, and for tokens that cannot arrive."""

from collections.abc import Iterator, Mapping

from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code

_METHODS = ("POST", "*")


def sources(draft: Draft) -> Iterator[Problem]:
    """`none` beside other sources, which browsers then ignore."""
    for layer in draft.written:
        csp = layer.value.get("csp")
        if not isinstance(csp, Mapping):
            continue
        for name, value in csp.items():
            if isinstance(value, list) and len(value) > 1 and not {"none", "'none'"}.isdisjoint(value):
                message = f'"none" in "{name}" has no effect beside other sources'
                yield Problem(draft.mark(*layer.at, "csp", name), Code.CSP, message, "remove it, or the other sources")


def tokens(draft: Draft) -> Iterator[Problem]:
    """CSRF tokens in cookies or bodies that are not parsed."""
    for route in draft.routes:
        for method, merged in route.options.items():
            csrf = merged.value.get("csrf")
            if not isinstance(csrf, Mapping):
                continue
            group = ""
            if _parse(merged.value, "state") is False:
                group = "state"
            elif method in _METHODS and not csrf.get("restful") and csrf.get("source") != "query":
                group = "payload" if _parse(merged.value, "payload") not in (None, True) else ""
            if group:
                related = ((draft.mark(*merged.origin(group, "parse")), "parsing is switched off here"),)
                message = f'"csrf" without "{group}.parse": the token can never arrive'
                hint = "set csrf: false here" if group == "state" else "set csrf: false here, or restful: true"
                mark = draft.key_mark(*merged.origin("csrf"))
                yield Problem(mark, Code.CSRF, message, hint, related)


def _parse(options: Mapping[str, object], group: str) -> object:
    value = options.get(group)
    return value.get("parse") if isinstance(value, Mapping) else None
