"""Compiles the cookies of a table: declared cookies, and the settings of undeclared ones."""

from collections.abc import Mapping

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.http.cookies.cookies import Cookies, Definition
from hapiish.options.declare import derive


def compile_cookies(names: Names) -> Cookies:
    """Returns the cookies of the table; strategies and plugins may add cookies."""
    table = names.table
    declared = {name: definition(names, given) for name, given in table.state.items()}
    return Cookies(declared, definition(names, table.server.state))


def definition(names: Names, given: model.Cookie) -> Definition:
    """Returns a cookie definition; adds a problem if encryption requires a missing package."""
    is_sealed = given.encoding == "iron" and names.extra("cryptography", "auth", given.mark)  # noqa: S610
    auto_value = given.auto_value
    if isinstance(auto_value, Mapping) and "method" in auto_value:
        auto_value = names.function(auto_value["method"])
    return derive(
        Definition,
        given,
        encoding="none" if given.encoding == "iron" and not is_sealed else given.encoding,
        auto_value=auto_value,
        contextualize=names.function(given.contextualize) if given.contextualize is not None else None,
    )
