"""A table as OpenAPI 3.1: paths, parameters, bodies, responses and errors, security, from its surface.

The document follows from the table alone. Routes with `isInternal` are left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hapiish.describe.components import Components, Shared
from hapiish.describe.openapi.operations import Operations
from hapiish.describe.openapi.paths import PathTemplate, templates
from hapiish.describe.security import openapi_scheme, schemes_of
from hapiish.describe.surface import RouteSurface, Surface, surface
from hapiish.options import Table

VERSION: Final = "3.1.0"


@dataclass(frozen=True, slots=True)
class OpenApi:
    """A document, and remarks: the routes that it cannot hold, a line each."""

    document: dict[str, Any]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    route: RouteSurface
    method: str
    template: PathTemplate
    rank: int


def document(table: Table, *, vhost: str | None = None) -> dict[str, Any]:
    """Returns the OpenAPI document of a checked table; with `vhost` that of the routes which serve this host."""
    return openapi(table, vhost=vhost).document


def openapi(table: Table, *, vhost: str | None = None) -> OpenApi:
    """Returns the OpenAPI document of a checked table with its remarks; see `document`."""
    return _Document(surface(table), table.server.uri, table.server.request_id.header, vhost).build()


class _Document:
    def __init__(self, given: Surface, uri: str | None, request_id: str, vhost: str | None) -> None:
        self.surface = given
        self.uri = uri
        self.vhost = vhost
        self.components = Components(given.schemas)
        self.responses, self.headers = Shared("responses"), Shared("headers")
        self.operations = Operations(self.components, self.responses, self.headers, request_id)
        self.remarks: list[str] = []

    def build(self) -> OpenApi:
        """Returns the document."""
        paths = self._paths()
        tags = dict.fromkeys(tag for each in self._routes() for tag in each.tags)
        document: dict[str, Any] = {
            "openapi": VERSION,
            "info": info(self.surface.info),
            "servers": [{"url": self.uri}] if self.uri else [{"url": "/"}],
            **({"tags": [{"name": tag} for tag in tags]} if tags else {}),
            "paths": paths,
        }
        components = {
            "schemas": self.components.schemas(),
            "responses": self.responses.made,
            "headers": self.headers.made,
            "securitySchemes": {
                name: openapi_scheme(given)
                for name, given in schemes_of(self.surface.strategies, self.operations.strategies).items()
            },
        }
        filled = {key: value for key, value in components.items() if value}
        if filled:
            document["components"] = filled
        return OpenApi({**document, **self.surface.extensions}, tuple(self.remarks))

    def _routes(self) -> list[RouteSurface]:
        """Returns the routes of the document, those of a host before those of all hosts."""
        routes = [each for each in self.surface.routes if not each.is_internal]
        if self.vhost is not None:
            routes = [each for each in routes if each.vhost in (None, self.vhost)]
        return sorted(routes, key=lambda each: each.vhost is None) if self.vhost is not None else routes

    def _paths(self) -> dict[str, Any]:
        """Returns the Paths Object. Where several routes answer a template, the router's choice has it."""
        candidates = list(self._candidates())
        chosen: dict[tuple[str, str], _Candidate] = {}
        for each in sorted(candidates, key=lambda each: each.rank):
            chosen.setdefault((each.template.shape, each.method), each)
        self._remark_missing(candidates, chosen)
        paths: dict[str, dict[str, Any]] = {}
        texts: dict[str, PathTemplate] = {}
        kept = {id(each) for each in chosen.values()}
        for each in candidates:
            if id(each) in kept:
                first = texts.setdefault(each.template.shape, each.template)
                item = paths.setdefault(first.text, {})
                item[each.method.lower()] = self.operations.operation(
                    each.route, each.method, each.template, first, servers=self._servers(each.route)
                )
        return paths

    def _servers(self, route: RouteSurface) -> list[dict[str, str]] | None:
        if route.vhost is None or self.vhost is not None:
            return None
        scheme = (self.uri or "https://").partition("://")[0]
        return [{"url": f"{scheme}://{route.vhost}"}]

    def _candidates(self) -> Iterator[_Candidate]:
        for route in self._routes():
            for number, template in enumerate(templates(route.path)):
                expanded = number > 0 or any(each.is_rest for each in template.parameters)
                for method in route.methods:
                    if method.lower() in _METHODS:
                        rank = 2 * expanded + (route.method == "*")
                        yield _Candidate(route, method, template, rank)
                    elif number == 0:
                        self.remarks.append(f"{method} {route.path}: OpenAPI has no method {method}")

    def _remark_missing(self, candidates: list[_Candidate], chosen: Mapping[tuple[str, str], _Candidate]) -> None:
        present = {(id(each.route), each.method) for each in chosen.values()}
        for each in candidates:
            key = (id(each.route), each.method)
            if key not in present:
                present.add(key)
                other = chosen[each.template.shape, each.method].route
                where = f" (host {each.route.vhost})" if each.route.vhost else ""
                why = "write a document for each host with --vhost" if other.vhost != each.route.vhost else "left out"
                self.remarks.append(f"{each.method} {each.route.path}{where}: {other.path} has its place; {why}")


_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def info(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the Info Object, whose `title` and `version` are required."""
    return {"title": given.get("title") or "API", "version": given.get("version") or "0.0.0", **given}
