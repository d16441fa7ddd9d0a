"""Webhooks: signed events for other systems, repeated and replayed, and never sent into the server's own network."""

import asyncio
import base64
import hmac
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from handlers import outbound
from handlers.outbound import RefusedAddressError, is_public, parse, post
from hapiish import Application
from hapiish.testing import Injected, inject
from models.change import Change
from models.membership import Membership, row_of
from models.message import Message
from models.outbox import Outbox
from models.webhook import Webhook
from models.wire import now
from tests.chat.callers import Caller, Join, Open
from tests.chat.desk import Desk
from tests.chat.receiver import Receiver, receiving

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]

CREATED = ["message.created"]
EVERY = ["message.created", "message.updated", "conversation.created", "member.joined", "user.registered"]
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\n\r\n"


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CHAT_WEBHOOKS_INSECURE": "true"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def administer(app: Application, method: str, url: str, payload: Any = None) -> Injected:
    credentials = {"id": str(ObjectId()), "scope": ["admin"]}
    return await inject(app, method=method, url=url, payload=payload, credentials=credentials)


async def subscribe(app: Application, url: str, events: list[str] = CREATED) -> dict[str, Any]:
    answer = await administer(app, "POST", "/webhooks", {"url": url, "events": events})
    assert answer.status_code == 201
    made: dict[str, Any] = answer.json
    return made


# --- the registration


async def test_the_secret_of_a_webhook_is_shown_once(app: Application) -> None:
    made = await subscribe(app, "https://hooks.example.org/chat")
    assert len(base64.b64decode(made.pop("secret").removeprefix("whsec_"))) == 32
    assert (await administer(app, "GET", "/webhooks")).json == [made]
    assert (await administer(app, "DELETE", f"/webhooks/{made['id']}")).status_code == 204
    assert (await administer(app, "DELETE", f"/webhooks/{made['id']}")).status_code == 404
    assert (await administer(app, "PATCH", f"/webhooks/{made['id']}", {})).status_code == 404
    assert (await administer(app, "POST", f"/webhooks/{made['id']}/secret")).status_code == 404


async def test_webhooks_are_bounded(app: Application) -> None:
    for n in range(20):
        await subscribe(app, f"https://hooks.example.org/{n}")
    answer = await administer(app, "POST", "/webhooks", {"url": "https://x.org", "events": CREATED})
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")


async def test_an_address_is_checked_when_a_webhook_is_changed_too(app: Application) -> None:
    made = await subscribe(app, "https://hooks.example.org/")
    answer = await administer(app, "PATCH", f"/webhooks/{made['id']}", {"url": "ftp://example.org/"})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    changed = await administer(app, "PATCH", f"/webhooks/{made['id']}", {"url": "https://b.org/", "events": EVERY})
    assert (changed.json["url"], changed.json["events"]) == ("https://b.org/", EVERY)


# --- the events


