"""`handler: {model: {name: Todo, action: list}}`: the six things that clients do with the documents of a class.

Documents are read, judged and written in the pool of threads and leave it as plain data. What a client sends becomes
values of the document's own fields, never part of a query; what belongs to somebody else is not found.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from bson.errors import InvalidDocument
from mongoengine import Document
from mongoengine.errors import DoesNotExist, NotUniqueError, OperationError, SaveConditionError, ValidationError
from pymongo.errors import DocumentTooLarge, PyMongoError

from hapiish import boom
from hapiish import path as paths
from hapiish.http.report import Fault as Problem
from hapiish.http.schema import escape
from hapiish.http.validation import OnFailure
from hapiish.kinds.fields import Member
from hapiish.kinds.refusal import Fault, Refusal
from hapiish.kinds.resource import ID, Resource
from hapiish.kinds.route import KindRoute
from hapiish.kinds.scalars import Schema
from hapiish.kinds.values import Unfit

Plain = dict[str, Any]

_TOO_LARGE: Final = (10334, 17419, 17420)
_REFUSED: Final[Mapping[int | None, str]] = {
    15: "it is nested too deeply",
    53: "its id is of no kind that ids have",
    66: "its id cannot change",
    121: "the collection has a rule against it",
    171: "two of its lists are in one index",
    17280: "a value is too long for its index",
}
"""Codes of MongoDB for data that it does not store."""


def model_kind(server: Any, route: KindRoute, options: Any) -> "Action":
    """The handler of one action; raises Refusal for options that do not fit the class."""
    made: Action = _ACTIONS[options.action](server, route, _resource(route.models[options.name], route.path, options))
    return made


def faults(cls: Any, path: str, options: Any) -> Sequence[Fault]:
    """What is wrong with the options of a route on `path` over this class, without a server around."""
    try:
        _resource(cls, path, options)
    except Refusal as refusal:
        return refusal.faults
    return ()


def _resource(cls: Any, path: str, options: Any) -> Resource:
    if not (isinstance(cls, type) and issubclass(cls, Document)):
        raise Refusal([Fault(("name",), f'"{options.name}" is not a MongoEngine document')])
    return Resource(cls, options, paths.parse(path).params)


class Action:
    """What all actions share. `validate` are the schemas of the inputs that the route does not judge itself."""

    def __init__(self, server: Any, route: KindRoute, resource: Resource) -> None:
        self.server = server
        self.resource = resource
        self.cls = resource.cls
        rules = route.settings.validate
        self.on_failure = OnFailure(detail=rules.detail, error_fields=rules.error_fields)
        schemas = {"params": resource.params_schema(), **self.schemas()}
        self.validate: Mapping[str, Schema] = {
            source: schema for source, schema in schemas.items() if schema is not None
        }

    def schemas(self) -> dict[str, Schema]:
        """The schemas of query and payload."""
        return {"query": self.resource.query_schema()}

    async def work(self, function: Callable[..., Any], *args: Any) -> Any:
        """`function(*args)` in a thread; what the document refuses is the client's fault."""
        try:
            return await self.server.pool.call(function, *args)
        except (DoesNotExist, SaveConditionError):
            raise boom.NotFound from None
        except ValidationError as error:
            raise self.on_failure.failure("payload", _faults(error, self.resource.members)) from error
        except NotUniqueError as error:
            raise boom.Conflict("The document is not unique", code="not_unique", data=_taken(error)) from error
        except (OperationError, PyMongoError, InvalidDocument) as error:
            refused = self._refused(error)
            if refused is None:
                raise
            raise refused from error

    def _refused(self, error: Exception) -> boom.Boom | None:
        """What MongoDB says no to because of the data alone, which is the client's; None for anything else."""
        cause = error.__cause__ or error.__context__ if isinstance(error, OperationError) else error
        code = getattr(cause, "code", None)
        if isinstance(cause, DocumentTooLarge) or code in _TOO_LARGE:
            return boom.EntityTooLarge("The document would be larger than MongoDB stores (16 MB)", code="too_large")
        if code in _REFUSED:
            return self.on_failure.failure(
                "payload", [{"path": "", "message": f"is refused by MongoDB: {_REFUSED[code]}", "keyword": "model"}]
            )
        return None

    def attributes(self, request: Any) -> dict[str, Any]:
        """What the payload sets."""
        try:
            return self.resource.attributes(request.payload)
        except Unfit as fault:
            raise self.on_failure.failure("payload", [_fault(fault)]) from None

    def selection(self, request: Any) -> tuple[str, ...] | None:
        """The fields that the client asks for, None for all that it may see."""
        asked = request.query.get("fields") if self.resource.options.projection else None
        if not isinstance(asked, str):
            return None
        return tuple(name for name in dict.fromkeys(asked.split(",")) if name in self.resource.shown)

    def one(self, condition: Plain) -> Any:
        """The document of a condition; blocks."""
        found = self.cls.objects(__raw__=condition).first()
        if found is None:
            raise boom.NotFound
        return found

    def loaded(self, names: Sequence[str] | None, *more: str) -> tuple[str, ...]:
        """The attributes to load for these fields."""
        members = self.resource.members
        wanted = dict.fromkeys([*(self.resource.shown if names is None else names), *more, ID])
        return tuple(members[name.partition(".")[0]].attribute for name in wanted)


