"""Checks references and contradictions in a table that its schema accepts; each function checks for one mistake.

A check takes the draft and yields problems. Checks run in any order, since none relies on another, and expect any value
to be missing. The guard against schemas of extreme cost runs before all checks.
"""

from collections.abc import Callable, Iterator
from typing import Final

from hapiish.table.checks import (
    auth,
    caches,
    calls,
    cookies,
    defaults,
    events,
    extensions,
    files,
    growth,
    limits,
    options,
    plugins,
    presets,
    protect,
    proxies,
    replaced,
    resources,
    routes,
    schemas,
    server,
    sockets,
    strategies,
)
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem

Check = Callable[[Draft], Iterator[Problem]]

CHECKS: Final[tuple[Check, ...]] = (
    presets.params,
    presets.uses,
    plugins.forms,
    plugins.names,
    plugins.declarations,
    plugins.overrides,
    routes.syntax,
    routes.prefixes,
    routes.conflicts,
    routes.trailing_slashes,
    routes.head,
    routes.methods,
    routes.kinds,
    routes.ids,
    routes.shadowed,
    proxies.targets,
    proxies.bodies,
    resources.form,
    resources.models,
    resources.owners,
    resources.templates,
    auth.schemes,
    auth.strategies,
    strategies.options,
    strategies.redirects,
    auth.exclusive,
    auth.missing_strategies,
    auth.scope_templates,
    auth.events,
    auth.payloads,
    auth.handshakes,
    limits.numbers,
    limits.names,
    limits.values,
    limits.allowlist,
    protect.sources,
    protect.tokens,
    options.expiry,
    options.contradictions,
    options.sampled_changes,
    options.bodiless,
    options.get_payload,
    options.params,
    options.header_names,
    options.unparsed,
    options.cors,
    cookies.clashes,
    cookies.partitioned,
    cookies.sealed,
    cookies.session_cookie,
    cookies.automatic,
    options.encodings,
    extensions.order,
    files.directories,
    files.files,
    caches.stores,
    caches.policies,
    caches.methods,
    calls.calls,
    replaced.steps,
    events.names,
    server.load,
    server.proxies,
    schemas.dialect,
    schemas.references,
    schemas.resources,
    schemas.patterns,
    defaults.values,
    schemas.keywords,
    sockets.namespaces,
    sockets.names,
    sockets.params,
    sockets.patterns,
    sockets.duplicates,
    sockets.reserved,
    sockets.duplicate_options,
    sockets.path,
    sockets.prefixes,
)


def cross_check(draft: Draft) -> list[Problem]:
    """Returns the problems that the checks find, without duplicates; raises OverspentError for an expensive schema."""
    growth.forbid_heavy_schemas(draft)
    return list(dict.fromkeys(problem for check in CHECKS for problem in check(draft)))
