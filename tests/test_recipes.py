"""The recipes of docs/guide.md work: each table with its functions."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hapiish import Application, create_app
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

GUIDE = (Path(__file__).parent.parent / "docs" / "guide.md").read_text()
SECRET = "a secret of at least thirty-two bytes"
Cook = Callable[..., Application]


@pytest.fixture
def cook(tmp_path: Path) -> Cook:
    """The application of the recipe below a heading: its first table, and its Python by the names in first lines."""

    def make(heading: str, database_uri: str | None = None, **env: str) -> Application:
        text = re.split(r"^##+ ", GUIDE.partition(f" {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
        (tmp_path / "routes.yaml").write_text(next(code for language, code in blocks if language == "yaml"))
        for language, code in blocks:
            if language == "python":
                file = tmp_path / code.partition("\n")[0].removeprefix("# ")
                file.parent.mkdir(exist_ok=True)
                file.write_text(code)
        return create_app(tmp_path / "routes.yaml", env={"JWT_SECRET": SECRET, **env}, database_uri=database_uri)

    return make


async def test_functions_reach_the_models(cook: Cook) -> None:
    app = cook("Functions that reach the models")
    await app.server.start()
    assert (await inject(app, url="/articles/one")).json == {"slug": "one", "text": "First"}
    assert (await inject(app, url="/articles/one")).status_code == 200
    await app.server.events.gauge("viewed", "two")
    assert sorted(app.server.models.Article.views) == ["one", "one", "two"]
    assert app.server.methods.articles.load.cache.stats.generates == 1
    await app.server.stop()


async def test_a_login_signs_the_token_that_lets_in(cook: Cook) -> None:
    app = cook("Tokens of your own")
    for password, status in (("wrong", 401), ("right", 200)):
        given = {"email": "ann@example.com", "password": password}
        answer = await inject(app, method="POST", url="/login", payload=given)
        assert answer.status_code == status
    headers = {"authorization": f"Bearer {answer.json['token']}"}
    assert (await inject(app, url="/me", headers=headers)).json == {"email": "ann@example.com"}


async def test_errors_have_the_form_of_the_recipe(cook: Cook) -> None:
    app = cook("Errors in a form of your own")
    caller = {"credentials": {"sub": "ann"}, "method": "POST", "url": "/articles"}
    made = [
        ({"url": "/nowhere"}, 404, {"body": ["Not Found"]}),
        ({"method": "PUT", "url": "/articles"}, 405, {"body": ["Method Not Allowed"]}),
        ({"method": "POST", "url": "/articles", "payload": {}}, 401, {"body": ["Missing authentication"]}),
        ({**caller, "payload": {}}, 422, {"title": ["is required"]}),
        ({**caller, "payload": {"title": "One"}}, 409, {"body": ["This title is taken"]}),
    ]
    for request, status, errors in made:
        answer = await inject(app, **request)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json) == (status, {"errors": errors})
    health = await inject(app, url="/health")
    assert (health.json["message"], health.headers["retry-after"]) == ("Not yet", "5")


async def test_transfers_happen_as_a_whole(cook: Cook, mongo_uri: str) -> None:
    app = cook("Writes that happen together", mongo_uri)
    await app.server.start()
    account, entry = app.server.models.Account, app.server.models.Entry
    for name, balance in (("ann", 50), ("bob", 0)):
        await app.server.pool.call(account(name=name, balance=balance).save)

    async def send(taker: str, amount: int) -> int:
        given = {"from": "ann", "to": taker, "amount": amount}
        return (await inject(app, method="POST", url="/transfers", payload=given)).status_code

    def state() -> tuple[list[int], int]:
        balances = [account.objects.get(name=name).balance for name in ("ann", "bob")]
        return balances, entry.objects(amount__gt=0).count()

    assert [await send("bob", 20), await send("nobody", 20), await send("bob", 40)] == [201, 404, 409]
    assert await app.server.pool.call(state) == ([30, 20], 1)
    assert await asyncio.gather(*(send("bob", 1) for _ in range(10))) == [201] * 10
    assert await app.server.pool.call(state) == ([20, 30], 11)
    await app.server.stop()


async def test_a_login_that_answers_422_is_limited_by_that(cook: Cook) -> None:
    app = cook("A login that refuses with 422")

    async def log_in(password: str) -> int:
        given = {"email": "ann@example.com", "password": password}
        return (await inject(app, method="POST", url="/users/login", payload=given)).status_code

    assert [await log_in("right") for _ in range(5)] == [200] * 5
    assert [await log_in("wrong") for _ in range(4)] == [422, 422, 422, 429]
    assert await log_in("right") == 429
