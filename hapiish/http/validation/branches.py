"""Selects the alternatives of a schema (anyOf, oneOf, if, dependentSchemas) that take part in a transformation.

A branch validates its own transformation of the value, in stages: first with text converted, then also with unknown
keys removed, last also with defaults filled in. A default thus decides only where the value itself does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from hapiish.http.validation.report import Fault
from hapiish.http.validation.schema_reader import ABSENT, Names, among, inside
from hapiish.http.validation.transform import Memo, Nodes, SchemaNode, accepts, apply, apply_container, parse, stripped
from hapiish.http.validation.validator import Judge
from hapiish.types import Json

MOST_LEVELS: Final = 32
"""The maximum depth of nested alternatives; each verdict validates all levels below it."""


class Prefilter(NamedTuple):
    """The cheap tests of a branch: its discriminators and required names; `is_sure` if no default can invalidate it."""

    tags: list[tuple[Names, list[Json]]]
    needs: list[str]
    is_sure: bool

    def allows(self, value: dict[str, Json]) -> bool:
        """True unless the branch is certain to refuse an object."""
        for name in self.needs:
            if name not in value:
                return False
        for names, values in self.tags:
            actual = inside(value, names)
            if actual is not ABSENT and not among(actual, values):
                return False
        return True


@dataclass(slots=True, eq=False, repr=False)
class Branch:
    """One alternative. `stages` are its nodes, from one that only converts text to one that strips and fills in."""

    name: str
    stages: list[SchemaNode]
    judge: Judge
    prefilter: Prefilter

    def accepts(self, value: Json) -> bool:
        return accepts(self.judge, value)

    def accepted(self, new: Json, active: Nodes) -> Json:
        """Returns a transformed value that the branch accepts, or `ABSENT`.

        Keys that the branch does not know may belong to a sibling schema: they are removed only if the branch refuses
        them.
        """
        if self.accepts(new):
            return new
        less = stripped(active, new) if isinstance(new, dict) else new
        return less if less is not new and self.accepts(less) else ABSENT

    def best_stage(self, value: Json, memo: Memo) -> SchemaNode:
        """Returns the last stage whose result the branch accepts; the very last if it accepts none."""
        best = self.stages[-1]
        if len(self.stages) > 1:
            for node in reversed(self.stages):  # a loop, not a generator: each level of a value costs a frame less
                if self.accepted(*apply_container((node,), value, memo)) is not ABSENT:
                    return node
        return best


class Alternatives:
    """A group of alternatives of one node; `keyword` is anyOf, oneOf, if or dependentSchemas."""

    __slots__ = ("branches", "keyword", "known", "parses")

    def __init__(self, keyword: str, branches: list[Branch], *, parses: bool) -> None:
        self.keyword = keyword
        self.branches = branches
        self.parses = parses
        self.known = SchemaNode()

    def prune(self, with_defaults: set[SchemaNode], with_closed: set[SchemaNode]) -> None:
        """Removes the stages that do no more than those before, and collects the known keys in `known`.

        `known` stands in where no branch matches. It has the keys of all branches; for `if`, those of the condition.
        """
        for branch in self.branches:
            stripping = next((node for node in branch.stages[1:] if node in with_closed), None)
            branch.stages[1:] = [node for node in branch.stages[1:] if node in with_defaults or node is stripping]
        visited: set[SchemaNode] = set()
        pending = list(self.naming_nodes())
        while pending:
            node = pending.pop()
            if node not in visited:
                visited.add(node)
                self.known.inside |= dict.fromkeys(node.inside, ())
                self.known.patterns += [(matches, ()) for matches, _ in node.patterns]
                self.known.names |= node.names
                self.known.is_open |= node.is_open
                pending += [each for choice in node.objects for each in choice.naming_nodes()]

    def naming_nodes(self) -> Iterator[SchemaNode]:
        """Yields the nodes that name the known keys of the branches."""
        return (branch.stages[0] for branch in (self.branches[:1] if self.keyword == "if" else self.branches))

    def nodes(self) -> Iterator[SchemaNode]:
        for branch in self.branches:
            yield from branch.stages

    def nodes_for_text(self, base: Nodes, value: str, memo: Memo) -> Nodes:
        """Returns `base` and the nodes of the first branch that accepts a text as the branch itself converts it."""
        if self.keyword == "if":
            condition, then, otherwise = (branch.stages[0] for branch in self.branches)
            new, nodes = parse(base, (condition,), value, memo)
            is_met = self.branches[0].accepts(new)
            return parse(*((nodes, (then,)) if is_met else (base, (otherwise,))), value, memo)[1]
        first_converting = None
        for branch in self.branches:
            if branch.stages[0] in base:  # a schema that refers to itself for the same value
                continue
            new, nodes = parse(base, (branch.stages[0],), value, memo)
            if branch.accepts(new):
                return nodes
            if first_converting is None and new is not value:
                first_converting = nodes
        return first_converting or base

    def nodes_for_container(self, value: Json, memo: Memo) -> Nodes:
        """Returns the nodes of the branches that an object or array matches."""
        if self.keyword == "if":
            condition, then, otherwise = self.branches
            if condition.accepts(apply(tuple(condition.stages[:1]), value, memo)):
                return condition.stages[0], then.best_stage(value, memo)
            return self.known, otherwise.best_stage(value, memo)
        if self.keyword == "dependentSchemas":
            return tuple(branch.best_stage(value, memo) for branch in self.branches if branch.name in value)
        candidates = self.branches
        if isinstance(value, dict) and not self.parses:
            candidates = [branch for branch in candidates if branch.prefilter.allows(value)]
            if len(candidates) == 1 and candidates[0].prefilter.is_sure:  # validating the whole value decides
                return (candidates[0].stages[-1],)
        memo.level += 1
        if memo.level > MOST_LEVELS:
            raise RecursionError("too many nested alternatives")
        chosen = None
        for level in range(max((len(branch.stages) for branch in candidates), default=0)):
            matching = self._matching(candidates, level, value, memo)
            if matching:
                nodes = []
                for branch in matching:
                    nodes.append(branch.best_stage(value, memo))  # noqa: PERF401 - a comprehension costs a frame
                chosen = self._compatible(matching, tuple(nodes), level, value, memo)
                break
        memo.level -= 1
        if chosen is None:
            return (candidates[0].stages[0],) if len(candidates) == 1 else self._nearest(value, memo)
        return chosen

    def _matching(self, candidates: list[Branch], level: int, value: Json, memo: Memo) -> list[Branch]:
        """Returns the branches that accept the value at one stage: for the first stage of `anyOf` all, else the first.

        Each branch sees the text that the branches before it have converted.
        """
        matching: list[Branch] = []
        for branch in candidates:
            if level >= len(branch.stages):
                continue
            if level or self.parses:
                new = branch.accepted(*apply_container((branch.stages[level],), value, memo))
            else:
                new = value if branch.accepts(value) else ABSENT
            if new is not ABSENT:
                matching.append(branch)
                if level or self.keyword == "oneOf":
                    break
                value = new
        return matching

    def _compatible(self, matching: list[Branch], nodes: Nodes, level: int, value: Json, memo: Memo) -> Nodes:
        """Returns `nodes`, or those of an earlier stage if a branch refuses the joint result."""
        if len(matching) > 1 and any(
            node is not branch.stages[level] for node, branch in zip(nodes, matching, strict=True)
        ):
            new = apply_container(nodes, value, memo)[0]
            if not all(branch.accepts(new) for branch in matching):
                return nodes[0], *(branch.stages[min(level, len(branch.stages) - 1)] for branch in matching[1:])
        return nodes

    def _nearest(self, value: Json, memo: Memo) -> Nodes:
        """Returns the nodes for a value that matches no branch: the nearest converts its text, for the report."""
        if not self.parses:
            return (self.known,)
        ranked = [
            (distance(branch.judge.errors(apply((branch.stages[0],), value, memo))), index, branch.stages[0])
            for index, branch in enumerate(self.branches)
        ]
        return self.known, min(ranked)[2]


def distance(faults: list[Fault]) -> tuple[bool, int, int]:
    """Returns the distance of a value from a branch, by its faults: a wrong type, wrong constants, the total number."""
    constants = sum(fault["keyword"] in ("const", "enum") for fault in faults)
    return any(not fault["path"] and fault["keyword"] == "type" for fault in faults), constants, len(faults)
