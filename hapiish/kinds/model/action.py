"""The base class of the actions: calls in the thread pool, errors of documents and MongoDB, and responses.

Documents are read, validated and written in the thread pool and returned as plain data.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bson.errors import InvalidDocument
from mongoengine.errors import DoesNotExist, NotUniqueError, OperationError, ValidationError
from pymongo.errors import DocumentTooLarge, PyMongoError

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.validation.failure import OnFailure
from hapiish.http.validation.report import Fault as Problem
from hapiish.kinds.model.cursor import Order
from hapiish.kinds.model.resource import ID, Resource
from hapiish.kinds.model.types import Member, Schema
from hapiish.kinds.model.values import Unfit
from hapiish.kinds.route import KindRoute
from hapiish.store import errors, rows
from hapiish.types import Value

Plain = dict[str, Value]


class Action:
    """The base of all actions. `validate` has the schemas of inputs for which the route declares none."""

    def __init__(self, server: HttpServer, route: KindRoute, resource: Resource) -> None:
        self.server = server
        self.resource = resource
        self.cls = resource.cls
        self.is_plain = rows.is_plain(resource.cls)
        rules = route.settings.validate
        self.on_failure = OnFailure(status=rules.status, detail=rules.detail, error_fields=rules.error_fields)
        schemas = {"params": resource.params_schema(), **self.schemas()}
        self.validate: Mapping[str, Schema] = {
            source: schema for source, schema in schemas.items() if schema is not None
        }

    def schemas(self) -> dict[str, Schema]:
        """Returns the schemas of query and payload."""
        return {"query": self.resource.query_schema()}

    async def work(self, function: Callable[..., Any], *args: Any) -> Value:
        """Returns the result of `function(*args)`, run in a thread. Raises a client error for rejected data."""
        try:
            return await self.server.pool.call(function, *args)
        except DoesNotExist:
            raise boom.NotFound from None
        except ValidationError as error:
            raise self.on_failure.failure("payload", _faults(error, self.resource.members)) from error
        except NotUniqueError as error:
            raise errors.not_unique(error) from error
        except (OperationError, PyMongoError, InvalidDocument) as error:
            client_error = self._client_error(error)
            if client_error is None:
                raise
            raise client_error from error

    def _client_error(self, error: Exception) -> boom.Boom | None:
        """Returns the error response for data that MongoDB rejects; None for any other error."""
        cause = errors.cause_of(error)
        code = getattr(cause, "code", None)
        if isinstance(cause, DocumentTooLarge) or code in errors.TOO_LARGE:
            return errors.too_large()
        if code in errors.REFUSED:
            message = f"is refused by MongoDB: {errors.REFUSED[code]}"
            return self.on_failure.failure("payload", [{"path": "", "message": message, "keyword": "model"}])
        return None

    def attributes(self, request: Request) -> dict[str, Value]:
        """Returns the document attributes that the payload sets."""
        try:
            return self.resource.attributes(request.payload)
        except Unfit as fault:
            raise self.on_failure.failure("payload", [problem(fault)]) from None

    def selection(self, request: Request) -> tuple[str, ...] | None:
        """Returns the fields that the client selects, None for all visible ones."""
        names = request.query.get("fields") if self.resource.options.projection else None
        if not isinstance(names, str):
            return None
        return tuple(name for name in dict.fromkeys(names.split(",")) if name in self.resource.visible)

    def find(
        self,
        where: Plain,
        fields: Sequence[str] | None = None,
        *,
        order: Order | None = None,
        skip: int = 0,
        limit: int = 0,
    ) -> list[Plain]:
        """Returns the stored documents that match, with these fields or all. Blocks.

        A class with a manager or query set of its own is read through it.
        """
        if self.is_plain:
            sort = () if order is None else tuple(map(str, order.keys))
            return rows.find(self.cls, where, fields=fields, sort=sort, skip=skip, limit=limit)
        documents = self.cls.objects(__raw__=where)
        if order is not None:
            documents = documents.order_by(__raw__=order.sort)
        if fields is not None:
            documents = documents.only(*(self.resource.members[name].attribute for name in fields))
        return list(documents.skip(skip).limit(limit).batch_size(limit or rows.BATCH).as_pymongo())

    def first(self, where: Plain, fields: Sequence[str] | None = None) -> Plain | None:
        """Returns the first stored document that matches, or None. Blocks."""
        if self.is_plain:
            return rows.get(self.cls, where, fields=fields)
        return next(iter(self.find(where, fields, limit=1)), None)

    def projection(self, names: Sequence[str] | None, *more: str) -> tuple[str, ...] | None:
        """Returns the fields to load for the visible ones; None for all fields, which computed ones may read."""
        resource = self.resource
        if not resource.computed.keys().isdisjoint(resource.computed if names is None else names):
            return None
        paths = [*(resource.shown if names is None else names), *more, ID]
        return tuple(dict.fromkeys(path.partition(".")[0] for path in paths))

    async def represented(
        self, request: Request, row: Mapping[str, Value], names: Sequence[str] | None = None
    ) -> Plain:
        """Returns the representation of a stored document, or only these fields of it."""
        resource = self.resource
        item = resource.show(row, names)
        for name, function in resource.computed.items():
            if names is None or name in names:
                item[name] = await function(row, request)
        return item if names is None or not resource.computed else {name: item[name] for name in names}

    async def answer(
        self, request: Request, h: Toolkit, row: Mapping[str, Value], names: Sequence[str] | None = None
    ) -> Response:
        """Returns the response with one document and its entity tag."""
        item = await self.represented(request, row, names)
        return h.response(item).etag(self.resource.tag(row, item))


def path_of(request: Request) -> str:
    """Returns the percent-encoded path of the request, for a header."""
    return quote(str(request.scope.get("root_path", "")) + request.path, safe="/%:@!$&'()*+,;=~")


def problem(fault: Unfit) -> Problem:
    """Returns the entry of the validation report for a value that does not fit."""
    return {"path": errors.json_pointer(fault.path), "message": fault.message, "keyword": "type"}


def _faults(error: ValidationError, members: Mapping[str, Member]) -> list[Problem]:
    """Returns the validation errors of a document, by the names of fields in the database."""
    names = {member.attribute: name for name, member in members.items()}
    faults: list[Problem] = []
    for path, message in errors.leaves(error):
        named_path = (names.get(str(path[0]), path[0]), *path[1:]) if path else path
        faults.append({"path": errors.json_pointer(named_path), "message": message, "keyword": "model"})
    return faults or [{"path": "", "message": error.message or errors.REFUSED_BY_MODEL, "keyword": "model"}]
