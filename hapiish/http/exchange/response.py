"""A response under construction: hapi's chain in snake_case; `render` turns it into bytes.

Class attributes are the defaults; an instance stores only what a handler set, so that plain responses stay cheap.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hapiish.boom import Boom
from hapiish.types import Value

Headers = dict[str, str | list[str]]

BODILESS = frozenset({204, 205, 304})
"""Statuses that are sent without a body (RFC 9110 §6.4.1)."""

_EMPTY: frozenset[type] = frozenset({str, bytes, bytearray, memoryview})


class Response:
    """`source` is the value to send; `headers` have lower-case names. Every method returns the response itself.

    `more` holds rarely used settings: etag, ttl, type, charset, compressed, bytes, encoding, replacer, spaces, suffix,
    created, pass_through; None while none is set.
    """

    source: Value
    """The value to send."""
    headers: Headers
    """The headers, by lower-case name."""
    status_code: int = 200
    """The status."""
    has_explicit_status = False  # set by `code()`; an explicit 200 does not become 204
    error: Boom | None = None
    """The [error](boom.md) of an error response; None for others."""
    has_custom_body = False  # set by `response.errors`
    taken_over = False
    more: dict[str, Value] | None = None
    prepare: "Callable[[Response, Any], Awaitable[None]] | None" = None
    """Completes the response before it is used, called with it and the request; opens a file, for example."""

    def __init__(self, source: Value = None) -> None:
        self.source = source
        self.headers = {}
        self.cookies: list[tuple[str, Value, Value]] = []

    def _set(self, name: str, value: Value) -> "Response":
        if self.more is None:
            self.more = {}
        self.more[name] = value
        return self

    @property
    def is_boom(self) -> bool:
        """Returns whether this is an error response; `error` is the boom."""
        return self.error is not None

    def code(self, status: int) -> "Response":
        """Sets the status, 200 to 599; an explicit 200 stays 200 even if the body is empty."""
        if not isinstance(status, int):
            raise TypeError(f"a status is a whole number, not {status!r}")
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is not a final status: these are 200 to 599 (RFC 9110 §15)")
        self.status_code = status
        self.has_explicit_status = True
        return self

    def sent_status(self, empty: int) -> int:
        """The status to send: an empty 200 that `code()` did not set becomes `empty`."""
        if self.status_code != 200 or self.has_explicit_status:
            return self.status_code
        source: Value = self.source
        is_empty = source is None or (source.__class__ in _EMPTY and not source) or getattr(source, "length", None) == 0
        return empty if is_empty else 200

    def header(
        self,
        name: str,
        value: Value,
        *,
        append: bool = False,
        separator: str = ",",
        override: bool = True,
        duplicate: bool = True,
    ) -> "Response":
        """Sets a header, with a line for each value of a list; `append` joins it to the present value,
        `duplicate=False` skips a value that is present.
        """
        name = name.lower()
        if isinstance(value, list | tuple):
            if append or name in ("set-cookie", "vary"):
                for each in value:
                    self.header(name, each, append=append, separator=separator, duplicate=duplicate)
            elif override or name not in self.headers:
                self.headers[name] = [str(each) for each in value]
            return self
        text = str(value)
        if name == "vary":
            return self.vary(text)
        if name == "set-cookie":
            lines = self.headers.get(name, [])
            self.headers[name] = [*([lines] if isinstance(lines, str) else lines), text]
            return self
        present = self.headers.get(name)
        if present is None or (override and not append):
            self.headers[name] = text
        elif append:
            joined = present if isinstance(present, str) else separator.join(present)
            if duplicate or text not in (part.strip() for part in joined.split(separator)):
                self.headers[name] = f"{joined}{separator}{text}"
        return self

    def vary(self, name: str) -> "Response":
        """Adds a name to `Vary` once; `*` replaces all names (RFC 9110 §12.5.5)."""
        present = str(self.headers.get("vary", ""))
        names = [part for part in present.split(",") if part]
        if name == "*" or names == ["*"]:
            self.headers["vary"] = "*"
        elif name not in names:
            self.headers["vary"] = ",".join([*names, name])
        return self

    def etag(self, tag: str, *, weak: bool = False, vary: bool = True) -> "Response":
        """Sets the entity tag, given without quotes.

        A strong tag with `vary` is sent as `tag-gzip` with a compressed body, and matched in that form too.
        """
        return self._set("etag", (tag, weak, vary and not weak))

    def compressed(self, coding: str) -> "Response":
        """Declares that the body is encoded already, as `coding`, and is sent unchanged."""
        return self._set("compressed", coding)

    def type(self, mime: str) -> "Response":
        """Sets the content type; textual types without a charset get one."""
        return self._set("type", mime)

    def charset(self, name: str | None) -> "Response":
        """Sets the charset of textual types; None adds none."""
        return self._set("charset", name or None)

    def ttl(self, milliseconds: int) -> "Response":
        """Overrides the route's cache time for this response."""
        return self._set("ttl", milliseconds)

    def location(self, uri: str) -> "Response":
        """Sets `Location`."""
        self.headers["location"] = uri
        return self

    def created(self, uri: str) -> "Response":
        """Sets 201 and `Location`; a ValueError at sending unless the method is POST, PUT or PATCH."""
        self.status_code = 201
        return self._set("created", True).location(uri)

    def redirect(self, uri: str) -> "Response":
        """Sets 302 and `Location`; see `temporary`, `permanent` and `rewritable`."""
        self.status_code = 302
        return self.location(uri)

    def temporary(self, yes: bool = True) -> "Response":
        """Makes a redirect temporary: 302, or 307 if not rewritable."""
        return self._redirection(permanent=not yes, rewritable=self.status_code in (301, 302))

    def permanent(self, yes: bool = True) -> "Response":
        """Makes a redirect permanent: 301, or 308 if not rewritable."""
        return self._redirection(permanent=yes, rewritable=self.status_code in (301, 302))

    def rewritable(self, yes: bool = True) -> "Response":
        """Sets whether a client may change POST to GET: 301 and 302, else 308 and 307."""
        return self._redirection(permanent=self.status_code in (301, 308), rewritable=yes)

    def _redirection(self, *, permanent: bool, rewritable: bool) -> "Response":
        if "location" not in self.headers:
            raise ValueError("set the location of a redirect before its kind")
        if rewritable:
            self.status_code = 301 if permanent else 302
        else:
            self.status_code = 308 if permanent else 307
        return self

    def state(self, name: str, value: Value, **options: Any) -> "Response":
        """Sets a cookie; `options` override those that the table declares for its name."""
        self.cookies.append((name, value, options))
        return self

    def unstate(self, name: str, **options: Any) -> "Response":
        """Clears a cookie."""
        self.cookies.append((name, CLEAR, options))
        return self

    def pass_through(self, yes: bool = True) -> "Response":
        """Sets whether status and headers of a streamed upstream response are copied; default true."""
        return self._set("pass_through", yes)

    def spaces(self, count: int) -> "Response":
        """Indents the JSON by `count` spaces."""
        return self._set("spaces", count)

    def suffix(self, text: str) -> "Response":
        """Appends text to the JSON."""
        return self._set("suffix", text)

    def replacer(self, replacer: "Callable[[str, Value], Value] | Sequence[str]") -> "Response":
        """Filters the JSON: the keys to send, or `(key, value)` that returns the value to send; `...` omits it."""
        return self._set("replacer", replacer)

    def encoding(self, name: str) -> "Response":
        """Sets the encoding of a text body, by Python's name; the content type does not change."""
        return self._set("encoding", name)

    def bytes(self, count: int) -> "Response":
        """Sets the `Content-Length` of a stream; other bodies have a known length."""
        return self._set("bytes", count)

    def takeover(self) -> "Response":
        """Ends the lifecycle: the response is sent without the remaining steps."""
        self.taken_over = True
        return self


CLEAR = object()


def from_error(error: Boom) -> Response:
    """The response for a boom: its status, headers and body."""
    response = Response(error.payload())
    response.error = error
    response.status_code = error.status
    for name, value in error.headers.items():
        response.headers[name.lower()] = value
    return response
