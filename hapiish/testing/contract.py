"""Contract: schemathesis makes requests from the OpenAPI document of a table, and compares the responses with it.

Requests pass the application in process. Those of a route with authentication have the credentials of its first
example that succeeds, after what that example is given; half of them also have its parameters of the path, because
hardly any other identifies something.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import HypothesisDeprecationWarning, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from hapiish.describe.openapi import openapi
from hapiish.http.inject import Injected
from hapiish.options import Route, Table
from hapiish.testing import inject
from hapiish.testing.bench import Bench
from hapiish.testing.cases import cases
from hapiish.testing.examples import Runner
from hapiish.testing.failures import Failures

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
_OPEN = "Accepted without credentials"
_ORIGIN = "http://localhost"
_IDENTITY = ("authorization", "cookie")


@dataclass(frozen=True, slots=True)
class ContractFault:
    """A difference between the document and the application; `count` requests have shown it."""

    title: str
    text: str
    sent: str
    got: str
    errors: str = ""
    count: int = 1


@dataclass(slots=True)
class OperationReport:
    """The result of one operation; `without` tells that no example has credentials for it."""

    label: str
    route: Route | None
    requests: int = 0
    faults: dict[tuple[str, int], ContractFault] = field(default_factory=dict)
    without: bool = False

    def add(self, failure: Failure, sent: str, response: Injected, errors: str) -> None:
        """Notes a fault once, with its shortest request and the errors behind it."""
        title = f"{failure.title} ({response.status_code})"
        made = ContractFault(
            title, failure.message, sent, f"{response.status_code} {response.payload[:2000]!r}", errors
        )
        key = failure.title, response.status_code
        if (known := self.faults.get(key)) is not None:
            made = replace(min(known, made, key=lambda each: len(each.sent)), count=known.count + 1)
        self.faults[key] = made


class Contract:
    """Tests each operation with at most `most` requests that the document permits, and as many that it forbids."""

    def __init__(self, bench: Bench, table: Table, *, most: int, seed: int) -> None:
        self.bench = bench
        self.table = table
        self.most = most
        self.seed = seed
        self.remarks: list[str] = []
        self._every = cases(table)
        self._failures = Failures()

    def run(self) -> Iterator[OperationReport]:
        """Yields the report of each operation."""
        made = openapi(self.table)
        self.remarks += made.remarks
        with self._failures:
            for result in schemathesis.openapi.from_dict(_without_security(made.document)).get_all_operations():
                if isinstance(result, Ok):
                    yield self._operation(result.ok())
                else:
                    self.remarks.append(str(result.err()))

    def _operation(self, operation: Any) -> OperationReport:
        method, path = operation.method.upper(), operation.path
        identifier = operation.definition.raw.get("operationId")
        route = next((each for each in self.table.routes if _is_of(each, method, path, identifier)), None)
        report = OperationReport(f"{method} {path}", route)
        app = self.bench.serve(self.table)
        try:
            self._failures.take()
            client = self._client(app, route, report)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                self._generate(operation, mode, client, report)
            if route is not None and route.options.auth is not None and route.options.auth.mode == "required":
                self._generate(operation, GenerationMode.POSITIVE, _Client(app, route, {}, self.bench), report, True)
        except InvalidSchema as error:  # schemathesis can make no text for this pattern
            self.remarks.append(f"{report.label}: {error}")
        finally:
            self.bench.close(app)
        return report

    def _client(self, app: Any, route: Route | None, report: OperationReport) -> "_Client":
        example = next((each for each in self._every if each.route is route and each.example.succeeds), None)
        request: dict[str, Any] = {}
        if example is not None:
            request = self.bench.portal.run(Runner(app, self.table, self._every).prepare(example))
        elif route is not None and route.options.auth is not None:
            report.without = True
        return _Client(app, route, request, self.bench)

    def _generate(
        self, operation: Any, mode: GenerationMode, client: "_Client", report: OperationReport, anonymous: bool = False
    ) -> None:
        """Makes requests; `anonymous` ones, a few, must be refused."""
        strategy = operation.as_strategy(generation_mode=mode)

        def attempt(case: Any, borrows: bool) -> None:
            if borrows and mode.is_positive:
                case.path_parameters.update(client.params(case.path_parameters))
            sent = client.prepared(case)
            if sent is None:
                return
            response = client.send(sent)
            report.requests += 1
            errors = "\n".join(trace for _, trace in self._failures.take())
            if anonymous and response.status_code < 400:
                failure = Failure(operation=report.label, title=_OPEN, message=_OPEN)
                report.add(failure, _curl(sent), response, errors)
            # A response without a body needs no Content-Type, though the document permits any body.
            applied = [each for each in CHECKS if response.payload or each is not checks.content_type_conformance]
            try:
                case.validate_response(_converted(response, sent), checks=applied)
            except FailureGroup as group:
                for failure in group.exceptions:
                    report.add(failure, _curl(sent), response, errors)

        test = hypothesis.given(case=strategy, borrows=hypothesis.strategies.booleans())(attempt)
        test = hypothesis.settings(
            max_examples=min(self.most, 3) if anonymous else self.most,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(test)
        with warnings.catch_warnings(), suppress(Unsatisfiable):  # nothing to negate without inputs
            # Hypothesis mistakes random numbers of the application's other threads for those of a strategy.
            warnings.filterwarnings("ignore", "Do not use the `random` module", HypothesisDeprecationWarning)
            hypothesis.seed(self.seed)(test)()


class _Client:
    """Sends generated requests to an application, with the identity of an example."""

    def __init__(self, app: Any, route: Route | None, request: Mapping[str, Any], bench: Bench) -> None:
        self._app = app
        self._route = route
        self._request = request
        self._bench = bench
        self._host = {"host": route.vhost} if route is not None and route.vhost is not None else {}
        self._number = 0

    def params(self, wanted: Mapping[str, Any]) -> dict[str, str]:
        """Returns the parameters of the example, of those that are wanted."""
        return {name: str(value) for name, value in self._request.get("params", {}).items() if name in wanted}

    def prepared(self, case: Any) -> requests.PreparedRequest | None:
        """Returns a request; None for one that is no request to this route, or that HTTP cannot carry."""
        try:
            given = case.as_transport_kwargs(base_url=_ORIGIN)
            made = requests.Request(**{name: given[name] for name in _ARGUMENTS if name in given}).prepare()
            headers = _headers(made)
            for name, value in headers.items():
                f"{name}{value}".encode("latin-1")
        except (ValueError, requests.RequestException):
            return None
        if self._route is not None:
            host = self._route.vhost
            match = self._app.server.match(made.method, str(made.path_url).partition("?")[0], host)
            if match is None or match.path != self._route.path:
                return None
        return made

    def send(self, sent: requests.PreparedRequest) -> Injected:
        """Returns the response of the application."""
        self._number += 1  # another address each time: limits by address are not what is tested
        address = f"10.{self._number >> 16 & 255}.{self._number >> 8 & 255}.{self._number & 255}"
        headers = {str(name).lower(): str(value) for name, value in self._request.get("headers", {}).items()}
        identity = {name: value for name, value in headers.items() if name in _IDENTITY}
        body = sent.body
        response: Injected = self._bench.portal.run(
            inject(
                self._app,
                method=str(sent.method),
                url=str(sent.path_url),
                headers={**_headers(sent), **self._host, **identity},
                payload=body.encode() if isinstance(body, str) else body,
                credentials=self._request.get("credentials"),
                strategy=self._request.get("strategy"),
                remote_address=address,
            )
        )
        return response


_ARGUMENTS = ("method", "url", "headers", "params", "data", "json", "files", "cookies")


def _without_security(document: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a document whose requests need no generated credentials, which would be wrong ones."""
    paths = {
        path: {
            method: {name: each for name, each in operation.items() if name != "security"}
            if isinstance(operation, Mapping)
            else operation
            for method, operation in item.items()
        }
        for path, item in document["paths"].items()
    }
    components = {name: each for name, each in document.get("components", {}).items() if name != "securitySchemes"}
    return {
        **{name: each for name, each in document.items() if name != "security"},
        "paths": paths,
        "components": components,
    }


def _is_of(route: Route, method: str, path: str, identifier: str | None) -> bool:
    if route.id is not None and route.id == identifier:
        return True
    return route.method in (method, "*") and route.path == path


def _headers(made: requests.PreparedRequest) -> dict[str, str]:
    def text(value: str | bytes) -> str:
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)

    return {text(name).lower(): text(value) for name, value in made.headers.items()}


def _converted(response: Injected, sent: requests.PreparedRequest) -> schemathesis.Response:
    headers = {name: value if isinstance(value, list) else [value] for name, value in response.headers.items()}
    return schemathesis.Response(
        status_code=response.status_code,
        headers=headers,
        content=response.payload,
        request=sent,
        elapsed=0.0,
        verify=False,
        encoding="utf-8",
    )


def _curl(sent: requests.PreparedRequest) -> str:
    lines = [f"{sent.method} {sent.path_url}"]
    lines += [f"{name}: {value}" for name, value in _headers(sent).items() if name in ("content-type", "accept")]
    body = sent.body
    if body is not None:
        lines += ["", repr(body)[:2000]]
    return "\n".join(lines)
