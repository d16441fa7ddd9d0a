"""Templates: `h.view`, the kind `view`, layouts, and problems at load."""

from pathlib import Path
from textwrap import dedent

import pytest

from hapiish import Application, TableError, create_app
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

CODE = """
from datetime import date

def money(value):
    return f"{value:.2f} EUR"

def year():
    return 2030

async def shared(request):
    return {"who": request.query.get("who", "nobody"), "site": "shared"}

def show(request, h):
    return h.view("page", {"title": request.params["name"]})

def bare(request, h):
    return h.view("page.html", {"title": "bare"}, layout=False).code(201).header("x-own", "1")

def text(request, h):
    return h.view("note.txt", {"title": "<b>"}, layout=False, content_type="text/plain")

def typed(request, h):
    return h.view("note.txt", layout=False, content_type="text/plain").type("text/markdown")

def other(request, h):
    return h.view("page", {"title": "x"}, layout="frame", layout_keyword="inner")

def away(request, h):
    return h.view(request.query["name"])

def load(request, h):
    return {"name": "pre"}
"""
FILES = {
    "templates/page.html": "<h1>{{ title }}</h1>{% include 'parts/foot.html' %}",
    "templates/parts/foot.html": "<p>{{ site }} {{ who }} {{ year() }}</p>",
    "templates/note.txt": "note {{ title }}",
    "templates/price.html": "{{ 1.5 | money }}",
    "templates/request.html": "{{ params.id }} {{ query.q }} {{ payload }} {{ pre.user.name }} {{ extra }}",
    "layouts/layout.html": "<main>{{ content }}</main>",
    "layouts/frame.html": "<div>{{ inner }}</div>",
}
VIEWS = """
views:
  path: templates
  layoutPath: layouts
  layout: true
  context: my:shared
  helpers: {year: "my:year"}
  filters: {money: "my:money"}
"""


