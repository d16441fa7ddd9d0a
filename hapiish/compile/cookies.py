"""The cookies of a table, declared ones and the settings of all others, with their functions found."""

from collections.abc import Mapping

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.http.cookies.cookies import Cookies, Definition


def compile_cookies(names: Names) -> Cookies:
    """All cookies of the table of `names`; strategies and plugins may declare more of them."""
    table = names.table
    declared = {name: definition(names, given) for name, given in table.state.items()}
    return Cookies(declared, definition(names, table.server.state))


def definition(names: Names, given: model.Cookie) -> Definition:
    """One cookie; the table is refused when its password needs a package that is not there."""
    is_sealed = given.encoding == "iron" and names.extra("cryptography", "auth", given.mark)  # noqa: S610
    automatic = given.auto_value
    if isinstance(automatic, Mapping) and "method" in automatic:
        automatic = names.function(automatic["method"])
    return Definition(
        ttl=given.ttl,
        is_secure=given.is_secure,
        is_http_only=given.is_http_only,
        is_same_site=given.is_same_site,
        is_partitioned=given.is_partitioned,
        path=given.path,
        domain=given.domain,
        encoding="none" if given.encoding == "iron" and not is_sealed else given.encoding,
        password=given.password,
        iron_ttl=given.iron.ttl,
        iron_skew=given.iron.timestamp_skew_sec * 1000,
        sign=given.sign.password if given.sign is not None else None,
        strict_header=given.strict_header,
        ignore_errors=given.ignore_errors,
        clear_invalid=given.clear_invalid,
        auto_value=automatic,
        contextualize=names.function(given.contextualize) if given.contextualize is not None else None,
        pass_through=given.pass_through,
    )
