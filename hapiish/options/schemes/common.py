"""Markers and types that the options of several schemes share."""

from collections.abc import Mapping
from typing import Annotated

from hapiish.options.declare import Form, Items
from hapiish.options.values import AnyText

GrantedScope = Annotated[
    tuple[str, ...], Items(min=1, one=True), Form(name="grantedScope", wanted="a scope or a list of them")
]
Attributes = Mapping[str, AnyText]
