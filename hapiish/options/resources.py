"""The kind `model`: documents over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from hapiish.options.declare import As, Form, Items, Range, Text, option, settings
from hapiish.options.manifest import KindManifest
from hapiish.options.values import Function, Json

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
    """How one document is found."""

    field: str = option("_id", "The field whose value the path has; it should be unique.")
    param: Annotated[str, Text("^[A-Za-z_][A-Za-z0-9_]*$", "the name of a parameter")] | None = option(
        None,
        "The path's parameter with that value; without it the path's last one. The paths of a resource end "
        "with it, `{id}` for ids, else named like the field.",
    )


@settings(short="value", wanted='a path such as "credentials.id", or {value, field, reads}')
@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose documents are meant."""

    value: Annotated[str, _PATH] = option(
        description="Where the caller's own value is found in the request.", examples=["credentials.id"]
    )
    field: str = option("owner", "The field of the document that says whose it is.", examples=["userId"])
    reads: Literal["own", "all"] = option(
        "own",
        "Which documents can be listed and read. `own`: the caller's. `all`: every document, also those "
        "without an owner and by routes without credentials; changing another caller's document is then a 403 "
        "and not a 404.",
    )


@settings(short="fields", wanted="a list of fields, or {fields, default}")
@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """How lists are ordered."""

    fields: Fields = option(
        (), "Fields that clients may sort by: `?sort=-priority,title`, the minus for descending order."
    )
    default: Fields = option(
        (),
        "The order of lists for which the client chooses none; documents that are alike in it, and all without "
        "it, are in the order of their ids.",
        examples=[["-createdAt"]],
    )


@settings(short="name", wanted="the name of a model, or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHandler:
    """Answers with documents of a model: one of the actions list, get, create, replace, update and delete. Inputs are
    judged by schemas that are made of the model's fields, unless the route has its own under `validate`.
    """

    name: str = option(
        description="The model, by its name in `models`; alone it stands for the whole mapping.", examples=["Todo"]
    )
    action: Annotated[
        Literal["list", "get", "create", "replace", "update", "delete"],
        As(Literal["list", "get", "create", "replace", "update", "delete"] | None),
    ] = option(
        description="What the route does with the model; a resource has no `action`, it stands for all of them.",
        examples=["list"],
        required=False,
    )
    fields: Fields | None = option(
        None,
        "The fields that go out, by their names in the database; clients may set these and the `hidden` ones. "
        "Without it all that have a JSON form, but for those whose names speak of a password, a token, a "
        "secret, a hash or their like.",
        examples=[["title", "done"]],
    )
    hidden: Fields = option((), "Fields that clients may set and that never go out.", examples=[["password"]])
    read_only: Fields = option((), "Fields that no client may set.", examples=[["createdAt"]])
    filters: Annotated[Mapping[str, tuple[str, ...]], As(Fields | Mapping[str, Operators | None])] = option(
        {},
        "Fields that lists are filtered by, as a list, or with the operators of each. `done: [eq, ne]` gives "
        "the query parameters `done` and `done[ne]`. Operators are eq, ne, in, nin, lt, lte, gt, gte, prefix, "
        "contains (in any case) and exists; a field without any has eq, ne and in, and the comparisons where "
        "its values have an order. Fields of embedded documents are written with a dot.",
        examples=[["done"], {"title": ["prefix"], "dueAt": ["gte", "lt"]}],
        wanted="a list of fields, or a mapping of fields to operators",
    )
    sort: Sort = option(Sort(), "How lists are ordered; a list of fields stands for `fields`.")
    limit: Annotated[int, Range(1, 10000)] = option(
        25, "How many documents a page of a list has, unless the client asks for another number (`?limit=10`)."
    )
    max_limit: Annotated[int, Range(1, 10000)] = option(100, "How many documents a client may ask for at once.")
    paging: Literal["cursor", "offset"] = option(
        "cursor",
        "How a client asks for the next page. `cursor` takes the `next` of the previous response; insertions "
        "and deletions do not shift its pages. `offset` can jump to any page; the database reads every "
        "document that it skips.",
    )
    max_offset: Annotated[int, Range(1, 1000000)] = option(10000, "The largest `offset` that a client may ask for.")
    count: bool = option(
        False,
        "Whether responses have `total`, the number of documents that match the filters. The database counts "
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
        "Whether requests that change or delete a document need the header If-Match; without it the answer is "
        "428 (RFC 6585).",
    )
    projection: bool = option(False, "Whether clients may choose among the fields that go out: `?fields=title,done`.")
    lookup: Lookup = option(
        Lookup(), "How a single document is found; the name of a field stands for `field`.", examples=["slug"]
    )
    owner: Owner | None = option(
        None,
        "Whose documents are meant: only those whose owner is the caller exist for a request, new ones belong "
        "to the caller, and nobody can give one away. A path into the credentials stands for `value`.",
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
    return {**options, "filters": {field: given or [] for field, given in operators.items()}}


MODEL: Final = KindManifest(
    options=ModelHandler,
    implementation="hapiish.kinds.model.handler:model_kind",
    spell=_spell,
    subject=lambda options: f"{options.name}.{options.action}",
)
