"""Compares two schemas for a direction: the single edits with a verdict each, and a verdict of the whole.

Clients send the properties that the old table names, and ignore received properties that it does not name. So an
optional property may be added in both directions, also to closed objects that clients receive.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from hapiish.declare.types import Json
from hapiish.describe.diff.change import Direction, Verdict
from hapiish.describe.diff.equality import NOTES, Equality
from hapiish.describe.diff.inclusion import document, included, required
from hapiish.describe.diff.relaxing import as_text, closed, closed_inside, defined, opened, target, with_defaults
from hapiish.describe.diff.subset import Answer, Inclusion
from hapiish.describe.diff.wording import described
from hapiish.describe.surface.schemas import ANNOTATIONS
from hapiish.grammar.schema import escape

_GROUPS: Final = (
    ("type",),
    ("enum", "const"),
    ("format",),
    ("pattern",),
    ("minLength",),
    ("maxLength",),
    ("minimum", "exclusiveMinimum"),
    ("maximum", "exclusiveMaximum"),
    ("multipleOf",),
    ("minItems",),
    ("maxItems",),
    ("uniqueItems",),
    ("contains", "minContains", "maxContains"),
    ("prefixItems", "items", "unevaluatedItems"),
    ("minProperties",),
    ("maxProperties",),
    ("propertyNames",),
    ("additionalProperties", "patternProperties", "unevaluatedProperties"),
    ("dependentRequired",),
    ("dependentSchemas",),
    ("if", "then", "else"),
    ("allOf",),
    ("anyOf",),
    ("oneOf",),
    ("not",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One difference of two schemas at `pointer`; `rule` is a key of RULES."""

    rule: str
    verdict: Verdict
    text: str
    pointer: str = ""
    example: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """A schema and the named schemas of its table. None and True accept anything."""

    schema: Any
    schemas: Mapping[str, Any]
    allows_unknown: bool = True
    strips_unknown: bool = False


class SchemaComparisons:
    """Compares the schemas of two tables, each pair once: many routes refer to the same ones."""

    def __init__(self) -> None:
        self.tables: tuple[Any, Any] = (None, None)
        self.known: dict[str, list[Edit]] = {}

    def edits(self, old: Side, new: Side, direction: Direction, *, is_text: bool = False) -> list[Edit]:
        """Returns the differences of two schemas."""
        if self.tables[0] is not old.schemas or self.tables[1] is not new.schemas:
            self.tables, self.known = (old.schemas, new.schemas), {}
        sides = [(side.schema, side.allows_unknown, side.strips_unknown) for side in (old, new)]
        key = json.dumps([sides, direction, is_text])
        if key not in self.known:
            self.known[key] = SchemaComparison(old, new, direction, is_text=is_text).edits()
        return self.known[key]


COMPARISONS: Final = SchemaComparisons()
"""The comparisons of the pair of tables that was compared last."""


