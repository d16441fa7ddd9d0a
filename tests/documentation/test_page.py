"""The plugin `hapiish.plugins.docs`: its routes, options, headers and documents."""

import gzip
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from hapiish import Application, TableError, create_app
from hapiish.describe import openapi as openapi_module
from hapiish.options import Table
from hapiish.testing import Injected, inject

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "hapiish" / "plugins" / "docs" / "assets"
UNSAFE = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
PACKED = (
    "socket.io-client",
    "engine.io-client",
    "engine.io-parser",
    "socket.io-parser",
    "@socket.io/component-emitter",
)
Make = Callable[..., Application]

TABLE = """
info: {title: "Todos & <b>more</b>", version: 1.2.3, description: "<script>alert(1)</script>"}
auth:
  strategies:
    staff: {scheme: basic, options: {validate: "app:validate"}}
    token: {scheme: jwt, options: {keys: "a secret that no client may see, 32 bytes"}}
schemas:
  Todo: {type: object, properties: {title: {type: string}}}
  Secret: {type: object, properties: {codename: {type: string}}}
  Deep: {type: object, properties: {secret: {$ref: "#/schemas/Secret"}}}
sockets:
  path: /live/socket
  transports: [polling]
  namespaces:
    - namespace: /
      auth: false
      events:
        - {event: add, id: socket.add, handler: "app:nothing", options: {tags: [todos], description: Adds a todo}}
        - {event: audit, id: socket.audit, handler: "app:nothing", options: {tags: [internal]}}
    - namespace: /staff
      auth: false
      events: [{event: close, id: socket.close, handler: "app:nothing", options: {tags: [internal]}}]
routes:
  - method: GET
    path: /todos
    id: todos.list
    handler: "app:nothing"
    options: {tags: [todos], response: {schema: {$ref: "#/schemas/Todo"}}}
  - method: GET
    path: /inner
    id: inner
    handler: "app:nothing"
    options: {isInternal: true, response: {schema: {$ref: "#/schemas/Deep"}}}
  - method: GET
    path: /admin
    id: admin
    handler: "app:nothing"
    options: {tags: [internal], response: {schema: {$ref: "#/schemas/Deep"}}}
  - {method: GET, path: /quiet, id: quiet, handler: "app:nothing", options: {plugins: {docs: {hidden: true}}}}
  - {method: GET, path: /elsewhere, id: elsewhere, handler: "app:nothing", vhost: api.example.com}
"""

CODE = """
async def nothing(request, h):
    return {}

async def validate(request, username, password, h):
    return {"isValid": (username, password) == ("ada", "secret"), "credentials": {"user": username}}

class Other:
    name = "other"

    def register(self, server, options):
        server.route({"method": "GET", "path": "/from-a-plugin", "id": "other.show", "handler": nothing})

other = Other()
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(options, more)`: the application of the table with the plugin; `more` is appended to the table."""

    def write(options: str = "{}", more: str = "", table: str = TABLE, placed: str = "") -> Application:
        entry = f"  - {{plugin: hapiish.plugins.docs, options: {options}{placed}}}\n"
        (tmp_path / "app.py").write_text(CODE)
        (tmp_path / "routes.yaml").write_text(f"{table}\nplugins:\n  - {{plugin: 'app:other'}}\n{entry}{more}")
        return create_app(tmp_path / "routes.yaml", env={})

    return write


