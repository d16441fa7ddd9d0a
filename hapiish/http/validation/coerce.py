"""Compiles schemas to converters: text of params, query, headers, cookies and forms to JSON types, and defaults.

The input is never modified. Text that cannot be converted stays text, which the validator reports. JSON bodies only get
defaults: their types are the client's (hapi). Only the alternatives that a value matches take part.

No library converts text by a JSON Schema.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache, partial
from typing import Final, NamedTuple

from hapiish.codec import MOST_DIGITS
from hapiish.grammar.pattern import matcher
from hapiish.http.validation.branches import Alternatives, Branch, Prefilter
from hapiish.http.validation.parse_text import Convert, converter, without_fraction
from hapiish.http.validation.report import UNEXPLAINED, Fault
from hapiish.http.validation.schema import Schema, SchemaError, embed
from hapiish.http.validation.schema_reader import ABSENT, ANY, AlternativesGroup, Shape, joined
from hapiish.http.validation.transform import MakeDefault, Memo, Nodes, SchemaNode, accepts, apply
from hapiish.http.validation.validator import Judge, compile_schema
from hapiish.types import Json

_DEEPEST: Final = 64
_MOST_NODES: Final = 20_000
"""The maximum depth and number of nodes of one schema; a recursive schema reuses its nodes."""


def compile_coercer(
    schema: Schema,
    schemas: Mapping[str, Json],
    *,
    files: bool = False,
    strip: bool = False,
    most_digits: int = MOST_DIGITS,
) -> Convert | None:
    """Returns a converter of objects of texts (or of lists of texts) to the types in `schema`; None if it never acts.

    `5`, `1.5`, `true` and `null` become an integer, a number, a boolean and null where the schema wants one. A single
    text becomes a list of one where it wants a list. A missing property gets its default. If a schema allows several
    types, the first one in its order that makes the value valid applies. With `files` a single file becomes a list of
    one, too. With `strip` unknown keys are removed. An integer has at most `most_digits` digits.
    """
    task = _Task(text=True, files=files, strip=strip, defaults=True, most_digits=most_digits)
    return _compile(schema, schemas, task)


def compile_defaults(
    schema: Schema, schemas: Mapping[str, Json], *, strip: bool = False, whole: bool = False
) -> Convert | None:
    """Returns a function that fills in the defaults of a JSON value at any depth; None if it never acts.

    With `strip` unknown keys are removed. With `whole` a float without a fraction (`3.0`) becomes an integer where the
    schema wants one. Raises SchemaError for a default that contains itself.
    """
    return _compile(schema, schemas, _Task(strip=strip, defaults=True, whole=whole))


def compile_stripper(schema: Schema, schemas: Mapping[str, Json]) -> Convert | None:
    """Returns a function that removes unknown keys from a JSON value at any depth; None if all its objects are open."""
    return _compile(schema, schemas, _Task(strip=True))


class _Task(NamedTuple):
    """The work of a node; the `is_condition` of an `if` names no known keys."""

    text: bool = False
    files: bool = False
    strip: bool = False
    defaults: bool = False
    whole: bool = False
    is_condition: bool = False
    most_digits: int = MOST_DIGITS


def _compile(schema: Schema, schemas: Mapping[str, Json], task: _Task) -> Convert | None:
    if isinstance(schema, bool):
        return None
    root = "root"
    while root in schemas:
        root += "_"
    document = embed({"$ref": f"#/schemas/{root}"}, {**schemas, root: schema})
    return _converter(json.dumps(document), root, task)


@lru_cache(maxsize=1024)
def _converter(text: str, root: str, task: _Task) -> Convert | None:
    """Returns the converter of a schema. Equal schemas share it, also those of other routes, tables and reloads."""
    document = json.loads(text)
    return _Compiler(document).compile(document["schemas"][root], task)


class _Compiler:
    """Makes the nodes of one document. Its parts refer to others by `#/schemas/…`, so each can be compiled alone."""

    def __init__(self, document: dict[str, Json]) -> None:
        self.shape = Shape(document)
        self.schemas: dict[str, Json] = document["schemas"]
        self.nodes: dict[tuple[str, _Task], SchemaNode] = {}
        self.defaults: list[tuple[SchemaNode, int, Json, Nodes]] = []
        self.is_risky = False  # True if a default can make a valid value invalid

    def compile(self, schema: Json, task: _Task) -> Convert | None:
        """Returns the function that performs `task` on values of `schema`; None if it never acts."""
        root = self.node(schema, task, 0)
        nodes = list(self.nodes.values())
        with_defaults = _ancestors(nodes, {node for node, *_ in self.defaults})
        with_closed = _ancestors(nodes, {node for node in nodes if node.strips and node.names and not node.is_open})
        naming = {node for node in nodes if task.strip and (node.names or node.is_open)} if with_closed else set()
        converting = {node for node in nodes if node.converts or node.whole}
        useful = _ancestors(nodes, with_defaults | naming | converting)
        if root not in (useful if task.defaults else with_closed):
            return None
        for node in nodes:
            node.prune(useful, with_defaults, with_closed)
        for node, index, default, inside in self.defaults:
            name, _, convert, own = node.members[index]
            try:
                complete = apply(inside, default, Memo())
            except RecursionError:
                raise SchemaError(f'the default of "{name}" contains itself without end') from None
            node.members[index] = name, _make_default(complete if task.text else default), convert, own
        for node in nodes:
            node.finish(useful)
        transform = root.transform
        if not any(node.objects or node.arrays or node.texts or node.changes_others for node in nodes):
            # Without alternatives nothing is memoized, so that all values can share one empty memo.
            transform = partial(root.apply, memo=Memo()) if root.strips else root.transform_members
        return partial(_checked, root, transform, self._judge(schema)) if self.defaults and self.is_risky else transform

    def node(self, schema: Json, task: _Task, depth: int) -> SchemaNode:
        """Returns the node of a schema under a task; equal schemas share one."""
        key = (json.dumps(schema, sort_keys=True), task)
        if key in self.nodes:
            return self.nodes[key]
        if len(self.nodes) >= _MOST_NODES:
            raise SchemaError("the schema refers to itself in too many ways")
        node = self.nodes[key] = SchemaNode()
        if isinstance(schema, dict) and depth < _DEEPEST:
            self._objects(node, schema, task, depth + 1)
            self._arrays(node, schema, task, depth + 1)
            if task.text:
                self._texts(node, schema, task, depth + 1)
            elif task.whole:
                types = self.shape.types(schema)
                node.whole = self.shape.is_integer(schema)
                node.convert = without_fraction if node.whole and {"array", "object"}.isdisjoint(types) else None
        return node

    def _objects(self, node: SchemaNode, schema: dict[str, Json], task: _Task, depth: int) -> None:
        shape = self.shape
        members = shape.members(schema)
        patterns = [(matcher(text), each) for text, each in shape.patterns(schema).items()]
        node.parses, node.strips = task.text, task.strip
        node.names = bool(members or patterns) and not task.is_condition
        node.is_open = shape.is_open(schema) and not task.is_condition
        node.closed = [(names, [matcher(pattern) for pattern in texts]) for names, texts in shape.closed(schema)]
        node.required = shape.ever_required(schema) if task.strip and not task.is_condition else frozenset()
        is_sure = not task.defaults or "object" not in shape.types(schema) or self._is_sure(schema)
        self.is_risky = self.is_risky or not is_sure
        for name, member in members.items():
            combined = joined([member, *(other for matches, other in patterns if matches(name))])
            node.inside[name] = (self.node(combined, task, depth),)
            default = shape.default(member) if task.defaults and not node.refuses(name) else ABSENT
            if default is not ABSENT:
                of_default = self.node(combined, task._replace(text=False, files=False), depth)
                self.defaults.append((node, len(node.members), default, (of_default,)))
                node.verdict = None if is_sure else self._judge(schema)
            node.members.append((name, None, None, node.inside[name][0]))
        node.patterns = [(matches, (self.node(each, task, depth),)) for matches, each in patterns]
        node.rest = (self.node(shape.rest(schema, "additionalProperties"), task, depth),)
        node.unevaluated = (self.node(shape.rest(schema, "unevaluatedProperties"), task, depth),)
        node.objects = [self._choice(group, task, depth) for group in shape.groups(schema, "object")]

    def _arrays(self, node: SchemaNode, schema: dict[str, Json], task: _Task, depth: int) -> None:
        first, items = self.shape.items(schema)
        contained = self.shape.contains(schema) if task.text else []
        optional = [{"if": each, "then": True} for each in contained]
        node.first = [(self.node(joined([each, *optional]), task, depth),) for each in first]
        node.items = (self.node(joined([items, *optional]), task, depth),)
        node.arrays = [self._choice(group, task, depth) for group in self.shape.groups(schema, "array")]

    def _texts(self, node: SchemaNode, schema: dict[str, Json], task: _Task, depth: int) -> None:
        types, order = self.shape.types(schema), self.shape.order(schema)
        if "string" not in types:
            order = tuple(name for name in order or _ORDER if name in types)
        elif types != ANY or order is None:
            node.texts = [self._choice(group, task, depth) for group in self.shape.groups(schema, "")]
        if order is not None and "number" in order:
            order = tuple(name for name in order if name != "integer")
        node.order, node.most_digits = order, task.most_digits
        targets = [name for name in order or () if name in _ORDER or name == "string"]
        node.converts = any(name != "string" for name in targets)
        node.files = task.files and types <= {"array", "null"}
        if len(targets) > 1 and not {"array", "string"}.isdisjoint(targets):
            node.judge = self._judge(schema)
        elif node.converts and {"array", "object"}.isdisjoint(types):
            node.convert = converter(tuple(targets), task.most_digits)

    def _choice(self, group: AlternativesGroup, task: _Task, depth: int) -> Alternatives:
        raw = task._replace(strip=False, defaults=False)
        tasks = list(dict.fromkeys((raw, raw._replace(strip=task.strip), task)))
        branches = []
        for name, schema in group.schemas.items():
            is_condition = name == "if" and group.keyword == "if"
            own_tasks = [raw._replace(is_condition=True)] if is_condition else tasks
            stages = [self.node(schema, own_task, depth) for own_task in own_tasks]
            tags = list(self.shape.tags(schema).items())
            prefilter = Prefilter(tags, self.shape.needs(schema), self._is_sure(schema))
            branches.append(Branch(name, stages, self._judge(schema), prefilter))
        return Alternatives(group.keyword, branches, parses=task.text)

    def _is_sure(self, schema: Json) -> bool:
        """True if the defaults of a schema cannot make a value invalid."""
        if not self.shape.is_plain(schema):
            return False
        members = ((each, self.shape.default(each)) for each in self.shape.members(schema).values())
        return all(default is ABSENT or self._judge(each).is_valid(default) for each, default in members)

    def _judge(self, schema: Schema) -> Judge:
        try:
            return compile_schema(schema, self.schemas)
        except SchemaError:  # a reference to an anchor in another part of the document
            return _RefusesAll()


def _checked(root: SchemaNode, transform: Convert, judge: Judge, value: Json) -> Json:
    """Returns the transformed value; if only defaults make it invalid, the value with fewer defaults or none."""
    new = transform(value)
    if new is value or accepts(judge, new):
        return new
    for checks_defaults in (True, False):
        memo = Memo()
        memo.checks_defaults, memo.skips_defaults = checks_defaults, not checks_defaults
        less = root.apply(value, memo)
        if accepts(judge, less):
            return less
    return min(new, less, key=lambda each: len(judge.errors(each)))  # the report has no faults that a default causes


_ORDER: Final = ("null", "boolean", "number", "integer", "array")


class _RefusesAll:
    """The validator of a branch that cannot be compiled alone: the branch never takes part."""

    def is_valid(self, value: Json) -> bool:
        return False

    def errors(self, value: Json) -> list[Fault]:
        return [UNEXPLAINED]


def _ancestors(nodes: list[SchemaNode], selected: set[SchemaNode]) -> set[SchemaNode]:
    """Returns `selected` and all their ancestors among `nodes`."""
    parents: dict[SchemaNode, list[SchemaNode]] = {}
    for node in nodes:
        for child in node.children():
            parents.setdefault(child, []).append(node)
    ancestors, pending = set(selected), list(selected)
    while pending:
        for node in parents.get(pending.pop(), ()):
            if node not in ancestors:
                ancestors.add(node)
                pending.append(node)
    return ancestors


def _make_default(default: Json) -> MakeDefault:
    """Returns a function that copies a mutable default, so that no request sees the changes of another."""
    return partial(deepcopy, default) if isinstance(default, dict | list) else lambda: default
