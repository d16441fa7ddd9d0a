"""The actions `create`, `update`, `replace` and `delete`.

A precondition is judged on what was read, and the write has a condition that only this state of the document fulfils:
when another write comes between, it does nothing, and the document is read and judged again.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from mongoengine import Document, FileField, signals
from mongoengine.errors import OperationError, SaveConditionError
from pymongo.errors import PyMongoError

from hapiish import boom
from hapiish.kinds.model.action import Action, Plain, here
from hapiish.kinds.model.resource import ID, Resource
from hapiish.kinds.model.types import Schema
from hapiish.kinds.model.versions import Preconditions, number, unchanged

_TRIES = 100  # at each of which another write was the faster one


class Create(Action):
    """201 with the new document and its place."""

    def schemas(self) -> dict[str, Schema]:
        return {"payload": self.resource.payload_schema(), **super().schemas()}

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        values = {**self.attributes(request), **self.resource.pinned(request)}
        made = await self.work(self._create, values)
        field = self.resource.options.lookup.field
        response = await self.answer(request, h, made)
        return response.created(f"{here(request)}/{_step(self.resource, field, made)}")

    def _create(self, values: Plain) -> Any:
        version = self.resource.version
        document = self.cls(**values, **({version.attribute: 1} if version is not None else {}))
        document.save(force_insert=True)
        return document.to_mongo()


class Change(Action):
    """What changes one document, under the preconditions of the request (RFC 9110 §13)."""

    def asked(self, request: Any) -> Preconditions:
        """The preconditions; PreconditionRequired where the table wants some, and the request has none (RFC 6585)."""
        asked = Preconditions.of(request.headers)
        # Of If-None-Match only `*` is about the document at all: another tag, made up, would let any change pass.
        is_asked = asked.match is not None or asked.none_match == frozenset("*")
        if self.resource.options.require_match and not is_asked:
            raise boom.PreconditionRequired(
                "Send If-Match with the ETag of the document that you have", code="match_required"
            )
        return asked

    async def changed(self, request: Any, asked: Preconditions, write: Callable[[Plain, Plain], Any]) -> Any:
        """What `attempt` returns for the document that the request is about."""
        condition, others = self.resource.condition(request), self.resource.others(request)
        return await self.work(self.attempt, condition, others, asked, write)

    def attempt(
        self, condition: Plain, others: Plain | None, asked: Preconditions, write: Callable[[Plain, Plain], Any]
    ) -> Any:
        """`write(row, condition)` until the document is what it was read as; write returns None when it was not.

        Raises Forbidden for a document that is there among `others`.
        """
        resource = self.resource
        for _ in range(_TRIES):
            row = self.cls.objects(__raw__=condition).as_pymongo().first()
            if row is None:
                raise self._absent(others)
            asked.judge(resource.state(row))
            still = [condition]
            if resource.version is not None or asked.match is not None or asked.none_match is not None:
                still.append(unchanged(resource.version, resource.members, row))
            done = write(row, {"$and": still})
            if done is not None:
                return done
        raise boom.Conflict("The document changes too fast; try again", code="contention")

    def _absent(self, others: Plain | None) -> boom.Boom:
        if others is not None and self.cls.objects(__raw__=others).only("pk").as_pymongo().first() is not None:
            return boom.Forbidden("The document has another owner", code="not_owner")
        return boom.NotFound()


class Update(Change):
    """Changes the fields that are sent (RFC 5789), and answers the document as it is then."""

    def schemas(self) -> dict[str, Schema]:
        return {"payload": self.resource.payload_schema(), **super().schemas()}

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        asked = self.asked(request)
        values = self.values(request)
        row = await self.changed(request, asked, lambda row, still: self._save(row, still, values))
        return await self.answer(request, h, row)

    def values(self, request: Any) -> Plain:
        """The attributes to set."""
        return self.attributes(request)

    def _save(self, row: Plain, still: Plain, values: Plain) -> Any:
        document = self.cls._from_son(row)
        for attribute, value in values.items():
            setattr(document, attribute, value)
        version = self.resource.version
        if version is not None:
            setattr(document, version.attribute, number(version, row) + 1)
            document._mark_as_changed(version.name)  # even where the class has that number for a default
        try:
            # With a condition MongoEngine does not make a document anew that was deleted meanwhile.
            document.save(save_condition={"__raw__": still})
        except SaveConditionError:
            return None
        return document.to_mongo()


class Replace(Update):
    """Sets every field that clients may set; one that is not sent gets its default."""

    def values(self, request: Any) -> Plain:
        absent = {member.attribute: None for name, member in self.resource.settable.items() if name != ID}
        return {**absent, **self.attributes(request)}


class Delete(Change):
    """204, and the document is gone."""

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        asked = self.asked(request)
        await self.changed(request, asked, self._delete)
        return h.response().code(204)

    def _delete(self, row: Plain, still: Plain) -> bool | None:
        document = self.cls._from_son(row)
        try:
            return self._gone(document, row, still)
        except OperationError as error:
            if isinstance(error.__context__, PyMongoError):
                raise
            raise boom.Conflict("Other documents refer to this one", code="referenced") from error

    def _gone(self, document: Any, row: Plain, still: Plain) -> bool | None:
        """What `Document.delete` does, under a condition; True when the document was there to be deleted."""
        cls, version = type(document), self.resource.version
        which = document._qs.filter(__raw__={"$and": [{ID: row[ID]}, still]})
        if cls.delete is not Document.delete:
            # A class that deletes in its own way, such as by a mark, is asked once the document is this request's.
            if version is not None and not which.update(__raw__={"$inc": {version.name: 1}}):
                return None
            document.delete()
            return True
        signals.pre_delete.send(cls, document=document)
        if not which.delete(_from_doc_delete=True):
            return None
        for name, field in cls._fields.items():
            if isinstance(field, FileField):
                getattr(document, name).delete()
        signals.post_delete.send(cls, document=document)
        return True


def _step(resource: Resource, field: str, stored: Mapping[str, Any]) -> str:
    member = resource.members[field]
    assert member.type is not None
    return quote(str(member.type.plain(stored.get(field))), safe="")
