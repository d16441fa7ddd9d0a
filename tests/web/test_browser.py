"""Users of the web client in browsers, with a lost network, a killed server and closed tabs."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from hapiish.testing import inject
from tests.browser import Page, browse
from tests.chat.callers import serving
from tests.web.conftest import People, Person, Serve, Server, row

pytestmark = pytest.mark.anyio

STATE = "document.querySelector('.connection').dataset.state"
AXE = Path(__file__).parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"


async def talking(people: People, *names: str) -> list[Person]:
    """Two users with an open conversation."""
    one, other = await people(*names)
    await one.befriend(other)
    await one.say("Hello")
    await other.open(one.name)
    await other.sees("Hello")
    return [one, other]


async def test_two_users_write_reply_react_edit_and_delete(people: People) -> None:
    ann, bob = await talking(people, "Ann", "Bob")
    await ann.mark("Hello", "Read")
    await bob.page.write(".composer textarea", "<b>Hi</b> & welcome")
    await ann.page.until("document.querySelector('.typing')?.textContent.includes('typing')")
    await bob.page.press("Enter")
    await ann.sees("<b>Hi</b> & welcome")
    await bob.mark("<b>Hi</b> & welcome", "Read")

    await ann.choose("<b>Hi</b> & welcome", "Report", "Spam")
    await ann.page.until("document.querySelector('.notices').textContent.includes('Reported')")
    await ann.choose("<b>Hi</b> & welcome", "Reply")
    await ann.say("Thank you")
    await bob.page.until(f"{row('Thank you')}?.querySelector('.quoted')?.textContent === '<b>Hi</b> & welcome'")
    await bob.page.eval(f"{row('Thank you')}.querySelector('.react').click()")
    await bob.press_button("thumbs up")
    await ann.page.until(f"{row('Thank you')}?.querySelector('.reaction')?.textContent.includes('👍')")
    await ann.choose("Thank you", "Edit")
    await ann.say("Thank you very much")
    await bob.page.until(f"{row('Thank you very much')}?.textContent.includes('edited')")
    await ann.page.write(".sidebar [type=search]", "welcome")
    await ann.page.until("document.querySelector('.hit mark')?.textContent === 'welcome'")
    await ann.page.eval("document.querySelector('.hit').click()")
    await ann.page.until(f"{row('<b>Hi</b> & welcome')}.querySelector('.flashed') !== null")
    await ann.choose("Thank you very much", "Delete", "Delete for everyone")
    await bob.sees(" This message was deleted")
    assert await bob.texts() == ["Hello", "<b>Hi</b> & welcome", " This message was deleted"]


async def test_a_message_that_is_written_without_a_network_waits_and_is_sent_once(people: People) -> None:
    ann, bob = await talking(people, "Cleo", "Dan")
    await bob.network(is_there=False)
    await bob.page.until("document.querySelector('.connection.shown')?.dataset.state === 'offline'")
    await ann.say("one")
    await ann.say("two")
    await bob.say("three")
    await bob.mark("three", "Waiting to be sent")
    await ann.mark("two", "Sent")
    await bob.network(is_there=True)
    for person in (ann, bob):
        for text in ("one", "two", "three"):
            await person.sees(text)
    await bob.mark("three", "Read")
    assert await ann.texts() == await bob.texts() == ["Hello", "one", "two", "three"]


async def test_a_killed_server_and_a_closed_tab_lose_and_double_nothing(people: People, server: Server) -> None:
    ann, bob = await talking(people, "Eve", "Fay")
    server.kill()
    await ann.page.until(f"{STATE} !== 'online'")
    await ann.say("Are you there?")
    await ann.mark("Are you there?", "Waiting to be sent")
    await ann.leave()
    server.start()
    await bob.say("Back again")
    await bob.mark("Back again", "Sent")
    await ann.page.open(ann.url)
    await ann.open("Fay")
    await bob.sees("Are you there?")
    await ann.mark("Are you there?", "Read")
    await ann.reload()
    await ann.sees("Are you there?")
    assert await ann.texts() == await bob.texts() == ["Hello", "Back again", "Are you there?"]


async def test_the_page_starts_without_a_network(people: People) -> None:
    ann, bob = await talking(people, "Vic", "Wim")
    await bob.page.until("caches.open('shell /').then((cache) => cache.keys()).then((keys) => keys.length > 40)")
    await ann.say("Before")
    await bob.sees("Before")
    await ann.mark("Before", "Read")
    await bob.network(is_there=False)
    await bob.leave()
    await bob.page.open(bob.url)
    await bob.open("Vic")
    await bob.sees("Before")


async def test_files_are_uploaded_and_shown(people: People, picture: Path) -> None:
    ann, bob = await talking(people, "Gus", "Hal")
    await ann.attach(picture)
    await ann.network(is_there=False)
    await ann.page.until(f"{STATE} === 'offline'")
    await ann.say("Look")
    await ann.mark("Look", "Waiting to be sent")
    await ann.page.until("document.querySelector('.picture img')?.naturalWidth === 192")
    await ann.network(is_there=True)
    await bob.page.until("document.querySelector('.picture img')?.naturalWidth === 192")
    await bob.page.click(".picture")
    await bob.page.until("document.querySelector('.viewer > img')?.naturalWidth === 192")
    await bob.page.press("Escape")


async def test_a_later_member_of_a_group_sees_readable_messages_and_a_removed_one_sees_none(people: People) -> None:
    ann, bob, cat = await people("Ida", "Jon", "Kit")
    await ann.befriend(bob)
    await ann.befriend(cat)
    await ann.gather("Trip", "Jon", is_private=True)
    await ann.say("A secret")
    await bob.page.until("document.querySelector('.entry .badge')?.textContent.startsWith('1')")
    await bob.open("Trip")
    await bob.sees("A secret")
    await bob.page.until("!document.querySelector('.entry .badge')")

    await ann.page.click(".conversation-title")
    await ann.press_button("Add members")
    await ann.press_button("Add Kit")
    await bob.page.until("document.querySelector('[role=log]').textContent === 'Ida added Kit'")
    await cat.open("Trip")
    await ann.say("Welcome, Kit")
    await cat.sees("Welcome, Kit")
    assert "A secret" not in await cat.texts()
    await ann.press_button("Kit: more")
    await ann.page.until("!!document.querySelector('[role=menuitem]')")
    await ann.page.eval("[...document.querySelectorAll('[role=menuitem]')].at(-1).click()")
    await ann.page.click("dialog .button.danger")
    await cat.page.until("![...document.querySelectorAll('.entry')].some((each) => each.textContent.includes('Trip'))")
    await cat.page.until("!document.querySelector('.composer')")


async def test_two_devices_share_drafts_and_one_can_sign_out_the_other(people: People, chromium_address: str) -> None:
    ann, _ = await talking(people, "Tea", "Ugo")
    async with browse(chromium_address) as page:
        await page.size(1280, 800)
        phone = await ann.sign_in(page)
        await ann.page.write(".composer textarea", "I wanted to say")
        await page.until("document.querySelector('.entry')?.textContent.includes('Draft: I wanted to say')")
        await phone.open("Ugo")
        await page.until("document.querySelector('.composer textarea').value === 'I wanted to say'")
        await ann.page.eval("location.hash = '#/settings'")
        await ann.page.until("document.querySelectorAll('dialog [aria-label^=\"Sign out\"]').length === 1")
        await ann.page.eval("document.querySelector('dialog [aria-label^=\"Sign out\"]').click()")
        await page.until("!!document.querySelector('.gate form')")
        await page.until("document.querySelector('.notice')?.textContent.includes('signed out')")


async def test_a_message_shows_a_notification_while_the_page_is_in_the_background(people: People) -> None:
    ann, bob = await talking(people, "Xia", "Yan")
    target = (await bob.page.do("Target.getTargetInfo"))["targetInfo"]
    allowed = {"origin": bob.url, "browserContextId": target["browserContextId"]}
    await bob.page.do("Browser.grantPermissions", permissions=["notifications"], **allowed)
    await bob.reload()
    await bob.shows("Xia")
    await bob.page.until("import('./app/chat.js').then(({ hasCaughtUp }) => hasCaughtUp.value)")
    await bob.page.eval("document.hasFocus = () => false, dispatchEvent(new Event('blur'))")
    await ann.say("Are you looking?")
    shown = "navigator.serviceWorker.getRegistration().then((found) => found.getNotifications())"
    said = await bob.page.until(
        f"{shown}.then((all) => all.map(({{ title, body }}) => `${{title}}: ${{body}}`).join())"
    )
    assert said == "Xia: Are you looking?"
    assert await bob.page.eval("document.title") == "(1) Chat"
    await ann.mark("Are you looking?", "Delivered")
    await bob.page.eval("delete document.hasFocus, dispatchEvent(new Event('focus'))")
    await ann.mark("Are you looking?", "Read")
    await bob.page.until(f"{shown}.then((all) => all.length === 0)")


async def test_the_client_works_with_the_keyboard_alone(people: People) -> None:
    ann, bob = await talking(people, "Lea", "Max")
    page = ann.page
    await page.eval("document.activeElement.blur()")
    await page.do("Input.dispatchKeyEvent", type="keyDown", key="k", code="KeyK", windowsVirtualKeyCode=75, modifiers=2)
    await page.until("document.activeElement.type === 'search'")
    await page.do("Input.insertText", text="Max")
    await page.until("!!document.querySelector('.found .entry')")
    await page.press("Tab")
    assert await focused(page) == "Max"
    await page.press("Enter")
    await page.until("!!document.querySelector('.composer textarea')")
    await page.eval("document.querySelector('.composer textarea').focus()")
    await page.do("Input.insertText", text="By key")
    await page.press("Enter")
    await bob.sees("By key")
    await ann.mark("By key", "Read")
    await page.eval("document.querySelector('.messages .message:last-of-type, .message[tabindex=\"0\"]').focus()")
    await page.press("ArrowUp")
    await page.press("ArrowDown")
    assert "By key" in await page.eval("document.activeElement.textContent")
    await page.press("Enter")
    await page.until("document.activeElement.getAttribute('role') === 'menuitem'")
    await page.press("ArrowDown")
    assert await page.eval("document.activeElement.textContent.trim()") == "React"
    await page.press("Escape")
    assert "By key" in await page.eval("document.activeElement.textContent")
    await page.press("r")
    await page.until("document.activeElement.matches('textarea') && !!document.querySelector('.composing')")
    await page.press("Escape")
    await page.until("!document.querySelector('.composing')")
    await page.press("ArrowUp")
    await page.until("document.activeElement.value === 'By key'")


async def test_scrolling_loads_older_pages_and_visible_messages_keep_their_place(people: People) -> None:
    ann, bob = await people("Rae", "Sam")
    await ann.befriend(bob)
    await ann.page.eval("""import('./app/chat.js').then(async ({ client }) => {
      const [{ id }] = client.conversations();
      for (let number = 0; number < 75; number++) await client.send(id, { text: `Message ${number}` });
    })""")
    await ann.page.until(f"/Sent|Delivered/u.test({row('Message 74')}?.querySelector('.mark').title)")
    await bob.open("Rae")
    await bob.sees("Message 74")
    assert "Message 0" not in await bob.texts()
    top = f"{row('Message 40')}.getBoundingClientRect().top"
    await bob.page.eval(f"document.querySelector('.timeline').scrollTop += {top} - 300, 0")
    before = await bob.page.eval(top)
    assert abs(before - 300) < 3
    await bob.sees("Message 0")
    assert abs(await bob.page.eval(top) - before) < 3
    await ann.say("One more")
    await bob.sees("One more")
    assert abs(await bob.page.eval(top) - before) < 3
    await bob.page.click(".to-end")
    await ann.mark("One more", "Read")


async def test_a_list_of_ten_thousand_conversations_has_only_the_elements_of_a_screen(people: People) -> None:
    (ann,) = await people("Pia")
    await ann.page.eval("""Promise.all([import('./app/ui.js'), import('./app/windowed.js')]).then(([ui, windowed]) => {
      const items = Array.from({ length: 10_000 }, (_, id) => ({ id }));
      const row = ({ id }, index) => ui.html`<button data-index=${index}>${`Row ${id}`}</button>`;
      const list = document.querySelector(".sidebar");
      const { WindowedList } = windowed;
      const shown = ui.html`<${WindowedList} items=${items} keyOf=${({ id }) => id} row=${row} label="Many" />`;
      ui.render(shown, list);
    })""")
    rows = "document.querySelectorAll('.windowed li').length"
    assert 10 < await ann.page.eval(rows) < 60
    await ann.page.eval("document.querySelector('.windowed').scrollTop = 5000 * 72")
    await ann.page.until("document.querySelector('.windowed').textContent.includes('Row 5000')")
    assert await ann.page.eval(rows) < 60
    await ann.page.eval("document.querySelector('[data-index=\"5000\"]').focus()")
    await ann.page.press("End")
    await ann.page.until("document.activeElement.textContent === 'Row 9999'")


async def focused(page: Page) -> str:
    """The first words of the element with the focus."""
    name: str = await page.eval(
        "(document.activeElement.querySelector('.entry-name') ?? document.activeElement).textContent"
    )
    return name


async def test_users_of_another_project_sign_in_with_a_token_of_its_page(serve: Serve, chromium_address: str) -> None:
    more = "    with: {webSettings: {name: Help, signIn: /badges}}\n    override: {accounts.login: false}\n"
    async with serve(more) as app, serving(app) as url, browse(chromium_address) as page:
        account = {"fullName": "Quinn", "email": "quinn@example.org", "password": "a long password"}
        signed = (await inject(app, method="POST", url="/register", payload=account)).json

        async def come_back(state: str) -> None:
            given = {"token": signed["token"], "id": signed["user"]["myId"], "name": "Quinn", "state": state}
            await page.open(f"{url}/?{state}#{urlencode(given)}")

        await come_back("of-somebody-else")
        await page.until("document.querySelector('.gate .primary')?.textContent === 'Sign in'")
        assert "token" not in await page.eval("location.href")
        await page.eval("document.querySelector('.gate .primary').click()")
        asked = parse_qs(urlsplit(await page.until("location.pathname === '/badges' && location.href")).query)
        assert asked["return"] == [f"{url}/"]
        await come_back(asked["state"][0])
        await page.until("document.querySelector('.connection')?.dataset.state === 'online'")
        assert (await page.eval("document.querySelector('.me').getAttribute('aria-label')")).startswith("Quinn: ")


async def test_axe_finds_no_fault_in_both_themes_and_on_a_phone(people: People) -> None:
    ann, bob = await talking(people, "Nia", "Ole")
    await bob.say("https://example.org and `code`")
    await ann.sees("https://example.org and code")
    await ann.page.do("Page.setBypassCSP", enabled=True)  # the page's policy would refuse axe
    await ann.reload()
    await ann.sees("Hello")
    await ann.page.do("Runtime.evaluate", expression=AXE.read_text())
    for theme, phone in (("light", False), ("dark", True)):
        await ann.page.prefer(theme)
        await ann.page.size(390 if phone else 1280, 844, phone=phone)
        await assert_accessible(ann.page)
        await ann.page.eval("document.querySelector('.conversation-title').click()")
        await ann.page.until("!!document.querySelector('.details')")
        await assert_accessible(ann.page)
        await ann.page.eval("document.querySelector('.details .icon-button').click()")
        for place in ("/", "/friends", "/group", "/settings"):
            before = await ann.page.eval("location.hash")
            await ann.page.eval(f"location.hash = '#{place}'")
            await ann.page.until("!!document.querySelector('dialog') === " + str(place != "/").lower())
            await assert_accessible(ann.page)
            await ann.page.eval(f"location.hash = {json.dumps(before)}")


async def assert_accessible(page: Page) -> None:
    rules = json.dumps({"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    script = (
        "Promise.all(document.getAnimations().map((each) => "
        "each.effect.getTiming().iterations === Infinity || each.finished))"
        f".then(() => axe.run(document, {rules})).then(({{ violations }}) => violations.map(({{ id, nodes }}) =>"
        " id + ': ' + nodes.slice(0, 3).map((each) => each.html.slice(0, 160) + each.failureSummary).join(' | ')))"
    )
    assert await page.eval(script) == []
