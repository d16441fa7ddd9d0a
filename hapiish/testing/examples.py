"""Runs the examples of a table: each on an empty database, after what it is given; compares the responses."""

import asyncio
import inspect
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from hapiish.grammar.example import filled
from hapiish.http.inject import Injected
from hapiish.options import ExampleEmit, Route, Table
from hapiish.realm import Realm
from hapiish.resolve import resolve
from hapiish.table.compose.owned_names import owner_of
from hapiish.testing import inject
from hapiish.testing.cases import Case
from hapiish.testing.compare import MOST, Comparison, Difference, diff, shown
from hapiish.testing.sockets import HandshakeRefused, SocketClient
from hapiish.testing.urls import path_of, url_of

PATIENCE = 5.0
"""Seconds until an expected event is missed."""

LONGEST = 60.0
"""Seconds that an example may take with all that it is given."""


def strict(table: Table) -> Table:
    """Returns the table with all responses validated, whatever share the table samples; a fault is a 500."""

    def checked(route: Route) -> Route:
        rules = route.options.response
        if rules.modify or (rules.sample == 100 and rules.fail_action not in ("ignore", "log")):
            return route
        action = "error" if rules.fail_action in ("ignore", "log") else rules.fail_action
        response = replace(rules, sample=100, fail_action=action)
        return replace(route, options=replace(route.options, response=response))

    return replace(table, routes=tuple(map(checked, table.routes)))


@dataclass(slots=True)
class ExampleOutcome:
    """The result of one example. `faults` is empty if it passes; otherwise `sent`, `got` and `diff` are printed."""

    case: Case
    faults: list[str] = field(default_factory=list)
    sent: str = ""
    got: str = ""
    diff: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.faults


class GivenError(Exception):
    """Raised if something that an example is given has failed."""


