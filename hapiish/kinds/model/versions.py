"""Optimistic concurrency: entity tags of documents, preconditions of requests, and conditions of writes.

A tag is strong (RFC 9110 §8.8.1). It is the document's version number, or else a hash of the visible fields. The suffix
after a `-` (computed fields, a content coding) distinguishes representations of the same state.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import blake2b

from hapiish import boom, codec
from hapiish.http.content.conditional import entity_tags
from hapiish.kinds.model.types import Member
from hapiish.types import Value

Condition = dict[str, Value]
Row = Mapping[str, Value]


def digest(value: Value) -> str:
    """Returns the hash of a JSON value."""
    return blake2b(codec.encode(value), digest_size=16).hexdigest()


def number(member: Member, row: Row) -> int:
    """Returns the version of a stored document; 0 if it was written before the class had a version field."""
    return int(row.get(member.name) or 0)


def unchanged(member: Member | None, members: Mapping[str, Member], row: Row) -> Condition:
    """Returns a condition that matches the stored document only while it equals `row`."""
    if member is not None:
        return {member.name: row.get(member.name)}
    stored = [{name: {"$eq": deepcopy(value)}} for name, value in row.items() if "." not in name and name[:1] != "$"]
    return {"$and": [*stored, *({name: {"$exists": False}} for name in members if name not in row)]}


@dataclass(frozen=True, slots=True)
class Preconditions:
    """`If-Match` and `If-None-Match` of a request that changes a document; None for a missing header.

    Weak tags never match in `If-Match`, which uses the strong comparison (§13.1.1).
    """

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Preconditions":
        """Returns the preconditions of a request's headers."""
        match, none_match = headers.get("if-match"), headers.get("if-none-match")
        if match is None and none_match is None:
            return _NONE
        return cls(
            None if match is None else _states(match, weak=False),
            None if none_match is None else _states(none_match, weak=True),
        )

    def check(self, state: str) -> None:
        """Raises PreconditionFailed unless a document in this state may be changed."""
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
