"""What is done to the values at the places of a schema: text converted, defaults filled in, unknown keys removed.

A place stands for all schemas that speak of one value without a condition. Where a schema has alternatives, the value
chooses: a branch is judged with what it would make of the value itself, and only the branches that hold take part.
Nothing given is changed in place, and what needs no change stays the same object.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, Protocol

from hapiish.codec import MOST_DIGITS
from hapiish.http.validation.parse_text import Convert, readings, whole
from hapiish.http.validation.report import Fault
from hapiish.http.validation.schema_reader import ABSENT, common

Make = Callable[[], Any]
Matches = Callable[[str], bool]
Places = tuple["Place", ...]


class Memo(dict[tuple[Places, int], tuple[Any, Any, Places]]):
    """What was made of each container by some places: the container (kept, so that its id is its own), result, places.

    `level` is how many alternatives are being judged inside each other. With `careful` an object gets the defaults
    only with which its own schema holds, as far as `tries` go; with `bare` nothing gets any.
    """

    level = 0
    careful = False
    bare = False
    tries = 1000


_NOTHING: Final = Memo()


class BranchValidator(Protocol):
    """What judges a branch."""

    @property
    def is_valid(self) -> Callable[[Any], bool]: ...

    def errors(self, value: Any) -> list[Fault]: ...


class Choice(Protocol):
    """A group of alternatives at one place."""

    def places(self) -> "Iterator[Place]":
        """The places of all branches."""

    def prune(self, giving: "set[Place]", closing: "set[Place]") -> None:
        """Forgets what changes nothing."""

    def of_text(self, base: Places, value: str, memo: Memo) -> Places:
        """`base` with the places of the branch that a text chooses."""

    def of_container(self, value: Any, memo: Memo) -> Places:
        """The places of the branches that hold for an object or an array."""

    def known_keys(self) -> "Iterator[Place]":
        """The places that say which keys the branches know."""


class Place:
    """What some schemas, taken together, say of one value."""

    __slots__ = (
        *("arrays", "changes_items", "changes_others", "convert", "converts", "files", "first", "inside", "is_open"),
        *("items", "judge", "members", "most_digits", "names", "objects", "order", "patterns", "reads", "required"),
        *("rest", "shut", "strips", "texts", "unevaluated", "verdict", "whole"),
    )

    def __init__(self) -> None:
        self.members: list[tuple[str, Make | None, Convert | None, Place | None]] = []
        self.inside: dict[str, Places] = {}
        self.patterns: list[tuple[Matches, Places]] = []
        self.rest: Places = ()
        self.unevaluated: Places = ()
        self.first: list[Places] = []
        self.items: Places = ()
        self.order: tuple[str, ...] | None = None
        self.reads = False
        self.converts = False
        self.whole = False
        self.most_digits = MOST_DIGITS
        self.convert: Convert | None = None
        self.files = False
        self.judge: BranchValidator | None = None
        self.verdict: BranchValidator | None = None  # where its own defaults may be what makes an object fail
        self.names = False
        self.is_open = False
        self.required: frozenset[str] = frozenset()
        self.strips = False
        self.shut: list[tuple[frozenset[str], list[Matches]]] = []
        self.objects: list[Choice] = []
        self.arrays: list[Choice] = []
        self.texts: list[Choice] = []
        self.changes_others = False
        self.changes_items = False

    def prune(self, useful: set["Place"], giving: set["Place"], closing: set["Place"]) -> None:
        """Forgets the alternatives that change nothing, and notes where else nothing is changed."""
        for choices in (self.objects, self.arrays, self.texts):
            choices[:] = [choice for choice in choices if not useful.isdisjoint(choice.places())]
            for choice in choices:
                choice.prune(giving, closing)
        self.converts = self.converts or bool(self.texts)
        others = (*(places for _, places in self.patterns), self.rest, self.unevaluated)
        self.changes_others = any(useful.intersection(places) for places in others)
        self.changes_items = any(useful.intersection(places) for places in (*self.first, self.items))

    def finish(self, useful: set["Place"]) -> None:
        """Leaves the members of which something is made."""
        members, self.members = self.members, []
        for name, default, _, place in members:
            kept = place if place in useful else None
            if default is not None or kept is not None:
                self.members.append((name, default, None if kept is None else kept.convert, kept))

    def refuses(self, name: str) -> bool:
        """Whether one of the schemas has `additionalProperties: false` and does not know `name`."""
        return any(
            name not in names and not any(matches(name) for matches in patterns) for names, patterns in self.shut
        )

    def make(self, value: Any) -> Any:
        """What becomes of `value`."""
        return self.fill(value, Memo())

    def members_alone(self, value: Any) -> Any:
        """The same where no place has alternatives, and this one keeps all keys: the way of nearly all requests."""
        return self.members_of(value, _NOTHING) if value.__class__ is dict else self.fill(value, Memo())

    def fill(self, value: Any, memo: Memo) -> Any:
        """What becomes of `value`; `memo` is that of the whole value."""
        if isinstance(value, str):
            if self.convert is not None:
                return self.convert(value)
            return read((), (self,), value, memo)[0] if self.converts else value
        if self.files and value is not None and not isinstance(value, list):
            value = [value]
        if isinstance(value, dict):
            if self.objects or (memo.careful and self.verdict is not None):
                value, active = made((self,), value, memo)
                return stripped(active, value) if self.strips else value
            value = self.members_of(value, memo)
            return stripped((self,), value) if self.strips else value
        if isinstance(value, list):
            if self.arrays:
                return made((self,), value, memo)[0]
            return self.items_of(value, memo)
        return whole(value) if self.whole else value

    def members_of(self, value: dict[str, Any], memo: Memo, without: Collection[str] = ()) -> dict[str, Any]:
        """An object with its members as this place makes them; `without` the defaults of some."""
        result = value
        for name, default, convert, place in self.members:
            given = value.get(name, ABSENT)
            if given is ABSENT:
                if default is None or memo.bare or name in without:
                    continue
                new = default()
                if place is not None and not self.reads:
                    new = place.fill(new, memo)
            elif convert is not None:
                if (new := convert(given)) is given:
                    continue
            elif place is None or (new := place.fill(given, memo)) is given:
                continue
            if result is value:
                result = value.copy()
            result[name] = new
        return self._others_of(value, result, memo) if self.changes_others else result

    def _others_of(self, value: dict[str, Any], result: dict[str, Any], memo: Memo) -> dict[str, Any]:
        for name in value.keys() - self.inside.keys():
            places = _inside((self,), name)[0]
            if places and (new := fill(places, value[name], memo)) is not value[name]:
                result = value.copy() if result is value else result
                result[name] = new
        return result

    def items_of(self, value: list[Any], memo: Memo, _: Collection[str] = ()) -> list[Any]:
        """An array with its items as this place makes them."""
        if not self.changes_items:
            return value
        result = value
        first, (rest,) = self.first, self.items
        if rest.convert is whole and not first and float not in map(type, value):
            return value
        for index, given in enumerate(value):
            place = first[index][0] if index < len(first) else rest
            if (new := place.fill(given, memo)) is not given:
                if result is value:
                    result = value.copy()
                result[index] = new
        return result

    def children(self) -> Iterator["Place"]:
        """The places inside, and those of the alternatives."""
        for places in (*self.inside.values(), *(each for _, each in self.patterns), *self.first):
            yield from places
        yield from (*self.rest, *self.unevaluated, *self.items)
        for choice in (*self.objects, *self.arrays, *self.texts):
            yield from choice.places()


# The walk over a value, by all places that speak of it.


def fill(places: Places, value: Any, memo: Memo) -> Any:
    """`value` as all of `places` make it."""
    if len(places) == 1:
        return places[0].fill(value, memo)
    if isinstance(value, str):
        return read((), places, value, memo)[0] if any(place.converts for place in places) else value
    if not isinstance(value, list) and value is not None and any(place.files for place in places):
        value = [value]
    if not isinstance(value, dict | list):
        return whole(value) if any(place.whole for place in places) else value
    new, active = made(places, value, memo)
    return stripped(active, new) if isinstance(new, dict) else new


def made(places: Places, value: Any, memo: Memo, without: Collection[str] = ()) -> tuple[Any, Places]:
    """A container as `places` and the alternatives that hold make it, unknown keys included; and all these places."""
    key = (places, id(value))
    if key in memo and not without:
        return memo[key][1:]
    memo[key] = value, value, places  # for a schema that refers to itself for the same value
    is_object = isinstance(value, dict)
    several: Callable[[Places, Any, Memo, Collection[str]], Any] = _objects if is_object else _array
    active = places
    if len(places) > 1:
        new = several(places, value, memo, without)
    else:
        new = (places[0].members_of if is_object else places[0].items_of)(value, memo, without)
    for choice in [each for place in places for each in (place.objects if is_object else place.arrays)]:
        more: list[Place] = []
        for place in choice.of_container(new, memo):
            more += _settled(place, new, memo)
        added = tuple(place for place in dict.fromkeys(more) if place not in active)
        if added:
            active += added
            new = several(active, value, memo, without)
    if memo.careful and is_object and not without:
        new, active = _weighed(places, value, memo, new, active)
    memo[key] = value, new, active
    return new, active


def _weighed(places: Places, value: dict[str, Any], memo: Memo, new: Any, active: Places) -> tuple[Any, Places]:
    """`new`, or what is made of an object with fewer defaults where all of them are what makes it fail."""

    def is_held(new: Any, active: Places) -> bool:
        memo.tries -= 1
        less = stripped(active, new)
        return all(holds(each, new) or (less is not new and holds(each, less)) for each in verdicts)

    verdicts = [place.verdict for place in active if place.verdict is not None]
    if not verdicts or is_held(new, active):
        return new, active
    without = {name for place in active for name, default, *_ in place.members if default is not None}
    without -= value.keys()
    best = new, active
    for name in [None, *(name for name in new if name in without)]:
        fewer = frozenset(without - {name})
        if memo.tries > 0 and fewer and is_held(*(found := made(places, value, memo, fewer))):
            best, without = found, {*fewer}
    return best


def _settled(place: Place, value: Any, memo: Memo) -> Places:
    """A place with those of its own alternatives that hold."""
    has_choices = place.objects if isinstance(value, dict) else place.arrays
    return made((place,), value, memo)[1] if has_choices else (place,)


def _objects(places: Places, value: dict[str, Any], memo: Memo, without: Collection[str] = ()) -> dict[str, Any]:
    """The members of an object by several places; `without` the defaults of some."""
    result = value
    for name, given in value.items():
        inside = _inside(places, name)[0]
        if inside and (new := fill(inside, given, memo)) is not given:
            result = value.copy() if result is value else result
            result[name] = new
    for place in places:
        for name, default, *_ in place.members:
            if default is None or name in result or memo.bare or name in without:
                continue
            if not any(each.refuses(name) for each in places):
                result = value.copy() if result is value else result
                result[name] = default()
                inside = _inside(places, name)[0]
                if inside and not place.reads:
                    result[name] = fill(inside, result[name], memo)
    return result


def _array(places: Places, value: list[Any], memo: Memo, _: Collection[str] = ()) -> list[Any]:
    """The items of an array by several places."""
    if not any(place.changes_items for place in places):
        return value
    result = value
    for index, given in enumerate(value):
        inside = _united(place.first[index] if index < len(place.first) else place.items for place in places)
        if inside and (new := fill(inside, given, memo)) is not given:
            result = value.copy() if result is value else result
            result[index] = new
    return result


def _inside(places: Places, name: str) -> tuple[Places, bool]:
    """The places of the property `name`, and whether any of `places` knows it."""
    found: list[Places] = []
    is_known = False
    for place in places:
        if name in place.inside:
            is_known = True
            found.append(place.inside[name])
            continue
        matching = [inside for matches, inside in place.patterns if matches(name)]
        is_known = is_known or bool(matching)
        found += matching or [place.rest]
    if not is_known:
        found += [place.unevaluated for place in places]
    return _united(found), is_known


def _united(several: Any) -> Places:
    found = [each for each in several if each]
    if len(found) < 2:
        return found[0] if found else ()
    return tuple(dict.fromkeys(place for places in found for place in places))


def stripped(places: Places, value: dict[str, Any]) -> dict[str, Any]:
    """`value` without the keys that none of `places` knows, where they name any and leave none free."""
    if not any(place.strips for place in places):
        return value
    if any(place.is_open for place in places) or not any(place.names for place in places):
        return value
    unknown = {name for name in value if not _inside(places, name)[1]}
    unknown -= {name for name in unknown if any(name in place.required for place in places)}
    return {name: each for name, each in value.items() if name not in unknown} if unknown else value


def read(base: Places, places: Places, value: str, memo: Memo) -> tuple[Any, Places]:
    """What a text stands for by `base`, whose alternatives are chosen, and `places`; and all places that say so."""
    base += places
    for place in places:
        for choice in place.texts:
            base = choice.of_text(base, value, memo)
    order = common(place.order for place in base)
    if order is None:
        return value, base
    found = list(readings(value, order, base[0].most_digits))
    if "array" in order:
        found.append([value])
    if len(found) > 1:
        found = [fill(base, each, memo) if isinstance(each, list) else each for each in found]
        judges = [place.judge for place in base if place.judge is not None]
        fitting = (each for each in found if all(holds(judge, each) for judge in judges))
        return next(fitting, found[0]), base
    if found:
        return fill(base, found[0], memo) if isinstance(found[0], list) else found[0], base
    return value, base


def holds(judge: BranchValidator, value: Any) -> bool:
    """The verdict; values outside JSON (files) are left to the engine that reports."""
    try:
        return judge.is_valid(value)
    except ValueError:
        return not judge.errors(value)