class SchemaComparison:
    """Compares two schemas; `is_text`: the values arrive as text and are coerced."""

    def __init__(self, old: Side, new: Side, direction: Direction, *, is_text: bool = False) -> None:
        self.direction = direction
        rules = "schema-narrowed", "schema-widened"
        self.broken, self.kept = rules if direction == "sent" else rules[::-1]
        sides = (replace(side, schema=True if side.schema is None else side.schema) for side in (old, new))
        self.old, self.new = sides
        self.universe: dict[str, Any] = {}
        for name, side in (("old", self.old), ("new", self.new)):
            given = defined(side.schema, side.schemas, name)
            self.universe |= {name: given[name], **required(given[name], given)}
        self.is_text = is_text
        self.equality = Equality(self.universe)
        self.seen: set[tuple[int, int]] = set()

    def edits(self) -> list[Edit]:
        """Returns the differences; schemas nested too deeply to compare are unknown."""
        try:
            return self._judged()
        except RecursionError:
            return [Edit(rule="schema-undecided", verdict="unknown", text="the schemas are too deep to compare")]

    def _judged(self) -> list[Edit]:
        """Returns the differences; the verdict of the whole decides where it is known."""
        old, new = self.universe["old"], self.universe["new"]
        found = list(self._edits(old, new, ""))
        if not found and self.equality.same(old, new) and self.old.allows_unknown == self.new.allows_unknown:
            return []
        whole = self._verdict(old, new, is_whole=True)
        worst = {edit.verdict for edit in found}
        if whole.answer == "yes":
            judged = dict.fromkeys(("schema-undecided", "schema-changed", self.broken), self.kept)
            return [
                replace(edit, verdict="safe", rule=judged.get(edit.rule, edit.rule), example=())
                if (edit.verdict == "breaking" and edit.rule != "undeclared-refused")
                or (edit.verdict == "unknown" and edit.rule == "schema-undecided")
                else edit
                for edit in found
            ]
        if whole.answer == "no" and "breaking" not in worst and not (self.is_text and "unknown" in worst):
            text = "the schema as a whole " + (
                "refuses values" if self.direction == "sent" else "allows further values"
            )
            return [*found, Edit(rule=self.broken, verdict="breaking", text=text, example=whole.witness)]
        if whole.answer == "unknown" and not found:
            return [Edit(rule="schema-undecided", verdict="unknown", text="the schemas cannot be compared")]
        return found

    def _verdict(self, old: Any, new: Any, *, is_whole: bool = False) -> Inclusion:
        """Returns whether what one side sends is accepted by the other, under the assumptions about properties."""
        small, large = (old, new) if self.direction == "sent" else (new, old)
        narrow = document(closed(small, self.universe), self._narrow)
        found = included(narrow, document(self._accepting(large, closed), self._wide))
        if found.answer == "no" and self.is_text and not is_whole and _is_coerced(old, new):
            return Inclusion("unknown")
        return found

    @cached_property
    def _narrow(self) -> dict[str, Any]:
        """The definitions for sent values, which have only the properties that the definitions name."""
        return {name: closed_inside(each, self.universe) for name, each in self.universe.items()}

    @cached_property
    def _wide(self) -> dict[str, Any]:
        """The definitions for accepted values."""
        return {name: self._accepting(each, closed_inside) for name, each in self.universe.items()}

    def _accepting(self, node: Any, closing: Callable[[Any, Mapping[str, Any]], Any]) -> Any:
        """Returns a schema as the receiver applies it. `closing` closes it for `allowUnknown: false`."""
        if self.direction == "received":
            return opened(node)
        node = with_defaults(node)
        if self.new.strips_unknown:
            node = opened(node)
        elif not self.new.allows_unknown:
            node = closing(node, self.universe)
        return as_text(node) if self.is_text else node

    def _edits(self, old: Any, new: Any, at: str) -> Iterator[Edit]:
        old, new = self._followed(old), self._followed(new)
        if (id(old), id(new)) in self.seen or self.equality.same(old, new):
            return
        self.seen.add((id(old), id(new)))
        if not isinstance(old, dict) or not isinstance(new, dict):
            yield from self._unit(
                old,
                new,
                at,
                "the schema becomes " + ("true" if new is True else "false" if new is False else "an object"),
            )
            return
        yield from self._notes(old, new, at)
        yield from self._undeclared(old, new, at)
        if self.is_text and _is_coerced(old, new):
            yield from self._unit(old, new, at, described("type", old, new))
            return
        step: Mapping[str, Any] = old
        for edits, after in self._steps(old, new, at):
            yield from edits
            step = after
        rest = [key for key in {**step, **new} if key not in NOTES and self.equality.differs(step, new, key)]
        if rest:
            yield from self._unit(step, new, at, f"{', '.join(rest)} changed")

    def _undeclared(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Edit]:
        """Yields the refusal of names that an object accepted without naming them."""
        is_checked = self.direction == "sent" and self.old.allows_unknown and not self.new.strips_unknown
        if is_checked and _is_closed(new) and not _is_closed(old) and old.get("additionalProperties", True) is True:
            text = "properties that the schema does not name are refused"
            yield Edit(rule="undeclared-refused", verdict="breaking", text=text, pointer=at)

    def _steps(
        self, old: Mapping[str, Any], new: Mapping[str, Any], at: str
    ) -> Iterator[tuple[list[Edit], dict[str, Any]]]:
        """Yields the edits of each group of keywords, and the schema after it: a chain from `old` to `new`."""
        step = dict(old)
        for edits, after in self._properties(step, new, at):
            step = after
            yield edits, step
        for group in _GROUPS:
            if not any(self.equality.differs(step, new, key) for key in group):
                continue
            after = {key: value for key, value in step.items() if key not in group}
            after |= {key: new[key] for key in group if key in new}
            inner = self._inside(group, step, new, at)
            if inner is None:
                keys = [key for key in group if self.equality.differs(step, new, key)]
                text = "; ".join(described(key, step, new) for key in keys)
                inner = list(self._unit(step, after, at, text))
            step = after
            yield inner, step

    def _inside(
        self, group: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any], at: str
    ) -> list[Edit] | None:
        """Returns the edits inside of schemas at places that only narrow or widen with them; None for others."""
        changed = [key for key in group if self.equality.differs(old, new, key)]
        if len(changed) != 1:
            return None
        key = changed[0]
        before, after = old.get(key), new.get(key)
        if key in ("items", "additionalProperties") and isinstance(before, dict) and isinstance(after, dict):
            return list(self._edits(before, after, f"{at}/*"))
        if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
            return None
        if key in ("allOf", "anyOf", "prefixItems"):
            pairs = enumerate(zip(before, after, strict=True))
            name = "" if key == "prefixItems" else f"{key}/"
            return [edit for index, pair in pairs for edit in self._edits(*pair, f"{at}/{name}{index}")]
        return None

    def _properties(
        self, old: dict[str, Any], new: Mapping[str, Any], at: str
    ) -> Iterator[tuple[list[Edit], dict[str, Any]]]:
        before, after = old.get("properties", {}), new.get("properties", {})
        if not isinstance(before, dict) or not isinstance(after, dict):
            return
        was, becomes = _required(old), _required(new)
        step = dict(old)
        for name in {**before, **after}:
            place = f"{at}/{escape(name)}"
            properties = dict(step.get("properties", {}))
            required = [each for each in step.get("required", ()) if each != name]
            if name in becomes:
                required = [*required, name]
            if name in after:
                properties[name] = after[name]
            else:
                properties.pop(name, None)
            following = {**step, "properties": properties}
            following.pop("required", None)
            if required:
                following["required"] = required
            if name not in before:
                edits = [self._added(step, following, name, place, is_required=name in becomes)]
            elif name not in after:
                edits = [self._removed(step, following, name, place, was_required=name in was)]
            else:
                edits = list(self._edits(before[name], after[name], place))
                edits += self._requiredness(name, after[name], place, was=name in was, becomes=name in becomes)
            yield edits, following
            step = following
        for name in sorted((was | becomes) - before.keys() - after.keys()):
            edits = self._requiredness(name, {}, f"{at}/{name}", was=name in was, becomes=name in becomes)
            required = [each for each in step.get("required", ()) if each != name]
            step = {**step, "required": [*required, name] if name in becomes else required}
            yield edits, step
        if "required" in step or "required" in new:
            yield [], {**step, "required": new.get("required", [])}

    def _added(self, old: Any, new: Any, name: str, at: str, *, is_required: bool) -> Edit:
        word = "required" if is_required else "optional"
        rule = "required-property-added" if is_required else "property-added"
        found = self._verdict(old, new)
        return Edit(
            rule=rule,
            verdict=_verdict(found.answer),
            text=f"new {word} property {name}",
            pointer=at,
            example=found.witness,
        )

    def _removed(self, old: Any, new: Any, name: str, at: str, *, was_required: bool) -> Edit:
        found = self._verdict(old, new)
        verdict = _verdict(found.answer)
        if verdict == "safe" and self.direction == "sent":
            verdict = "unknown"  # accepted, and no longer read
            text = f"property {name} is gone: it is accepted, and no longer described"
        elif self.direction == "sent":
            text = f"property {name} is gone: it is refused"
        elif was_required:
            verdict, text = "breaking", f"property {name} is gone, which was required"
        else:
            verdict, text = "unknown", f"property {name} is gone, which was optional"
        example = found.witness if verdict == "breaking" and not was_required else ()
        return Edit(rule="property-removed", verdict=verdict, text=text, pointer=at, example=example)

    def _requiredness(self, name: str, schema: Any, at: str, *, was: bool, becomes: bool) -> list[Edit]:
        if was == becomes:
            return []
        if becomes:
            if self.direction == "sent" and isinstance(schema, dict) and "default" in schema:
                return [
                    Edit(
                        rule="property-required",
                        verdict="safe",
                        text=f"{name} becomes required; its default is filled in",
                        pointer=at,
                    )
                ]
            verdict: Verdict = "breaking" if self.direction == "sent" else "safe"
            return [Edit(rule="property-required", verdict=verdict, text=f"{name} becomes required", pointer=at)]
        verdict = "safe" if self.direction == "sent" else "breaking"
        return [Edit(rule="property-optional", verdict=verdict, text=f"{name} becomes optional", pointer=at)]

    def _notes(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Edit]:
        if self.direction == "sent" and self.equality.differs(old, new, "default"):
            text = described("default", old, new)
            yield Edit(rule="default-changed", verdict="safe", text=text, pointer=at)
        if bool(old.get("deprecated")) != bool(new.get("deprecated")):
            text = "is deprecated" if new.get("deprecated") else "is no longer deprecated"
            yield Edit(rule="deprecation-of-property", verdict="safe", text=text, pointer=at)

    def _unit(self, old: Any, new: Any, at: str, text: str) -> Iterator[Edit]:
        """Yields the verdict of a difference that is judged as one."""
        forth = self._verdict(old, new)
        if forth.answer == "yes":
            yield Edit(rule=self.kept, verdict="safe", text=text, pointer=at)
        elif forth.answer == "unknown":
            yield Edit(rule="schema-undecided", verdict="unknown", text=text, pointer=at)
        else:
            back = self._verdict(new, old)
            rule = "schema-changed" if back.answer == "no" else self.broken
            yield Edit(rule=rule, verdict="breaking", text=text, pointer=at, example=forth.witness)

    def _followed(self, node: Any) -> Any:
        """Follows references without keywords beside them."""
        for _ in range(100):
            if not isinstance(node, dict) or "$ref" not in node or node.keys() - ANNOTATIONS - {"$ref"}:
                return node
            found = target(node["$ref"], self.universe)
            if found is None:
                return node
            node = found
        return node


def _verdict(answer: Answer) -> Verdict:
    words: Mapping[str, Verdict] = {"yes": "safe", "no": "breaking", "unknown": "unknown"}
    return words[answer]


def _is_closed(node: Mapping[str, Any]) -> bool:
    return node.get("additionalProperties") is False or node.get("unevaluatedProperties") is False


def _required(node: Mapping[str, Any]) -> set[str]:
    found = node.get("required", ())
    return set(found) if isinstance(found, list) else set()


def _is_coerced(old: Any, new: Any) -> bool:
    """Returns whether numbers or booleans become a text with rules: their texts are not compared."""
    kinds = [each.get("type") if isinstance(each, dict) else None for each in (old, new)]
    return kinds[1] == "string" and kinds[0] in ("integer", "number", "boolean")