async def test_an_event_is_signed_and_its_id_and_body_are_those_of_the_specification(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    made = await subscribe(app, receiver.url)
    place = await ann.open(bob)
    message = (await ann.say(place, "hi")).json
    assert await desk.notice() == 1
    assert await desk.notice() == 0
    await desk.send()
    (delivery,) = receiver.deliveries
    assert delivery.is_signed_with(made["secret"])
    assert not delivery.is_signed_with("whsec_" + base64.b64encode(b"x" * 32).decode())
    assert delivery.headers["webhook-id"].startswith("msg_")
    assert abs(int(delivery.headers["webhook-timestamp"]) - now().timestamp()) < 60
    assert delivery.event == {
        "type": "message.created",
        "timestamp": delivery.event["timestamp"],
        "data": {"message": message},
    }
    answer = (await bob.say(place, "hello", replyTo=message["seq"])).json
    await desk.notice()
    await desk.send()
    assert receiver.deliveries[-1].event["data"] == {"message": answer}
    assert answer["replyTo"]["text"] == "hi"


def test_a_signature_is_that_of_the_example_of_the_specification() -> None:
    secret, body = "whsec_plJ3nmyCDGBKInavdOK15jsl", b'{"event_type":"ping","data":{"success":true}}'
    signed = Webhook.signed({"secret": secret}, "msg_loFOjxBNrRLzqYUf", 1731705121, body)
    assert signed == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


async def test_each_kind_of_event_comes_once(app: Application, desk: Desk, receiver: Receiver, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    await subscribe(app, receiver.url, EVERY)
    cat = await join("cat")
    place = await ann.gather("Team", bob)
    await ann.say(place, "hi")

    def change() -> None:
        key = ObjectId(place)
        row = row_of(key, ObjectId(cat.id), joined_at=now() + timedelta(milliseconds=5))
        Membership.ensure([row])
        Change.record({"conversationId": key, "key": ObjectId(), "kind": "members"})
        Change.record({"conversationId": key, "key": ObjectId(), "kind": "message", "seq": 1})

    await asyncio.to_thread(change)
    for again in (False, False, True):
        await desk.notice(again=again)
        await desk.send()
    assert set(receiver.types) == set(EVERY)
    registered = [each.event["data"]["user"] for each in receiver.deliveries if each.event["type"] == "user.registered"]
    assert registered.count({"_id": cat.id, "fullName": "Cat"}) == 1
    for kind in EVERY[1:4]:
        assert receiver.types.count(kind) == 1
    data = {each.event["type"]: each.event["data"] for each in receiver.deliveries}
    assert data["conversation.created"]["conversation"]["memberIds"] == [ann.id, bob.id]
    assert data["member.joined"]["member"]["userId"] == cat.id
    assert data["message.updated"]["message"]["seq"] == 1


async def test_a_webhook_gets_events_of_its_types_since_its_registration(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    early = (await ann.say(place, "before")).json["_id"]
    moment = now() - timedelta(minutes=1)

    def age() -> None:  # ids begin with their second
        found = Message._get_collection().find_one_and_delete({"_id": ObjectId(early)})
        older = ObjectId(ObjectId.from_datetime(moment).binary[:4] + ObjectId(early).binary[4:])
        Message._get_collection().insert_one({**found, "_id": older})

    await asyncio.to_thread(age)
    await subscribe(app, receiver.url, ["conversation.created", "user.registered"])
    await subscribe(app, receiver.url)
    await ann.say(place, "after")
    await desk.notice()
    await desk.send()
    events = [each.event for each in receiver.deliveries]
    assert [each["data"]["message"]["text"] for each in events if each["type"] in CREATED] == ["after"]


async def test_no_content_is_sent_of_a_message_that_was_removed_before(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    await subscribe(app, receiver.url)
    place = await ann.open(bob)
    await ann.say(place, "a secret")
    await desk.notice()
    stored = await asyncio.to_thread(lambda: str(list(Outbox._get_collection().find())))
    assert "a secret" not in stored
    await asyncio.to_thread(Message.objects.delete)
    assert await desk.send() == 1
    assert receiver.deliveries == []


# --- failures


async def test_an_event_is_repeated_with_the_same_id_until_it_is_accepted(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    made = await subscribe(app, receiver.url)
    receiver.answers = [BUSY, b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", b"nonsense\r\n\r\n"]
    await ann.say(await ann.open(bob), "hi")
    await desk.notice()
    for attempt in range(4):
        await desk.make_due()
        assert await desk.send() == 1
        row = await asyncio.to_thread(Outbox.objects.first)
        if not attempt:
            assert row.due_at - now() > timedelta(seconds=110)
            assert "failingSince" in (await administer(app, "GET", "/webhooks")).json[0]
    assert row.state == "sent"
    assert len({each.headers["webhook-id"] for each in receiver.deliveries}) == 1
    assert all(each.is_signed_with(made["secret"]) for each in receiver.deliveries)
    assert "failingSince" not in (await administer(app, "GET", "/webhooks")).json[0]


async def test_an_event_that_was_given_up_is_listed_and_replayed(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    made = await subscribe(app, receiver.url)
    receiver.answers = [BUSY]
    await ann.say(await ann.open(bob), "hi")
    await desk.notice()
    soon = now() + timedelta(seconds=10)
    await asyncio.to_thread(lambda: Outbox.objects.update(set__expires_at=soon))
    await desk.send()
    (event,) = (await administer(app, "GET", "/webhooks/dead")).json
    assert (event["webhookId"], event["event"], event["attempts"]) == (made["id"], "message.created", 1)
    assert event["error"] == "502 the receiver answered 503"
    assert (await administer(app, "GET", f"/webhooks/dead?webhookId={'0' * 24}")).json == []
    assert (await administer(app, "POST", f"/webhooks/dead/{event['id']}/replay")).status_code == 204
    assert (await administer(app, "POST", f"/webhooks/dead/{event['id']}/replay")).status_code == 404
    await desk.send()
    assert len({each.headers["webhook-id"] for each in receiver.deliveries}) == 1
    assert (await administer(app, "GET", "/webhooks/dead")).json == []


async def test_an_answer_410_disables_a_webhook_until_an_administrator_enables_it(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    made = await subscribe(app, receiver.url)
    receiver.answers = [b"HTTP/1.1 410 Gone\r\n\r\n"]
    place = await ann.open(bob)
    await ann.say(place, "hi")
    await desk.notice()
    await desk.send()
    assert "disabledAt" in (await administer(app, "GET", "/webhooks")).json[0]
    await ann.say(place, "nobody wants to know")
    assert await desk.notice() == 0
    enabled = await administer(app, "PATCH", f"/webhooks/{made['id']}", {"enabled": True})
    assert "disabledAt" not in enabled.json


async def test_a_webhook_that_has_failed_for_days_is_disabled_and_its_events_are_given_up(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    await subscribe(app, receiver.url)
    receiver.answers = [BUSY]
    place = await ann.open(bob)
    for text in ("one", "two"):
        await ann.say(place, text)
    await desk.notice()
    long_ago = now() - timedelta(days=6)
    await asyncio.to_thread(lambda: Webhook.objects.update(set__failing_since=long_ago))
    await desk.send()
    assert "disabledAt" in (await administer(app, "GET", "/webhooks")).json[0]
    (event,) = (await administer(app, "GET", "/webhooks/dead")).json
    assert event["error"] == "409 the webhook is disabled"


async def test_after_a_rotation_both_secrets_sign_for_a_while(
    app: Application, desk: Desk, receiver: Receiver, ann: Caller, bob: Caller
) -> None:
    made = await subscribe(app, receiver.url)
    rotated = (await administer(app, "POST", f"/webhooks/{made['id']}/secret")).json
    assert rotated["secret"] != made["secret"]
    place = await ann.open(bob)
    for is_over in (False, True):
        if is_over:
            await asyncio.to_thread(lambda: Webhook.objects.update(set__previous_until=now()))
        await ann.say(place, "hi")
        await desk.notice()
        await desk.send()
        delivery = receiver.deliveries[-1]
        assert delivery.is_signed_with(rotated["secret"])
        assert delivery.is_signed_with(made["secret"]) is not is_over


# --- allowed addresses


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::",
        "2001:0:7f00:1::",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b:1::7f00:1",
        "4000::1",
    ],
)
def test_no_request_goes_to_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_requests_go_to_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https://user:password@example.org/",
        "https://user@example.org/",
        "https://example.org/#part",
        "https:///path",
        "https://",
        "https://example.org:99999/",
        "https://example.org:x/",
        "https://exa mple.org/",
        "https://example.org/\r\nx: y",
        "https://example.org\\@127.0.0.1/",
        "https://ex\u00e4mple.org/",
        "https://[::1/",
        "example.org",
    ],
)
def test_an_address_must_be_a_plain_https_url(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(url)


@given(st.text(max_size=60) | st.builds("https://{}".format, st.text(max_size=40)))
def test_a_request_has_one_line_for_each_header_with_any_address(url: str) -> None:
    try:
        target = parse(url)
    except ValueError:
        return
    assert (target.authority + target.path).isprintable()
    assert " " not in target.authority + target.path
    assert target.path.startswith("/")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_a_name_that_resolves_to_the_server_itself_is_refused(host: str) -> None:
    with pytest.raises(OSError, match=r"not public|not known|No address"):
        await post(f"https://{host}:1/", b"", {})


async def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*given: Any, **more: Any) -> Any:
        return [(2, 1, 6, "", ("1.1.1.1", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(RefusedAddressError):
        await post("https://rebinding.example.org/", b"", {})


async def test_a_webhook_with_an_address_of_the_own_network_gets_no_request(
    open_app: Open, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    with pytest.raises(RefusedAddressError):
        await post(f"https://127.0.0.1:{port}/", b"x", {})
    assert receiver.deliveries == []


@pytest.mark.parametrize("flood", [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, b"HTTP/1.1 100 Continue\r\n\r\n" * 2000])
async def test_an_endless_response_is_a_failure(receiver: Receiver, flood: bytes) -> None:
    receiver.answers = [flood]
    with pytest.raises((ValueError, OSError)):
        await post(receiver.url, b"x", {}, insecure=True)


async def test_a_receiver_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.1)
    held: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        with pytest.raises(TimeoutError):
            await post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"x", {}, insecure=True)
        for writer in held:
            writer.close()


def test_certificates_and_their_names_are_verified() -> None:
    context = outbound._context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_the_receiver_of_the_tests_verifies_as_others_do() -> None:
    key, body = b"k" * 32, b"{}"
    signed = Webhook.signed({"secret": "whsec_" + base64.b64encode(key).decode()}, "msg_1", 5, body)
    assert signed == "v1," + base64.b64encode(hmac.new(key, b"msg_1.5.{}", sha256).digest()).decode()