class Html(HTMLParser):
    """The addresses in a page, its inline scripts and styles, and the settings on its root element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self.settings: dict[str, str] = {}
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        given = {name: value or "" for name, value in attrs}
        self.addresses += [given[name] for name in ("src", "href") if name in given]
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        if tag == "html":
            self.settings = given

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


async def get(app: Any, url: str, **headers: str) -> Injected:
    return await inject(app, url=url, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_the_page_its_assets_and_its_documents_are_served(make: Make) -> None:
    app = make()
    shown = await get(app, "/documentation")
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    html = Html(shown.text)
    assert len(html.addresses) > 3
    for address in (*html.addresses, html.settings["data-openapi"], html.settings["data-asyncapi"]):
        assert not re.match(r"[a-z]+:|/", address)
        assert (await get(app, urljoin("/documentation", address))).status_code == 200, address


async def test_scripts_load_only_files_of_the_wheel(make: Make) -> None:
    app = make()
    html = Html((await get(app, "/documentation")).text)
    (start,) = [address for address in html.addresses if address.endswith("app.js")]
    waiting, seen = [urljoin("/documentation", start)], set()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        script = await get(app, address)
        assert script.status_code == 200
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        waiting += [urljoin(address, each) for each in re.findall(r'(?:from|import\() ?"(\.[^"]+)"', script.text)]
    modules = {file.name for file in ASSETS.glob("*.js")} - {"theme.js"}
    assert {address.rpartition("/")[2] for address in seen} == modules


def test_assets_name_no_other_host() -> None:
    known = {"http://www.w3.org/2000/svg", "https://example.com/"}
    for file in ASSETS.iterdir():
        if file.suffix in (".js", ".css", ".svg") and not file.name.startswith("socket.io"):
            assert set(re.findall(r"https?://[\w./-]+", file.read_text())) <= known, file.name


def test_scripts_make_no_markup_of_texts() -> None:
    for file in ASSETS.glob("*.js"):
        if not file.name.startswith("socket.io"):
            assert not UNSAFE.search(file.read_text()), file.name


def test_the_bundle_of_socket_io_is_that_of_npm_and_has_its_licences() -> None:
    package = ROOT / "tests" / "js" / "node_modules" / "socket.io-client"
    bundle = "socket.io.esm.min.js"
    assert (ASSETS / bundle).read_bytes() == (package / "dist" / bundle).read_bytes()
    licences = (ASSETS / "LICENSES.txt").read_text()
    for name in PACKED:
        folder = package.parent / name
        assert f"\n{name} " in licences
        assert (folder / "LICENSE").read_text().strip() in licences


async def test_the_policy_of_the_page_permits_nothing_inline_and_nothing_from_elsewhere(make: Make) -> None:
    app = make(more="server: {routes: {security: true}}\n")
    shown = await get(app, "/documentation")
    policy = str(shown.headers["content-security-policy"])
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy
    assert directives["connect-src"] == "'self' api.example.com:*"
    assert Html(shown.text).inline == []


async def test_texts_of_the_table_are_escaped_in_the_page(make: Make) -> None:
    text = (await get(make(), "/documentation")).text
    assert "<title>Todos &amp; &lt;b&gt;more&lt;/b&gt;</title>" in text
    assert "<b>" not in text
    assert "alert" not in text
    titled = (await get(make('{title: "\\" onload=x <i>"}'), "/documentation")).text
    assert 'data-title="&quot; onload=x &lt;i&gt;"' in titled


async def test_a_document_has_the_visible_routes_of_the_table_and_of_all_plugins(make: Make) -> None:
    app = make("{hideTags: [internal]}")
    found = (await get(app, "/documentation/openapi.json")).json
    assert {"/todos", "/elsewhere", "/from-a-plugin"} == set(found["paths"])
    assert "codename" not in str(found)
    events = (await get(app, "/documentation/asyncapi.json")).json
    assert "audit" not in str(events)
    assert "add" in str(events)
    assert "staff" not in str(events["channels"])


async def test_without_hidden_tags_only_internal_and_hidden_routes_are_absent(make: Make) -> None:
    app = make()
    found = (await get(app, "/documentation/openapi.json")).json
    assert {"/todos", "/elsewhere", "/from-a-plugin", "/admin"} == set(found["paths"])
    assert "audit" in (await get(app, "/documentation/asyncapi.json")).text


async def test_no_secret_of_the_table_is_in_the_page_or_in_a_document(make: Make) -> None:
    app = make()
    for path in ("", "/openapi.json", "/asyncapi.json"):
        text = (await get(app, f"/documentation{path}")).text
        assert "a secret that no client may see" not in text
        assert "app:validate" not in text


async def test_documents_are_made_once_at_load(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Table] = []
    original = openapi_module.document

    def counted(table: Table) -> Any:
        made.append(table)
        return original(table)

    monkeypatch.setattr(openapi_module, "document", counted)
    app = make()
    assert len(made) == 1
    for _ in range(3):
        await get(app, "/documentation/openapi.json")
        await get(app, "/documentation")
    assert len(made) == 1


async def test_a_known_document_is_not_sent_again(make: Make) -> None:
    app = make()
    for path in ("/documentation", "/documentation/openapi.json", "/documentation/asyncapi.json"):
        first = await get(app, path)
        assert first.headers["cache-control"] == "no-cache"
        again = await get(app, path, if_none_match=str(first.headers["etag"]))
        assert again.status_code == 304
        packed = await get(app, path, accept_encoding="gzip")
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.payload) == first.payload
        assert "accept-encoding" in packed.headers["vary"]
        again = await get(app, path, if_none_match=str(packed.headers["etag"]), accept_encoding="gzip")
        assert again.status_code == 304


async def test_assets_are_kept_by_browsers_for_as_long_as_they_are_those_of_the_page(make: Make) -> None:
    app = make()
    html = Html((await get(app, "/documentation")).text)
    (style,) = [urljoin("/documentation", each) for each in html.addresses if each.endswith("style.css")]
    current = await get(app, style)
    assert "immutable" in current.headers["cache-control"]
    other = await get(app, "/documentation/assets/0123456789ab/style.css")
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
    for wrong in ("nothing.js", "..%2Fpage.py", "__init__.py"):
        assert (await get(app, f"/documentation/assets/0/{wrong}")).status_code == 404


async def test_a_server_without_compression_sends_plain_bodies(make: Make) -> None:
    app = make(more="server: {compression: false}\n")
    sent = await get(app, "/documentation/openapi.json", accept_encoding="gzip")
    assert "content-encoding" not in sent.headers


async def test_a_reload_serves_the_new_table(make: Make, tmp_path: Path) -> None:
    app = make()
    before = await get(app, "/documentation/openapi.json")
    file = tmp_path / "routes.yaml"
    file.write_text(file.read_text().replace("/todos", "/tasks"))
    async with app.router.lifespan_context(app):
        assert await app.reload() == []
        after = await get(app, "/documentation/openapi.json", if_none_match=str(before.headers["etag"]))
        assert after.status_code == 200
        assert "/tasks" in after.json["paths"]


async def test_auth_protects_the_page_and_the_documents(make: Make) -> None:
    app = make("{auth: staff}")
    for path in ("", "/openapi.json", "/asyncapi.json"):
        refused = await get(app, f"/documentation{path}")
        assert refused.status_code == 401
        allowed = await get(app, f"/documentation{path}", authorization="Basic YWRhOnNlY3JldA==")
        assert allowed.status_code == 200
        assert allowed.headers["cache-control"] == "private, no-cache"
    assert (await get(app, "/documentation/assets/0/style.css")).status_code == 200


async def test_the_default_strategy_of_the_table_does_not_hide_the_page(make: Make) -> None:
    table = TABLE.replace("auth:\n  strategies", "auth:\n  default: token\n  strategies", 1)
    assert (await get(make(table=table), "/documentation")).status_code == 200


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("{pth: /docs}", "pth"),
        ("{path: docs}", "path"),
        ("{path: /docs/}", "path"),
        ("{tryIt: perhaps}", "tryIt"),
        ("{hideTags: internal}", "hideTags"),
        ("{openapi: true}", "openapi"),
    ],
)
def test_wrong_options_are_problems_with_their_place(make: Make, options: str, said: str) -> None:
    with pytest.raises(TableError) as caught:
        make(options)
    (problem,) = caught.value.problems
    assert said in problem.message
    assert 'plugin "docs"' in problem.message
    line = (Path(problem.mark.file)).read_text().splitlines()[problem.mark.line - 1]
    assert "hapiish.plugins.docs" in line
    assert problem.mark.column > line.index("options:")


def test_an_unknown_strategy_is_a_problem(make: Make) -> None:
    with pytest.raises(TableError, match="nobody"):
        make("{auth: nobody}")


async def test_paths_of_the_page_and_of_the_documents_are_options(make: Make) -> None:
    app = make("{path: /docs/api, openapi: /openapi.json, asyncapi: false}")
    settings = Html((await get(app, "/docs/api")).text).settings
    assert urljoin("/docs/api", settings["data-openapi"]) == "/openapi.json"
    assert "data-asyncapi" not in settings
    assert (await get(app, "/openapi.json")).json["openapi"].startswith("3.1")
    assert (await get(app, "/docs/api/asyncapi.json")).status_code == 404


@pytest.mark.parametrize(
    ("path", "prefix"),
    [("/", ""), ("/", "/api"), ("/documentation", "/v1/public"), ("/a/b/c", "/{tenant}")],
)
async def test_addresses_are_right_below_a_prefix(make: Make, path: str, prefix: str) -> None:
    app = make(f"{{path: {path}}}", placed=f", routes: {{prefix: {prefix!r}}}" if prefix else "")
    here = (prefix.replace("{tenant}", "acme") + ("" if path == "/" and prefix else path)) or "/"
    await _all_arrive(app, here)


async def test_addresses_are_right_with_a_slash_at_the_end(make: Make) -> None:
    app = make(more="server: {router: {stripTrailingSlash: true}}\n")
    await _all_arrive(app, "/documentation")
    await _all_arrive(app, "/documentation/")


async def _all_arrive(app: Any, here: str, root: str = "/") -> None:
    shown = await get(app, here)
    assert shown.status_code == 200
    html = Html(shown.text)
    for address in (*html.addresses, html.settings["data-openapi"], html.settings["data-asyncapi"]):
        assert (await get(app, urljoin(here, address))).status_code == 200, address
    assert urljoin(here, html.settings["data-root"]) == root
    assert urljoin(here, html.settings["data-socket"]) == f"{root}live/socket"


async def test_addresses_are_right_in_a_mount(make: Make) -> None:
    inner = make()
    outer = Starlette(routes=[Mount("/chat", app=inner)])
    from starlette.testclient import TestClient

    with TestClient(outer) as client:
        html = Html(client.get("/chat/documentation").text)
        for address in html.addresses:
            assert client.get(urljoin("/chat/documentation", address)).status_code == 200
    assert urljoin("/chat/documentation", html.settings["data-root"]) == "/chat/"
    assert urljoin("/chat/documentation", html.settings["data-socket"]) == "/chat/live/socket"


async def test_a_page_serves_one_virtual_host(make: Make) -> None:
    app = make(placed=", routes: {vhost: docs.example.com}")
    assert (await get(app, "/documentation", host="docs.example.com")).status_code == 200
    assert (await get(app, "/documentation", host="api.example.com")).status_code == 404


async def test_routes_of_several_hosts_with_one_path_are_all_shown(make: Make) -> None:
    more = '  - {method: GET, path: /todos, id: staff.todos, handler: "app:nothing", vhost: staff.example.com}\n'
    app = make(table=TABLE.rstrip() + "\n" + more)
    assert Html((await get(app, "/documentation")).text).settings["data-hosts"] == "api.example.com staff.example.com"
    paths = {
        host: set((await get(app, f"/documentation/openapi.json{host}")).json["paths"])
        for host in ("", "?vhost=api.example.com", "?vhost=staff.example.com")
    }
    assert "/todos" in paths[""]
    assert "/elsewhere" not in paths[""]
    assert list(paths.values())[1:] == [{"/elsewhere"}, {"/todos"}]
    assert (await get(app, "/documentation/openapi.json?vhost=other.example.com")).status_code == 404


async def test_two_pages_show_different_parts(make: Make) -> None:
    other = "  - {plugin: hapiish.plugins.docs, options: {path: /public, hideTags: [internal], tryIt: false}}\n"
    app = make("{path: /staff-docs, auth: staff}", more=other)
    assert "/admin" not in (await get(app, "/public/openapi.json")).json["paths"]
    assert (await get(app, "/staff-docs")).status_code == 401
    assert "data-try" not in Html((await get(app, "/public")).text).settings


async def test_a_table_without_sockets_has_no_second_document(make: Make) -> None:
    table = re.sub(r"sockets:\n(  .*\n)+", "", TABLE)
    settings = Html((await get(make(table=table), "/documentation")).text).settings
    assert not {"data-asyncapi", "data-socket", "data-transports"} & settings.keys()


async def test_settings_of_the_server_do_not_break_the_page(make: Make) -> None:
    app = make(
        more="server: {routes: {limit: {max: 5, duration: 1h, by: address}, csrf: true, csp: true, cors: true, "
        "cache: {expiresIn: 1h}}}\n"
    )
    html = Html((await get(app, "/documentation")).text)
    for address in html.addresses * 3:
        assert (await get(app, urljoin("/documentation", address))).status_code == 200
    assert "trusted-types" in (await get(app, "/documentation")).headers["content-security-policy"]


def test_the_plugin_works_from_a_folder_without_the_sources(make: Make, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
    app = make()
    assert {route.path for route in app.server.table() if route.path.startswith("/documentation")} == {
        "/documentation",
        "/documentation/assets/{version}/{file}",
        "/documentation/openapi.json",
        "/documentation/asyncapi.json",
    }
