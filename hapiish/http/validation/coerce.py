"""Schemas to converters: the text of params, query, headers, cookies and forms to JSON types, defaults filled in.

Nothing given is changed in place, and text that does not fit stays as it is, for the validator to report. JSON
bodies only get their defaults: their types are what the client sent (hapi). Of alternatives only those that hold for a
value have a say in it.

No library converts text by a JSON Schema.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import Any, Final, NamedTuple

from hapiish.codec import MOST_DIGITS
from hapiish.grammar.pattern import matcher
from hapiish.http.validation.branches import Alternatives, Branch, Look
from hapiish.http.validation.parse_text import Convert, converter, whole
from hapiish.http.validation.report import UNEXPLAINED, Fault
from hapiish.http.validation.schema import Schema, SchemaError, embed
from hapiish.http.validation.schema_reader import ABSENT, ANY, AlternativesGroup, Shape, joined
from hapiish.http.validation.transform import BranchValidator as Judge
from hapiish.http.validation.transform import Make, Memo, Place, Places, fill, holds
from hapiish.http.validation.validator import compile_schema

_DEEPEST: Final = 64
_MOST: Final = 20_000
"""So many levels and places of one schema are looked at; what comes back by `$ref` is found again."""


def compile_coercer(
    schema: Schema,
    schemas: Mapping[str, Any],
    *,
    files: bool = False,
    strip: bool = False,
    most_digits: int = MOST_DIGITS,
) -> Convert | None:
    """What turns a dictionary of texts (or lists of texts) into the types that `schema` asks for.

    `5`, `1.5`, `true` and `null` become what they look like where the schema wants it, a single text becomes a list
    of one where it wants a list, an absent name gets its default. Where a schema allows several types, the first in
    the order it is written in that takes the value gives it. With `files` a single file, in whatever form, becomes a
    list of one too; with `strip` unknown keys are removed. An integer has at most `most_digits`. None when there is
    nothing to do.
    """
    task = _Task(text=True, files=files, strip=strip, defaults=True, most_digits=most_digits)
    return _compile(schema, schemas, task)


def compile_defaults(
    schema: Schema, schemas: Mapping[str, Any], *, strip: bool = False, whole: bool = False
) -> Convert | None:
    """What fills the defaults of `schema` into a JSON value, at any depth; None when it has none.

    With `strip` unknown keys are removed; with `whole` the number that an integer was sent as (`3.0`) becomes one.
    Raises SchemaError for a default that would need itself for ever.
    """
    return _compile(schema, schemas, _Task(strip=strip, defaults=True, whole=whole))


def compile_stripper(schema: Schema, schemas: Mapping[str, Any]) -> Convert | None:
    """What removes unknown keys from a JSON value, at any depth; None when the schema closes nothing."""
    return _compile(schema, schemas, _Task(strip=True))


class _Task(NamedTuple):
    """What a place does; `is_condition` for one that says nothing of unknown keys."""

    text: bool = False
    files: bool = False
    strip: bool = False
    defaults: bool = False
    whole: bool = False
    is_condition: bool = False
    most_digits: int = MOST_DIGITS


def _compile(schema: Schema, schemas: Mapping[str, Any], task: _Task) -> Convert | None:
    if isinstance(schema, bool):
        return None
    root = "root"
    while root in schemas:
        root += "_"
    document = embed({"$ref": f"#/schemas/{root}"}, {**schemas, root: schema})
    assert isinstance(document, dict)
    return _Compiler(document).make(document["schemas"][root], task)


class _Compiler:
    """Makes the places of one document, in which each part refers to others by `#/schemas/…` and so can stand alone."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.shape = Shape(document)
        self.schemas: dict[str, Any] = document["schemas"]
        self.places: dict[tuple[str, _Task], Place] = {}
        self.defaults: list[tuple[Place, int, Any, Places]] = []
        self.is_risky = False  # whether a default may make a value fail that holds without

    def make(self, schema: Any, task: _Task) -> Convert | None:
        """What does `task` to values of `schema`; None when there is nothing to do."""
        root = self.place(schema, task, 0)
        places = list(self.places.values())
        giving = _reaching(places, {place for place, *_ in self.defaults})
        closing = _reaching(places, {place for place in places if place.strips and place.names and not place.is_open})
        speaking = {place for place in places if task.strip and (place.names or place.is_open)} if closing else set()
        changing = {place for place in places if place.converts or place.whole}
        useful = _reaching(places, giving | speaking | changing)
        if root not in (useful if task.defaults else closing):
            return None
        for place in places:
            place.prune(useful, giving, closing)
        for place, index, default, inside in self.defaults:
            name, _, convert, own = place.members[index]
            try:
                whole = fill(inside, default, Memo())
            except RecursionError:
                raise SchemaError(f'the default of "{name}" contains itself without end') from None
            place.members[index] = name, _maker(whole if task.text else default), convert, own
        for place in places:
            place.finish(useful)
        make = root.make
        if not any(place.objects or place.arrays or place.texts or place.changes_others for place in places):
            # Where nothing is chosen, nothing is remembered.
            make = partial(root.fill, memo=Memo()) if root.strips else root.members_alone
        return partial(_guarded, root, make, self._judge(schema)) if self.defaults and self.is_risky else make

    def place(self, schema: Any, task: _Task, depth: int) -> Place:
        """The place of a schema under a task; equal ones are one."""
        key = (json.dumps(schema, sort_keys=True), task)
        if key in self.places:
            return self.places[key]
        if len(self.places) >= _MOST:
            raise SchemaError("the schema refers to itself in too many ways")
        place = self.places[key] = Place()
        if isinstance(schema, dict) and depth < _DEEPEST:
            self._objects(place, schema, task, depth + 1)
            self._arrays(place, schema, task, depth + 1)
            if task.text:
                self._texts(place, schema, task, depth + 1)
            elif task.whole:
                types = self.shape.types(schema)
                place.whole = self.shape.promises_integer(schema)
                place.convert = whole if place.whole and {"array", "object"}.isdisjoint(types) else None
        return place

    def _objects(self, place: Place, schema: dict[str, Any], task: _Task, depth: int) -> None:
        shape = self.shape
        members = shape.members(schema)
        patterns = [(matcher(text), each) for text, each in shape.patterns(schema).items()]
        place.reads, place.strips = task.text, task.strip
        place.names = bool(members or patterns) and not task.is_condition
        place.is_open = shape.is_open(schema) and not task.is_condition
        place.shut = [(names, [matcher(each) for each in given]) for names, given in shape.shut(schema)]
        place.required = shape.demanded(schema) if task.strip and not task.is_condition else frozenset()
        is_sure = not task.defaults or "object" not in shape.types(schema) or self._is_sure(schema)
        self.is_risky = self.is_risky or not is_sure
        for name, each in members.items():
            whole = joined([each, *(other for matches, other in patterns if matches(name))])
            place.inside[name] = (self.place(whole, task, depth),)
            default = shape.default(each) if task.defaults and not place.refuses(name) else ABSENT
            if default is not ABSENT:
                twin = self.place(whole, task._replace(text=False, files=False), depth)
                self.defaults.append((place, len(place.members), default, (twin,)))
                place.verdict = None if is_sure else self._judge(schema)
            place.members.append((name, None, None, place.inside[name][0]))
        place.patterns = [(matches, (self.place(each, task, depth),)) for matches, each in patterns]
        place.rest = (self.place(shape.rest(schema, "additionalProperties"), task, depth),)
        place.unevaluated = (self.place(shape.rest(schema, "unevaluatedProperties"), task, depth),)
        place.objects = [self._choice(group, task, depth) for group in shape.groups(schema, "object")]

    def _arrays(self, place: Place, schema: dict[str, Any], task: _Task, depth: int) -> None:
        first, items = self.shape.items(schema)
        contained = self.shape.contains(schema) if task.text else []
        asked = [{"if": each, "then": True} for each in contained]
        place.first = [(self.place(joined([each, *asked]), task, depth),) for each in first]
        place.items = (self.place(joined([items, *asked]), task, depth),)
        place.arrays = [self._choice(group, task, depth) for group in self.shape.groups(schema, "array")]

    def _texts(self, place: Place, schema: dict[str, Any], task: _Task, depth: int) -> None:
        types, order = self.shape.types(schema), self.shape.order(schema)
        if "string" not in types:
            order = tuple(name for name in order or _ORDER if name in types)
        elif types != ANY or order is None:
            place.texts = [self._choice(group, task, depth) for group in self.shape.groups(schema, "")]
        if order is not None and "number" in order:
            order = tuple(name for name in order if name != "integer")
        place.order, place.most_digits = order, task.most_digits
        read = [name for name in order or () if name in _ORDER or name == "string"]
        place.converts = any(name != "string" for name in read)
        place.files = task.files and types <= {"array", "null"}
        if len(read) > 1 and not {"array", "string"}.isdisjoint(read):
            place.judge = self._judge(schema)
        elif place.converts and {"array", "object"}.isdisjoint(types):
            place.convert = converter(tuple(read), task.most_digits)

    def _choice(self, group: AlternativesGroup, task: _Task, depth: int) -> Alternatives:
        raw = task._replace(strip=False, defaults=False)
        tasks = list(dict.fromkeys((raw, raw._replace(strip=task.strip), task)))
        branches = []
        for name, schema in group.schemas.items():
            mine = [raw._replace(is_condition=True)] if name == "if" and group.word == "if" else tasks
            rungs = [self.place(schema, each, depth) for each in mine]
            tags = list(self.shape.tags(schema).items())
            look = Look(tags, self.shape.needs(schema), self._is_sure(schema))
            branches.append(Branch(name, rungs, self._judge(schema), look))
        return Alternatives(group.word, branches, reads=task.text)

    def _is_sure(self, schema: Any) -> bool:
        """Whether the defaults of a schema cannot make it fail."""
        if not self.shape.is_plain(schema):
            return False
        members = ((each, self.shape.default(each)) for each in self.shape.members(schema).values())
        return all(default is ABSENT or self._judge(each).is_valid(default) for each, default in members)

    def _judge(self, schema: Schema) -> Judge:
        try:
            return compile_schema(schema, self.schemas)
        except SchemaError:  # it has an anchor in another part of the document
            return _Never()