class Runner:
    """Runs examples on an application, each after the examples and functions of its `given`."""

    def __init__(self, app: Any, table: Table, every: Sequence[Case]) -> None:
        self.app = app
        self.table = table
        self._named = {(case.realm, case.example.name): case for case in every if case.example.name}

    async def run(self, case: Case) -> ExampleOutcome:
        """Runs one example; never raises."""
        outcome, began = ExampleOutcome(case), time.perf_counter()
        try:
            async with asyncio.timeout(LONGEST):
                given = await self._given(case, {})
                await self._perform(case, given, outcome)
        except (GivenError, LookupError, ConnectionError, TimeoutError) as error:
            outcome.faults.append(str(error) or f"no result within {LONGEST:g} s")
        except HandshakeRefused as error:
            outcome.faults.append(f"the handshake is refused: {shown(error.data or error.message)}")
        except Exception as error:  # noqa: BLE001 - of a function of `given`, for example
            outcome.faults.append(f"{type(error).__name__}: {error}")
        outcome.seconds = time.perf_counter() - began
        return outcome

    async def prepare(self, case: Case) -> dict[str, Any]:
        """Runs what an example is given; returns the parts of its request. Raises as examples fail."""
        return _parts(case, await self._given(case, {}))

    async def _given(self, case: Case, done: dict[Any, Any]) -> dict[str, Any]:
        """Returns the results of what an example is given, by their names; `done` are those of this run."""
        results = {}
        for alias, name in case.example.given.items():
            key = (case.realm, str(name))
            if key not in done:
                target = self._named.get(key)
                done[key] = await (self._call(name) if target is None else self._before(target, done))
            results[alias] = done[key]
        return results

    async def _before(self, case: Case, done: dict[Any, Any]) -> Any:
        outcome = ExampleOutcome(case)
        result = await self._perform(case, await self._given(case, done), outcome)
        if not outcome.passed:
            raise GivenError(f'the example "{case.example.name}" ({case.example.mark}) fails: {outcome.faults[0]}')
        return result

    async def _call(self, name: str) -> Any:
        """Returns the result of a function, called with the server as functions of the table that names it see it."""
        realm = self.table.realm(owner_of(name))

        def named(text: str) -> Any:
            return resolve(text, realm.folder, realm.package, self.table.folder)

        function, server = named(name), self.app.server.current.server
        if owner_of(name):
            models = {key: named(model) for key, model in realm.models.items()}
            server = Realm(server, models, realm)
        if inspect.iscoroutinefunction(function):
            return await function(server)
        return await self.app.server.pool.call(function, server)

    async def _perform(self, case: Case, given: Mapping[str, Any], outcome: ExampleOutcome) -> dict[str, Any]:
        """Sends the request of an example and compares the response; returns the result for later examples."""
        request = _parts(case, given)
        async with AsyncExitStack() as stack:
            own = _name_of(case, request)
            listeners = await self._listeners(case, own, given, stack)
            if case.route is not None:
                result = await self._request(case, request, outcome)
                sender = None
            else:
                sender = await stack.enter_async_context(self._connected(own, **_access(request)))
                result = await self._emit(case, request, sender, outcome)
            self._compare(case, filled(case.example.response.payload, given), given, result, outcome)
            for emit, listener in zip(case.example.emits, listeners, strict=True):
                await self._expect(emit, listener or sender, given, outcome)
        return {**result, "request": request}

    # Requests

    async def _request(self, case: Case, request: dict[str, Any], outcome: ExampleOutcome) -> dict[str, Any]:
        route = case.route
        assert route is not None
        headers = _headers(request)
        if route.vhost is not None:
            headers.setdefault("host", route.vhost)
        payload = request["payload"]
        if isinstance(payload, Mapping) and headers.get("content-type", "").startswith(_FORM):
            payload = urlencode(payload, doseq=True)
        method = case.target.partition(" ")[0]
        url = url_of(route.path, request["params"], request["query"])
        outcome.sent = _sent(f"{method} {url}", headers, request["credentials"], payload)
        response = await inject(
            self.app,
            method=method,
            url=url,
            headers=headers,
            payload=payload,
            credentials=request["credentials"],
            strategy=request["strategy"],
            allow_internals=route.options.is_internal,
        )
        body = _body(response)
        outcome.got = f"{response.status_code} {shown(body, 2000)}" if body is not None else str(response.status_code)
        return {
            "status": response.status_code,
            "headers": dict(response.headers),
            "cookies": _cookies(response),
            "payload": body,
        }

    # Events

    @asynccontextmanager
    async def _connected(self, namespace: str, **access: Any) -> Any:
        client = SocketClient(self.app, namespace)
        await client.connect(**access)
        try:
            yield client
        finally:
            await client.disconnect()

    async def _listeners(
        self, case: Case, own: str, given: Mapping[str, Any], stack: AsyncExitStack
    ) -> list[SocketClient | None]:
        """Connects the clients that get the emits of an example, one for equal handshakes. None is the sender.

        `own` is the namespace of emits without a namespace.
        """
        opened: dict[str, SocketClient] = {}
        found: list[SocketClient | None] = []
        for emit in case.example.emits:
            access = {"auth": filled(emit.auth, given), "credentials": filled(emit.credentials, given)}
            name = filled(emit.namespace or own, given)
            if case.event is not None and name == own and not emit.auth and emit.credentials is None:
                found.append(None)
                continue
            key = json.dumps([name, access], default=str)
            if key not in opened:
                opened[key] = await stack.enter_async_context(self._connected(name, **access))
            found.append(opened[key])
        return found

    async def _emit(
        self, case: Case, request: dict[str, Any], sender: SocketClient, outcome: ExampleOutcome
    ) -> dict[str, Any]:
        assert case.event is not None
        name, payload = case.event.event, request["payload"]
        arguments = payload if _takes_list(case) and isinstance(payload, list) else [payload]
        outcome.sent = _sent(f'emit "{name}"', {}, request["credentials"], payload)
        ack = await sender.emit(name, *([] if arguments == [None] else arguments))
        status = 200
        if isinstance(ack, Mapping):
            error = ack.get("error") if ack.get("ok") is False else ack
            code = error.get("statusCode") if isinstance(error, Mapping) else None
            status = code if isinstance(code, int) else 200
        outcome.got = shown(ack, 2000)
        return {"status": status, "headers": {}, "cookies": {}, "payload": ack}

    async def _expect(
        self, emit: ExampleEmit, client: SocketClient | None, given: Mapping[str, Any], outcome: ExampleOutcome
    ) -> None:
        assert client is not None
        try:
            data = await client.receive(emit.event, timeout=PATIENCE)
        except (TimeoutError, ConnectionError) as error:
            outcome.faults.append(f'the emit "{emit.event}" ({str(error).partition(",")[0]})')
            return
        if emit.payload is not None:
            comparison = Comparison(self.table.schemas)
            expected = filled(emit.payload, given)
            for difference in _first(comparison.differences(expected, data)):
                outcome.faults.append(f'emit "{emit.event}" {difference}')

    # Responses

    def _compare(
        self, case: Case, expected: Any, given: Mapping[str, Any], result: Mapping[str, Any], outcome: ExampleOutcome
    ) -> None:
        response, status = case.example.response, result["status"]
        if response.status is not None and status != response.status:
            outcome.faults.append(f"status: expected {response.status}, got {status}")
        elif response.status is None and status >= 400:
            outcome.faults.append(f"status: expected one below 400, got {status}")
        comparison = Comparison(self.table.schemas, response.exact)
        for name, value in filled(response.headers, given).items():
            actual = result["headers"].get(name.lower())
            if value is None:
                if actual is not None:
                    outcome.faults.append(f"header {name}: not expected, got {shown(actual)}")
            elif actual is None:
                outcome.faults.append(f"header {name}: missing, expected {shown(value)}")
            else:
                wanted = value if isinstance(value, Mapping | list) else str(value)
                outcome.faults += [f"header {name}: {each.text}" for each in comparison.differences(wanted, actual)]
        if expected is None:
            return
        found = list(_first(comparison.differences(expected, result["payload"])))
        outcome.faults += [f"payload {each}" if each.pointer else f"payload: {each.text}" for each in found]
        if found and isinstance(expected, Mapping | list):
            outcome.diff = diff(expected, result["payload"], exact=response.exact)


