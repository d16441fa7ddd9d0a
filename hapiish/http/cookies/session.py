"""Sessions (`session`, yar's keys): values that a browser keeps between requests, in a sealed cookie or in a cache.

A small session is in the cookie as a whole; a larger one is in the cache and the cookie holds its id. It is loaded
before authentication and written by a finalizer of the response if it was changed.

No library has yar's rules: Starlette's SessionMiddleware signs its cookie and does not encrypt it.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from hapiish import boom, codec, options
from hapiish.bridge import anywhere
from hapiish.caches import Policy
from hapiish.http.cookies.iron import seal
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Finalizer, Step
from hapiish.types import Value

_FLASH: Final = "_flash"
_LAZY: Final = "_lazyKeys"
_OWN: Final = frozenset({_FLASH, _LAZY})
_BLOCK: Final = 16


def _random_id(request: Request) -> str:
    return secrets.token_urlsafe(24)


class Sessions:
    """The sessions of a table, `request.server.session`.

    `policy` keeps those that are too large for the cookie. `new_id` makes the id of a
    session for a request.
    """

    def __init__(
        self, settings: options.Session, policy: Policy, new_id: Callable[[Request], str] | None = None
    ) -> None:
        self.settings = settings
        self.policy = policy
        self.new_id = new_id or _random_id
        # A sealed text without its encrypted content has a constant length.
        self._frame = (
            len(seal("", settings.cookie_options.password, ttl=1)) - _sealed_length(2)
            if settings.max_cookie_size
            else 0
        )

    @anywhere
    async def revoke(self, id: str) -> None:
        """Deletes the session of that id from the cache; a session inside a cookie cannot be revoked."""
        await self.policy.drop(id)

    def fits(self, content: Mapping[str, Value]) -> bool:
        """Returns whether `content` fits into the cookie."""
        most = self.settings.max_cookie_size
        return bool(most) and self._frame + _sealed_length(len(codec.encode(content))) <= most

    @anywhere
    async def load(self, id: str, request: Request) -> dict[str, Value] | None:
        """Loads a session from the cache; None if it is not there."""
        try:
            self._expect_cache()
            kept = await self.policy.get(id)
        except Exception as error:  # noqa: BLE001 - a store may raise any exception
            self._fail(error, request)
            return {}
        return kept["_store"] if isinstance(kept, dict) else None

    @anywhere
    async def save(self, id: str, store: Mapping[str, Value], request: Request) -> None:
        """Stores a session in the cache."""
        try:
            self._expect_cache()
            await self.policy.set(id, {"_store": store})
        except Exception as error:  # noqa: BLE001 - a store may raise any exception
            self._fail(error, request)

    def _expect_cache(self) -> None:
        if not self.policy.is_ready:
            raise ConnectionError("the cache of the sessions is not ready")

    def _fail(self, error: Exception, request: Request) -> None:
        """Raises 503, unless requests may continue without the cache."""
        if self.settings.error_on_cache_not_ready:
            raise boom.ServerUnavailable("Sessions are unavailable", code="session_unavailable") from error
        # A store that does not answer is reported already.
        request.note(["session", "error"], error, printed=not isinstance(error, boom.ServerUnavailable))


class Session:
    """`request.session`: JSON values by key, for one browser. A value changed in place needs `touch`."""

    def __init__(
        self,
        sessions: Sessions,
        request: Request,
        id: str | None = None,
        store: dict[str, Value] | None = None,
        *,
        is_cached: bool = False,
    ) -> None:
        self._sessions = sessions
        self._request = request
        self._forgotten: list[str] = []
        self._is_cached = is_cached
        self._is_new = id is None
        self._is_modified = id is None and sessions.settings.store_blank
        self.id = id or sessions.new_id(request)
        self._store = store or {}
        lazy_keys = self._store.pop(_LAZY, None)
        self._is_lazy = lazy_keys is not None
        for key in lazy_keys or ():
            setattr(self, key, self._store.pop(key, None))

    def get(self, key: str, clear: bool = False) -> Value:
        """The value of `key`, or None; `clear` removes it."""
        value = self._store.get(key)
        if clear:
            self.clear(key)
        return value

    def set(self, key: str | Mapping[str, Value], value: Value = None) -> Value:
        """Sets one value, or all of a mapping, and returns the argument. Raises ValueError for reserved keys."""
        values = {key: value} if isinstance(key, str) else key
        if not _OWN.isdisjoint(values):
            raise ValueError(f"the keys {', '.join(sorted(_OWN))} of a session are reserved")
        self._is_modified = True
        self._store.update(values)
        return value if isinstance(key, str) else key

    def clear(self, key: str) -> None:
        """Removes `key`."""
        self._is_modified = True
        self._store.pop(key, None)

    def touch(self) -> None:
        """Marks the session as changed, so that it is written and its lifetime renewed."""
        self._is_modified = True

    def flash(self, kind: str | None = None, message: Value = None, override: bool = False) -> Value:
        """Adds a message for the next page; with `override` it replaces those of its kind.

        Without a message, returns and removes those of `kind`; without a kind, all of them.
        """
        self._is_modified = True
        messages = self._store.setdefault(_FLASH, {})
        if kind is None:
            self._store[_FLASH] = {}
            return messages
        if message is None:
            return messages.pop(kind, [])
        if override:
            messages[kind] = message
        else:
            present = messages.get(kind, [])
            messages[kind] = [*(present if isinstance(present, list) else [present]), message]
        return messages[kind]

    def reset(self) -> None:
        """Replaces the session by an empty one with a new id; use it at login and logout."""
        if self._is_cached:
            self._forgotten.append(self.id)
            self._is_cached = False
        self._store = {}
        for key in self._lazy_values():
            delattr(self, key)
        self.id = self._sessions.new_id(self._request)
        self._is_new = self._is_modified = True

    def lazy(self, enabled: bool = True) -> None:
        """Sets whether attributes of the session object are stored as values."""
        self._is_lazy = enabled
        self._is_modified = self._is_modified or not enabled

    @anywhere
    async def commit(self) -> None:
        """Writes the session now instead of when the response is finished."""
        sessions, settings = self._sessions, self._sessions.settings
        store = self._store
        if self._is_lazy:
            values = self._lazy_values()
            store = {**store, **values, _LAZY: list(values)}
        if store or not self._is_new or settings.store_blank:
            content = {"id": self.id, "_store": store}
            fits = sessions.fits(content)
            if not fits:
                await sessions.save(self.id, store, self._request)
                content = {"id": self.id}
            elif self._is_cached:
                self._forgotten.append(self.id)
            self._is_cached, self._is_new = not fits, False
            self._request.set_cookie(settings.name, content, {})
        for id in self._forgotten:
            await sessions.revoke(id)
        self._forgotten.clear()
        self._is_modified = False

    @property
    def is_changed(self) -> bool:
        """Returns whether the session must be written; always true if lazy, because changes are not tracked."""
        return self._is_modified or self._is_lazy or bool(self._forgotten)

    def _lazy_values(self) -> dict[str, Value]:
        return {key: value for key, value in vars(self).items() if not key.startswith("_") and key != "id"}


def session_step(sessions: Sessions) -> Step:
    """The step that makes `request.session` from the cookie, and from the cache if the cookie holds an id."""
    cookie = sessions.settings.name

    def begin(request: Request) -> Value:
        given = request.state.get(cookie)
        content: dict[str, Value] = given if isinstance(given, dict) else {}
        id, store = content.get("id"), content.get("_store")
        if not isinstance(id, str):
            request.session = Session(sessions, request)
            return None
        if isinstance(store, dict):
            request.session = Session(sessions, request, id, store)
            return None
        return load(request, id)

    async def load(request: Request, id: str) -> None:
        store = await sessions.load(id, request)
        # A session missing in the cache has expired or was revoked; its id is not reused.
        request.session = (
            Session(sessions, request) if store is None else Session(sessions, request, id, store, is_cached=True)
        )

    return begin


def session_finalizer(sessions: Sessions) -> Finalizer:
    """The finalizer that writes a changed session; after a 500 nothing is written."""

    async def touch(request: Request, response: Response) -> None:
        session = request.session
        if session is not None and session.is_changed and response.status_code != 500:
            await session.commit()

    return touch


def _sealed_length(plain: int) -> int:
    """The base64 length of that many bytes after encryption with padding."""
    encrypted = (plain // _BLOCK + 1) * _BLOCK
    return -(-encrypted * 4 // 3)
