"""Which of the alternatives of a schema hold for a value, and so take part in what is made of it.

A branch is judged by what it makes of the value itself: first with no more than its text read, then without the keys
that it does not know, at last with its defaults. So a default decides nothing where the value does.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hapiish.http.validation.report import Fault
from hapiish.http.validation.schema_reader import ABSENT, Names, among, inside
from hapiish.http.validation.transform import BranchValidator, Memo, Place, Places, fill, holds, made, read, stripped

MOST_LEVELS: Final = 32
"""So many alternatives inside each other are judged; each verdict is on all that is below."""


class Look(NamedTuple):
    """What is seen of a branch at a glance: the constants and names it needs, and whether a default may break it."""

    tags: list[tuple[Names, list[Any]]]
    needs: list[str]
    is_sure: bool

    def allows(self, value: dict[str, Any]) -> bool:
        """Whether the branch may hold for an object."""
        for name in self.needs:
            if name not in value:
                return False
        for names, values in self.tags:
            given = inside(value, names)
            if given is not ABSENT and not among(given, values):
                return False
        return True


class Branch:
    """One alternative. `rungs` are its places, from one that only reads text to one that strips and gives defaults."""

    __slots__ = ("judge", "look", "name", "rungs")

    def __init__(self, name: str, rungs: list[Place], judge: BranchValidator, look: Look) -> None:
        self.name = name
        self.rungs = rungs
        self.judge = judge
        self.look = look

    def holds(self, value: Any) -> bool:
        return holds(self.judge, value)

    def kept(self, new: Any, active: Places) -> Any:
        """What its places made of a value, if the branch holds for it; else `ABSENT`.

        Keys that the branch does not know may belong to what stands beside it: they go only if it fails with them.
        """
        if self.holds(new):
            return new
        less = stripped(active, new) if isinstance(new, dict) else new
        return less if less is not new and self.holds(less) else ABSENT

    def taken(self, value: Any, memo: Memo) -> Place:
        """The place with the most to do that does not make the branch fail where it would hold without."""
        best = self.rungs[-1]
        if len(self.rungs) > 1:
            for place in reversed(self.rungs):  # a loop, as all here that goes down: a frame less for each level
                if self.kept(*made((place,), value, memo)) is not ABSENT:
                    return place
        return best


class Alternatives:
    """A group of alternatives at one place: anyOf, oneOf, if or dependentSchemas, by `word`."""

    __slots__ = ("branches", "known", "reads", "word")

    def __init__(self, word: str, branches: list[Branch], *, reads: bool) -> None:
        self.word = word
        self.branches = branches
        self.reads = reads
        self.known = Place()

    def prune(self, giving: set[Place], closing: set[Place]) -> None:
        """Leaves the rungs that do more than those before; notes which keys are known where no branch holds.

        These are the keys of all branches; of `if`, which looks at its own in any case, those.
        """
        for branch in self.branches:
            strips = next((place for place in branch.rungs[1:] if place in closing), None)
            branch.rungs[1:] = [place for place in branch.rungs[1:] if place in giving or place is strips]
        seen: set[Place] = set()
        ahead = list(self.known_keys())
        while ahead:
            place = ahead.pop()
            if place not in seen:
                seen.add(place)
                self.known.inside |= dict.fromkeys(place.inside, ())
                self.known.patterns += [(matches, ()) for matches, _ in place.patterns]
                self.known.names |= place.names
                self.known.is_open |= place.is_open
                ahead += [each for choice in place.objects for each in choice.known_keys()]

    def known_keys(self) -> Iterator[Place]:
        """The places that say which keys the branches know."""
        return (branch.rungs[0] for branch in (self.branches[:1] if self.word == "if" else self.branches))

    def places(self) -> Iterator[Place]:
        for branch in self.branches:
            yield from branch.rungs

    def of_text(self, base: Places, value: str, memo: Memo) -> Places:
        """`base` with the places of the branch that a text chooses: the first that holds for what it reads there."""
        if self.word == "if":
            condition, yes, no = (branch.rungs[0] for branch in self.branches)
            new, places = read(base, (condition,), value, memo)
            is_met = self.branches[0].holds(new)
            return read(*((places, (yes,)) if is_met else (base, (no,))), value, memo)[1]
        meant = None
        for branch in self.branches:
            if branch.rungs[0] in base:  # a schema that refers to itself for the same value
                continue
            new, places = read(base, (branch.rungs[0],), value, memo)
            if branch.holds(new):
                return places
            if meant is None and new is not value:
                meant = places
        return meant or base

    def of_container(self, value: Any, memo: Memo) -> Places:
        """The places of the branches that hold for an object or an array."""
        if self.word == "if":
            condition, yes, no = self.branches
            if condition.holds(fill(tuple(condition.rungs[:1]), value, memo)):
                return condition.rungs[0], yes.taken(value, memo)
            return self.known, no.taken(value, memo)
        if self.word == "dependentSchemas":
            return tuple(branch.taken(value, memo) for branch in self.branches if branch.name in value)
        likely = self.branches
        if isinstance(value, dict) and not self.reads:
            likely = [branch for branch in likely if branch.look.allows(value)]
            if len(likely) == 1 and likely[0].look.is_sure:  # whether it holds is for the verdict on the whole
                return (likely[0].rungs[-1],)
        memo.level += 1
        if memo.level > MOST_LEVELS:
            raise RecursionError("too many alternatives inside each other")
        chosen = None
        for level in range(max((len(branch.rungs) for branch in likely), default=0)):
            held = self._held(likely, level, value, memo)
            if held:
                places = []
                for branch in held:
                    places.append(branch.taken(value, memo))  # noqa: PERF401
                chosen = self._agreeing(held, tuple(places), level, value, memo)
                break
        memo.level -= 1
        if chosen is None:
            return (likely[0].rungs[0],) if len(likely) == 1 else self._meant(value, memo)
        return chosen

    def _held(self, likely: list[Branch], level: int, value: Any, memo: Memo) -> list[Branch]:
        """The branches that hold at one level: of `anyOf` all that do so as they are, else the first.

        A text that one branch has read is not read again by the next.
        """
        held: list[Branch] = []
        for branch in likely:
            if level >= len(branch.rungs):
                continue
            if level or self.reads:
                new = branch.kept(*made((branch.rungs[level],), value, memo))
            else:
                new = value if branch.holds(value) else ABSENT
            if new is not ABSENT:
                held.append(branch)
                if level or self.word == "oneOf":
                    break
                value = new
        return held

    def _agreeing(self, held: list[Branch], places: Places, level: int, value: Any, memo: Memo) -> Places:
        """`places`, or those that do less where the branches would not all hold for what they make together."""
        if len(held) > 1 and any(place is not branch.rungs[level] for place, branch in zip(places, held, strict=True)):
            new = made(places, value, memo)[0]
            if not all(branch.holds(new) for branch in held):
                return places[0], *(branch.rungs[min(level, len(branch.rungs) - 1)] for branch in held[1:])
        return places

    def _meant(self, value: Any, memo: Memo) -> Places:
        """The text of a value that fits no branch is read as the nearest one asks, for the report."""
        if not self.reads:
            return (self.known,)
        tried = [
            (nearness(branch.judge.errors(fill((branch.rungs[0],), value, memo))), index, branch.rungs[0])
            for index, branch in enumerate(self.branches)
        ]
        return self.known, min(tried)[2]


def nearness(faults: list[Fault]) -> tuple[bool, int, int]:
    """How far a value is from a branch, by its faults there: the wrong type, wrong constants, faults in all."""
    constants = sum(fault["keyword"] in ("const", "enum") for fault in faults)
    return any(not fault["path"] and fault["keyword"] == "type" for fault in faults), constants, len(faults)
