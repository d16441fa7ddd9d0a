"""Compiles the cookies of a table: declared cookies, and the settings of undeclared ones."""

from collections.abc import Mapping

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.declare.option import derive
from hapiish.http.cookies.cookies import Cookies, Definition


def compile_cookies(names: Names) -> Cookies:
    """Returns the cookies of the table; strategies and plugins may add cookies."""
    table = names.table
    declared = {name: definition(names, cookie) for name, cookie in table.state.items()}
    return Cookies(declared, definition(names, table.server.state))


def definition(names: Names, cookie: model.Cookie) -> Definition:
    """Returns a cookie definition; adds a problem if encryption requires a missing package."""
    is_sealed = cookie.encoding == "iron" and names.has_package("cryptography")
    auto_value = cookie.auto_value
    if isinstance(auto_value, Mapping) and "method" in auto_value:
        auto_value = names.function(auto_value["method"])
    return derive(
        Definition,
        cookie,
        encoding="none" if cookie.encoding == "iron" and not is_sealed else cookie.encoding,
        auto_value=auto_value,
        contextualize=names.function(cookie.contextualize) if cookie.contextualize is not None else None,
    )
