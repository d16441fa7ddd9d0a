"""The options of a table: each is declared once, as a field of a class.

    @settings(short="maxAge", also=(True, False), wanted="true, false or settings")
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Hsts:
        \"\"\"Strict-Transport-Security (RFC 6797).\"\"\"

        max_age: Seconds = option(Seconds(15768000), "The time that browsers use HTTPS only, in seconds.")

The published schema and the reference (`publish`), short forms and units (`table.build`), merge strategies
(`table.merging.merge`), the options that events inherit (`table.merging.scope`), and the names in a table (`walk`) are
derived from the declarations.
"""

from hapiish.declare.types import NOWHERE, Duration, FailAction, Function, Json, Mark, Rule, Schema, Seconds, Size
from hapiish.options.auth import Access, Auth, RouteAuth, Strategy
from hapiish.options.cache import Cache
from hapiish.options.caches import CachePolicy, CacheStore, Method
from hapiish.options.compression import (
    Brotli,
    BrotliDecoder,
    Compression,
    Decoders,
    Encoders,
    Zlib,
    ZlibDecoder,
    Zstd,
    ZstdDecoder,
)
from hapiish.options.cookies import Cookie, Iron, Sign, StateRules
from hapiish.options.cors import Cors
from hapiish.options.csp import Csp
from hapiish.options.csrf import Csrf, CsrfCookie
from hapiish.options.database import Database
from hapiish.options.entries import Route
from hapiish.options.events import Listener, ServerEvent, TagFilter
from hapiish.options.examples import Example, ExampleEmit, ExampleRequest, ExampleResponse
from hapiish.options.ext import Ext
from hapiish.options.files import Files, ServerFiles
from hapiish.options.json_format import JsonFormat, ServerJson
from hapiish.options.kinds import Kind, KindSource
from hapiish.options.limit import Limit, LimitStore
from hapiish.options.payload import Multipart, Payload
from hapiish.options.pre import Pre
from hapiish.options.presence import Presence
from hapiish.options.proxy import ProxyHandler
from hapiish.options.queue import Queue
from hapiish.options.resources import Lookup, ModelHandler, Owner, Sort
from hapiish.options.response import ErrorBody, ResponseRules
from hapiish.options.routes import LogRules, RouteOptions, Timeout
from hapiish.options.security import Hsts, Security, Xframe
from hapiish.options.server import (
    Debug,
    Head,
    Load,
    MaxConnections,
    Mime,
    MimeChange,
    Query,
    RequestId,
    Router,
    Server,
    Tls,
)
from hapiish.options.sessions import Session, SessionCache, SessionCookie
from hapiish.options.sockets import Emit, Event, Namespace, Sockets
from hapiish.options.tables import Realm, Table
from hapiish.options.validate import Validate, ValidationOptions
from hapiish.options.views import TemplateOptions, ViewHandler, ViewOptions, Views
