"""Makes the pictures of the web client in docs/images:  .venv/bin/python -m tests.web.screenshots

It needs Chromium, and the fonts Inter and Noto Color Emoji for the same look.
"""

import asyncio
import base64
import json
import os
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hapiish.store import local
from tests.browser import Page, browse, chromium
from tests.web.conftest import ROOT, Server

IMAGES = ROOT / "docs" / "images"
PEOPLE = (
    "Ann Lee",
    "Bob Marsh",
    "Carla Rossi",
    "Dmitri Ivanov",
    "Elif Yılmaz",
    "Farid Haddad",
    "Grace Okafor",
    "نور الهدى",
)
PASSWORD = "a long password"
SKY = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 50 480 210"><defs><linearGradient id="s" x2="0" y2="1">
<stop stop-color="#26305f"/><stop offset=".45" stop-color="#b6587a"/>
<stop offset=".72" stop-color="#ffb067"/></linearGradient>
<linearGradient id="w" x2="0" y2="1">
<stop stop-color="#f0a46c"/><stop offset="1" stop-color="#3d3566"/></linearGradient></defs>
<rect width="480" height="210" fill="url(#s)"/>
<circle cx="322" cy="186" r="34" fill="#fff0c9"/>
<path d="M0 210V170l70-26 58 20 74-40 70 34 62-22 66 30 80-18v62z" fill="#4a2f5e"/>
<rect y="210" width="480" height="90" fill="url(#w)"/>
<path d="M290 222h64M280 240h86M300 258h44" stroke="#ffe3b0" stroke-width="4"/></svg>"""
FACE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="{}"/>
<circle cx="48" cy="56" r="24" fill="{}"/>
<path d="M22 52a26 26 0 0 1 52-4c-14 2-24-4-30-12-4 8-12 14-22 16z" fill="{}"/>
<path d="M12 96a36 22 0 0 1 72 0z" fill="{}"/></svg>"""

FACES = (("#ffd9a0", "#f3c6a5", "#5b3a29", "#2f6f73"), ("#bfe3ff", "#c98f6b", "#22303c", "#e0762f"))


class Api:
    """Requests of one user."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.token = ""
        self.email = f"{name.split(maxsplit=1)[0].lower()}@example.org"
        signed = self.call("POST", "/register", {"fullName": name, "email": self.email, "password": PASSWORD})
        self.token, self.id = signed["token"], signed["user"]["myId"]

    def call(self, method: str, path: str, payload: Any = None, *, raw: bytes | None = None, media: str = "") -> Any:
        """The decoded response."""
        body = raw if raw is not None else json.dumps(payload).encode() if payload is not None else None
        headers = {"content-type": media or "application/json", "authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None

    def say(self, conversation: str, text: str, **more: Any) -> int:
        """Sends a message; returns its number."""
        sent: int = self.call("POST", f"/messages/{conversation}", {"text": text, **more})["seq"]
        return sent

    def upload(self, name: str, media: str, content: bytes) -> str:
        """Uploads a file; returns its id."""
        attachment = self.call(
            "POST", f"/attachments?name={quote(name)}&type={quote(media, '')}", raw=content, media=media
        )
        return str(attachment["id"])


async def main() -> None:
    """Fills a new database with a few conversations, and takes the pictures."""
    with tempfile.TemporaryDirectory() as folder, local.start(ROOT / ".hapiish" / "tests") as mongod:
        server = Server(mongod.uri.replace("/?", f"/screenshots-{os.getpid()}?"))
        server.start()
        try:
            with chromium(Path(folder)) as address:
                async with browse(address) as page:
                    pictures = [await _drawn(page, SKY, 960, 420)]
                    pictures += [await _drawn(page, FACE.format(*colours), 192, 192) for colours in FACES]
                group = await asyncio.to_thread(_fill, server.url, pictures)
                await _shots(address, server.url, group)
        finally:
            server.kill()


def _fill(url: str, pictures: list[bytes]) -> str:
    """Returns the id of the group."""
    ann, bob, carla, dmitri, elif_, farid, grace, nour = (Api(url, name) for name in PEOPLE)
    for person, picture in ((bob, pictures[1]), (carla, pictures[2])):
        person.call("PATCH", "/me", {"avatar": person.upload("face.png", "image/png", picture)})
    for friend in (bob, carla, dmitri, elif_, farid, grace, nour):
        ann.call("POST", "/friends", {"email": friend.email})
    for friend, mine, theirs in (
        (farid, "I will send you the slides tonight", "Perfect, thank you 🙏"),
        (nour, "كيف حالك؟", "أنا بخير، شكرا لك!"),
        (grace, "Did the build pass?", "All green again ✅"),
        (elif_, "Dinner on Saturday?", "Yes! I will bring dessert"),
    ):
        place = ann.call("PUT", f"/conversations/direct/{friend.id}")["id"]
        ann.call("PUT", f"/conversations/{place}/read", {"seq": ann.say(place, mine)})
        friend.say(place, theirs)
    for title in ("Book club", "Design review"):
        members = [bob.id, carla.id, grace.id]
        place = ann.call("POST", "/conversations/group", {"title": title, "memberIds": members, "msgId": title})["id"]
        carla.say(place, "Which chapter is next?" if title == "Book club" else "The new colours are in the file")
        last = grace.say(place, "Chapter seven" if title == "Book club" else "They look great")
        ann.call("PUT", f"/conversations/{place}/read", {"seq": last})
    direct = ann.call("PUT", f"/conversations/direct/{dmitri.id}")["id"]
    ann.call("PUT", f"/conversations/{direct}/read", {"seq": dmitri.say(direct, "See you on Friday")})
    members = [bob.id, carla.id, dmitri.id]
    trip = {"title": "Lisbon trip", "memberIds": members, "msgId": "trip", "history": "all"}
    group = str(ann.call("POST", "/conversations/group", trip)["id"])
    bob.say(group, "Morning! The flights are booked ✈️")
    flat = carla.say(group, "I found a flat by the river, with a terrace")
    photo = carla.upload("terrace.png", "image/png", pictures[0])
    view = carla.say(group, "The view from it:", attachments=[photo])
    for person, emoji in ((ann, "😍"), (bob, "😍"), (dmitri, "🔥")):
        person.call("PUT", f"/messages/{group}/{view}/reactions/{quote(emoji)}")
    ann.say(group, "That looks wonderful", replyTo=flat)
    plan = dmitri.upload("itinerary.pdf", "application/pdf", b"%PDF-1.4\n" + b"0" * 248_000)
    dmitri.say(group, "Yes. @Ann Lee here is the plan", attachments=[plan], mentions=[ann.id])
    ann.say(group, "Thanks, perfect! See you all on Friday 👋")
    last = bob.say(group, "🎉")
    for person in (ann, bob, carla, dmitri):
        person.call("PUT", f"/conversations/{group}/read", {"seq": last})
    ann.call("PUT", f"/conversations/{group}/pins/{flat}")
    return group


async def _drawn(page: Page, svg: str, width: int, height: int) -> bytes:
    await page.size(width, height)
    style = f"<style>*{{margin:0}}svg{{display:block;width:{width}px;height:{height}px}}</style>"
    await page.open(f"data:text/html,{quote(style + svg)}")
    return base64.b64decode((await page.do("Page.captureScreenshot", format="png"))["data"])


async def _shots(address: str, url: str, group: str) -> None:
    async with browse(address) as page:
        await page.size(1280, 800)
        await page.open(url)
        await page.until("!!document.querySelector('[name=email]')")
        await page.write("[name=email]", "ann@example.org")
        await page.write("[name=password]", PASSWORD)
        await page.press("Enter")
        await page.until("document.querySelectorAll('.entry').length > 6")
        await page.eval("localStorage.setItem('chat:notifications-declined', 'yes')")
        for name, theme, width, height in (
            ("web-light", "light", 1280, 800),
            ("web-dark", "dark", 1280, 800),
            ("web-phone", "light", 390, 844),
            ("web-phone-list", "dark", 390, 844),
        ):
            is_phone = width < 500
            await page.prefer(theme)
            screen = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": is_phone}
            await page.do("Emulation.setDeviceMetricsOverride", **screen)
            await page.open("about:blank")
            await page.open(f"{url}/#/" if name.endswith("list") else f"{url}/#/c/{group}")
            await page.until("document.querySelectorAll('.entry').length > 6 && !document.querySelector('.spinner')")
            if not name.endswith("list"):
                await page.until(
                    "document.querySelector('.picture img')?.complete && !!document.querySelector('.mark.read')"
                )
            await page.eval("document.documentElement.style.setProperty('--chat-font', 'Inter, \"Noto Color Emoji\"')")
            await asyncio.sleep(1)
            await page.screenshot(IMAGES / f"{name}.webp", quality=82)


if __name__ == "__main__":
    asyncio.run(main())
