"""The recipes of docs/guide.md at work: each table with the functions that stand below it."""

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

    def make(heading: str, **env: str) -> Application:
        text = re.split(r"^##+ ", GUIDE.partition(f" {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
        blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
        (tmp_path / "routes.yaml").write_text(next(code for language, code in blocks if language == "yaml"))
        for language, code in blocks:
            if language == "python":
                file = tmp_path / code.partition("\n")[0].removeprefix("# ")
                file.parent.mkdir(exist_ok=True)
                file.write_text(code)
        return create_app(tmp_path / "routes.yaml", env={"JWT_SECRET": SECRET, **env})

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
