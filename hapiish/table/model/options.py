"""The options of a route, group by group (`options:`, hapi's route options)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hapiish.table.model.values import NOWHERE, Duration, FailAction, Json, Rule, Seconds, Size
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One rule of `auth.access`: `scope` entries may carry `+`, `!` and `{params.x}`; None means no scope rule."""

    scope: tuple[str, ...] | None = None
    entity: Literal["any", "user", "app"] = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAuth:
    """`auth` of a route with every short form spelled out and the default strategy filled in."""

    strategies: tuple[str, ...]
    mode: Literal["required", "optional", "try"] = "required"
    access: tuple[Access, ...] = ()
    payload: Literal["required", "optional", False] | None = None  # None: as the scheme wants it


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    expires_in: Duration | None = None
    expires_at: str | None = None
    privacy: Literal["default", "public", "private"] = "default"
    statuses: tuple[int, ...] = (200, 204)
    otherwise: str = "no-cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zlib:
    level: int = 6
    mem_level: int = 8
    window_bits: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Brotli:
    quality: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Zstd:
    level: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoders:
    """`compression` of a route: settings by coding; which codings there are is the server's to say."""

    gzip: Zlib = Zlib()
    deflate: Zlib = Zlib()
    br: Brotli = Brotli()
    zstd: Zstd = Zstd()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    origin: tuple[str, ...] | Literal["ignore"] = ("*",)
    max_age: Seconds = Seconds(86400)
    headers: tuple[str, ...] = ("Accept", "Authorization", "Content-Type", "If-None-Match")
    additional_headers: tuple[str, ...] = ()
    exposed_headers: tuple[str, ...] = ("WWW-Authenticate", "Server-Authorization")
    additional_exposed_headers: tuple[str, ...] = ()
    credentials: bool = False
    preflight_status_code: Literal[200, 204] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Csp:
    """Content-Security-Policy: lists of sources by directive; an empty one leaves its directive out."""

    base_uri: tuple[str, ...] = ("self",)
    child_src: tuple[str, ...] = ()
    connect_src: tuple[str, ...] = ("self",)
    default_src: tuple[str, ...] = ("none",)
    font_src: tuple[str, ...] = ()
    form_action: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    frame_src: tuple[str, ...] = ()
    img_src: tuple[str, ...] = ("self",)
    manifest_src: tuple[str, ...] = ()
    media_src: tuple[str, ...] = ()
    object_src: tuple[str, ...] = ()
    script_src: tuple[str, ...] = ("self",)
    script_src_attr: tuple[str, ...] = ()
    script_src_elem: tuple[str, ...] = ()
    style_src: tuple[str, ...] = ("self",)
    style_src_attr: tuple[str, ...] = ()
    style_src_elem: tuple[str, ...] = ()
    worker_src: tuple[str, ...] = ("self",)
    report_to: str | None = None
    report_uri: str | None = None
    require_trusted_types_for: bool = False
    sandbox: tuple[str, ...] | Literal[True] | None = None
    trusted_types: tuple[str, ...] | None = None
    upgrade_insecure_requests: bool = False
    report_only: bool = False
    generate_nonces: bool | Literal["script", "style"] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrfCookie:
    """Attributes of the cookie that carries the token; None is what the server says of every cookie."""

    ttl: Duration | None = None
    is_secure: bool | None = None
    is_http_only: bool | None = None
    is_same_site: Literal["Strict", "Lax", "None", False] | None = None
    is_partitioned: bool | None = None
    path: str = "/"
    domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Csrf:
    key: str = "crumb"
    size: int = 43
    auto_generate: bool = True
    cookie_options: CsrfCookie = CsrfCookie()
    header_name: str = "X-CSRF-Token"
    password: Json = None
    restful: bool = False
    source: Literal["payload", "query"] = "payload"
    skip: str | None = None
    enforce: bool = True
    log_unauthorized: bool = False
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """`relative_to` is as it is written: relative to the folder of the table."""

    relative_to: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    replacer: tuple[str, ...] | str | None = None  # keys, or the module:attribute of a function
    space: int | None = None
    suffix: str | None = None
    escape: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of `limit`: `max` requests in `duration`, or `burst` at once at the same rate."""

    max: int
    duration: Duration
    burst: int | None = None
    by: tuple[str, ...] = ("user",)
    strategy: Literal["moving", "fixed"] = "moving"
    name: str | None = None
    count: Literal["all", "failures"] | tuple[int, ...] = "all"
    headers: bool = True
    skip: str | None = None
    on_store_error: Literal["allow", "refuse"] = "allow"
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStore:
    """Where all limits count: `store` is the URL of a Redis, empty for the memory of each process."""

    store: str = ""
    partition: str = "hapiish"
    allowlist: tuple[str, ...] = ()
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """`payload.multipart`, where `true` takes over `payload.output`."""

    output: Literal["data", "stream", "file", "annotated"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZlibDecoder:
    window_bits: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class BrotliDecoder:
    """Has no options; that it is there says that brotli is decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZstdDecoder:
    window_log_max: int = 23  # the 8 MB of RFC 9659


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoders:
    """The content codings of request bodies that are undone; None for one that is refused."""

    gzip: ZlibDecoder | None = ZlibDecoder()
    deflate: ZlibDecoder | None = ZlibDecoder()
    br: BrotliDecoder | None = None
    zstd: ZstdDecoder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    allow: tuple[str, ...] | None = None
    compression: Decoders = Decoders()
    default_content_type: str = "application/json"
    fail_action: FailAction = "error"
    max_bytes: Size = Size(1048576)
    max_parts: int = 1000
    multipart: Multipart | None = None
    output: Literal["data", "stream", "file"] = "data"
    override: str | None = None
    parse: bool | Literal["gunzip"] = True
    timeout: Duration | Literal[False] = Duration(10000)
    uploads: str | None = None  # a folder, None for the system's temporary one


