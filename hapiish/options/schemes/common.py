"""What the options of several schemes have in common."""

from collections.abc import Mapping
from typing import Annotated

from hapiish.options.declare import Form, Items, option, settings
from hapiish.options.values import AnyText, Function

GrantedScope = Annotated[
    tuple[str, ...],
    Items(min=1, one=True),
    Form(name="grantedScope", wanted="a scope or a list of them"),
]
Attributes = Mapping[str, AnyText]


@settings(strict=True)
class ByFunction:
    """A function of the request in place of a value."""

    method: Function = option(description="`(request)` as module:attribute, returns the value.")