_PARTS = ("params", "query", "headers", "cookies", "payload", "credentials", "strategy", "auth")
_FORM = "application/x-www-form-urlencoded"


def _parts(case: Case, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: filled(getattr(case.example.request, name), given) for name in _PARTS}


def _first(differences: Iterator[Difference]) -> Iterator[Difference]:
    for number, difference in enumerate(differences):
        if number == MOST:
            yield Difference("", "…")
            return
        yield difference


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    headers = {name.lower(): str(value) for name, value in request["headers"].items()}
    if request["cookies"]:
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in request["cookies"].items())
    return headers


def _access(request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "auth": request["auth"],
        "credentials": request["credentials"],
        "strategy": request["strategy"],
        "headers": _headers(request),
        "query": {name: str(value) for name, value in request["query"].items()},
    }


def _name_of(case: Case, request: Mapping[str, Any]) -> str:
    """Returns the name of the namespace of an event with its parameters filled in; `/` for a route."""
    return path_of(case.namespace.namespace, request["params"]) if case.namespace is not None else "/"


def _takes_list(case: Case) -> bool:
    assert case.event is not None
    assert case.namespace is not None
    own = case.event.arguments
    return case.namespace.arguments if own is None else own


def _sent(line: str, headers: Mapping[str, str], credentials: Any, payload: Any) -> str:
    lines = [line, *(f"{name}: {value if len(value) < 80 else value[:60] + '…'}" for name, value in headers.items())]
    if credentials is not None:
        lines.append(f"(with credentials {shown(credentials)})")
    if payload is not None:
        lines += ["", payload if isinstance(payload, str) else shown(payload, 2000)]
    return "\n".join(lines)


def _cookies(response: Injected) -> dict[str, str]:
    """Returns the cookies that a response sets, as clients send them."""
    given = response.headers.get("set-cookie", [])
    pairs = (line.partition(";")[0].partition("=") for line in ([given] if isinstance(given, str) else given))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _body(response: Injected) -> Any:
    if not response.payload:
        return None
    media = str(response.headers.get("content-type", ""))
    if "json" in media:
        try:
            return response.json
        except ValueError:
            pass
    try:
        return response.text
    except UnicodeDecodeError:
        return f"<{len(response.payload)} bytes>"
