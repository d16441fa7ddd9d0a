"""Sessions: refresh tokens, the list of sessions, and the end of a session in every process at once."""

import asyncio
from datetime import timedelta
from typing import Any

import jwt
import pytest
import socketio
from bson import ObjectId

from handlers import sessions
from hapiish import Application
from hapiish.testing import Injected, inject
from models import session as module
from models.user import User
from models.wire import now
from tests.chat.callers import SECRET, Caller, Join, Open, connected, serving

pytestmark = pytest.mark.anyio

GONE = (401, "token_revoked")


async def refresh(app: Application, token: Any) -> Injected:
    return await inject(app, method="POST", url="/token/refresh", payload={"refreshToken": token})


async def another(ann: Caller) -> Caller:
    """Another session of the user."""
    answer = await ann.sign_in(**{"user-agent": "Ann's iPhone"})
    assert answer.status_code == 200
    return Caller(ann.app, answer.json)


async def outcome(ann: Caller) -> tuple[int, str | None]:
    answer = await ann.call("GET", "/friends")
    return answer.status_code, answer.json.get("code")


async def test_a_refresh_token_gives_the_next_pair_of_the_same_session(app: Application, ann: Caller) -> None:
    first = await refresh(app, ann.refresh_token)
    assert first.status_code == 200
    assert set(first.json) == {"token", "expiresAt", "refreshToken", "refreshExpiresAt", "sessionId"}
    assert first.json["sessionId"] == ann.session_id
    assert first.json["refreshToken"] != ann.refresh_token
    assert jwt.decode(first.json["token"], SECRET, algorithms=["HS256"])["sid"] == ann.session_id
    ann.token = first.json["token"]
    assert (await ann.call("GET", "/friends")).status_code == 200
    second = await refresh(app, first.json["refreshToken"])
    assert second.status_code == 200
    assert second.json["refreshToken"] not in (first.json["refreshToken"], ann.refresh_token)


async def test_a_client_that_lost_the_response_gets_the_same_successor(app: Application, ann: Caller) -> None:
    answers = await asyncio.gather(*(refresh(app, ann.refresh_token) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    (following,) = {answer.json["refreshToken"] for answer in answers}
    assert (await refresh(app, following)).status_code == 200


async def test_a_used_token_that_comes_later_ends_its_session(app: Application, ann: Caller) -> None:
    phone = await another(ann)
    following = (await refresh(app, ann.refresh_token)).json["refreshToken"]
    long_ago = now() - timedelta(seconds=301)
    own = {"id": ann.id, "sessions__key": ann.session_id}
    await asyncio.to_thread(lambda: User.objects(**own).update_one(set__sessions__S__rotated_at=long_ago))
    async with serving(app) as url, connected(url, phone.token) as mobile:
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        mobile.client.on("account:updated", told.set_result)
        reused = await refresh(app, ann.refresh_token)
        assert await told == {"sessions": True}
    assert (reused.status_code, reused.json["code"]) == GONE
    assert await outcome(ann) == GONE
    assert (await refresh(app, following)).json["code"] == "token_revoked"
    assert (await outcome(phone))[0] == 200, "other sessions stay"


async def test_a_token_from_before_the_last_one_ends_its_session(app: Application, ann: Caller) -> None:
    following = (await refresh(app, ann.refresh_token)).json["refreshToken"]
    assert (await refresh(app, following)).status_code == 200
    assert (await refresh(app, ann.refresh_token)).status_code == 401
    assert await outcome(ann) == GONE


async def test_a_session_ends_when_its_refresh_token_was_not_used_in_time(app: Application, ann: Caller) -> None:
    own = {"id": ann.id, "sessions__key": ann.session_id}
    await asyncio.to_thread(lambda: User.objects(**own).update_one(set__sessions__S__expires_at=now()))
    answer = await refresh(app, ann.refresh_token)
    assert (answer.status_code, answer.json["code"]) == (401, "token_expired")
    phone = await another(ann)
    assert [row["id"] for row in (await phone.call("GET", "/sessions")).json] == [phone.session_id]


@pytest.mark.parametrize(
    "token", ["", "x", "..", f"{'0' * 24}.{'0' * 24}.x", f"{'0' * 24}.{'0' * 24}.", "é.ü.ß", "\ud800.\udfff.x"]
)
async def test_a_token_that_was_never_issued_is_refused(app: Application, token: str) -> None:
    answer = await refresh(app, token)
    assert answer.status_code in (400, 401)


async def test_a_token_with_another_users_id_is_refused(app: Application, ann: Caller, join: Join) -> None:
    bob = await join("bob")
    _, _, secret = ann.refresh_token.split(".")
    assert (await refresh(app, f"{bob.id}.{ann.session_id}.{secret}")).status_code == 401
    assert (await refresh(app, ann.refresh_token)).status_code == 200


async def test_the_store_holds_no_token(ann: Caller) -> None:
    stored = await asyncio.to_thread(lambda: User.objects(id=ann.id).as_pymongo().first())
    secret = ann.refresh_token.split(".")[2]
    assert secret not in str(stored)
    assert ann.token not in str(stored)


async def test_a_user_lists_and_ends_sessions(ann: Caller) -> None:
    phone = await another(ann)
    rows = (await ann.call("GET", "/sessions")).json
    assert [(row["id"], row["current"]) for row in rows] == [(phone.session_id, False), (ann.session_id, True)]
    assert (rows[0]["name"], rows[0]["platform"]) == ("Ann's iPhone", "iOS")
    for _ in range(2):
        assert (await ann.call("DELETE", f"/sessions/{phone.session_id}")).status_code == 204
    assert await outcome(phone) == GONE
    assert (await outcome(ann))[0] == 200


async def test_a_user_cannot_end_the_session_of_another(ann: Caller, join: Join) -> None:
    bob = await join("bob")
    assert (await bob.call("DELETE", f"/sessions/{ann.session_id}")).status_code == 204
    assert (await outcome(ann))[0] == 200


async def test_all_other_sessions_end_with_the_tokens_of_older_versions(ann: Caller) -> None:
    phone, old = await another(ann), await another(ann)
    claims = jwt.decode(old.token, SECRET, algorithms=["HS256"])
    del claims["sid"]
    old.token = jwt.encode({**claims, "iat": claims["iat"] - 5}, SECRET)
    assert (await outcome(old))[0] == 200
    assert (await ann.call("DELETE", "/sessions")).status_code == 204
    assert await outcome(phone) == GONE
    assert await outcome(old) == GONE
    assert (await outcome(ann))[0] == 200


async def test_logging_out_with_a_token_of_an_older_version_ends_it(ann: Caller) -> None:
    phone = await another(ann)
    claims = jwt.decode(ann.token, SECRET, algorithms=["HS256"])
    del claims["sid"]
    ann.token = jwt.encode({**claims, "iat": claims["iat"] - 5}, SECRET)
    assert (await ann.call("POST", "/logout")).status_code == 204
    assert await outcome(ann) == GONE
    assert (await outcome(phone))[0] == 200


async def test_an_account_keeps_its_newest_fifty_sessions(ann: Caller) -> None:
    account = await asyncio.to_thread(lambda: User.authenticate(ann.email, "ann's password"))
    assert account is not None

    def fill() -> list[Any]:
        grants = [User.open_session(ann.id, account.proof, seconds=60, most=50, origin={}) for _ in range(60)]
        return [grant.session_id for grant in grants if grant is not None]

    opened = await asyncio.to_thread(fill)
    stored = await asyncio.to_thread(lambda: User.objects.get(id=ann.id))
    assert [str(session.key) for session in stored.sessions] == opened[10:]
    assert await outcome(ann) == GONE


async def test_the_sockets_of_a_session_end_when_newer_ones_replace_it(app: Application, ann: Caller) -> None:
    account = await asyncio.to_thread(lambda: User.authenticate(ann.email, "ann's password"))
    assert account is not None

    def fill() -> list[Any]:
        return [User.open_session(ann.id, account.proof, seconds=60, most=50, origin={}) for _ in range(49)]

    assert not any(grant.replaced for grant in await asyncio.to_thread(fill))
    async with serving(app) as url, connected(url, ann.token) as desk:
        await another(ann)
        assert await desk.ended() == ["replaced"]


async def test_no_session_opens_with_a_password_that_was_changed_meanwhile(ann: Caller) -> None:
    account = await asyncio.to_thread(lambda: User.authenticate(ann.email, "ann's password"))
    assert account is not None
    await asyncio.to_thread(lambda: User.objects(id=ann.id).update_one(set__password="another"))
    grant = await asyncio.to_thread(lambda: User.open_session(ann.id, account.proof, seconds=60, most=50, origin={}))
    assert grant is None


async def test_the_sockets_of_an_ended_session_are_disconnected_and_no_others(app: Application, ann: Caller) -> None:
    phone = await another(ann)
    async with serving(app) as url, connected(url, ann.token) as desk, connected(url, phone.token) as mobile:
        assert (await ann.call("DELETE", f"/sessions/{phone.session_id}")).status_code == 204
        assert await mobile.ended() == ["revoked"]
        assert (await desk.send("init", {"senderId": ann.id}))["ok"]
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(url, phone.token):
                pass


async def test_a_socket_whose_end_was_missed_is_refused_and_disconnected_by_its_next_event(
    app: Application, ann: Caller
) -> None:
    async with serving(app) as url, connected(url, ann.token) as desk:
        await asyncio.to_thread(lambda: User.end_sessions(ann.id, [ann.session_id]))
        ack = await desk.send("init", {"senderId": ann.id})
        assert (ack["ok"], ack["error"]["code"]) == (False, "token_revoked")
        assert await desk.ended() == ["revoked"]


@pytest.mark.in_process
async def test_sockets_whose_end_was_missed_are_found_and_disconnected(
    app: Application, ann: Caller, join: Join
) -> None:
    phone, bob, cat = await another(ann), await join("bob"), await join("cat")
    async with (
        serving(app) as url,
        connected(url, ann.token) as desk,
        connected(url, phone.token) as mobile,
        connected(url, bob.token) as banned,
        connected(url, cat.token) as bystander,
    ):
        await asyncio.to_thread(lambda: User.end_sessions(ann.id, [phone.session_id]))
        await asyncio.to_thread(lambda: User.objects(id=bob.id).update_one(set__banned={"at": now()}))
        found = await app.server.pool.call(sessions.review, app.server)
        assert found == {"sessions": 2}
        assert [await device.ended() for device in (mobile, banned)] == [["revoked"], ["banned"]]
        assert (await desk.send("init", {"senderId": ann.id}))["ok"]
        assert (await bystander.send("init", {"senderId": cat.id}))["ok"]


async def test_other_devices_are_told_of_a_new_session(app: Application, ann: Caller) -> None:
    async with serving(app) as url, connected(url, ann.token) as desk:
        await another(ann)
        assert await desk.heard("account:updated", 1) == [{"sessions": True}]


async def test_a_socket_goes_on_with_a_new_token_and_ends_with_its_session(app: Application, ann: Caller) -> None:
    phone = await another(ann)
    async with serving(app) as url, connected(url, ann.token) as desk:
        following = (await refresh(app, ann.refresh_token)).json
        assert (await desk.send("auth:refresh", {"token": following["token"]}))["expiresAt"] == following["expiresAt"]
        assert (await desk.send("auth:refresh", {"token": phone.token}))["ok"]
        await phone.call("DELETE", f"/sessions/{ann.session_id}")
        assert (await desk.send("init", {"senderId": ann.id}))["ok"]
        await phone.call("POST", "/logout")
        assert await desk.ended() == ["revoked"]


async def test_a_socket_refuses_tokens_that_a_handshake_refuses(app: Application, ann: Caller, join: Join) -> None:
    phone, bob = await another(ann), await join("bob")
    await phone.call("POST", "/logout")
    async with serving(app) as url, connected(url, ann.token) as desk:
        for token, code in (("x", "unauthorized"), (phone.token, "token_revoked"), (bob.token, "forbidden")):
            assert (await desk.send("auth:refresh", {"token": token}))["error"]["code"] == code
        assert (await desk.send("init", {"senderId": ann.id}))["ok"]


async def test_a_socket_gets_an_event_before_its_token_expires_and_the_reason_of_its_end(open_app: Open) -> None:
    async with open_app(JWT_LIFETIME="3") as app:
        account = {"fullName": "Ann", "email": "brief@example.org", "password": "correct horse"}
        signed_in = (await inject(app, method="POST", url="/register", payload=account)).json
        async with serving(app) as url, connected(url, signed_in["token"]) as desk:
            assert await desk.ended() == ["expired"]
            assert desk.events("auth:expiring") == [{"expiresAt": signed_in["expiresAt"]}]


async def test_a_banned_account_is_refused_everywhere_until_the_ban_ends(app: Application, ann: Caller) -> None:
    async with serving(app) as url, connected(url, ann.token) as desk:
        ban = {"at": now(), "until": now() + timedelta(hours=1)}
        await asyncio.to_thread(lambda: User.objects(id=ann.id).update_one(set__banned=ban))
        ack = await desk.send("init", {"senderId": ann.id})
        assert ack["error"]["code"] == "banned"
        assert await desk.ended() == ["banned"]
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(url, ann.token):
                pass
    assert await outcome(ann) == (403, "banned")
    for answer in (await ann.sign_in(), await refresh(app, ann.refresh_token)):
        assert (answer.status_code, answer.json["code"]) == (403, "banned")
    await asyncio.to_thread(lambda: User.objects(id=ann.id).update_one(set__banned={"at": now(), "until": now()}))
    assert (await outcome(ann))[0] == 200


async def test_an_erased_account_is_gone(app: Application, ann: Caller) -> None:
    await asyncio.to_thread(lambda: User.objects(id=ann.id).update_one(set__erased_at=now()))
    assert (await outcome(ann))[0] == 401
    assert (await refresh(app, ann.refresh_token)).status_code == 401
    assert (await ann.sign_in()).status_code == 401


def test_the_successor_of_a_token_needs_the_secret_of_its_session() -> None:
    user, key = ObjectId(), ObjectId()
    one, other = (module._successor(salt, user, key, "token") for salt in (b"a", b"b"))
    assert one != other
