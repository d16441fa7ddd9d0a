"""What the actions of the kind `model` share: work in threads, what the document or MongoDB refuses, and answers.

Documents are read, judged and written in the pool of threads and leave it as plain data.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bson.errors import InvalidDocument
from mongoengine.errors import DoesNotExist, NotUniqueError, OperationError, ValidationError
from pymongo.errors import DocumentTooLarge, PyMongoError

from hapiish import boom
from hapiish.http.validation.failure import OnFailure
from hapiish.http.validation.report import Fault as Problem
from hapiish.http.validation.schema import escape
from hapiish.kinds.model.resource import ID, Resource
from hapiish.kinds.model.types import Member, Schema
from hapiish.kinds.model.values import Unfit
from hapiish.kinds.route import KindRoute
from hapiish.store import errors

Plain = dict[str, Any]


class Action:
    """What all actions share. `validate` are the schemas of the inputs that the route does not judge itself."""

    def __init__(self, server: Any, route: KindRoute, resource: Resource) -> None:
        self.server = server
        self.resource = resource
        self.cls = resource.cls
        rules = route.settings.validate
        self.on_failure = OnFailure(status=rules.status, detail=rules.detail, error_fields=rules.error_fields)
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
        except DoesNotExist:
            raise boom.NotFound from None
        except ValidationError as error:
            raise self.on_failure.failure("payload", _faults(error, self.resource.members)) from error
        except NotUniqueError as error:
            raise errors.not_unique(error) from error
        except (OperationError, PyMongoError, InvalidDocument) as error:
            refused = self._refused(error)
            if refused is None:
                raise
            raise refused from error

    def _refused(self, error: Exception) -> boom.Boom | None:
        """What MongoDB says no to because of the data alone, which is the client's; None for anything else."""
        cause = errors.cause_of(error)
        code = getattr(cause, "code", None)
        if isinstance(cause, DocumentTooLarge) or code in errors.TOO_LARGE:
            return errors.too_large()
        if code in errors.REFUSED:
            said = f"is refused by MongoDB: {errors.REFUSED[code]}"
            return self.on_failure.failure("payload", [{"path": "", "message": said, "keyword": "model"}])
        return None

    def attributes(self, request: Any) -> dict[str, Any]:
        """What the payload sets."""
        try:
            return self.resource.attributes(request.payload)
        except Unfit as fault:
            raise self.on_failure.failure("payload", [problem(fault)]) from None

    def selection(self, request: Any) -> tuple[str, ...] | None:
        """The fields that the client asks for, None for all that it may see."""
        asked = request.query.get("fields") if self.resource.options.projection else None
        if not isinstance(asked, str):
            return None
        return tuple(name for name in dict.fromkeys(asked.split(",")) if name in self.resource.visible)

    def first(self, found: Any) -> Plain:
        """The first stored document of a query set; blocks."""
        row: Plain | None = found.as_pymongo().first()
        if row is None:
            raise boom.NotFound
        return row

    def loaded(self, names: Sequence[str] | None, *more: str) -> tuple[str, ...]:
        """The attributes to load for these fields; none of them for all, which computed fields may read."""
        resource = self.resource
        if not resource.computed.keys().isdisjoint(resource.computed if names is None else names):
            return ()
        members = resource.members
        wanted = dict.fromkeys([*(resource.shown if names is None else names), *more, ID])
        return tuple(members[name.partition(".")[0]].attribute for name in wanted)

    async def represented(self, request: Any, row: Mapping[str, Any], names: Sequence[str] | None = None) -> Plain:
        """A stored document as this caller sees it, or only these fields of it."""
        resource = self.resource
        item = resource.show(row, names)
        for name, function in resource.computed.items():
            if names is None or name in names:
                item[name] = await function(row, request)
        return item if names is None or not resource.computed else {name: item[name] for name in names}

    async def answer(self, request: Any, h: Any, row: Mapping[str, Any], names: Sequence[str] | None = None) -> Any:
        """The response with one document and its entity tag."""
        item = await self.represented(request, row, names)
        return h.response(item).etag(self.resource.tag(row, item))


def here(request: Any) -> str:
    """The path of the request as it stands in a header."""
    return quote(str(request.scope.get("root_path", "")) + request.path, safe="/%:@!$&'()*+,;=~")


def problem(fault: Unfit) -> Problem:
    """A value that does not fit, as the report of a failed validation has it."""
    return {"path": _pointer(fault.path), "message": fault.message, "keyword": "type"}


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{escape(step)}" for step in path)


def _faults(error: ValidationError, members: Mapping[str, Member]) -> list[Problem]:
    """What a document refuses, by the names of fields in the database."""
    names = {member.attribute: name for name, member in members.items()}
    found: list[Problem] = []
    for path, words in errors.leaves(error):
        place = (names.get(str(path[0]), path[0]), *path[1:]) if path else path
        found.append({"path": _pointer(place), "message": words, "keyword": "model"})
    return found or [{"path": "", "message": error.message or errors.REFUSED_BY_MODEL, "keyword": "model"}]
