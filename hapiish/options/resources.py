"""The kind `model`: documents over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from hapiish.declare.manifest import KindManifest
from hapiish.declare.option import As, Form, Items, Range, Text, option, settings
from hapiish.declare.types import Function, Json

Fields = Annotated[tuple[str, ...], Items(unique=True), Form(name="modelFields", nullable=True)]
Operators = Annotated[
    tuple[Literal["eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "prefix", "contains", "exists"], ...],
    Items(unique=True),
]
_PATH: Final = Text(r"^credentials(\.[A-Za-z_][A-Za-z0-9_]*)+$", 'a path such as "credentials.id"')
_WHERE: Final = {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}


@settings(short="field", wanted="the name of a field, or {field, param}")
@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The selection of a single document."""

    field: str = option("_id", "The field that the path parameter is compared with; it should be unique.")
    param: Annotated[str, Text("^[A-Za-z_][A-Za-z0-9_]*$", "the name of a parameter")] | None = option(
        None,
        "The path parameter that holds the value. The default is the last parameter of the path. The "
        "paths of a resource end with it: `{id}` for ids, otherwise the name of the field.",
    )


@settings(short="value", wanted='a path such as "credentials.id", or {value, field, reads}')
@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The restriction of documents to their owner."""

    value: Annotated[str, _PATH] = option(
        description="The path of the caller's value in the request.", examples=["credentials.id"]
    )
    field: str = option("owner", "The field of the document that holds the owner.", examples=["userId"])
    reads: Literal["own", "all"] = option(
        "own",
        "The documents that can be listed and read. `own`: the caller's. `all`: every document, also "
        "those without an owner and by routes without credentials; changing another caller's document is "
        "then a 403 and not a 404.",
    )


@settings(short="fields", wanted="a list of fields, or {fields, default}")
@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """The order of lists."""

    fields: Fields = option(
        (), "Fields that clients may sort by: `?sort=-priority,title`; a minus sorts in descending order."
    )
    default: Fields = option(
        (),
        "The default order. Documents that are equal in it, and all documents without it, are in the "
        "order of their ids.",
        examples=[["-createdAt"]],
    )


@settings(short="name", wanted="the name of a model, or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHandler:
    """Serves documents of a model by one of the actions list, get, create, replace, update and delete. Schemas derived
    from the model's fields validate the inputs, unless the route has its own under `validate`.
    """

    name: str = option(
        description="The name of the model in `models`. The name alone is short for the whole mapping.",
        examples=["Todo"],
    )
    action: Annotated[
        Literal["list", "get", "create", "replace", "update", "delete"],
        As(Literal["list", "get", "create", "replace", "update", "delete"] | None),
    ] = option(
        description="The action of the route. A resource has no `action`, because it has a route for each.",
        examples=["list"],
        required=False,
    )
    fields: Fields | None = option(
        None,
        "Fields of responses, by their names in the database; clients may set these and the `hidden` "
        "ones. The default is all fields with a JSON form, except those whose names suggest a password, "
        "a token, a secret, a hash or the like.",
        examples=[["title", "done"]],
    )
    hidden: Fields = option(
        (), "Fields that clients may set and that responses never contain.", examples=[["password"]]
    )
    read_only: Fields = option((), "Fields that clients cannot set.", examples=[["createdAt"]])
    filters: Annotated[Mapping[str, tuple[str, ...]], As(Fields | Mapping[str, Operators | None])] = option(
        {},
        "Fields that lists can be filtered by, as a list, or with the operators of each. `done: [eq, "
        "ne]` gives the query parameters `done` and `done[ne]`. Operators are eq, ne, in, nin, lt, lte, "
        "gt, gte, prefix, contains (case-insensitive) and exists; a field without any has eq, ne and in, "
        "and the comparisons if its values are ordered. Names of fields in embedded documents contain a "
        "dot.",
        examples=[["done"], {"title": ["prefix"], "dueAt": ["gte", "lt"]}],
        wanted="a list of fields, or a mapping of fields to operators",
    )
    sort: Sort = option(Sort(), "The order of lists; a list of fields is short for `fields`.")
    limit: Annotated[int, Range(1, 10000)] = option(
        25, "The number of documents in a page of a list, unless the client requests another (`?limit=10`)."
    )
    max_limit: Annotated[int, Range(1, 10000)] = option(
        100, "The maximum number of documents that a client can request at once."
    )
    paging: Literal["cursor", "offset"] = option(
        "cursor",
        "The method of paging. `cursor` takes the `next` of the previous response; insertions and "
        "deletions do not shift its pages. `offset` can jump to any page; the database reads every "
        "document that it skips.",
    )
    max_offset: Annotated[int, Range(1, 1000000)] = option(10000, "The maximum `offset` that a client can request.")
    count: bool = option(
        False,
        "Adds `total` to responses, the number of documents that match the filters. The database counts "
        "them for each request.",
    )
    computed: Mapping[Annotated[str, Text("^[A-Za-z_][A-Za-z0-9_]*$")], Function] = option(
        {},
        "Fields that a function computes for each response and that are not stored, by name: `(document, "
        "request)` as module:attribute. `document` is the stored document as a mapping; `request.pre` holds "
        "what `pre` has loaded.",
        examples=[{"favorited": "handlers.articles:favorited"}],
    )
    version: str | None = option(
        None,
        "The IntField that each write of the resource increments, atomically with the write. It is the ETag of "
        "the document; without it, the ETag is a hash of the fields in the response. Clients cannot set it.",
        examples=["rev"],
    )
    require_match: bool = option(
        False,
        "Requires the header If-Match on requests that change or delete a document; without it, the "
        "response is a 428 (RFC 6585).",
    )
    projection: bool = option(False, "Lets clients select the fields of the response: `?fields=title,done`.")
    lookup: Lookup = option(
        Lookup(), "The selection of a single document; the name of a field is short for `field`.", examples=["slug"]
    )
    owner: Owner | None = option(
        None,
        "Restricts the route to the caller's documents: others do not exist for a request, new ones "
        "belong to the caller, and clients cannot change the owner. A path into the credentials is short "
        "for `value`.",
        examples=["credentials.id"],
    )
    where: Annotated[Mapping[str, Json], Form(_WHERE)] = option(
        {},
        "Values by field that select the documents of this route. New documents get these values, and clients "
        "cannot change them. A text may contain templates that read `params`, `query`, `payload`, `headers`, "
        "`state`, `credentials`, `artifacts` and the values that `pre` assigns: `{params.list}`, "
        "`{pre.article.id}`, `{params.owner}/{params.name}`; `{{` is a literal brace. Two templates need text "
        "between them that the first value never contains. A request that lacks a value, or whose value is not "
        "of the field's type, finds no document.",
        examples=[{"archived": False, "list": "{params.listId}", "key": "{credentials.tenant}/{params.name}"}],
    )


def _spell(options: Any) -> Any:
    """Returns the options with `filters` as a mapping of fields to operators."""
    filters = options.get("filters") if isinstance(options, Mapping) else None
    if filters is None:
        return options
    operators = filters if isinstance(filters, Mapping) else dict.fromkeys(filters)
    return {**options, "filters": {field: names or [] for field, names in operators.items()}}


MODEL: Final = KindManifest(
    options=ModelHandler,
    implementation="hapiish.kinds.model.handler:model_kind",
    spell=_spell,
    subject=lambda options: f"{options.name}.{options.action}",
)