def write(folder: Path, table: str, files: dict[str, str] = FILES) -> Application:
    for name, text in {**files, "my.py": CODE, "routes.yaml": dedent(table)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return create_app(folder / "routes.yaml", env={})


async def test_a_handler_renders_templates_in_a_layout(tmp_path: Path) -> None:
    app = write(
        tmp_path,
        VIEWS
        + """
routes:
  - {method: GET, path: "/show/{name}", handler: "my:show"}
  - {method: GET, path: /bare, handler: "my:bare"}
  - {method: GET, path: /text, handler: "my:text"}
  - {method: GET, path: /typed, handler: "my:typed"}
  - {method: GET, path: /other, handler: "my:other"}
""",
    )
    response = await inject(app, url="/show/a%3Cb%3E?who=ann%26")
    assert response.text == "<main><h1>a&lt;b&gt;</h1><p>shared ann&amp; 2030</p></main>"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    bare = await inject(app, url="/bare")
    assert (bare.status_code, bare.text, bare.headers["x-own"]) == (
        201,
        "<h1>bare</h1><p>shared nobody 2030</p>",
        "1",
    )
    text = await inject(app, url="/text")
    assert (text.text, text.headers["content-type"]) == ("note &lt;b&gt;", "text/plain; charset=utf-8")
    assert (await inject(app, url="/typed")).headers["content-type"] == "text/markdown; charset=utf-8"
    assert (await inject(app, url="/other")).text == "<div><h1>x</h1><p>shared nobody 2030</p></div>"


async def test_a_route_is_a_template_that_sees_the_request(tmp_path: Path) -> None:
    app = write(
        tmp_path,
        VIEWS
        + """
routes:
  - method: POST
    path: "/request/{id}"
    handler: {view: {template: request, context: {extra: more}, options: {layout: false}}}
    options: {pre: [{method: "my:load", assign: user}]}
  - {method: GET, path: /price, handler: {view: {template: price, options: {layout: frame, layoutKeyword: inner}}}}
  - {method: GET, path: /plain, handler: {view: {template: note.txt, options: {layout: false, contentType: text/x}}}}
""",
    )
    response = await inject(app, method="POST", url="/request/7?q=5", payload={"a": 1})
    assert response.text == "7 5 {&#39;a&#39;: 1} pre more"
    assert (await inject(app, url="/price")).text == "<div>1.50 EUR</div>"
    assert (await inject(app, url="/plain")).headers["content-type"] == "text/x; charset=utf-8"


async def test_without_views_the_templates_lie_beside_the_table(tmp_path: Path) -> None:
    app = write(
        tmp_path, "routes: [{method: GET, path: /, handler: {view: home}}]", {"home.html": "at home {{ query.a }}"}
    )
    assert (await inject(app, url="/?a=1")).text == "at home 1"


async def test_a_table_without_templates_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = write(tmp_path, 'routes: [{method: GET, path: /, handler: "my:away"}]')
    assert (await inject(app, url="/?name=page")).status_code == 500
    assert "the table has no templates" in caplog.text


@pytest.mark.parametrize("name", ["../my.py", "/etc/passwd", "missing", "..", "parts/../../my.py"])
async def test_a_name_out_of_the_folders_or_unknown_is_a_500(tmp_path: Path, name: str) -> None:
    table = "views: {path: templates}\nroutes: [{method: GET, path: /, handler: 'my:away'}]"
    app = write(tmp_path, table)
    response = await inject(app, url=f"/?name={name}")
    assert response.status_code == 500
    assert "def " not in response.text


WRONG = [
    ("{path: templates}", "{view: pag}", "", ['there is no template "pag.html"; did you mean "page.html"?']),
    ("{path: templates}", "{view: bad}", "{% if %}", ['the template "bad.html", line 1: Expected an expression']),
    ("{path: templates}", "{view: bad}", "{% include 'x.html' %}", ['there is no template "x.html"']),
    ("{path: templates}", "{view: bad}", "{{ x | nope }}", ["No filter named 'nope'"]),
    ("{path: nowhere}", "my:away", "", ["there is no folder"]),
    ("{path: templates, layout: true}", "my:away", "", ['there is no template "layout.html"']),
    (
        "{path: templates}",
        "{view: {template: page, options: {layout: frame}}}",
        "",
        ['there is no template "frame.html"'],
    ),
    ("{path: templates, helpers: {a: 'my:shared'}}", "my:away", "", ["is an async function; a def is required"]),
]


@pytest.mark.parametrize(("views", "handler", "bad", "expected"), WRONG)
async def test_what_is_wrong_with_templates_is_told_when_a_table_is_loaded(
    tmp_path: Path, views: str, handler: str, bad: str, expected: list[str]
) -> None:
    table = f"views: {views}\nroutes:\n  - {{method: GET, path: /, handler: {handler}}}\n"
    files = {**FILES, "templates/bad.html": bad, "templates/parts/foot.html": "foot"}
    with pytest.raises(TableError) as caught:
        write(tmp_path, table, files)
    problems = caught.value.problems
    assert len(problems) == len(expected), problems
    for problem, text in zip(problems, expected, strict=True):
        assert text in problem.message
        assert problem.mark.line == (3 if "view" in handler else 1)


async def test_a_reload_reads_templates_anew_and_a_cache_that_is_off_always(tmp_path: Path) -> None:
    table = "views: {{path: templates, isCached: {}}}\nroutes: [{{method: GET, path: /, handler: {{view: page}}}}]"
    page = {"templates/page.html": "one"}
    cached = write(tmp_path / "a", table.format("true"), page)
    fresh = write(tmp_path / "b", table.format("false"), page)
    for folder in ("a", "b"):
        (tmp_path / folder / "templates" / "page.html").write_text("two!")
    assert ((await inject(cached, url="/")).text, (await inject(fresh, url="/")).text) == ("one", "two!")
    assert cached.server.compiled.templates[0].is_template(str(tmp_path / "a" / "templates" / "page.html"))
    assert await cached.reload() == []
    assert (await inject(cached, url="/")).text == "two!"


async def test_jinja_may_be_told_how_to_read_templates(tmp_path: Path) -> None:
    table = """
        views: {path: templates, compileOptions: {trimBlocks: true, keepTrailingNewline: true, strictUndefined: true}}
        routes:
          - {method: GET, path: /, handler: {view: page}}
          - {method: GET, path: /strict, handler: {view: strict}}
    """
    files = {"templates/page.html": "{% if true %}\nyes{% endif %}\n", "templates/strict.html": "{{ nothing }}"}
    app = write(tmp_path, table, files)
    assert (await inject(app, url="/")).text == "yes"
    assert (await inject(app, url="/strict")).status_code == 500


async def test_a_table_that_is_used_has_templates_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path / "inner",
        "views: {path: templates}\nroutes:\n"
        "  - {method: GET, path: /show, handler: {view: page}}\n"
        "  - {method: GET, path: /away, handler: 'my:away'}\n",
        {"templates/page.html": "inner"},
    )
    app = write(
        tmp_path,
        "views: {path: templates}\nplugins: [{table: inner/routes.yaml, routes: {prefix: /in}}]\n"
        "routes:\n  - {method: GET, path: /show, handler: {view: page}}\n",
        {"templates/page.html": "outer"},
    )
    assert [(await inject(app, url=url)).text for url in ("/show", "/in/show", "/in/away?name=page")] == [
        "outer",
        "inner",
        "inner",
    ]