def _guarded(root: Place, make: Convert, judge: Judge, value: Any) -> Any:
    """What `make` makes of a value; of one that only defaults make fail, the same with fewer or none of them."""
    new = make(value)
    if new is value or holds(judge, new):
        return new
    for careful, bare in ((True, False), (False, True)):
        memo = Memo()
        memo.careful, memo.bare = careful, bare
        less = root.fill(value, memo)
        if holds(judge, less):
            return less
    return min(new, less, key=lambda each: len(judge.errors(each)))  # no faults of a default's own in the report


_ORDER: Final = ("null", "boolean", "number", "integer", "array")


class _Never:
    """The verdict on a branch that cannot be asked alone: it takes no part."""

    def is_valid(self, value: Any) -> bool:
        return False

    def errors(self, value: Any) -> list[Fault]:
        return [UNEXPLAINED]


def _reaching(places: list[Place], found: set[Place]) -> set[Place]:
    """`found` with the places from which one of them is reached."""
    above: dict[Place, list[Place]] = {}
    for place in places:
        for inner in place.children():
            above.setdefault(inner, []).append(place)
    reached, ahead = set(found), list(found)
    while ahead:
        for place in above.get(ahead.pop(), ()):
            if place not in reached:
                reached.add(place)
                ahead.append(place)
    return reached


def _maker(default: Any) -> Make:
    """What makes the default anew for each request, so that nobody's change to it is seen by the next."""
    return partial(deepcopy, default) if isinstance(default, dict | list) else lambda: default
