"""Parses YAML text into a tree of dicts, lists and scalars, with the position of every key and value.

Built from parser events, so that scalars follow YAML 1.2, keys are text and positions are kept. Problems are
collected, and parsing continues after them where possible.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near
from hapiish.table.text import repair, scalars
from hapiish.table.text.hidden import hide
from hapiish.table.text.marks import COLUMN, Child, MarkNode, Marks, Path, position

DEEPEST: Final = 64
MOST_ALIASED: Final = 100_000
_MOST_REPAIRS: Final = 50
_MOST_REPAIRS_OF_A_LINE: Final = 20
_MOST_REPAIRED: Final = 4_000_000
"""The maximum of characters that are parsed again after repairs."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Substituted:
    """A scalar with substituted `${…}`: its source text, and its other reading (text or typed)."""

    written: str
    other: scalars.Scalar


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed table; `value` is plain data. Problems at `broken` paths are already reported.

    `secrets` are values from outside of the file, each with the `${…}` to show instead. `owners` has the paths of text
    that another table passed as an argument, with the index of the table that wrote it; `deferred` are the presets with
    parameters, which are substituted at their use. `outside` has the texts with a value from outside of the file, by
    the identity of the object: the text, and its source with `${…}`.
    """

    value: Any
    marks: Marks
    broken: frozenset[Path] = frozenset()
    substituted: Mapping[Path, Substituted] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[Path, int] = field(default_factory=dict)
    deferred: Mapping[Path, Any] = field(default_factory=dict)
    outside: dict[int, tuple[str, str]] = field(default_factory=dict)


def decode(data: bytes, file: str) -> str | Problem:
    """Decodes UTF-8 with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = data[: fault.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        hint = "save the file as UTF-8" + (", it looks like UTF-16" if wide else "")
        return Problem(Mark(file, line, column), Code.UNREADABLE, "the file is not UTF-8 text", hint)


def read(text: str, file: str, *, loader: Any = _LOADER) -> tuple[Tree | None, list[Problem]]:
    """Parses `text`; returns the tree, None if it is not YAML even after repairs, and all problems."""
    faults: dict[Problem, None] = {}
    repairs: Counter[int] = Counter()
    text, hidden = hide(text)
    for _ in range(min(_MOST_REPAIRS, 1 + _MOST_REPAIRED // (len(text) + 1))):
        builder = _Builder(text, file, hidden)
        try:
            tree = builder.build(loader(text))
        except yaml.YAMLError as error:
            fault, repaired = repair.repair_text(error, text, file)
            fault = replace(fault, message=fault.message.translate(hidden), hint=fault.hint.translate(hidden))
            tabs = {each.mark.line for each in faults if each.message == repair.TAB}
            follows = repaired is None and not tabs.isdisjoint((fault.mark.line, fault.mark.line - 1))
            faults |= dict.fromkeys([*builder.problems, *([] if follows else [fault])])
            repairs[fault.mark.line] += 1
            if repaired is None or repairs[fault.mark.line] > _MOST_REPAIRS_OF_A_LINE:
                break
            text = repaired
        except _StopReading:
            faults |= dict.fromkeys(builder.problems)
            break
        else:
            return tree, [*(faults | dict.fromkeys(builder.problems))]
    return None, list(faults)


class _StopReading(Exception):
    """Stops parsing; the problem is already collected."""


class _Frame:
    """An open mapping or list: its value, and the children and positions of its node."""

    __slots__ = ("anchor", "at", "children", "key", "keys", "merge_at", "merged", "places", "value")

    def __init__(self, value: dict[str, Any] | list[Any], at: int, anchor: str | None) -> None:
        self.value = value
        self.at = at
        self.anchor = anchor
        self.key: str | None = None
        self.keys: dict[str, int] | None = {} if isinstance(value, dict) else None
        self.children: list[Child] = []
        self.places: list[int] = []
        self.merge_at: int | None = None
        self.merged: tuple[Any, Child, int] | None = None


# A file cannot contain these keys: the parser rejects NUL.
_DROPPED: Final = "\0dropped"
_MERGE: Final = "\0merge"
_OPEN: Final = object()
_EMPTY: Final = MarkNode(0, {}, ())


class _Builder:
    def __init__(self, text: str, file: str, hidden: dict[int, str]) -> None:
        self.hidden = hidden
        self.problems: list[Problem] = []
        self.broken: set[Path] = set()
        self.watched = bool(hidden) or repair.INVISIBLE.search(text) is not None
        self.stack: list[_Frame] = []
        self.frame: _Frame | None = None
        self.anchors: dict[str, tuple[Any, Child]] = {}
        self.aliased = 0
        self.documents = 0
        self.value: Any = None
        self.marks = Marks(file, 0)
        self.texts: dict[str, str] = {}
        self.names: dict[tuple[str, ...], dict[str, int]] = {}

    def build(self, parser: Any) -> Tree:
        handlers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self.scalar,
            yaml.MappingStartEvent: self.start_mapping,
            yaml.MappingEndEvent: self.end_mapping,
            yaml.SequenceStartEvent: self.start_sequence,
            yaml.SequenceEndEvent: self.end,
            yaml.AliasEvent: self.alias,
            yaml.DocumentStartEvent: self.document,
        }
        try:
            while (event := parser.get_event()) is not None and self.documents < 2:
                handle = handlers.get(type(event))
                if handle is not None:
                    handle(event)
        finally:
            parser.dispose()
        return Tree(self.value, self.marks, frozenset(self.broken))

    def document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self.report(event, Code.SEVERAL_DOCUMENTS, "a second YAML document", "a table is a single document")

    def scalar(self, event: Any) -> None:
        if self.hidden:
            event.value = event.value.translate(self.hidden)
        text = event.value
        text = self.texts.setdefault(text, text)
        style, tag, anchor, frame, mark = event.style, event.tag, event.anchor, self.frame, event.start_mark
        at = mark.line << COLUMN | mark.column
        if self.watched and not style:
            self.invisible(event)
        if frame is not None and frame.key is None and frame.keys is not None:
            if tag is None and anchor is None and text not in frame.keys and text != "<<":
                frame.key = text  # as `key` does, for almost every key
                frame.keys[text] = at
            else:
                self.key(frame, event, text, not style and tag is None)
            return
        value: scalars.Scalar = text
        child = None
        try:
            if tag is not None:
                value = _tagged(tag, text)
            elif not style:
                child = text
                value = scalars.read(text)
        except scalars.ScalarError as fault:
            self.problems.append(Problem(self.mark(event), fault.code, fault.message, fault.hint))
            self.broken.add(self.place())
        if anchor is not None:
            self.anchors[anchor] = (value, child)
        self.add(value, child, at)

    def key(self, frame: _Frame, event: yaml.ScalarEvent, text: str, plain: bool) -> None:
        assert frame.keys is not None
        if event.tag not in (None, "!", f"{_TAG}str"):
            self.refuse_tag(event)
        is_merge = plain and text == "<<"
        if is_merge and frame.merge_at is None:
            frame.key = _MERGE
            frame.merge_at = _start(event)
            return
        if is_merge or text in frame.keys:
            hint = "merge several with a list: <<: [*a, *b]" if is_merge else "keep one of the two"
            first_at = frame.merge_at if is_merge else frame.keys[text]
            first = (self.marks.mark(first_at or 0), "the first one")
            self.problems.append(
                Problem(self.mark(event), Code.DUPLICATE_KEY, f'duplicate key "{text}"', hint, (first,))
            )
            frame.key = _DROPPED
            return
        if event.anchor is not None:
            self.anchors[event.anchor] = (text, text)
        frame.key = text
        frame.keys[text] = _start(event)

    def start_mapping(self, event: yaml.MappingStartEvent) -> None:
        self.start(event, {})

    def start_sequence(self, event: yaml.SequenceStartEvent) -> None:
        self.start(event, [])

    def start(self, event: yaml.CollectionStartEvent, value: dict[str, Any] | list[Any]) -> None:
        if len(self.stack) >= DEEPEST:
            self.report(event, Code.TOO_DEEP, f"nested deeper than {DEEPEST} levels")
            raise _StopReading
        if event.tag is not None:
            self.refuse_tag(event)
        outer, anchor = self.frame, event.anchor
        if outer is not None and outer.key is None and outer.keys is not None:
            self.report(event, Code.KEY_NOT_TEXT, "a key must be text", 'quote text that starts with "{" or "["')
            outer.key = anchor = _DROPPED  # the collection and its value are both dropped
        elif anchor is not None:
            self.anchors[anchor] = (_OPEN, None)
        self.frame = _Frame(value, _start(event), anchor)
        self.stack.append(self.frame)

    def end_mapping(self, event: yaml.MappingEndEvent) -> None:
        frame = self.stack[-1]
        if frame.merged is not None:
            self.merge(frame, *frame.merged)
        self.end(event)

    def end(self, event: yaml.Event) -> None:
        frame = self.stack.pop()
        self.frame = self.stack[-1] if self.stack else None
        if frame.anchor is _DROPPED:
            return
        node = self.node(frame)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (frame.value, node)
        self.add(frame.value, node, frame.at)

    def node(self, frame: _Frame) -> MarkNode:
        """The node of a complete mapping or list; mappings with the same keys share their names."""
        positions, names = self.marks.positions, None
        node = MarkNode(len(positions), names, tuple(frame.children))
        positions.extend(frame.places)
        if frame.keys is not None:
            keys = tuple(frame.keys)
            if keys not in self.names:
                self.names[keys] = {key: index for index, key in enumerate(keys)}
            node.names = self.names[keys]
            positions.extend(frame.keys.values())
        return node

    def merge(self, frame: _Frame, value: Any, node: Child, at: int) -> None:
        """`<<`: adds the missing keys from one or several mappings, of which the first wins."""
        positions = self.marks.positions
        bases = [(value, node)]
        if isinstance(value, list) and isinstance(node, MarkNode):
            bases = list(zip(value, node.children, strict=True))
        assert isinstance(frame.value, dict)
        assert frame.keys is not None
        for base, places in bases:
            if not isinstance(base, dict) or not isinstance(places, MarkNode):
                hint = "write <<: *name, with &name on a mapping above"
                message = '"<<" needs a mapping or a list of mappings'
                self.problems.append(Problem(self.marks.mark(at), Code.MERGE_KEY, message, hint))
                continue
            assert places.names is not None
            for key, index in places.names.items():
                if key not in frame.value:
                    frame.value[key] = base[key]
                    frame.children.append(places.children[index])
                    frame.places.append(positions[places.start + index])
                    frame.keys[key] = positions[places.start + len(places.names) + index]

    def alias(self, event: yaml.AliasEvent) -> None:
        name, frame, at = event.anchor or "", self.frame, _start(event)
        if frame is not None and frame.key is None and frame.keys is not None:
            self.report(event, Code.KEY_NOT_TEXT, "a key must be text, not an alias", f'quote it: "*{name}"')
            frame.key = _DROPPED
            return
        if name not in self.anchors:
            close = near(name, self.anchors)
            hint = f'did you mean "*{close}"?' if close else f'set the anchor on the value to repeat: "&{name}"'
            self.report(event, Code.UNKNOWN_ALIAS, f'undefined alias "*{name}": no anchor "&{name}" above it', hint)
            self.broken.add(self.place())
            self.add(*self.nothing(), at)
            return
        value, child = self.anchors[name]
        if value is _OPEN:
            self.report(event, Code.RECURSIVE_ALIAS, f'recursive alias "*{name}": it is inside the value of "&{name}"')
            self.broken.add(self.place())
            self.add(*self.nothing(), at)
            return
        self.add(self.copied(value, event, len(self.stack)), child, at)

    def nothing(self) -> tuple[Any, Child]:
        """The substitute for an invalid alias: null, or an empty mapping to merge."""
        return ({}, _EMPTY) if self.frame is not None and self.frame.key == _MERGE else (None, None)

    def copied(self, value: Any, event: yaml.AliasEvent, depth: int) -> Any:
        self.aliased += 1
        if self.aliased > MOST_ALIASED:
            self.report(event, Code.TOO_MANY_NODES, f"aliases expand to more than {MOST_ALIASED:,} values")
            raise _StopReading
        if depth > DEEPEST:
            self.report(event, Code.TOO_DEEP, f"nested deeper than {DEEPEST} levels by this alias")
            raise _StopReading
        if isinstance(value, dict):
            return {key: self.copied(child, event, depth + 1) for key, child in value.items()}
        if isinstance(value, list):
            return [self.copied(child, event, depth + 1) for child in value]
        return value

    def add(self, value: Any, child: Child, at: int) -> None:
        frame = self.frame
        if frame is None:
            self.value, self.marks = value, replace(self.marks, root=child, at=at)
            return
        if isinstance(frame.value, list):
            frame.value.append(value)
        else:
            key, frame.key = frame.key, None
            if key is None or key == _DROPPED:
                return
            if key == _MERGE:
                frame.merged = (value, child, at)
                return
            assert frame.keys is not None
            if child == "" and value is None:
                at = frame.keys[key]  # an empty value has no position of its own
            frame.value[key] = value
        frame.children.append(child)
        frame.places.append(at)

    def invisible(self, event: yaml.ScalarEvent) -> None:
        found = repair.INVISIBLE.search(event.value)
        if found is not None:
            fault = repair.invisible(found[0], self.mark(event), found.start())
            self.problems.append(fault)

    def refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        tag = _short(event.tag or "")
        self.report(event, Code.TAG, f'the tag "{tag}" is not allowed here', "remove the tag")

    def report(self, event: yaml.Event, code: Code, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.mark(event), code, message, hint))

    def mark(self, event: yaml.Event) -> Mark:
        return self.marks.mark(_start(event))

    def place(self) -> Path:
        """The path of the value that is about to be added."""
        return tuple(len(frame.value) if isinstance(frame.value, list) else frame.key or "" for frame in self.stack)


def _start(event: yaml.Event) -> int:
    mark: Any = event.start_mark
    return position(mark.line, mark.column)


def _tagged(tag: str, text: str) -> scalars.Scalar:
    kind = tag.removeprefix(_TAG)
    if tag == "!" or kind == "str":
        return text
    types: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
    if kind not in types or kind == tag:
        hint = "only !!str, !!int, !!float, !!bool and !!null are known; remove the tag"
        raise scalars.ScalarError(Code.TAG, f'the tag "{_short(tag)}" is not allowed', hint)
    value = scalars.read(text)
    if not isinstance(value, types[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise scalars.ScalarError(Code.TAG, f'"{text}" is not a value of the tag "!!{kind}"', "remove the tag")
    return float(value) if kind == "float" and value is not None else value


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag
