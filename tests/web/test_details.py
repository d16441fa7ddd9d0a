"""The panel beside a conversation: pins, people, and the keyboard in it."""

import pytest

from tests.web.conftest import People
from tests.web.test_browser import talking

pytestmark = pytest.mark.anyio

PANEL = "document.querySelector('.details')"


async def test_a_pinned_message_that_is_older_than_the_page_is_shown_with_its_words(people: People) -> None:
    ann, bob = await talking(people, "Pam", "Ron")
    await ann.choose("Hello", "Pin")
    await bob.page.until("document.querySelector('.pins-text')?.textContent.includes('Hello')")
    await ann.page.eval("""import('./app/chat.js').then(async ({ client }) => {
      const [{ id }] = client.conversations();
      for (let number = 0; number < 50; number++) await client.send(id, { text: `Message ${number}` });
    })""")
    await bob.sees("Message 49")
    await bob.reload()
    await bob.page.until("document.querySelector('.pins-text')?.textContent.includes('Hello')")
    await bob.page.eval("document.querySelector('.conversation-title').click()")
    await bob.page.until("document.querySelector('.details .hit-text')?.textContent === 'Hello'")
    await bob.page.eval("document.querySelector('.details .hit').click()")
    await bob.sees("Hello")


async def test_the_focus_stays_in_the_panel_of_a_group_as_it_changes(people: People) -> None:
    ann, bob, cat = await people("Sal", "Tom", "Una")
    await ann.befriend(bob)
    await ann.befriend(cat)
    await ann.gather("Walks", "Tom")
    await ann.page.eval("document.querySelector('.conversation-title').click()")
    await ann.press_button("Rename the group")
    await ann.page.until("document.activeElement.ariaLabel === 'Name of the group'")
    await ann.page.press("Escape")
    await ann.page.until("!document.querySelector('.inline-form')")
    assert await ann.page.eval(f"{PANEL}.contains(document.activeElement)")
    await ann.press_button("Add members")
    await ann.page.eval("document.querySelector('.adding button').focus()")
    await ann.page.press("Enter")
    await ann.page.until("!document.querySelector('.adding button')")
    assert await ann.page.eval(f"{PANEL}.contains(document.activeElement)")


async def test_the_focus_is_in_a_panel_or_a_menu_before_the_next_frame(people: People) -> None:
    ann, _ = await talking(people, "Xia", "Yan")
    at_once = """(async () => {
      document.querySelector(OPENER).click();
      for (let turn = 0; turn < 50; turn++) await null;
      return document.querySelector(OPENED)?.contains(document.activeElement) ?? false;
    })()"""
    for opener, opened in ((".conversation-title", ".details"), (".message .more", ".floating")):
        script = at_once.replace("OPENER", repr(opener)).replace("OPENED", repr(opened))
        assert await ann.page.eval(script), opened
    assert await ann.page.eval("document.activeElement.role") == "menuitem"


async def test_a_person_who_is_blocked_is_not_offered_for_a_group_and_can_be_reported(people: People) -> None:
    ann, _ = await talking(people, "Vera", "Walt")
    await ann.page.eval("document.querySelector('.conversation-title').click()")
    for label in ("Report", "Spam"):
        await ann.press_button(label)
    await ann.page.until("document.querySelector('.notices').textContent.includes('Reported')")
    await ann.press_button("Block")
    await ann.page.click(".dialog .danger")
    await ann.page.until("document.querySelector('.barred')?.textContent.includes('You have blocked Walt')")
    await ann.page.eval("location.hash = '#/group'")
    await ann.page.until("document.querySelector('#new-group')?.textContent.includes('Add friends first')")


async def test_a_tap_on_a_message_opens_its_menu_where_it_is_and_the_menu_reacts(people: People) -> None:
    ann, bob = await talking(people, "Yves", "Zoe")
    await bob.page.do("Emulation.setTouchEmulationEnabled", enabled=True)
    await bob.page.size(390, 844, phone=True)
    await bob.page.until("matchMedia('(pointer: coarse)').matches")
    await bob.page.click(".bubble .text")
    inside = """(() => {
      const place = (name) => document.querySelector(name)?.getBoundingClientRect();
      const [menu, bubble] = [place(".floating"), place(".bubble")];
      return menu && menu.top > bubble.top - menu.height && menu.bottom <= innerHeight && menu.right <= innerWidth;
    })()"""
    await bob.page.until(inside)
    await bob.page.eval(
        "[...document.querySelectorAll('[role=menuitem]')].find((each) => each.textContent === 'React').click()"
    )
    await bob.page.until("!!document.querySelector('.quick')")
    await bob.page.eval("document.querySelector('.quick button').click()")
    await ann.page.until("!!document.querySelector('.reaction')")
