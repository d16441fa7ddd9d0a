"""Registration, login and authentication."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from models.user import User
from tests.chat.callers import SECRET, Join, Open

pytestmark = pytest.mark.anyio

ANN = {"fullName": "Ann Lee", "email": "ann@example.org", "password": "correct horse"}
WRONG = {
    "statusCode": 401,
    "error": "Unauthorized",
    "message": "Wrong e-mail or password",
    "code": "bad_credentials",
    "retryable": False,
}


async def post(app: Application, url: str, payload: Any) -> Injected:
    return await inject(app, method="POST", url=url, payload=payload)


async def test_registering_signs_in_with_the_users_public_facts_alone(app: Application) -> None:
    answer = await post(app, "/register", ANN)
    assert answer.status_code == 200
    assert set(answer.json) == {"token", "expiresAt", "refreshToken", "refreshExpiresAt", "sessionId", "user"}
    user = answer.json["user"]
    assert user == {"fullName": "Ann Lee", "email": "ann@example.org", "myId": user["myId"]}
    claims = jwt.decode(answer.json["token"], SECRET, algorithms=["HS256"])
    moments = {"iat": claims["iat"], "exp": claims["iat"] + 86400}
    assert claims == {"sub": user["myId"], "sid": answer.json["sessionId"], **moments}
    ends = datetime.fromtimestamp(claims["exp"], UTC).replace(tzinfo=None)
    assert answer.json["expiresAt"] == f"{ends.isoformat()}.000Z"  # as every other time


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@Example.Org"])
async def test_a_taken_email_is_a_conflict_in_any_case(app: Application, email: str) -> None:
    await post(app, "/register", ANN)
    answer = await post(app, "/register", {**ANN, "email": email})
    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")


async def test_of_many_who_register_one_email_at_once_one_gets_a_token(app: Application) -> None:
    answers = await asyncio.gather(*(post(app, "/register", ANN) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 11


@pytest.mark.parametrize("email", ["ann@example.org", "Ann@Example.org"])
async def test_logging_in_answers_as_registering_does(app: Application, email: str) -> None:
    registered = await post(app, "/register", ANN)
    answer = await post(app, "/login", {"email": email, "password": "correct horse"})
    assert answer.status_code == 200
    assert answer.json["user"] == registered.json["user"]


@pytest.mark.parametrize("failure", [{"email": "bob@example.org"}, {"password": "wrong horse"}, {"email": "no e-mail"}])
async def test_a_failed_login_does_not_tell_what_was_wrong(app: Application, failure: dict[str, str]) -> None:
    await post(app, "/register", ANN)
    answer = await post(app, "/login", {"email": ANN["email"], "password": ANN["password"], **failure})
    assert answer.json == WRONG


@pytest.mark.in_process
async def test_the_strict_seed_tells_an_unknown_email_by_its_status_with_the_same_text(open_app: Open) -> None:
    async with open_app(CHAT_STRICT_SEED="true") as app:
        await post(app, "/register", {**ANN, "email": "strict@example.org"})
        unknown = await post(app, "/login", {"email": "nobody@example.org", "password": "correct horse"})
        wrong = await post(app, "/login", {"email": "strict@example.org", "password": "wrong horse"})
    assert (unknown.status_code, wrong.status_code) == (404, 401)
    assert unknown.json["message"] == wrong.json["message"]


BAD_REGISTRATIONS = [
    ({"fullName": None}, "/fullName"),
    ({"fullName": ""}, "/fullName"),
    ({"fullName": " "}, "/fullName"),
    ({"fullName": "x" * 101}, "/fullName"),
    ({"fullName": {"$ne": ""}}, "/fullName"),
    ({"email": "ann"}, "/email"),
    ({"email": "ann@ example.org"}, "/email"),
    ({"email": "a@" + "x" * 253}, "/email"),
    ({"email": ["ann@example.org"]}, "/email"),
    ({"password": "1234567"}, "/password"),
    ({"password": "x" * 201}, "/password"),
    ({"password": 12345678}, "/password"),
    ({"_id": "0" * 24}, "/_id"),
    ({"friends": []}, "/friends"),
]


@pytest.mark.parametrize(("change", "path"), BAD_REGISTRATIONS)
async def test_a_bad_registration_is_told_where_and_stores_nothing(
    app: Application, change: dict[str, Any], path: str
) -> None:
    answer = await post(app, "/register", {**ANN, **change})
    assert answer.status_code == 400
    assert answer.json["validation"]["source"] == "payload"
    assert {error["path"] for error in answer.json["validation"]["errors"]} == {path}
    assert await asyncio.to_thread(User.objects(email__exists=True).count) == 0


@pytest.mark.parametrize("missing", ["fullName", "email", "password"])
async def test_a_registration_without_a_required_key_stores_nothing(app: Application, missing: str) -> None:
    answer = await post(app, "/register", {key: value for key, value in ANN.items() if key != missing})
    assert answer.status_code == 400
    assert missing in answer.text
    assert await asyncio.to_thread(User.objects(email__exists=True).count) == 0


async def test_a_validation_error_does_not_repeat_the_password(app: Application) -> None:
    answer = await post(app, "/register", {**ANN, "password": "hunter2"})
    assert answer.status_code == 400
    assert "hunter2" not in answer.text


def token(secret: str | None = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"exp": int(time.time()) + 60, **claims}, secret or "", algorithm=algorithm)


async def test_a_token_of_the_right_secret_is_its_account(app: Application, join: Join) -> None:
    ann = await join("ann")
    ann.token = token(sub=ann.id)
    assert (await ann.call("GET", "/friends")).status_code == 200


async def test_forged_and_stale_tokens_open_nothing(app: Application, join: Join) -> None:
    ann = await join("ann")
    head, body, signature = ann.token.split(".")
    bad = {
        "another secret": token("another secret, just as long as the real one", sub=ann.id),
        "no signature": token(None, "none", sub=ann.id),
        "a stripped signature": f"{head}.{body}.",
        "a changed body": f"{head}.{body[:-2]}xx.{signature}",
        "another algorithm": token(SECRET * 2, "HS512", sub=ann.id),
        "expired": token(sub=ann.id, exp=int(time.time()) - 1),
        "not valid yet": token(sub=ann.id, nbf=int(time.time()) + 60),
        "no subject": token(),
        "an unknown subject": token(sub="0" * 24),
        "a subject that is no id": token(sub="ann@example.org"),
        "no token": "",
        "nonsense": "a.b.c",
    }
    for what, ann.token in bad.items():
        assert (await ann.call("GET", "/friends")).status_code == 401, what
    answer = await inject(app, url="/friends")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_token_does_not_outlive_its_account(app: Application, join: Join) -> None:
    ann = await join("ann")
    await asyncio.to_thread(User.objects(id=ann.id).delete)
    assert (await ann.call("GET", "/friends")).status_code == 401


@pytest.mark.in_process
async def test_the_lifetime_of_tokens_is_set_in_one_place(open_app: Open) -> None:
    async with open_app(JWT_LIFETIME="60") as app:
        answer = await post(app, "/register", {**ANN, "email": "brief@example.org"})
    claims = jwt.decode(answer.json["token"], SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 60


async def test_passwords_and_tokens_appear_in_no_log(
    app: Application, logged: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    registered = await post(app, "/register", ANN)
    await post(app, "/register", ANN)
    await post(app, "/register", {**ANN, "email": 1})
    await post(app, "/login", {"email": ANN["email"], "password": ANN["password"]})
    await post(app, "/login", {"email": ANN["email"], "password": "a wrong password"})
    await inject(app, method="POST", url="/login", payload='{"password": "a broken body', headers={})
    given = registered.json["token"]
    await inject(app, url="/friends", headers={"authorization": f"Bearer {given}"})
    await inject(app, url="/friends", headers={"authorization": f"Bearer {given}x"})
    await inject(app, url=f"/friends?token={given}")
    text = logged()
    assert "/register" in text
    for secret in (ANN["password"], "a wrong password", "a broken body", given, given.split(".")[2], SECRET):
        assert secret not in text
        assert secret not in caplog.text, "not even in the driver's records, which at this level show every command"
    assert "argon2id" not in text
