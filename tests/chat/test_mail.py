"""Mail to users: a verified e-mail, and a new password for a forgotten one."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from models.outbox import Outbox
from models.user import User
from models.wire import now
from tests.chat import mailbox
from tests.chat.callers import Caller, connected, serving

pytestmark = [pytest.mark.anyio, pytest.mark.in_process, pytest.mark.usefixtures("empty_mailbox")]

ANN = {"fullName": "Ann", "email": "ann@example.org", "password": "ann's password"}


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CHAT_MAIL_SENDER": "tests.chat.mailbox:take", "PUBLIC_URL": "https://chat.example"}


async def post(app: Application, url: str, **payload: Any) -> Injected:
    return await inject(app, method="POST", url=url, payload=payload)


@pytest.fixture
async def ann(app: Application) -> Caller:
    return Caller(app, (await post(app, "/register", **ANN)).json)


async def token(page: str, count: int = 1) -> str:
    """The token in the link of ann's newest mail."""
    mail = (await mailbox.received("ann@example.org", count))[-1]
    link = re.search(rf"https://chat\.example/#/{page}/(\S+)", mail.payload["text"])
    assert link is not None
    return link[1]


async def test_an_email_is_verified_by_the_token_of_a_mail_once(app: Application, ann: Caller) -> None:
    assert (await ann.call("POST", "/me/email/verification")).status_code == 204
    given = await token("verify")
    assert (await ann.call("GET", "/me")).json["verified"] is False
    answers = await asyncio.gather(*(post(app, "/verify", token=given) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422, 422]
    assert (await ann.call("GET", "/me")).json["verified"] is True
    assert (await ann.call("POST", "/me/email/verification")).status_code == 204
    assert await asyncio.to_thread(Outbox.objects.count) == 1, "it is verified already"


async def test_a_forgotten_password_is_answered_alike_for_every_email(app: Application, ann: Caller) -> None:
    answers = [await post(app, "/password/forgotten", email=email) for email in (ann.email, "bob@example.org", "x", "")]
    assert {(answer.status_code, answer.payload) for answer in answers} == {(202, b"")}
    await token("reset")
    assert [work.target for work in mailbox.sent] == [ann.email]


async def test_a_new_password_is_set_once_and_ends_all_sessions(app: Application, ann: Caller) -> None:
    await post(app, "/password/forgotten", email="ANN@example.org")
    given = await token("reset")
    async with serving(app) as url, connected(url, ann.token) as phone:
        resets = [post(app, "/password/reset", token=given, password=f"new password {n}") for n in range(4)]
        answers = await asyncio.gather(*resets)
        assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422]
        assert await phone.ended() == ["revoked"]
    assert (await ann.call("GET", "/me")).json["code"] == "token_revoked"
    assert (await post(app, "/token/refresh", refreshToken=ann.refresh_token)).status_code == 401
    assert (await post(app, "/login", email=ann.email, password=ANN["password"])).status_code == 401
    (chosen,) = [n for n, answer in enumerate(answers) if answer.status_code == 204]
    signed_in = await post(app, "/login", email=ann.email, password=f"new password {chosen}")
    assert (await Caller(app, signed_in.json).call("GET", "/me")).json["verified"] is True


async def test_a_changed_password_ends_the_token_for_a_forgotten_one(app: Application, ann: Caller) -> None:
    await post(app, "/password/forgotten", email=ann.email)
    given = await token("reset")
    change = {"password": ANN["password"], "newPassword": "a better password"}
    assert (await ann.call("PUT", "/me/password", change)).status_code == 204
    answer = await post(app, "/password/reset", token=given, password="a stranger's choice")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert (await post(app, "/login", email=ann.email, password="a better password")).status_code == 200


async def test_a_second_mail_replaces_the_first(app: Application, ann: Caller) -> None:
    await post(app, "/password/forgotten", email=ann.email)
    first = await token("reset")
    await post(app, "/password/forgotten", email=ann.email)
    second = await token("reset", 2)
    answer = await post(app, "/password/reset", token=first, password="another password")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert (await post(app, "/password/reset", token=second, password="another password")).status_code == 204


async def test_a_token_is_for_its_purpose_and_its_time(app: Application, ann: Caller) -> None:
    await ann.call("POST", "/me/email/verification")
    given = await token("verify")
    assert (await post(app, "/password/reset", token=given, password="another password")).status_code == 422
    past = now() - timedelta(seconds=1)
    await asyncio.to_thread(lambda: User.objects(id=ann.id).update_one(set__verification__expires_at=past))
    assert (await post(app, "/verify", token=given)).status_code == 422


async def test_a_new_password_must_not_be_the_name_or_the_email_of_its_user(app: Application, ann: Caller) -> None:
    await post(app, "/password/forgotten", email=ann.email)
    given = await token("reset")
    assert (await post(app, "/password/reset", token=given, password=ann.email)).status_code == 400
    assert (await post(app, "/password/reset", token=given, password="another password")).status_code == 204


async def test_the_store_of_accounts_holds_no_token(app: Application, ann: Caller) -> None:
    await post(app, "/password/forgotten", email=ann.email)
    given = await token("reset")
    stored = await asyncio.to_thread(lambda: User.objects(id=ann.id).as_pymongo().first())
    assert given.partition(".")[2] not in str(stored)


@pytest.mark.parametrize("text", ["x", ".", f"{'0' * 24}.x", "é.ß"])
async def test_a_token_of_no_user_is_not_valid(app: Application, text: str) -> None:
    for url, more in (("/verify", {}), ("/password/reset", {"password": "another password"})):
        assert (await post(app, url, token=text, **more)).status_code == 422


async def test_mail_to_one_address_is_limited(app: Application, ann: Caller) -> None:
    answers = [await post(app, "/password/forgotten", email=ann.email) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
