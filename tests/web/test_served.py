"""The web client as files of the chat's table: policy, caching, prefix, theme, and a table without it."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import inject
from tests.chat.callers import ROUTES
from tests.web.conftest import Serve

pytestmark = pytest.mark.anyio

ROOT = ROUTES.parent
WEB = ROOT / "web"
UNSAFE = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerouslySet")


async def get(app: Application, url: str, method: str = "GET", **headers: str) -> Any:
    return await inject(app, method=method, url=url, headers=headers)


async def test_the_page_has_a_policy_without_exceptions_and_only_its_import_map_is_inline(serve: Serve) -> None:
    async with serve("") as app:
        page = await get(app, "/")
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
    inline = re.findall(r"<script(?![^>]* src=)[^>]*>(.*?)</script>", page.text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline]
    assert policy["script-src"] == " ".join(["'self'", *(f"'sha256-{each}'" for each in hashes)])
    assert (policy["default-src"], policy["style-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<style|\son\w+=|\sstyle=", page.text)


async def test_a_browser_asks_for_every_file_again_and_gets_only_changed_ones(serve: Serve) -> None:
    async with serve("") as app:
        for path in ("/", "/sw.js", "/app/main.js", "/client/index.js", "/vendor/preact.mjs", "/theme.css"):
            first = await get(app, path)
            assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache"), path
            again = await get(app, path, **{"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.text) == (304, "")
        assert (await get(app, "/vendor/preact.mjs")).headers["content-type"].startswith("text/javascript")


async def test_paths_without_a_file_answer_as_in_a_table_without_the_client(serve: Serve) -> None:
    async with serve("") as app:
        answers = {
            (method, url): ((answer := await get(app, url, method)).status_code, answer.headers.get("allow"))
            for method, url in [
                ("GET", "/nothing.js"),
                ("GET", "/app/../../routes.yaml"),
                ("GET", "/login"),
                ("PUT", "/login"),
                ("OPTIONS", "/login"),
                ("DELETE", "/nothing"),
                ("POST", "/"),
            ]
        }
    assert list(answers.values()) == [
        (404, None),
        (404, None),
        (405, "POST"),
        (405, "POST"),
        (204, "POST"),
        (404, None),
        (404, None),
    ]


async def test_the_address_below_a_prefix_gets_a_slash_and_the_page_gets_its_root(serve: Serve) -> None:
    async with serve("    routes: {prefix: /support/chat}\n") as app:
        bare = await get(app, "/support/chat?a=1")
        assert (bare.status_code, bare.headers["location"]) == (302, "chat/?a=1")
        page = await get(app, "/support/chat/")
        settings = (await get(app, "/support/chat/settings.json")).json
    assert page.status_code == 200
    assert not re.search(r'(?:src|href)="(?!\./)', page.text)
    assert settings == {"name": "Chat", "accounts": True, "namespace": "/support/chat", "root": "../../"}


async def test_a_project_puts_its_own_files_before_those_of_the_chat(serve: Serve, tmp_path: Path) -> None:
    brand = tmp_path / "brand"
    brand.mkdir()
    (brand / "theme.css").write_text(":root { --chat-accent: teal; }")
    more = f"    with: {{web: [{json.dumps(str(brand))}, web], webSettings: {{name: Help, signIn: /badge}}}}\n"
    async with serve(more + "    override: {accounts.login: false}\n") as app:
        assert "teal" in (await get(app, "/theme.css")).text
        assert (await get(app, "/app/main.js")).status_code == 200
        settings = (await get(app, "/settings.json")).json
    assert (settings["name"], settings["signIn"], settings["accounts"]) == ("Help", "/badge", False)


async def test_a_project_leaves_the_client_out(serve: Serve) -> None:
    async with serve("    override: {web.client: false, web.elsewhere: false, web.settings: false}\n") as app:
        assert [(await get(app, url)).status_code for url in ("/", "/app/main.js", "/settings.json")] == [404] * 3


def test_texts_never_become_markup_and_nothing_comes_from_another_host() -> None:
    sources = [file for folder in ("app", "client", "styles") for file in (WEB / folder).rglob("*.*s")]
    assert len(sources) > 40
    for file in (*sources, WEB / "index.html", WEB / "sw.js", WEB / "theme.css"):
        text = file.read_text()
        assert not UNSAFE.search(text), file
        assert not re.search(r"""["'(]https?://(?!chat\.example)""", text), file


def test_modules_that_the_page_imports_exist_and_vendored_files_are_those_of_npm() -> None:
    page = (WEB / "index.html").read_text()
    imports = json.loads(re.findall(r'importmap">(.*?)</script>', page, re.DOTALL)[0])
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', page)
    assert all((WEB / path).is_file() for path in (*imports["imports"].values(), *preloaded))
    modules = {f"./{folder}/{file.name}" for folder in ("app", "client") for file in (WEB / folder).glob("*.js")}
    assert modules - set(preloaded) == {"./app/main.js", "./app/theme.js", "./client/types.js"}
    for file in (WEB / "app").glob("*.js"):
        for name in re.findall(r'from "([^"]+)"', file.read_text()):
            found = name in imports["imports"] if not name.startswith(".") else (file.parent / name).is_file()
            assert found, f"{file.name}: {name}"
    bundle = "socket.io.esm.min.js"
    package = ROOT / "hapiish" / "plugins" / "docs" / "assets" / bundle
    assert (WEB / "vendor" / bundle).read_bytes() == package.read_bytes()
    licences = (WEB / "vendor" / "LICENSES.txt").read_text()
    assert all(f"\n{file.name} " in licences for file in (WEB / "vendor").iterdir() if file.suffix != ".txt")
