"""The attributes of `request.server` that the packages of http use; `hapiish.bound.BoundServer` has them all."""

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from hapiish import boom, options
from hapiish.http.exchange.events import Events
from hapiish.http.syntax.query import Parser
from hapiish.types import Run

if TYPE_CHECKING:
    from hapiish.http.content.files import Etags
    from hapiish.http.content.mime import MimeTypes


class ThreadRunner(Protocol):
    """The thread pool of a server."""

    @property
    def call(self) -> Run:
        """The function that awaits `function(*args)` in a thread."""


class RequestCookies(Protocol):
    """The declared cookies of a table, as a request reads them."""

    def parse(self, header: str) -> tuple[dict[str, Any], Any]:
        """Returns the values of a `Cookie` header, and failures."""

    def pass_through(self, header: str, fallback: bool) -> str:
        """Returns the header without the cookies that are not for upstream servers."""


class RequestDispatch(Protocol):
    """The dispatcher of a table, as a request reads it."""

    @property
    def strip_trailing_slash(self) -> bool: ...
    @property
    def query_parser(self) -> Parser | None: ...
    def path_as_sent(self, request: Any) -> str: ...


class HttpServer(Protocol):
    """`request.server`. Its further attributes, such as `methods` and `emit`, are for applications."""

    @property
    def settings(self) -> options.Server: ...
    @property
    def table_hash(self) -> str: ...
    @property
    def pool(self) -> ThreadRunner: ...
    @property
    def cookies(self) -> RequestCookies: ...
    @property
    def dispatch(self) -> RequestDispatch: ...
    @property
    def encodings(self) -> tuple[str, ...]: ...
    @property
    def etags(self) -> "Etags": ...
    @property
    def events(self) -> Events: ...
    @property
    def identify(self) -> Callable[[Any], str] | None: ...
    @property
    def mime(self) -> "MimeTypes": ...
    @property
    def models(self) -> Mapping[str, Any]: ...
    def translate(self, error: Exception) -> boom.Boom | None: ...
    def keep(self, make: Callable[..., Any], /, *given: Hashable) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...