@dataclass(frozen=True, slots=True, kw_only=True)
class Pre:
    """One prerequisite; `RouteOptions.pre` is a sequence of parallel sets of them."""

    method: str
    assign: str | None = None  # None for a call: the name of its method
    fail_action: FailAction = "error"
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ext:
    """One extension function at a point of the lifecycle; `before` and `after` are names of plugins."""

    method: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    bind: str | None = None
    timeout: Duration | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationOptions:
    """`validate.options` and `response.options`; a schema may say `additionalProperties` of its own either way."""

    allow_unknown: bool = True
    strip_unknown: bool = False
    abort_early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """`response.errors`: the function that makes the bodies of errors, and their media type."""

    body: str
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRules:
    disconnect_status_code: int = 499  # in logs only: nobody is there to see it
    empty_status_code: Literal[200, 204] = 204
    errors: ErrorBody | None = None
    fail_action: FailAction = "error"
    modify: bool = False
    options: ValidationOptions = ValidationOptions()
    ranges: bool = True
    sample: int = 100  # per cent
    schema: Rule | None = None
    status: Mapping[int, Rule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hsts:
    max_age: Seconds = Seconds(15768000)
    include_sub_domains: bool = False
    preload: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Xframe:
    rule: Literal["deny", "sameorigin", "allow-from"] = "deny"
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Short forms are spelled out: `hsts: true | 5`, `xframe: true | sameorigin`; None means the header is not sent."""

    hsts: Hsts | None = Hsts()
    xframe: Xframe | None = Xframe()
    xss: Literal["disabled", "enabled", False] = "disabled"
    no_open: bool = True
    no_sniff: bool = True
    referrer: str | Literal[False] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRules:
    parse: bool = True
    fail_action: FailAction = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRules:
    collect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    server: Duration | Literal[False] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Validate:
    """Rules of the five inputs, and of `all` of them together: None accepts anything, False nothing."""

    headers: Rule | None = None
    params: Rule | None = None
    query: Rule | None = None
    payload: Rule | None = None
    state: Rule | None = None
    all: Rule | None = None
    options: ValidationOptions = ValidationOptions()
    fail_action: FailAction = "error"
    error_fields: Mapping[str, Json] = field(default_factory=dict)
    detail: Literal["full", "none"] = "full"
    status: int = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOptions:
    """The options of one route or event after the one merge; `None` for a group means that it is switched off."""

    app: Mapping[str, Json] = field(default_factory=dict)
    auth: RouteAuth | None = None
    bind: str | None = None
    cache: Cache | None = Cache()
    compression: Encoders | None = Encoders()
    cors: Cors | None = None
    csp: Csp | None = None
    csrf: Csrf | None = None
    description: str | None = None
    ext: Mapping[str, tuple[Ext, ...]] = field(default_factory=dict)
    files: Files = Files()
    is_internal: bool = False
    json: JsonFormat = JsonFormat()
    limit: tuple[Limit, ...] | None = None
    log: LogRules = LogRules()
    notes: tuple[str, ...] = ()
    payload: Payload = Payload()
    plugins: Mapping[str, Json] = field(default_factory=dict)
    pre: tuple[tuple[Pre, ...], ...] = ()
    response: ResponseRules = ResponseRules()
    security: Security | None = None
    session: bool = True
    state: StateRules = StateRules()
    tags: tuple[str, ...] = ()
    timeout: Timeout = Timeout()
    validate: Validate = Validate()
