"""A response while it is being made: hapi's chain in snake_case, without a thought for bytes (that is `respond`).

Class attributes are the defaults; an instance stores only what a handler set, so that a plain answer stays cheap.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hapiish.boom import Boom

Headers = dict[str, str | list[str]]

BODILESS = frozenset({204, 205, 304})
"""Statuses that are sent without a body (RFC 9110 §6.4.1)."""

_EMPTY: frozenset[type] = frozenset({str, bytes, bytearray, memoryview})


class Response:
    """`source` is the value to send, `headers` are lower-case names. Every method returns the response itself.

    `more` holds what few handlers set: etag, ttl, type, charset, compressed, bytes, encoding, replacer, spaces,
    suffix, created, pass_through; None when nothing was.
    """

    status_code: int = 200
    has_explicit_status = False  # whether `code()` was called, which stops the automatic 204
    error: Boom | None = None
    has_custom_body = False  # whether an error has the body that the application gives it
    taken_over = False
    more: dict[str, Any] | None = None
    prepare: "Callable[[Response, Any], Awaitable[None]] | None" = None
    """What has to be done, given the response and the request, before anybody looks at it: a file is opened."""

    def __init__(self, source: Any = None) -> None:
        self.source = source
        self.headers: Headers = {}
        self.cookies: list[tuple[str, Any, Any]] = []

    def _also(self, name: str, value: Any) -> "Response":
        if self.more is None:
            self.more = {}
        self.more[name] = value
        return self

    @property
    def is_boom(self) -> bool:
        """Whether this answers with an error; `error` is the boom."""
        return self.error is not None

    def code(self, status: int) -> "Response":
        """Sets the status, 200 to 599; an empty answer then stays a 200 if it was told to be one."""
        if not isinstance(status, int):
            raise TypeError(f"a status is a whole number, not {status!r}")
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is not a final status: these are 200 to 599 (RFC 9110 §15)")
        self.status_code = status
        self.has_explicit_status = True
        return self

    def sent_status(self, empty: int) -> int:
        """The status that is sent: an empty 200 that was not set by `code()` becomes `empty`."""
        if self.status_code != 200 or self.has_explicit_status:
            return self.status_code
        source: Any = self.source
        is_empty = source is None or (source.__class__ in _EMPTY and not source) or getattr(source, "length", None) == 0
        return empty if is_empty else 200

    def header(
        self,
        name: str,
        value: Any,
        *,
        append: bool = False,
        separator: str = ",",
        override: bool = True,
        duplicate: bool = True,
    ) -> "Response":
        """Sets a header; `append` joins to the present one, `duplicate=False` leaves out a value already there."""
        name, text = name.lower(), str(value)
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
        """Adds to `Vary`, without doubles; `*` replaces all (RFC 9110 §12.5.5)."""
        present = str(self.headers.get("vary", ""))
        names = [part for part in present.split(",") if part]
        if name == "*" or names == ["*"]:
            self.headers["vary"] = "*"
        elif name not in names:
            self.headers["vary"] = ",".join([*names, name])
        return self

    def etag(self, tag: str, *, weak: bool = False, vary: bool = True) -> "Response":
        """Sets the entity tag, given without quotes.

        A strong tag that does `vary` is sent as `tag-gzip` when the body is compressed, and known again in that form.
        """
        return self._also("etag", (tag, weak, vary and not weak))

    def compressed(self, coding: str) -> "Response":
        """Says that the body is encoded already, as `coding`: it is sent as it is."""
        return self._also("compressed", coding)

    def type(self, mime: str) -> "Response":
        """Sets the content type; a charset is added to textual ones that lack it."""
        return self._also("type", mime)

    def charset(self, name: str | None) -> "Response":
        """Sets the charset that is added to textual types; None adds none."""
        return self._also("charset", name or None)

    def ttl(self, milliseconds: int) -> "Response":
        """Overrides the route's cache time for this response."""
        return self._also("ttl", milliseconds)

    def location(self, uri: str) -> "Response":
        """Sets `Location`."""
        self.headers["location"] = uri
        return self

    def created(self, uri: str) -> "Response":
        """201 with `Location`; in answer to another method than POST, PUT and PATCH it is an error."""
        self.status_code = 201
        return self._also("created", True).location(uri)

    def redirect(self, uri: str) -> "Response":
        """302 to `uri`; see `temporary`, `permanent` and `rewritable`."""
        self.status_code = 302
        return self.location(uri)

    def temporary(self, yes: bool = True) -> "Response":
        """Makes a redirect temporary: 302 or 307."""
        return self._redirection(permanent=not yes, rewritable=self.status_code in (301, 302))

    def permanent(self, yes: bool = True) -> "Response":
        """Makes a redirect permanent: 301 or 308."""
        return self._redirection(permanent=yes, rewritable=self.status_code in (301, 302))

    def rewritable(self, yes: bool = True) -> "Response":
        """Says whether a client may turn POST into GET: 301 and 302, else 308 and 307."""
        return self._redirection(permanent=self.status_code in (301, 308), rewritable=yes)

    def _redirection(self, *, permanent: bool, rewritable: bool) -> "Response":
        if "location" not in self.headers:
            raise ValueError("the kind of a redirection is set after its location")
        if rewritable:
            self.status_code = 301 if permanent else 302
        else:
            self.status_code = 308 if permanent else 307
        return self

    def state(self, name: str, value: Any, **options: Any) -> "Response":
        """Sets a cookie; `options` override those that the table declares for the name."""
        self.cookies.append((name, value, options))
        return self

    def unstate(self, name: str, **options: Any) -> "Response":
        """Clears a cookie."""
        self.cookies.append((name, CLEAR, options))
        return self

    def pass_through(self, yes: bool = True) -> "Response":
        """Whether status and headers of a streamed response from upstream are taken over, as they are by default."""
        return self._also("pass_through", yes)

    def spaces(self, count: int) -> "Response":
        """Indents the JSON by so many spaces."""
        return self._also("spaces", count)

    def suffix(self, text: str) -> "Response":
        """Appends a text to the JSON."""
        return self._also("suffix", text)

    def replacer(self, replacer: "Callable[[str, Any], Any] | Sequence[str]") -> "Response":
        """The keys of the JSON that are sent, or `(key, value)` that returns what is sent; `...` leaves a value out."""
        return self._also("replacer", replacer)

    def encoding(self, name: str) -> "Response":
        """How text becomes bytes, by Python's name of the encoding; the content type does not say so by itself."""
        return self._also("encoding", name)

    def bytes(self, count: int) -> "Response":
        """The length of a stream, for `Content-Length`; that of any other body is known."""
        return self._also("bytes", count)

    def takeover(self) -> "Response":
        """Ends the lifecycle here: the response is sent without the steps that would follow."""
        self.taken_over = True
        return self


CLEAR = object()


def from_error(error: Boom) -> Response:
    """The response of a boom: its status, headers and body."""
    response = Response(error.payload())
    response.error = error
    response.status_code = error.status
    for name, value in error.headers.items():
        response.headers[name.lower()] = value
    return response