class List(Action):
    """`{items, next}`: a page of what the filters leave, in order; `next` is the cursor of the page that follows."""

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        resource, query = self.resource, request.query
        conditions = [resource.condition(request)]
        try:
            order, limit = resource.asked_order(query), resource.asked_limit(query)
            conditions += [each.condition(query[name]) for name, each in resource.filters.items() if name in query]
            if "cursor" in query:
                conditions.append(order.after(str(query["cursor"])))
        except Unfit as fault:
            raise self.on_failure.failure("query", [_fault(fault)]) from None
        condition = {"$and": conditions} if len(conditions) > 1 else conditions[0]
        names = self.selection(request)
        items, following = await self.work(self._page, condition, order, limit, names)
        response = h.response({"items": items, "next": following})
        if following is not None:
            more = urlencode({**query, "cursor": following}, doseq=True, quote_via=quote)
            response.header("link", f'<{_here(request)}?{more}>; rel="next"')
        return response

    def _page(self, condition: Plain, order: Any, limit: int, names: Sequence[str] | None) -> Any:
        wanted = self.loaded(names, *(key.path for key in order.keys))
        found = self.cls.objects(__raw__=condition).order_by(__raw__=order.sort).only(*wanted).limit(limit + 1)
        rows = list(found.as_pymongo())
        following = order.cursor(rows[limit - 1]) if len(rows) > limit else None
        return [self.resource.show(row, names) for row in rows[:limit]], following


class Get(Action):
    """One document."""

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        return await self.work(self._get, self.resource.condition(request), self.selection(request))

    def _get(self, condition: Plain, names: Sequence[str] | None) -> Plain:
        row = self.cls.objects(__raw__=condition).only(*self.loaded(names)).as_pymongo().first()
        if row is None:
            raise boom.NotFound
        return self.resource.show(row, names)


class Create(Action):
    """201 with the new document and its place."""

    def schemas(self) -> dict[str, Schema]:
        return {"payload": self.resource.payload_schema(), **super().schemas()}

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        values = {**self.attributes(request), **self.resource.pinned(request)}
        made = await self.work(self._create, values)
        field = self.resource.options.lookup.field
        return h.response(self.resource.show(made)).created(f"{_here(request)}/{_step(self.resource, field, made)}")

    def _create(self, values: Plain) -> Any:
        document = self.cls(**values)
        document.save(force_insert=True)
        return document.to_mongo()


class Update(Action):
    """Changes the fields that are sent (RFC 5789), and answers the document as it is then."""

    def schemas(self) -> dict[str, Schema]:
        return {"payload": self.resource.payload_schema(), **super().schemas()}

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        condition, values = self.resource.condition(request), self.attributes(request)
        return await self.work(self._save, condition, values)

    def _save(self, condition: Plain, values: Plain) -> Plain:
        document = self.one(condition)
        for attribute, value in values.items():
            setattr(document, attribute, value)
        # With a condition MongoEngine does not make a document anew that was deleted meanwhile.
        document.save(save_condition={"__raw__": condition})
        return self.resource.show(document.to_mongo())


class Replace(Update):
    """Sets every field that clients may set; one that is not sent gets its default."""

    def _save(self, condition: Plain, values: Plain) -> Plain:
        absent = {member.attribute: None for name, member in self.resource.settable.items() if name != ID}
        return super()._save(condition, {**absent, **values})


class Delete(Action):
    """204, and the document is gone."""

    async def __call__(self, request: Any, h: Any) -> Any:
        """Answers one request."""
        await self.work(self._delete, self.resource.condition(request))
        return h.response().code(204)

    def _delete(self, condition: Plain) -> None:
        document = self.one(condition)
        try:
            document.delete()
        except OperationError as error:
            if isinstance(error.__context__, PyMongoError):
                raise
            raise boom.Conflict("Other documents refer to this one", code="referenced") from error


_ACTIONS: Mapping[str, type[Any]] = {
    "list": List,
    "get": Get,
    "create": Create,
    "replace": Replace,
    "update": Update,
    "delete": Delete,
}


def _here(request: Any) -> str:
    return quote(str(request.scope.get("root_path", "")) + request.path, safe="/%:@!$&'()*+,;=~")


def _step(resource: Resource, field: str, stored: Mapping[str, Any]) -> str:
    member = resource.members[field]
    assert member.type is not None
    return quote(str(member.type.plain(stored.get(field))), safe="")


def _fault(fault: Unfit) -> Problem:
    return {"path": _pointer(fault.path), "message": fault.message, "keyword": "type"}


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{escape(step)}" for step in path)


def _faults(error: ValidationError, members: Mapping[str, Member]) -> list[Problem]:
    """What a document refuses, by field. MongoEngine's own words may hold the value, so they are not repeated."""
    names = {member.attribute: name for name, member in members.items()}
    found: list[Problem] = []
    for path, message in _leaves(error.to_dict(), ()):
        place = (names.get(str(path[0]), path[0]), *path[1:]) if path else path
        words = "is refused by the model" if path else message
        found.append({"path": _pointer(place), "message": words, "keyword": "model"})
    return found or [{"path": "", "message": error.message or "is refused by the model", "keyword": "model"}]


def _leaves(errors: Any, path: tuple[str | int, ...]) -> Any:
    if not isinstance(errors, Mapping):
        yield path, str(errors)
        return
    for name, inner in errors.items():
        yield from _leaves(inner, path if name == "__all__" else (*path, name))


def _taken(error: NotUniqueError) -> Plain:
    """The fields of the index that says no, by their names in the database."""
    details = getattr(error.__context__, "details", None) or {}
    return {"fields": list(details.get("keyPattern", ()))}
