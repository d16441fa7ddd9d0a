"""Markers and types that the options of several schemes share."""

from collections.abc import Mapping
from typing import Annotated

from hapiish.declare.option import Form, Items
from hapiish.declare.types import AnyText

GrantedScope = Annotated[
    tuple[str, ...], Items(min=1, one=True), Form(name="grantedScope", wanted="a scope or a list of them")
]
Attributes = Mapping[str, AnyText]
