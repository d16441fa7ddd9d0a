"""Handlers of a kind, and the options of the built-in ones that are read as classes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hapiish.table.model.values import NOWHERE, Duration, Json
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A handler of a kind, `{name: options}`; the options of a built-in kind are of its class below.

    `places` are those of the options and of what is in them, by the path inside of them.
    """

    name: str
    options: Json = None
    realm: int = 0  # the table that wrote it, whose models and folder are meant
    mark: Mark = NOWHERE
    places: Mapping[tuple[str | int, ...], Mark] = field(default_factory=dict)

    def place(self, path: tuple[str | int, ...]) -> Mark:
        """Where the option at `path` stands; the nearest thing around one that is not written."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.mark)

    def __str__(self) -> str:
        given = self.options
        match given:
            case ModelHandler():
                subject = f"{given.name}.{given.action}"
            case ProxyHandler():
                uri = re.sub("//[^/@]*@", "//", given.uri or "").partition("?")[0]  # what else it has may be secret
                subject = uri or given.host or str(given.map_uri)
            case ViewHandler():
                subject = given.template
            case {"path": str(path)} | str(path) if self.name in ("file", "directory"):
                subject = path
            case _:
                return f"{{{self.name}}}"
        return f"{{{self.name}: {subject}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How one document is found; `param` None is the path's last parameter."""

    field: str = "_id"
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """`value` is a path into the request that starts with `credentials`; `reads` says whose documents are read."""

    value: str
    field: str = "owner"
    reads: Literal["own", "all"] = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    fields: tuple[str, ...] = ()
    default: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHandler:
    """`handler: {model: …}`; a filter without operators has the usual ones of its field."""

    name: str
    action: Literal["list", "get", "create", "replace", "update", "delete"]
    fields: tuple[str, ...] | None = None
    hidden: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: Sort = Sort()
    limit: int = 25
    max_limit: int = 100
    paging: Literal["cursor", "offset"] = "cursor"
    max_offset: int = 10000
    count: bool = False
    projection: bool = False
    computed: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    require_match: bool = False
    lookup: Lookup = Lookup()
    owner: Owner | None = None
    where: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHandler:
    """`handler: {proxy: …}`: where requests go is one of `host`, `uri` and `map_uri`."""

    host: str | None = None
    port: int | None = None
    protocol: Literal["http", "https"] = "http"
    uri: str | None = None
    map_uri: str | None = None
    pass_through: bool = False
    local_state_pass_through: bool = False
    accept_encoding: bool = True
    reject_unauthorized: bool = True
    xforward: bool = False
    redirects: int | Literal[False] = False
    timeout: Duration | Literal[False] = Duration(180000)
    on_request: str | None = None
    on_response: str | None = None
    ttl: Literal["upstream"] | None = None
    max_sockets: int | Literal[False] = False
    downstream_response_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOptions:
    """What a view says otherwise than the table's `views`; None is what they say."""

    layout: str | bool | None = None
    layout_keyword: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewHandler:
    """`handler: {view: …}`; `context` is data that the template sees besides the request's."""

    template: str
    context: Mapping[str, Json] = field(default_factory=dict)
    options: ViewOptions = ViewOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateOptions:
    """How Jinja2 reads templates."""

    trim_blocks: bool = False
    lstrip_blocks: bool = False
    keep_trailing_newline: bool = False
    strict_undefined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The templates of a table; paths are seen from `relative_to`, and that from the table's folder."""

    path: tuple[str, ...] = (".",)
    relative_to: str = "."
    default_extension: str = "html"
    partials_path: tuple[str, ...] = ()
    layout: str | bool = False
    layout_path: tuple[str, ...] = ()
    layout_keyword: str = "content"
    encoding: str = "utf-8"
    is_cached: bool = True
    context: Mapping[str, Json] | str | None = None
    content_type: str = "text/html"
    helpers: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    compile_options: TemplateOptions = TemplateOptions()
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSource:
    """A kind of the table's own: the factory, and the route options that it brings along."""

    method: str
    defaults: Mapping[str, Json] = field(default_factory=dict)
