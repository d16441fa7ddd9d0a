"""Kinds of handlers: `handler: {name: options}`."""

import pytest

from hapiish import TableError
from hapiish.testing import inject
from tests.http.conftest import Make

KIND = """
    class Report:
        options_schema = {
            "type": "object", "required": ["title"], "additionalProperties": False,
            "properties": {"title": {"type": "string"}, "suffix": {"type": "string"}},
        }
        references = ("suffix",)

        def __init__(self, server, route, options):
            if options["title"] == "no":
                raise ValueError("no title")
            self.title, self.route, self.suffix = options["title"], route, options.get("suffix")

        async def __call__(self, request, h):
            said = await self.suffix(request, h) if self.suffix else ""
            return [self.title + said, self.route.path, request.payload]

    def bang(request, h):
        return "!"
"""


@pytest.mark.anyio
async def test_a_kind_of_ones_own_makes_handlers_from_options(make: Make) -> None:
    app = make(
        """
        kinds: {report: "my:Report"}
        routes:
          - {method: GET, path: "/r/{id}", handler: {report: {title: Sales, suffix: "my:bang"}}}
        """,
        KIND,
    )
    assert (await inject(app, url="/r/1")).json == ["Sales!", "/r/{id}", None]


@pytest.mark.anyio
async def test_a_kind_brings_route_options_along_which_the_route_may_change(make: Make) -> None:
    app = make(
        """
        kinds: {report: {method: "my:Report", defaults: {payload: {parse: false}, cache: {expiresIn: 5s}}}}
        routes:
          - {method: POST, path: /raw, handler: {report: {title: a}}}
          - {method: POST, path: /parsed, handler: {report: {title: a}}, options: {payload: {parse: true}}}
          - {method: GET, path: /get, handler: {report: {title: a}}}
        """,
        KIND,
    )
    assert (await inject(app, method="POST", url="/parsed", payload={"a": 1})).json[2] == {"a": 1}
    assert (await inject(app, method="POST", url="/raw", payload={"a": 1})).status_code == 500  # bytes are not JSON
    assert (await inject(app, url="/get")).headers["cache-control"] == "max-age=5, must-revalidate"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("{title: 5}", "3:"),
        ("{titel: x}", "handler.report"),
        ("{title: no}", "handler.report: no title"),
    ],
)
def test_options_that_a_kind_refuses_are_shown_at_the_handler(make: Make, options: str, said: str) -> None:
    with pytest.raises(TableError) as refused:
        make(
            f"""
            kinds: {{report: "my:Report"}}
            routes: [{{method: GET, path: /, handler: {{report: {options}}}}}]
            """,
            KIND,
        )
    problem = refused.value.problems[0]
    assert problem.code == "HA0407"
    assert said in str(problem)
