"""E-mails and names have one form: no two accounts look the same to a mail server or to a person."""

import asyncio
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish import Application
from hapiish.testing import Injected, inject
from models import emails, passwords
from models.user import User

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ("Ann@Example.org", "ann@example.org"),
        ("ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example"),
        ("ann@xn--mnchen-3ya.example", "ann@xn--mnchen-3ya.example"),
        ("e\u0301@example.org", "\u00e9@example.org"),
        ("Straße@example.org", "strasse@example.org"),
        ("ann@faß.example", "ann@xn--fa-hia.example"),
        ("user_name+tag@sub-domain.example", "user_name+tag@sub-domain.example"),
        ("用户@例え.テスト", "用户@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_spellings_of_one_address_have_one_form(given: str, form: str) -> None:
    assert emails.canonical(given) == form


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "@",
            "ann",
            "@x",
            "ann@",
            "a@@b",
            "a b@x",
            "a\u200b@x.org",
            "a\u00ad@x.org",
            "a\x00@x.org",
            "a\u3164@x.org",
        ),
        *('"ann"@x.org', "ann(x)@x.org", "<ann@x.org>", "a\\n@x.org", ".a@x.org", "a.@x.org", "a..b@x.org"),
        *("ann@x.org.", "ann@.org", "ann@-x.org", "ann@x。org", "ann@ｘ.org", "\u212a@x.org", "ann@x\u200d.org"),
        *("a@" + "x" * 64 + ".org", "a" * 65 + "@x.org", "é" * 40 + "@x.org", "a@" + "ü." * 120 + "org"),
    ],
)
def test_text_that_is_no_address_or_has_other_spellings_is_refused(text: str) -> None:
    assert emails.canonical(text) is None


@given(st.emails() | st.text(max_size=40).map(lambda text: f"{text}@Exämple.org") | st.text(max_size=300))
def test_the_form_of_an_address_is_its_own_form_and_is_plain(text: str) -> None:
    form = emails.canonical(text)
    if form is not None:
        assert emails.canonical(form) == form
        assert len(form) <= 254
        assert not [char for char in form if unicodedata.category(char)[0] in "CZ"]


async def register(app: Application, email: str, **more: Any) -> Injected:
    payload = {"fullName": "Ann", "email": email, "password": "correct horse", **more}
    return await inject(app, method="POST", url="/register", payload=payload)


async def sign_in(app: Application, email: str, password: str = "correct horse") -> Injected:
    return await inject(app, method="POST", url="/login", payload={"email": email, "password": password})


async def test_two_spellings_of_an_address_are_one_account(app: Application) -> None:
    first = await register(app, "André@Münchèn.example")
    assert first.status_code == 200
    decomposed = unicodedata.normalize("NFD", "andré@münchèn.example")
    for email in (decomposed, "ANDRÉ@MÜNCHÈN.EXAMPLE", first.json["user"]["email"]):
        assert (await register(app, email)).json["code"] == "email_taken"
        assert (await sign_in(app, email)).json["user"] == first.json["user"]


async def test_accounts_of_older_versions_keep_their_address_and_their_password(app: Application) -> None:
    for email in ('"ann"@example.org', "ann@münchen.example"):
        row = {
            "full_name": "Ann",
            "email": email,
            "password": passwords._made((2, 19_456, 1)).hash("e\u0301t\u00e9 horse"),
        }
        await asyncio.to_thread(User(**row).save)
        assert (await sign_in(app, email.upper(), "e\u0301t\u00e9 horse")).status_code == 200
    assert (await register(app, "Ann@MÜNCHEN.example")).json["code"] == "email_taken"


@pytest.mark.parametrize(
    "email", ["a\u200b@example.org", '"a"@example.org', "a.@example.org", "a@ｘ.org", "a@\u202ex.org"]
)
async def test_an_address_that_looks_like_another_is_refused(app: Application, email: str) -> None:
    answer = await register(app, email)
    assert (answer.status_code, answer.json["validation"]["keys"]) == (400, ["email"])


@pytest.mark.parametrize("name", ["A\u200bnn", "Ann\u202e", "A\x00nn", "A\nnn", "\u3164", "\u2800\u2003", "\u0301"])
async def test_a_name_is_visible_and_has_no_control_or_format_characters(app: Application, name: str) -> None:
    answer = await register(app, "ann@example.org", fullName=name)
    assert (answer.status_code, answer.json["validation"]["keys"]) == (400, ["fullName"])


async def test_a_name_is_stored_in_one_form(app: Application) -> None:
    answer = await register(app, "ann@example.org", fullName=" Ame\u0301lie  Le\u00a0Goff ")
    assert answer.json["user"]["fullName"] == "Amélie Le Goff"


@pytest.mark.parametrize("password", ["annette@example.org", "ANNETTE@example.org", "Annette Lee", "annettelee"])
async def test_a_password_must_not_be_the_name_or_the_email_of_its_user(app: Application, password: str) -> None:
    answer = await register(app, "annette@example.org", fullName="Annette Lee", password=password)
    assert (answer.status_code, answer.json["validation"]["keys"]) == (400, ["password"])


async def test_a_password_is_accepted_in_each_form_that_keyboards_enter(app: Application) -> None:
    assert (await register(app, "ann@example.org", password="cafe\u0301 horse")).status_code == 200
    assert (await sign_in(app, "ann@example.org", "caf\u00e9 horse")).status_code == 200
