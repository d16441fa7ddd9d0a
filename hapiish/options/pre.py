"""`pre` of routes and events: steps before the handler."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.declare.option import Form, Items, option, settings
from hapiish.declare.types import NOWHERE, Call, FailAction, Mark


@settings(
    name="preStep",
    short="method",
    wanted='a function "module:attribute", a call "method(params.id)", or a mapping with "method"',
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Pre:
    """A prerequisite: one step before the handler.

    `RouteOptions.pre` is a sequence of sets; the steps of a set run in parallel.
    """

    method: Call = option(
        description="The function `(request, h)`, or a call of a server method such as `users.load(params.id)`."
    )
    assign: str | None = option(
        None,
        "The key of the value in `request.pre`. The default for a call is the name of the method.",
        examples=["conversation"],
    )
    fail_action: FailAction = option("error", "The action if the step fails.")
    mark: Mark = NOWHERE


PreSet = Annotated[
    tuple[Pre, ...],
    Items(min=1, one=True, wanted='a function "module:attribute", a mapping with "method", or a list of them'),
]
PreSteps = Annotated[tuple[PreSet, ...], Items(add=True), Form(name="pre", nullable=True)]
