"""The surface of a checked table: what each route and event accepts, answers and fails with.

    surface(table).routes[0].query.members[0].schema

It is the one source of OpenAPI, AsyncAPI, types, comparisons and the documentation page. It imports no code of the
application: what handlers do beyond their declarations is unknown here.
"""

from hapiish.describe.surface.answers import constant_headers
from hapiish.describe.surface.bodies import ERROR, example, examples, phrase
from hapiish.describe.surface.closing import Closing
from hapiish.describe.surface.events import EVENT_ERROR, namespace_surface
from hapiish.describe.surface.parts import (
    AnswerSurface,
    BodySurface,
    EmitSurface,
    EventSurface,
    FailureReason,
    FailureSurface,
    HandlerSurface,
    InputSurface,
    NamedValue,
    NamespaceSurface,
    ResponseHeader,
    RouteSurface,
    StrategySurface,
    Surface,
)
from hapiish.describe.surface.routes import EVERY_METHOD, route_surface, taken_methods
from hapiish.describe.surface.samples import Sample, answer_samples, is_valid, payload_samples, value_sample
from hapiish.describe.surface.schemas import followed, is_any, members, names_in, relocated, standalone
from hapiish.describe.surface.security import strategy
from hapiish.options import Table

__all__ = [
    "ERROR",
    "EVENT_ERROR",
    "EVERY_METHOD",
    "AnswerSurface",
    "BodySurface",
    "EmitSurface",
    "EventSurface",
    "FailureReason",
    "FailureSurface",
    "HandlerSurface",
    "InputSurface",
    "NamedValue",
    "NamespaceSurface",
    "ResponseHeader",
    "RouteSurface",
    "Sample",
    "StrategySurface",
    "Surface",
    "answer_samples",
    "constant_headers",
    "example",
    "examples",
    "followed",
    "is_any",
    "is_valid",
    "members",
    "names_in",
    "payload_samples",
    "phrase",
    "relocated",
    "standalone",
    "surface",
    "value_sample",
]


def surface(table: Table) -> Surface:
    """Returns the surface of a checked table, routes and events in the order of the file."""
    taken, closing = taken_methods(table), Closing(table.schemas)
    routes = tuple(route_surface(table, route, taken, closing) for route in table.routes)
    made = tuple(namespace_surface(table, each, closing) for each in table.namespaces)
    return Surface(
        info=table.info,
        schemas={**table.schemas, **closing.made},
        strategies={name: strategy(name, given) for name, given in table.auth.strategies.items()},
        routes=routes,
        namespaces=made,
        sockets=table.sockets,
        router=table.server.router,
        cookies=table.state,
        extensions=table.extensions,
    )
