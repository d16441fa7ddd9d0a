"""The messages of the web client about failures: a wrong form, a stale link, a refused request, a server problem."""

import json
from pathlib import Path

import pytest

from tests.web.conftest import People, Person, row
from tests.web.test_browser import talking

pytestmark = pytest.mark.anyio

BROKEN = """(() => {
  globalThis.asked = 0;
  const fetch = globalThis.fetch;
  globalThis.mend = () => (globalThis.fetch = fetch);
  const headers = { "content-type": "application/json" };
  globalThis.fetch = async (...given) => {
    if (!String(given[0]).includes("/messages/")) return fetch(...given);
    asked++;
    return new Response(JSON.stringify({ code: "unavailable", retryable: true }), { status: 503, headers });
  };
})()"""


async def hears(person: Person, text: str) -> None:
    """Waits until a form, a notice or a message says a text."""
    said = "[...document.querySelectorAll('.error, .notice, .failed-note, .beginning')].map((each) => each.textContent)"
    await person.page.until(f"{said}.some((each) => each.includes({json.dumps(text)}))")


async def test_a_form_names_the_field_that_is_wrong_and_a_stale_link_leads_back(people: People) -> None:
    (ann,) = await people("Ada")
    await ann.page.open(f"{ann.url}?reset#/reset/nothing")  # also while somebody is signed in
    await ann.page.until("document.activeElement.name === 'password'")
    await ann.page.write("[name=password]", "another long password")
    await ann.page.press("Enter")
    await hears(ann, "This link is not valid any more")
    await ann.press_button("Back")
    await ann.page.until("!!document.querySelector('.sidebar')")
    await ann.page.eval("location.hash = '#/settings'")
    await ann.press_button("Sign out")
    await ann.press_button("Create an account")
    await ann.page.until("document.activeElement.name === 'fullName'")
    assert await ann.page.eval("location.hash") == "#/"  # the next user does not begin in the settings
    await ann.page.write("[name=fullName]", " ")
    await ann.page.write("[name=email]", "new@example.org")
    await ann.page.write("[name=password]", "a long password")
    await ann.page.press("Enter")
    await hears(ann, "The name is not valid.")
    await ann.page.write("[name=fullName]", "A long password")
    await ann.page.press("Enter")
    await hears(ann, "The password must not be your name or your e-mail.")
    ann.page.console.clear()  # the browser reports each refusal


async def test_an_account_is_deleted_with_its_password_and_the_focus_follows_a_form(people: People) -> None:
    (ann,) = await people("Abe")
    await ann.page.eval("location.hash = '#/settings'")
    await ann.press_button("Change password")
    await ann.page.until("document.activeElement.name === 'old'")
    await ann.press_button("Delete my account")
    await ann.page.until("!!document.querySelector('#erase') && document.activeElement.name === 'password'")
    await ann.page.write("#erase [type=password]", "something else")
    await ann.page.press("Enter")
    await hears(ann, "The password is wrong.")
    await ann.page.write("#erase [type=password]", "a long password")
    await ann.page.press("Enter")
    await ann.page.until("!!document.querySelector('.gate form')")
    await hears(ann, "Your account is deleted")
    ann.page.console.clear()


async def test_messages_that_cannot_be_read_are_requested_once_and_again_on_demand(people: People) -> None:
    ann, bob = await people("Amy", "Ben")
    await ann.befriend(bob)
    await ann.say("Hello")
    await bob.page.until("document.querySelector('.entry-preview')?.textContent === 'Hello'")
    await bob.page.eval(BROKEN)
    await bob.open("Amy")
    await hears(bob, "The server has a problem. Try again")
    await bob.page.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert await bob.page.eval("asked") == 1
    await bob.page.eval("mend(), 0")
    await bob.page.eval("document.querySelector('.beginning button').click()")
    await bob.sees("Hello")


async def test_an_offline_user_sees_a_notice_in_a_conversation_that_was_never_open(people: People) -> None:
    ann, bob = await people("Ali", "Bea")
    await ann.befriend(bob)
    await ann.say("Hello")
    await bob.page.until("document.querySelector('.entry-preview')?.textContent === 'Hello'")
    await bob.network(is_there=False)
    await bob.open("Ali")
    await hears(bob, "You are offline")
    await bob.page.until("document.querySelector('.title-text .muted').textContent === 'no connection'")
    await bob.network(is_there=True)
    await bob.sees("Hello")


async def test_a_refused_message_shows_its_reason_and_a_refused_reaction_shows_one_notice(people: People) -> None:
    ann, bob = await talking(people, "Ava", "Bo")
    await bob.page.eval(
        """import('./app/chat.js').then(({ client }) => client.block(client.conversations()[0].friendId))"""
    )
    await ann.say("Are you there?")
    await hears(ann, "One of you has blocked the other")
    assert await ann.page.eval("document.querySelectorAll('.notice.error').length") == 0
    await ann.page.eval("location.hash = '#/'")
    await ann.press_button("Show")  # beside the number of messages that were not sent
    await ann.shows("Bo")
    await ann.page.eval(f"{row('Hello')}.querySelector('.react').click()")
    await ann.page.until("!!document.querySelector('.quick')")
    await ann.page.eval("document.querySelector('.quick button').click()")
    await ann.page.until("!!document.querySelector('.notice.error')")
    assert await ann.page.eval("document.querySelectorAll('.notice.error').length") == 1


async def test_a_link_ends_before_the_sentence_around_it(people: People) -> None:
    ann, bob = await talking(people, "Asa", "Bix")
    text = "See (https://en.example.org/Foo_(bar)), https://example.org/a. And [https://example.org/b]!"
    await bob.say(text)
    await ann.sees(text)
    links = await ann.page.eval("[...document.querySelectorAll('.text a')].map((each) => each.textContent)")
    assert links == ["https://en.example.org/Foo_(bar)", "https://example.org/a", "https://example.org/b"]


async def test_all_pictures_of_a_message_and_all_emojis_are_on_the_screen(people: People, picture: Path) -> None:
    ann, _ = await talking(people, "Ana", "Bud")
    await ann.attach(picture, picture, picture)
    await ann.say("Three")
    await ann.page.until("[...document.querySelectorAll('.picture img')].filter((each) => each.complete).length === 3")
    inside = """(() => {
      const box = document.querySelector('.images').getBoundingClientRect();
      return [...document.querySelectorAll('.picture')].map((each) => each.getBoundingClientRect())
        .every(({ left, right, bottom }) => left >= box.left - 1 && right <= box.right + 1 && bottom <= box.bottom + 1);
    })()"""
    assert await ann.page.eval(inside)
    await ann.mark("Three", "Read")
    await ann.page.eval(f"{row('Three')}.querySelector('.react').click()")
    await ann.press_button("More emojis")
    await ann.page.until("document.querySelector('.floating')?.getBoundingClientRect().bottom <= innerHeight")
