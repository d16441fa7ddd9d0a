"""The `h` of lifecycle functions (hapi's response toolkit)."""

from collections.abc import Mapping
from functools import partial
from math import inf
from typing import Any, Literal, Unpack

from hapiish.boom import BadRequest, Boom, PreconditionFailed
from hapiish.http.content import conditional, files
from hapiish.http.content.files import FileKeywords
from hapiish.http.content.ranged import Ranged, Read
from hapiish.http.exchange.file_response import disposition, prepare
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import CLEAR, Response
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated
from hapiish.http.syntax.header import is_local
from hapiish.types import Value


class Signal:
    """A control value that a function returns instead of a response."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"h.{self.name}"


CONTINUE, ABANDON, CLOSE = Signal("continue_"), Signal("abandon"), Signal("close")


class LifecycleAborted(BaseException):
    """Raised to end the lifecycle without a response; `signal` is ABANDON or CLOSE.

    It is a BaseException, so that no step handles it as a failure.
    """

    def __init__(self, signal: Signal) -> None:
        super().__init__(signal)
        self.signal = signal


class Toolkit:
    """The `h` of one function call; `request` is its request."""

    __slots__ = ("request",)

    continue_ = CONTINUE
    """Continues with the next step; what an extension function returns if it changes nothing."""
    abandon = ABANDON
    """The function responds itself, with `request.send`: the framework sends nothing, now or later."""
    close = CLOSE
    """Ends the response that the function began with `request.send`; without one the connection is closed."""

    def __init__(self, request: Request) -> None:
        self.request = request

    @property
    def context(self) -> Value:
        """The object that the table binds to the route (`bind`), None for none."""
        return self.request.route.context

    def response(self, value: Value = None) -> Response:
        """Wraps a value so that status, headers and cookies can be set; a response is returned unchanged."""
        return value if isinstance(value, Response) else Response(value)

    def redirect(self, uri: str) -> Response:
        """An empty 302 to `uri`."""
        return Response("").redirect(uri)

    def redirect_local(self, uri: Value, default: str | None = None) -> Response:
        """An empty 302 to a path of this server, such as a return path that the client sent.

        Any other `uri` (`https://…`, `//host`, no text) is replaced by `default`; without a default it raises
        BadRequest.
        """
        if is_local(uri):
            return self.redirect(uri)
        if default is None:
            raise BadRequest("A redirect must lead to a path of this server", code="redirect")
        return self.redirect(default)

    def file(self, path: str, **options: Unpack[FileKeywords]) -> Response:
        """The file at `path`, relative to the route's `files.relativeTo`, or absolute inside that folder.

        Responds 404 if it does not exist, 403 outside of the folder; the options are listed below. Raises ValueError
        for invalid options.
        """
        response = Response()
        response.prepare = partial(prepare, path, files.options_of(self.request.route.files, **options))
        return response

    def ranged(
        self,
        read: Read,
        length: int,
        *,
        mode: Literal["attachment", "inline", False] = False,
        filename: str | None = None,
    ) -> Response:
        """Bytes of a known `length` from another place, such as a file in a database: whole, or the requested range.

        `read(start, stop)` returns a generator, which runs in a thread, or an async generator of the bytes from `start`
        up to `stop`. It is not called for HEAD, 304 and 416. Set a `type`, and an `etag` so that clients can resume.
        `mode` and `filename` are as in `file`. Raises ValueError for invalid options.
        """
        if length < 0:
            raise ValueError("length must be at least 0")
        files.options_of("", mode=mode, filename=filename)
        response = Response(Ranged(read, 0, length, self.request.server.pool.call))
        if mode:
            response.header("content-disposition", disposition(mode, filename) if filename else mode)
        return response

    def view(
        self,
        template: str,
        context: Mapping[str, Value] | None = None,
        *,
        layout: str | bool | None = None,
        layout_keyword: str | None = None,
        content_type: str | None = None,
    ) -> Response:
        """The template of that name from the table's `views`, rendered with `context` when the response is prepared.

        The options are those of `views`, for this response only. Raises RuntimeError in a table without templates.
        """
        views = self.request.server.views
        if views is None:
            raise RuntimeError('the table has no templates; say where they are under "views"')
        response: Response = views.response(
            template, context, layout=layout, layout_keyword=layout_keyword, content_type=content_type
        )
        return response

    def entity(self, *, etag: str | None = None, modified: str | None = None, vary: bool = True) -> Response | None:
        """Evaluates the preconditions now: returns a 304 takeover response if the client's copy is fresh, else None.

        Without a match the values are kept for the handler's response. Raises PreconditionFailed if a precondition of
        the client fails (RFC 9110 §13). `modified` is an HTTP date; `vary` as in `response.etag`.
        """
        tag = conditional.format_etag(etag) if etag is not None else None
        codings = self.request.server.encodings if vary else ()
        verdict = conditional.evaluate(self.request.method, self.request.headers, tag, modified, codings)
        if verdict is not None and verdict[0] == 412:
            raise PreconditionFailed
        if verdict is None:
            self.request.entity = {"etag": etag, "modified": modified, "vary": vary}
            return None
        response = Response().code(304).takeover()
        if verdict[1] is not None:
            response.header("etag", verdict[1])
        elif etag is not None:
            response.etag(etag, vary=vary)
        if modified is not None:
            response.header("last-modified", modified)
        return response

    def state(self, name: str, value: Value, **options: Any) -> None:
        """Sets a cookie on the response, whichever it will be."""
        self.request.set_cookie(name, value, options)

    def unstate(self, name: str, **options: Any) -> None:
        """Clears a cookie on the response, whichever it will be."""
        self.request.set_cookie(name, CLEAR, options)

    def authenticated(self, *, credentials: Value, artifacts: Value = None, expires: float = inf) -> Authenticated:
        """The verdict of a scheme for valid credentials, until `expires` (seconds since the epoch)."""
        return Authenticated(credentials, artifacts, expires)

    def unauthenticated(self, error: Boom, *, credentials: Value = None, artifacts: Value = None) -> Unauthenticated:
        """The verdict of a scheme for invalid credentials, or missing ones if `error.missing`."""
        return Unauthenticated(error, credentials, artifacts)


class BoundToolkit(Toolkit):
    """The toolkit of a function that has its own bound context."""

    __slots__ = ("_context",)

    def __init__(self, request: Request, context: Value) -> None:
        super().__init__(request)
        self._context = context

    @property
    def context(self) -> Value:
        """The object that the table binds to the function."""
        return self._context
