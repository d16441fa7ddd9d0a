"""What tells one state of a document from another: entity tags, preconditions, and the condition of a write.

A tag is strong (RFC 9110 §8.8.1): the field that counts writes, or else a hash of the fields that go out. What
stands behind a `-` (computed fields, a content coding) tells representations apart, not states.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from hapiish import boom, codec
from hapiish.http.content.conditional import entity_tags
from hapiish.kinds.model.types import Member

Condition = dict[str, Any]
Row = Mapping[str, Any]


def digest(value: Any) -> str:
    """A value of JSON as the text of a tag."""
    return blake2b(codec.encode(value), digest_size=16).hexdigest()


def number(member: Member, row: Row) -> int:
    """The version of a stored document; 0 for one that was written before its versions were counted."""
    return int(row.get(member.name) or 0)


def unchanged(member: Member | None, members: Mapping[str, Member], row: Row) -> Condition:
    """The condition that a stored document fulfils as long as it is what `row` is."""
    if member is not None:
        return {member.name: row.get(member.name)}
    stored = [{name: {"$eq": deepcopy(value)}} for name, value in row.items() if "." not in name and name[:1] != "$"]
    return {"$and": [*stored, *({name: {"$exists": False}} for name in members if name not in row)]}


@dataclass(frozen=True, slots=True)
class Preconditions:
    """`If-Match` and `If-None-Match` of a request that changes something, None where it has no such header.

    Weak tags never match in `If-Match`, which compares strongly (§13.1.1).
    """

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Preconditions":
        """The preconditions in a request's headers."""
        match, none_match = headers.get("if-match"), headers.get("if-none-match")
        if match is None and none_match is None:
            return _NONE
        return cls(
            None if match is None else _states(match, weak=False),
            None if none_match is None else _states(none_match, weak=True),
        )

    def judge(self, state: str) -> None:
        """PreconditionFailed unless a document in this state may be changed."""
        if self.match is not None and not self.match & {state, "*"}:
            raise boom.PreconditionFailed("The document is not in the state that If-Match names", code="changed")
        if self.none_match is not None and self.none_match & {state, "*"}:
            raise boom.PreconditionFailed("The document is in a state that If-None-Match names", code="exists")


_NONE = Preconditions()


def _states(header: str, *, weak: bool) -> frozenset[str]:
    if header.strip() == "*":
        return frozenset("*")
    return frozenset(
        tag.partition("-")[0] for is_weak, tag in entity_tags(header) if tag != "*" and (weak or not is_weak)
    )
