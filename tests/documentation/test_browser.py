"""The documentation page in headless Chromium, on the chat: reading, searching, trying, themes, keyboard and phones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from tests.browser import Page
from tests.chat.callers import connected
from tests.documentation.conftest import Documentation

pytestmark = pytest.mark.anyio

AXE = Path(__file__).parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"
ACCOUNT = {"fullName": "Ada Lovelace", "email": "ada@example.org", "password": "a long password"}


async def sign_in(documentation: Documentation, **account: str) -> dict[str, Any]:
    """Registers a user on the page and uses the token of the response; returns the response."""
    given = {**ACCOUNT, **account}
    said = await documentation.send("accounts.register", given)
    if not said.startswith("200"):
        said = await documentation.send("accounts.login", {key: given[key] for key in ("email", "password")})
        assert said.startswith("200"), said
        anchor = "accounts.login"
    else:
        anchor = "accounts.register"
    await documentation.page.click(f"[id='{anchor}'] .use-token")
    found: dict[str, Any] = await documentation.result(anchor)
    return found


async def test_the_page_shows_routes_and_events_without_an_error_and_without_another_host(
    documentation: Documentation, chat: str
) -> None:
    page = documentation.page
    await documentation.open()
    titles = await page.eval("[...document.querySelectorAll('h3')].map((each) => each.textContent)")
    assert {"Sign in", "Add a friend by e-mail", "Send a message; acknowledged after it is stored"} <= set(titles)
    links = await page.eval("[...document.querySelectorAll('#contents a')].map((each) => each.textContent)")
    assert any("server:draining" in link for link in links)
    await documentation.go("event-socket.message")
    assert page.console == []
    others = [url for url in page.requests if not url.startswith((chat, chat.replace("http", "ws"), "about:", "data:"))]
    assert others == []


async def test_search_finds_routes_and_events_by_words_paths_and_fields(documentation: Documentation) -> None:
    page = documentation.page
    await documentation.open()
    shown = "[...document.querySelectorAll('#contents li')].filter((each) => each.offsetParent).length"
    everything = await page.eval(shown)
    for words, found in {"draining": 1, "put block": 1, "receiverid message": 3, "xyz": 0}.items():
        await page.write("#search", words)
        await page.eval("document.querySelector('#search').dispatchEvent(new Event('input'))")
        assert await page.eval(shown) == found, words
    assert await page.eval("!document.querySelector('.none').hidden")
    await page.press("Escape")
    assert await page.eval(shown) == everything


async def test_requests_are_sent_with_the_token_of_a_login(documentation: Documentation) -> None:
    await documentation.open()
    assert (await documentation.send("friends.index")).startswith("401")
    await sign_in(documentation)
    assert (await documentation.send("friends.index")).startswith("200")
    missing = await documentation.send("friends.add", {"email": "nobody@example.org"})
    assert missing.startswith("404")
    assert (await documentation.send("friends.add", {"mail": 1})).startswith("400")
    assert (await documentation.result("friends.add"))["validation"]["source"] == "payload"


async def test_wrong_input_is_told_before_it_is_sent(documentation: Documentation) -> None:
    page = documentation.page
    await documentation.open()
    assert "conversationId is missing" in await documentation.send("messages.create", {"text": "Hello"})
    assert await page.eval("document.activeElement.getAttribute('aria-invalid')") == "true"
    card = await documentation.go("accounts.login")
    await page.write(f"{card} textarea", "{")
    await page.click(f"{card} form button[type=submit]")
    assert "not JSON" in await page.until(f'document.querySelector("{card} .result .error")?.textContent')
    assert not any("/login" in url or "/messages" in url for url in page.requests)


async def test_a_parameter_cannot_leave_its_segment(documentation: Documentation, chat: str) -> None:
    await documentation.open()
    await sign_in(documentation)
    await documentation.send("blocks.add", userId="../friends?x=1#y")
    assert f"{chat}/blocks/..%2Ffriends%3Fx%3D1%23y" in documentation.page.requests


async def test_events_are_sent_and_received_on_the_page(documentation: Documentation, chat: str) -> None:
    page = documentation.page
    await documentation.open()
    signed = await sign_in(documentation, email="grace@example.org")
    friend_token = (await register(documentation, "alan@example.org"))["token"]
    assert (await documentation.send("friends.add", {"email": "alan@example.org"})).startswith("200")
    friend = (await documentation.result("friends.add"))["friend"]["_id"]
    await documentation.send("conversations.open", friendId=friend)
    conversation = (await documentation.result("conversations.open"))["id"]

    assert await documentation.send("event-socket.init", {"senderId": signed["user"]["myId"]}) == "acknowledged"
    assert (await documentation.result("event-socket.init"))["userId"] == signed["user"]["myId"]
    said = await documentation.send("event-socket.message", {"conversationId": conversation, "text": "Hello"})
    assert said == "acknowledged"
    assert (await documentation.result("event-socket.message"))["message"]["text"] == "Hello"
    assert (await documentation.send("event-socket.message", {"conversationId": conversation})).startswith("400")

    await page.eval("location.hash = 'event-emit.message'")  # cards are made when they come near the screen
    await page.until("!!document.querySelector(\"[id='event-emit.message'] .received\")")
    async with connected(chat, friend_token) as device:
        await device.send("message", {"conversationId": conversation, "text": "Hello yourself"})
        log = "[...document.querySelectorAll('.entries .in')].map((each) => each.textContent).join()"
        assert "Hello yourself" in await page.until(log)
        emits = "[...document.querySelectorAll('.received')].map((each) => each.textContent).join()"
        assert "1 received" in await page.until(emits)

    await page.eval("document.querySelector('.connection button.primary').click()")
    await page.until("document.querySelector('.connection [role=status]').textContent === 'disconnected'")
    assert page.console == []


async def register(documentation: Documentation, email: str) -> dict[str, Any]:
    """Registers another user on the page, whose token is not used."""
    await documentation.send("accounts.register", {**ACCOUNT, "email": email})
    found: dict[str, Any] = await documentation.result("accounts.register")
    return found


async def test_a_refused_connection_says_why(documentation: Documentation) -> None:
    await documentation.open()
    said = await documentation.send("event-socket.init", {"senderId": "0" * 24})
    assert "Unauthorized" in said or "Missing authentication" in said


async def test_credentials_are_forgotten_unless_they_are_kept_for_the_tab(documentation: Documentation) -> None:
    page = documentation.page
    await documentation.open()
    await sign_in(documentation)
    stored = "JSON.stringify([Object.values(localStorage), Object.values(sessionStorage), document.cookie])"
    assert await page.eval(stored) == '[[],[],""]'
    await documentation.open()
    await page.do("Page.reload")
    await page.until("!!document.querySelector('article .panel > *')")
    assert (await documentation.send("friends.index")).startswith("401")

    await sign_in(documentation)
    await page.click(".authorize")
    await page.click("dialog .check input")
    await page.press("Escape")
    await page.do("Page.reload")
    await page.until("!!document.querySelector('article .panel > *')")
    assert (await documentation.send("friends.index")).startswith("200")
    assert await page.eval("Object.values(localStorage).length") == 0
    await page.click(".authorize")
    await page.until("document.querySelector('dialog').open")
    buttons = "[...document.querySelectorAll('dialog button')]"
    await page.eval(f"{buttons}.find((each) => each.textContent === 'Forget').click()")
    await page.press("Escape")
    assert (await documentation.send("friends.index")).startswith("401")


async def test_the_theme_is_the_systems_until_one_is_chosen_which_is_remembered(documentation: Documentation) -> None:
    page = documentation.page
    background = "getComputedStyle(document.body).backgroundColor"
    await page.prefer("light")
    await documentation.open()
    light = await page.eval(background)
    await page.prefer("dark")
    dark = await page.eval(background)
    assert light != dark
    await page.click(".theme")
    assert await page.eval("document.querySelector('.theme').title") == "Theme: light"
    assert await page.eval(background) == light
    await page.do("Page.reload")
    await page.until("!!document.querySelector('.theme')")
    assert await page.eval(background) == light
    await page.click(".theme")
    assert await page.eval(background) == dark
    await page.click(".theme")
    await page.prefer("light")
    assert await page.eval(background) == light


async def test_the_page_is_used_by_keyboard_alone(documentation: Documentation) -> None:
    page = documentation.page
    await documentation.open()
    focused = "document.activeElement.textContent || document.activeElement.id"
    await page.press("Tab")
    assert await page.eval(focused) == "Skip to the content"
    await page.press("Enter")
    assert await page.eval("document.activeElement.id") == "main"
    await page.press("/")
    assert await page.eval("document.activeElement.id") == "search"
    await page.do("Input.insertText", text="sign in")
    await page.press("ArrowDown")
    first = await page.eval(focused)
    await page.press("ArrowDown")
    assert await page.eval(focused) != first
    await page.press("ArrowUp")
    assert await page.eval(focused) == first
    assert await page.eval("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.press("ArrowUp")
    assert await page.eval("document.activeElement.id") == "search"
    await page.press("Enter")
    await page.until("location.hash === '' || document.activeElement.tagName === 'ARTICLE'")
    assert await page.eval("document.activeElement.id") == "accounts.register"
    card = await documentation.go("accounts.login")
    await page.eval(f'document.querySelector("{card} textarea").focus()')
    await page.press("/")
    assert "/" in await page.eval(f'document.querySelector("{card} textarea").value')


@pytest.mark.parametrize("width", [360, 768])
async def test_a_narrow_screen_needs_no_horizontal_scrolling(documentation: Documentation, width: int) -> None:
    page = documentation.page
    await page.size(width, 740, phone=True)
    await documentation.open()
    await page.eval("document.querySelectorAll('article').forEach((each) => each.complete?.())")
    await page.eval("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert await page.eval("document.documentElement.scrollWidth") <= width
    assert not await page.eval("document.querySelector('#nav').checkVisibility({visibilityProperty: true})")
    await page.click(".menu")
    await page.until("document.querySelector('#nav').checkVisibility({visibilityProperty: true})")
    assert await page.eval("document.querySelector('.menu').getAttribute('aria-expanded')") == "true"
    await page.eval("document.querySelector('#contents li a').click()")
    await page.until("!document.querySelector('#nav').checkVisibility({visibilityProperty: true})")


RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
"""What differs between the themes."""


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_no_fault(documentation: Documentation, theme: str) -> None:
    page, rules = documentation.page, RULES if theme == "light" else COLOURS
    await page.prefer(theme)
    await page.do("Page.setBypassCSP", enabled=True)  # for axe, which the page would refuse
    await documentation.open()
    await documentation.send("friends.index")
    await documentation.send("event-socket.init", {"senderId": "0" * 24})
    await page.eval("document.querySelectorAll('article').forEach((each) => each.complete?.())")
    await page.eval("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    await page.do("Runtime.evaluate", expression=AXE.read_text())
    await assert_accessible(page, rules)
    await page.eval("document.querySelector('.authorize').click()")
    await assert_accessible(page, rules)


async def assert_accessible(page: Page, rules: dict[str, Any]) -> None:
    script = (
        f"axe.run(document, {json.dumps(rules)}).then(({{ violations }}) => violations.map(({{ id, nodes }}) =>"
        " id + ': ' + nodes.slice(0, 3).map((each) => each.html.slice(0, 160) + each.failureSummary).join(' | ')))"
    )
    assert await page.eval(script) == []


PATTERNS = (
    "^[0-9a-f]{24}$",
    "^[0-9]{1,13}-[0-9a-f]{24}$",
    "^(a|b)+\\d{3}$",
    "^sha256:[0-9a-f]{64}$",
    "^[a-z]+(?:-[a-z]+)*$",
)


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_samples_match_their_patterns(documentation: Documentation, pattern: str) -> None:
    page = documentation.page
    await documentation.open()
    found = f"{await module(page, 'sample.js')}.then((found) => found.fromPattern({json.dumps(pattern)}))"
    assert re.search(pattern, await page.eval(found))


async def test_bodies_are_filled_in_with_values_that_the_table_accepts(documentation: Documentation, chat: str) -> None:
    page = documentation.page
    await documentation.open()
    await page.eval("document.querySelectorAll('article').forEach((each) => each.complete?.())")
    openapi = await page.eval(f"fetch('{chat}/documentation/openapi.json').then((found) => found.json())")
    judged = 0
    for methods in openapi["paths"].values():
        for operation in methods.values():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                filled = f"document.querySelector(\"[id='{operation['operationId']}'] textarea\").value"
                validator = Draft202012Validator({**schema, "components": openapi["components"]})
                validator.validate(json.loads(await page.eval(filled)))
                judged += 1
    assert judged >= 4


async def test_markdown_makes_elements_of_known_kinds_only(documentation: Documentation) -> None:
    page = documentation.page
    await documentation.open()
    text = (
        "# A *heading*\n\nOne `code <b>` and snake_case_name, **strong**, [a link](https://example.com/x), "
        "[no link](javascript:alert(1)), ![image](https://example.com/y.png)\n\n- one\n- two\n  1. inner\n\n"
        "> quoted\n\n```js\nlet x = '<script>';\n```\n\n<img src=x onerror=alert(1)>"
    )
    script = (
        f"{await module(page, 'markdown.js')}.then(({{ markdown }}) => {{ const div = document.createElement('div');"
        f" div.append(...markdown({json.dumps(text)})); return div.innerHTML }})"
    )
    html = await page.eval(script)
    assert "<h4>A <em>heading</em></h4>" in html
    assert "<code>code &lt;b&gt;</code> and snake_case_name, <strong>strong</strong>" in html
    assert '<a href="https://example.com/x" rel="noopener noreferrer" target="_blank">a link</a>' in html
    assert "<ul><li>one</li><li>two<ol><li>inner</li></ol></li></ul>" in html
    assert "<blockquote><p>quoted</p></blockquote>" in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert not re.search(r"<(script|img|b)\b|javascript:[^)]*\"", html)


async def module(page: Page, name: str) -> str:
    """The expression that imports a module of the page."""
    start = await page.eval("document.querySelector('script[type=module]').src")
    return f"import('{start.rpartition('/')[0]}/{name}')"
