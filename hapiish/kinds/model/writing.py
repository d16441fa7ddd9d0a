"""The actions `create`, `update`, `replace` and `delete`.

A write is optimistic: preconditions are checked on the document that was read, and the write applies only to this
state. After a concurrent write it has no effect, and the document is read and checked again.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from mongoengine import Document, FileField, signals
from mongoengine.errors import OperationError, SaveConditionError
from pymongo.errors import PyMongoError

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.model.action import Action, Plain, path_of
from hapiish.kinds.model.resource import ID, Resource
from hapiish.kinds.model.types import Schema
from hapiish.kinds.model.versions import Preconditions, number, unchanged
from hapiish.types import Value

_TRIES = 100  # attempts that may fail because of a concurrent write


class Create(Action):
    """Answers 201 with the new document and its Location."""

    def schemas(self) -> dict[str, Schema]:
        return {"payload": self.resource.payload_schema(), **super().schemas()}

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        values = {**self.attributes(request), **self.resource.pinned(request)}
        row = await self.work(self._create, values)
        response = await self.answer(request, h, row)
        return response.created(f"{path_of(request)}/{_lookup_segment(self.resource, row)}")

    def _create(self, values: Plain) -> Value:
        version = self.resource.version
        document = self.cls(**values, **({version.attribute: 1} if version is not None else {}))
        document.save(force_insert=True)
        return document.to_mongo()


class Change(Action):
    """The base of actions that change one document, under the preconditions of the request (RFC 9110 §13)."""

    def preconditions(self, request: Request) -> Preconditions:
        """Returns the preconditions. Raises PreconditionRequired if the table requires one (RFC 6585)."""
        preconditions = Preconditions.of(request.headers)
        # In If-None-Match only `*` counts: any invented tag would allow the change.
        is_conditional = preconditions.match is not None or preconditions.none_match == frozenset("*")
        if self.resource.options.require_match and not is_conditional:
            raise boom.PreconditionRequired(
                "Send If-Match with the ETag of the document that you have", code="match_required"
            )
        return preconditions

    async def change(
        self, request: Request, preconditions: Preconditions, write: Callable[[Plain, Plain], Value]
    ) -> Value:
        """Applies `write` to the request's document, in a thread."""
        condition, readable = self.resource.condition(request), self.resource.readable_condition(request)
        return await self.work(self._change, condition, readable, preconditions, write)

    def _change(
        self,
        condition: Plain,
        readable: Plain | None,
        preconditions: Preconditions,
        write: Callable[[Plain, Plain], Value],
    ) -> Value:
        """Calls `write(row, condition)` until it succeeds; it returns None after a concurrent write.

        Raises Forbidden for a document that is `readable` only.
        """
        resource = self.resource
        for _ in range(_TRIES):
            row = self.first(condition)
            if row is None:
                raise self._not_found(readable)
            preconditions.check(resource.state(row))
            conditions = [condition]
            if resource.version is not None or preconditions != Preconditions():
                conditions.append(unchanged(resource.version, resource.members, row))
            result = write(row, {"$and": conditions})
            if result is not None:
                return result
        raise boom.Conflict("The document changes too fast; try again", code="contention")

    def _not_found(self, readable: Plain | None) -> boom.Boom:
        if readable is not None and self.first(readable, (ID,)) is not None:
            return boom.Forbidden("The document has another owner", code="not_owner")
        return boom.NotFound()


class Update(Change):
    """Sets the fields of the payload (RFC 5789) and answers the changed document."""

    def schemas(self) -> dict[str, Schema]:
        return {"payload": self.resource.payload_schema(), **super().schemas()}

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        preconditions = self.preconditions(request)
        values = self.values(request)
        row = await self.change(request, preconditions, lambda row, condition: self._save(row, condition, values))
        return await self.answer(request, h, row)

    def values(self, request: Request) -> Plain:
        """Returns the attributes to set."""
        return self.attributes(request)

    def _save(self, row: Plain, condition: Plain, values: Plain) -> Value:
        document = self.cls._from_son(row)
        for attribute, value in values.items():
            setattr(document, attribute, value)
        version = self.resource.version
        if version is not None:
            setattr(document, version.attribute, number(version, row) + 1)
            document._mark_as_changed(version.name)  # even if that number is the default
        try:
            # The condition also keeps MongoEngine from recreating a document that was deleted in between.
            document.save(save_condition={"__raw__": condition})
        except SaveConditionError:
            return None
        return document.to_mongo()


class Replace(Update):
    """Sets every settable field. A missing one gets its default."""

    def values(self, request: Request) -> Plain:
        defaults = {member.attribute: None for name, member in self.resource.settable.items() if name != ID}
        return {**defaults, **self.attributes(request)}


class Delete(Change):
    """Deletes the document and answers 204."""

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        await self.change(request, self.preconditions(request), self._delete)
        return h.response().code(204)

    def _delete(self, row: Plain, condition: Plain) -> bool | None:
        document = self.cls._from_son(row)
        try:
            return self._delete_if(document, row, condition)
        except OperationError as error:
            if isinstance(error.__context__, PyMongoError):
                raise
            raise boom.Conflict("Other documents refer to this one", code="referenced") from error

    def _delete_if(self, document: Any, row: Plain, condition: Plain) -> bool | None:
        """Does the work of `Document.delete` under a condition. Returns True if the document was deleted, else None."""
        cls, version = type(document), self.resource.version
        matching = document._qs.filter(__raw__={"$and": [{ID: row[ID]}, condition]})
        if cls.delete is not Document.delete:
            # A class that overrides `delete`, such as for a soft delete, is called after a conditional write.
            if version is not None and not matching.update(__raw__={"$inc": {version.name: 1}}):
                return None
            document.delete()
            return True
        signals.pre_delete.send(cls, document=document)
        if not matching.delete(_from_doc_delete=True):
            return None
        for name, field in cls._fields.items():
            if isinstance(field, FileField):
                getattr(document, name).delete()
        signals.post_delete.send(cls, document=document)
        return True


def _lookup_segment(resource: Resource, row: Mapping[str, Value]) -> str:
    member = resource.members[resource.options.lookup.field]
    assert member.type is not None
    return quote(str(member.type.plain(row.get(member.name))), safe="")
