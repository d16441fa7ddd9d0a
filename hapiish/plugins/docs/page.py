"""The HTML of the documentation page: a skeleton that the program in `assets` fills, with relative addresses only.

A browser resolves relative addresses against the address that the page was opened with. They are right below a prefix,
in a mount, and behind a proxy that removes a part of the path.
"""

import posixpath
import re
from html import escape
from typing import Final

from hapiish.options import Table
from hapiish.plugins.docs.options import PageOptions

_PARAMETER: Final = re.compile(r"\{[^}]*\}")
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; connect-src {connect}"
)

_HTML: Final = """<!doctype html>
<html lang="en"{settings}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{assets}/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{assets}/style.css">
<script src="{assets}/theme.js"></script>
<script type="module" src="{assets}/app.js"></script>
</head>
<body>
<div id="app"><main class="loading"><h1>{title}</h1><noscript><p>This page needs JavaScript. \
The documents behind it are {documents}.</p></noscript></main></div>
</body>
</html>
"""


def page(table: Table, options: PageOptions, here: str, version: str, *, is_folder: bool) -> bytes:
    """Returns the page at the path `here`, which has its prefix; `is_folder`: it was opened with a slash at the end."""
    prefix = here.rstrip("/") if options.path == "/" else here.removesuffix(options.path)

    def address(target: str) -> str:
        return relative(here, prefix + target, is_folder=is_folder)

    documents = {name: address(options.paths[name]) for name in ("openapi", "asyncapi") if name in options.paths}
    if table.sockets is None:
        documents.pop("asyncapi", None)
    settings = {
        **documents,
        "hosts": " ".join(shared_hosts(table)) if "openapi" in documents else None,
        "root": relative(here, "/", is_folder=is_folder),
        "try": "true" if options.try_it else None,
        "title": options.title,
    }
    if table.sockets is not None:
        settings["socket"] = relative(here, table.sockets.path.rstrip("/"), is_folder=is_folder)
        settings["transports"] = " ".join(table.sockets.transports)
    title = options.title or str(table.info.get("title") or "API")
    return _HTML.format(
        title=escape(title),
        assets=escape(address(options.paths["assets"]).replace("{version}/{file}", version)),
        settings="".join(f' data-{key}="{escape(value)}"' for key, value in settings.items() if value),
        documents=" and ".join(f'<a href="{escape(each)}">{name}</a>' for name, each in documents.items()) or "off",
    ).encode()


def shared_hosts(table: Table) -> tuple[str, ...]:
    """Returns the virtual hosts if several of them have a path, which one OpenAPI document cannot say; else none."""
    places: dict[str, set[str | None]] = {}
    for route in table.routes:
        places.setdefault(_PARAMETER.sub("{}", route.path), set()).add(route.vhost)
    if all(len(hosts) == 1 for hosts in places.values()):
        return ()
    return tuple(sorted({route.vhost for route in table.routes if route.vhost is not None}))


def relative(here: str, target: str, *, is_folder: bool) -> str:
    """Returns the reference to the path `target` from a page at `here` (RFC 3986 §4.2)."""
    folder = here.rstrip("/") + "/" if is_folder else here[: here.rindex("/") + 1]
    found = posixpath.relpath(target, folder)
    # "." and ".." would name the folder without its slash, and "a:b" a scheme.
    return found + "/" if found.endswith("..") or found == "." else f"./{found}"


def content_security_policy(table: Table, options: PageOptions) -> str:
    """Returns the policy of the page: nothing inline or evaluated, and no host but its own and the virtual hosts."""
    hosts = sorted({route.vhost for route in table.routes if route.vhost is not None and options.try_it})
    return _POLICY.format(connect=" ".join(["'self'", *(f"{host}:*" for host in hosts)]))
