"""The id of a request (`server.requestId`): taken over from who is trusted with it, made by a function, or counted."""

import re
from collections.abc import Callable
from typing import Any, Final

from hapiish.http.exchange import log
from hapiish.http.routing.forwarded import PROXIED

_ID: Final = re.compile(r"[\w.:+=/@-]{1,128}", re.ASCII)


class Identity:
    """Gives ids. `trust` takes over those of the request's `header`; with `proxied` only from trusted proxies.

    `generate` is a plain function of the request; what it makes that is no id of at most 128 characters, and what it
    raises, is logged, and the request gets one that is counted. The events of a socket never share one id.
    """

    __slots__ = ("_generate", "_header", "_proxied", "_trust")

    def __init__(self, *, header: str, trust: bool, proxied: bool, generate: Callable[[Any], Any] | None) -> None:
        self._header = header.lower().encode("latin-1")
        self._trust = trust
        self._proxied = proxied
        self._generate = generate

    def __call__(self, request: Any) -> str:
        """The id of `request`, an HTTP request or an event."""
        if self._trust and request.method != "event" and (not self._proxied or request.scope.get(PROXIED)):
            given = request.header(self._header)
            if given is not None and _ID.fullmatch(given):
                return given  # type: ignore[no-any-return]
        return log.next_id() if self._generate is None else self._made(self._generate, request)

    @staticmethod
    def _made(generate: Callable[[Any], Any], request: Any) -> str:
        counted = log.next_id()
        try:
            made = generate(request)
            if not isinstance(made, str) or not _ID.fullmatch(made):
                raise ValueError(f"{made!r} is no id: at most 128 letters, digits and .:+=/@_-")
        except Exception as error:  # noqa: BLE001 - an id is no reason to answer nothing
            log.crashed(counted, "requestId.generate", error)
            return counted
        return made
