"""The declarations of options: the published schema is made of them, and their defaults are those it shows."""

from dataclasses import MISSING
from typing import Any

import pytest

from hapiish import options as model
from hapiish.declare.option import is_options, keys_of
from hapiish.options import publish
from hapiish.table import build
from hapiish.table.form import schema
from hapiish.table.problems import Mark

DECLARED = [kind for kind in vars(model).values() if is_options(kind) and keys_of(kind)]


def test_the_published_schema_is_the_one_of_the_declarations() -> None:
    assert schema.text() == publish.text(), "python -m hapiish.options.publish > hapiish/table/routes.schema.json"


def test_two_definitions_cannot_have_one_name() -> None:
    published = publish._Publisher()
    assert published.is_new("limit", model.Limit)
    with pytest.raises(ValueError, match="two definitions with the name limit"):
        published.is_new("limit", model.LimitStore)


@pytest.mark.parametrize("kind", DECLARED)
def test_the_default_that_is_shown_is_the_one_of_the_attribute(kind: type) -> None:
    known = build.fields_of(kind)
    for key in keys_of(kind).values():
        shown: Any = publish.shown(key)
        if key.is_attribute and shown not in (MISSING, None):
            made = known[key.key][1](shown, (), lambda path: Mark("", 1, 1))
            assert made == (key.default if key.default is not MISSING else shown), key.key
