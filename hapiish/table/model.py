"""The checked table as frozen dataclasses: names are the file's own in snake_case, defaults are hapi's.

Durations are integers in milliseconds, sizes in bytes, whatever the file said (`10s`, `1MB`); `Seconds` are those of
HTTP headers. A class is built by `build` from a tree that the file's schema has accepted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

from hapiish.table.problems import Mark

Duration = NewType("Duration", int)
Size = NewType("Size", int)
Seconds = NewType("Seconds", int)

Json = Any
Schema = dict[str, Any] | bool
Rule = Schema | str  # a JSON Schema, or the module:attribute of a function that validates
Function = NewType("Function", str)  # module:attribute, where a number may stand, too
FailAction = str  # error | log | ignore | module:attribute
NOWHERE = Mark("", 1, 1)


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
    count: Literal["all", "failures"] = "all"
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
class ResponseRules:
    disconnect_status_code: int = 499  # in logs only: nobody is there to see it
    empty_status_code: Literal[200, 204] = 204
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
    """`value` is a path into the request that starts with `credentials`."""

    value: str
    field: str = "owner"


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
    projection: bool = False
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path; an entry with several methods or vhosts becomes several of these."""

    method: str  # upper case, "*" for any
    path: str
    handler: str | Kind
    id: str | None = None
    vhost: str | None = None
    options: RouteOptions = RouteOptions()
    realm: int = 0  # the table that it is of, see `Table.realm`
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    is_case_sensitive: bool = True
    strip_trailing_slash: bool = False
    method_not_allowed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestId:
    """`header` carries the id in and out; an inbound one is taken over only when `trust` is set."""

    header: str = "x-request-id"
    trust: bool = False
    generate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Iron:
    """How long a sealed value is valid (None: for ever), and by how much clocks may differ."""

    ttl: Duration | None = None
    timestamp_skew_sec: Seconds = Seconds(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    password: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A declared cookie (RFC 6265); `ttl` None makes a session cookie.

    Passwords are a text, or texts by id. `auto_value` is the value, or `{method: module:attribute}`.
    """

    ttl: Duration | None = None
    is_secure: bool = True
    is_http_only: bool = True
    is_same_site: Literal["Strict", "Lax", "None", False] = "Strict"
    is_partitioned: bool = False
    path: str | None = None
    domain: str | None = None
    encoding: Literal["none", "base64", "base64json", "form", "iron"] = "none"
    password: Json = None
    iron: Iron = Iron()
    sign: Sign | None = None
    strict_header: bool = True
    ignore_errors: bool = False
    clear_invalid: bool = False
    auto_value: Json = None
    contextualize: str | None = None
    pass_through: bool | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """`encodings` are the codings offered, the first being preferred where a client does not care."""

    min_bytes: Size = Size(1024)
    encodings: tuple[Literal["gzip", "deflate", "br", "zstd"], ...] = ("gzip", "deflate")
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    etags_cache_max_size: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MimeChange:
    """What the table says of a media type; None leaves what is known of it."""

    source: str | None = None
    compressible: bool | None = None
    extensions: tuple[str, ...] | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mime:
    override: Mapping[str, MimeChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Limits past which requests are refused with 503; 0 is none, and without an interval nothing is sampled."""

    sample_interval: Duration = Duration(0)
    max_rss_bytes: Size = Size(0)
    max_event_loop_delay: Duration = Duration(0)
    max_event_loop_utilization: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """Tags of events that are printed: None is what is printed without being asked, False nothing, `*` everything."""

    request: tuple[str, ...] | Literal[False] | None = None
    log: tuple[str, ...] | Literal[False] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    parser: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files of PEM, relative to the table."""

    key: str
    cert: str
    ca: str | None = None
    passphrase: str | None = None
    ciphers: str | None = None
    request_cert: bool = False
    reject_unauthorized: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`socket` is the path of a Unix socket instead of `port`; `uri` is how clients reach it, None: as it listens."""

    host: str = "127.0.0.1"
    address: str | None = None
    port: int = 3000
    socket: str | None = None
    uri: str | None = None
    tls: Tls | None = None
    trusted_proxies: tuple[str, ...] = ()
    app: Mapping[str, Json] = field(default_factory=dict)
    plugins: Mapping[str, Json] = field(default_factory=dict)
    debug: Debug | Literal[False] = Debug()
    load: Load = Load()
    query: Query = Query()
    compression: Compression | None = Compression()
    files: ServerFiles = ServerFiles()
    mime: Mime = Mime()
    router: Router = Router()
    state: Cookie = Cookie()  # defaults of every cookie, and the settings of those that are not declared
    routes: RouteOptions = RouteOptions()  # defaults of every route; the not-found answer uses them as they are
    request_id: RequestId = RequestId()
    limit: LimitStore = LimitStore()
    access_log: bool = True
    shutdown_timeout: Duration = Duration(10000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`uri` empty: the local default store. `timeout`: how long a request waits for a server before it is a 503."""

    uri: str = ""
    name: str = "hapiish"
    threads: int = 4
    timeout: Duration = Duration(2000)
    data: str = ".hapiish"
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How the values of a server method are kept, as `hapiish.caches.Rules` has it."""

    cache: str | None = None
    segment: str | None = None
    shared: bool = False
    expires_in: Duration | None = None
    expires_at: str | None = None
    generate_timeout: Duration | Literal[False]
    stale_in: Duration | Function | None = None
    stale_timeout: Duration | None = None
    drop_on_error: bool = True
    pending_generate_timeout: Duration | None = None
    generate_on_read_error: bool = True
    generate_ignore_write_error: bool = True
    get_decorated_value: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A server method; `generate_key` makes the key of its cache."""

    method: str
    cache: CachePolicy | None = None
    generate_key: str | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCache:
    max_byte_size: Size = Size(104857600)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCache:
    url: str
    partition: str = "hapiish"
    timeout: Duration = Duration(1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStore:
    """Where cached values are kept; `options` of a `provider` of one's own (module:attribute) are as they are written.

    `name` None: the default cache.
    """

    provider: str
    name: str | None = None
    options: Json = field(default_factory=dict)  # MemoryCache, RedisCache or a mapping
    shared: bool = False
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    scheme: str
    options: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """`schemes` are the table's own, name → module:attribute; `default` is what routes without `auth` get."""

    schemes: Mapping[str, str] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    default: RouteAuth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie:
    """The cookie of sessions, which is sealed with `password`."""

    password: Json
    ttl: Duration | None = None
    is_secure: bool = True
    is_http_only: bool = True
    is_same_site: Literal["Strict", "Lax", "None", False] = "Lax"
    is_partitioned: bool = False
    path: str = "/"
    domain: str | None = None
    ignore_errors: bool = True
    clear_invalid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCache:
    """`cache` is a name in `caches`, None for the default one; `expires_in` is how long a session lives unchanged."""

    cache: str | None = None
    expires_in: Duration = Duration(86_400_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`max_cookie_size` 0 keeps sessions in the cache always."""

    cookie_options: SessionCookie
    name: str = "session"
    max_cookie_size: Size = Size(1024)
    store_blank: bool = True
    error_on_cache_not_ready: bool = True
    cache: SessionCache = SessionCache()
    custom_session_id_generator: str | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFilter:
    """Events with one of `tags`, or with `all` of them."""

    tags: tuple[str, ...]
    all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is called on an event of the server; `count` times at most."""

    method: str
    channels: tuple[str, ...] | None = None
    filter: TagFilter | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """An event of the server and its listeners; the application's own events are declared with their channels."""

    listeners: tuple[Listener, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A Socket.IO event from clients: the same options as a route, as far as they mean something without HTTP.

    `options.auth` None: what the handshake of the namespace settled is enough.
    """

    event: str
    handler: str
    id: str | None = None
    options: RouteOptions = RouteOptions()
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """An event that the server sends; `payload` is its schema, None for any."""

    event: str
    payload: Schema | None = None
    description: str | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    namespace: str = "/"
    auth: RouteAuth | None = None
    on_connect: str | None = None
    on_disconnect: str | None = None
    events: tuple[Event, ...] = ()
    emits: tuple[Emit, ...] = ()
    realm: int = 0
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """`send_buffer_*` bound what waits for a client that does not read; past either the socket is closed as slow."""

    path: str = "/socket.io"
    transports: tuple[Literal["websocket", "polling"], ...] = ("websocket",)
    origins: tuple[str, ...] | Literal["*"] | None = None  # None: same origin only
    max_bytes: Size = Size(65536)
    ping_interval: Duration = Duration(25000)
    ping_timeout: Duration = Duration(20000)
    send_buffer_count: int = 256
    send_buffer_bytes: Size = Size(1048576)
    namespaces: tuple[Namespace, ...] = ()
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """One of the tables that a table is made of: where its names are looked up, and what is its own.

    `folder` and then the absolute name, or `package` first. `name` stands in front of its ids. `models` are its own, or
    where it has none those of the table that uses it (`host`, an index). `options` are what it was given `with:`.
    """

    label: str = ""
    name: str = ""
    file: str
    folder: str
    package: str | None = None
    prefix: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    views: Views | None = None
    host: int | None = None
    is_plugin: bool = False  # of Python, whose declarations are seen by the table that has it
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The whole checked table. `folder` is where the names of a table by path are looked up first.

    What the tables in `used` declare is among `routes`, `auth`, `state`, `kinds` and so on; a name that was written in
    one of them is a `homes.Name`, which says so.
    """

    file: str
    folder: str
    info: Mapping[str, Json] = field(default_factory=dict)
    server: Server = Server()
    database: Database | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, KindSource] = field(default_factory=dict)
    auth: Auth = Auth()
    methods: Mapping[str, Method] = field(default_factory=dict)
    caches: tuple[CacheStore, ...] = ()
    state: Mapping[str, Cookie] = field(default_factory=dict)
    session: Session | None = None
    ext: Mapping[str, tuple[Ext, ...]] = field(default_factory=dict)
    events: Mapping[str, ServerEvent] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    sockets: Sockets | None = None
    views: Views | None = None
    files: tuple[str, ...] = ()  # every file that was read, for the watcher
    names: Mapping[str, Mark] = field(default_factory=dict)  # every module:attribute, and where it is first written
    used: tuple[Realm, ...] = ()
    plugins: Any = None  # what has registered the Python plugins, where there are some
    is_partial: bool = False  # whether Python plugins were left out, so that it can be looked at and not be served

    @property
    def every_model(self) -> dict[str, str]:
        """The models of this table and of those that it uses, theirs with their label in front."""
        theirs = {f"{realm.label}/{name}": given for realm in self.used for name, given in realm.models.items()}
        return {**self.models, **theirs}

    def realm(self, index: int) -> Realm:
        """The table with that index: 0 for this one, then those that are used."""
        if index:
            return self.used[index - 1]
        return Realm(file=self.file, folder=self.folder, models=self.models, views=self.views)
