"""Compiles `session`: declares its cookie, provisions its cache, and adds steps to the routes that use it."""

from collections.abc import Iterator

from hapiish import options as model
from hapiish.caches import Rules
from hapiish.compile.names import Names
from hapiish.declare.option import derive
from hapiish.http.cookies.cookies import Cookies, Definition
from hapiish.http.cookies.session import Sessions, session_finalizer, session_step
from hapiish.http.exchange.route import Finalizer, Step
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code

_SEGMENT = "!session"


class SessionCompiler:
    """Compiles sessions; `sessions` is None without `session` in the table, and routes then have no step for it."""

    def __init__(self, names: Names, cookies: Cookies) -> None:
        self.names = names
        self.sessions: Sessions | None = None
        given = names.table.session
        if given is not None and names.has_package("cryptography"):
            try:
                cookies.declared[given.name] = _cookie(given)
                self.sessions = self._sessions(given)
            except ValueError as error:
                names.problems.append(Problem(given.mark, Code.COOKIE, f"session: {error}"))

    def steps(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """Yields the step that creates `request.session`."""
        if self.sessions is not None and _has_session(options):
            yield self.names.once(session_step, self.sessions), True

    def finalizers(self, options: model.RouteOptions) -> Iterator[Finalizer]:
        """Yields the finalizer that writes the session."""
        if self.sessions is not None and _has_session(options):
            yield self.names.once(session_finalizer, self.sessions)

    def _sessions(self, given: model.Session) -> Sessions:
        rules = Rules(expires_in=given.cache.expires_in)
        policy = self.names.server.caches.policy(rules, segment=_SEGMENT, cache=given.cache.cache)
        generator = given.custom_session_id_generator
        new_id = self.names.callable(generator) if generator is not None else None
        return Sessions(given, policy, new_id)


def _has_session(options: model.RouteOptions) -> bool:
    """Returns True if the route uses sessions; without cookie parsing every request would start a new session."""
    return options.session and options.state.parse


def _cookie(given: model.Session) -> Definition:
    return derive(Definition, given.cookie_options, encoding="iron", iron=model.Iron(ttl=given.cache.expires_in))
