"""The kinds file and directory, as in inert: resolution of paths, and protection against traversal."""

from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from hapiish import TableError
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio


def fill(folder: Path) -> None:
    for name, content in {
        "public/index.html": "top",
        "public/a.txt": "a",
        "public/about.html": "about",
        "public/sub/index.html": "sub",
        "public/sub/b.css": "b{}",
        "public/sub/.inner": "hidden",
        "public/plain/c.txt": "c",
        "public/plain/<&>'.txt": "odd",
        "public/plain/50% \u00e9.txt": "percent",
        "public/plain/.dot": "hidden",
        "public/.env": "hidden",
        "public/..rc": "hidden",
        "public/.git/config": "hidden",
        "public/home.htm": "home",
        "public/odd/index.html/x": "x",
        "more/a.txt": "more a",
        "more/only.txt": "only",
        "secret.txt": "secret",
        "public-not/x.txt": "no",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "public" / "out.txt").symlink_to("../secret.txt")
    (folder / "public" / "outside").symlink_to("../more")


def directory(make: Make, options: str = "", path: str = "/static/{file*}", server: str = "{}") -> Any:
    app = make(
        f"""
        server: {server}
        routes:
          - {{method: GET, path: "{path}", handler: {{directory: {{path: public, {options}}}}}}}
        """
    )
    fill(Path(app.server.compiled.table.folder))
    return app


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/static/a.txt", "a"),
        ("/static/sub/b.css", "b{}"),
        ("/static/sub/../a.txt", "a"),
        ("/static/sub%2Fb.css", "b{}"),
        ("/static/sub%2F..%2Fa.txt", "a"),
        ("/static/plain/%3C%26%3E'.txt", "odd"),
        ("/static/plain/50%25%20%C3%A9.txt", "percent"),
        ("/static", "top"),
        ("/static/", "top"),
        ("/static/sub/", "sub"),
        ("/static/index.html", "top"),
    ],
)
async def test_a_path_below_the_folder_is_a_file(make: Make, url: str, text: str) -> None:
    response = await inject(directory(make), url=url)
    assert (response.status_code, response.text) == (200, text)


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/static/none.txt", 404),
        ("/static/none/", 404),
        ("/static/a.txt/", 404),
        ("/static/a.txt/b", 404),
        ("/static//a.txt", 404),
        ("/static/a.txt%00", 404),
        ("/static/%2Fetc%2Fpasswd", 404),
        ("/static/.env", 404),
        ("/static/..rc", 404),
        ("/static/.git/config", 404),
        ("/static/sub/.inner", 404),
        ("/static/sub%2F.inner", 404),
        ("/static/sub%5C.inner", 404),
        ("/static/..%2Fsecret.txt", 403),
        ("/static/sub%2F..%2F..%2Fsecret.txt", 403),
        ("/static/%2E%2E%2Fsecret.txt", 403),
        ("/static/..%2Fpublic-not%2Fx.txt", 403),
        ("/static/out.txt", 403),
        ("/static/outside/only.txt", 403),
        ("/static/outside/", 403),
        ("/static/plain/", 403),
        ("/static/odd/", 500),
        ("/static/../secret.txt", 404),
    ],
)
async def test_what_is_not_there_or_not_for_clients(make: Make, url: str, status: int) -> None:
    response = await inject(directory(make), url=url)
    assert response.status_code == status
    assert "secret" not in response.text.replace("secret.txt", "")


async def test_a_folder_without_its_slash_is_redirected(make: Make) -> None:
    response = await inject(directory(make), url="/static/sub")
    assert (response.status_code, response.headers["location"]) == (302, "/static/sub/")
    assert (await inject(directory(make, "redirectToSlash: false"), url="/static/sub")).text == "sub"
    stripped = directory(make, server="{router: {stripTrailingSlash: true}}")
    assert (await inject(stripped, url="/static/sub/")).text == "sub"
    assert (await inject(stripped, url="/static")).text == "top"


async def test_redirections_and_links_are_right_under_a_mount(make: Make) -> None:
    app = Starlette(routes=[Mount("/site", directory(make, "index: false, listing: true"))])
    moved = await inject(app, url="/site/static/sub")
    assert moved.headers["location"] == "/site/static/sub/"
    listed = await inject(app, url="/site/static/sub/")
    assert '<a href="/site/static/sub/b.css">b.css</a>' in listed.text
    assert '<a href="/site/static/">Parent Directory</a>' in listed.text


@pytest.mark.parametrize("url", ["//evil.example/sub", "/%2Fevil.example", "/%5Cevil.example/.."])
async def test_no_redirection_leads_to_another_host(make: Make, url: str) -> None:
    app = directory(make, path="/{file*}")
    folder = Path(app.server.compiled.table.folder) / "public"
    (folder / "evil.example" / "sub").mkdir(parents=True)
    (folder / "\\evil.example").mkdir()
    response = await inject(app, url=url)
    assert not str(response.headers.get("location", "/x")).startswith(("//", "/\\", "http"))


@pytest.mark.parametrize(
    ("index", "url", "status", "text"),
    [
        ("true", "/static/sub/", 200, "sub"),
        ("false", "/static/sub/", 403, None),
        ("b.css", "/static/sub/", 200, "b{}"),
        ("[none.html, b.css]", "/static/sub/", 200, "b{}"),
        ("[home.htm, index.html]", "/static/", 200, "home"),
        ("[]", "/static/", 403, None),
    ],
)
async def test_the_index_of_a_folder(make: Make, index: str, url: str, status: int, text: str | None) -> None:
    response = await inject(directory(make, f"index: {index}"), url=url)
    assert response.status_code == status
    assert text is None or response.text == text


async def test_a_listing_is_html_in_which_names_mean_nothing_but_themselves(make: Make) -> None:
    response = await inject(directory(make, "listing: true"), url="/static/plain/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    text = response.text
    assert "<h1>Directory: /static/plain/</h1>" in text
    assert '<a href="/static/">Parent Directory</a>' in text
    assert '<a href="/static/plain/%3C%26%3E%27.txt">&lt;&amp;&gt;&#x27;.txt</a>' in text
    assert '<a href="/static/plain/50%25%20%C3%A9.txt">50% \u00e9.txt</a>' in text
    assert "dot" not in text
    assert text.index("50%") < text.index("c.txt")


async def test_the_links_of_a_listing_lead_to_the_files(make: Make) -> None:
    app = directory(make, "listing: true, index: false")
    for url, links in {"/static/plain/": 3, "/static": 7}.items():
        page = (await inject(app, url=url)).text
        names = [part.partition('"')[0] for part in page.split('<li><a href="')[1:]]
        found = [name for name in names if not name.endswith("/")]
        assert len(found) >= links
        for name in found:
            assert (await inject(app, url=name.replace("&#x27;", "'"))).status_code in (200, 302, 403)


async def test_a_name_that_is_not_utf_8_is_listed_by_its_bytes(make: Make) -> None:
    app = directory(make, "listing: true")
    folder = Path(app.server.compiled.table.folder) / "public" / "plain"
    (folder / b"\xff.txt".decode(errors="surrogateescape")).write_text("x")
    response = await inject(app, url="/static/plain/")
    assert '<a href="/static/plain/%FF.txt">\ufffd.txt</a>' in response.text


async def test_hidden_files_may_be_shown(make: Make) -> None:
    app = directory(make, "showHidden: true, listing: true")
    assert (await inject(app, url="/static/.env")).text == "hidden"
    assert (await inject(app, url="/static/.git/config")).text == "hidden"
    assert ">.dot<" in (await inject(app, url="/static/plain/")).text
    assert (await inject(app, url="/static/..%2Fsecret.txt")).status_code == 403


async def test_an_extension_is_tried_where_there_is_no_such_file(make: Make) -> None:
    app = directory(make, "defaultExtension: html")
    assert (await inject(app, url="/static/about")).text == "about"
    assert (await inject(app, url="/static/about/")).text == "about"
    assert (await inject(app, url="/static/nothing")).status_code == 404
    assert (await inject(app, url="/static/sub/")).text == "sub"


async def test_several_folders_are_tried_in_order(make: Make) -> None:
    app = make('routes: [{method: GET, path: "/{file*}", handler: {directory: {path: [nowhere, public, more]}}}]')
    fill(Path(app.server.compiled.table.folder))
    assert (await inject(app, url="/a.txt")).text == "a"
    assert (await inject(app, url="/only.txt")).text == "only"
    assert (await inject(app, url="/none.txt")).status_code == 404
    assert (await inject(app, url="/..%2Fsecret.txt")).status_code == 403


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def choose(request, h): return request.params['which']", 200),
        ("async def choose(request, h): return ['nowhere', 'more']", 200),
        ("def choose(request, h): return 5", 500),
        ("def choose(request, h): raise boom.NotFound()", 404),
    ],
)
async def test_a_function_may_choose_the_folder(make: Make, code: str, status: int) -> None:
    app = make(
        """
        routes:
          - {method: GET, path: "/{which}/{file*}", handler: {directory: {path: "my:choose"}}}
        """,
        code,
    )
    fill(Path(app.server.compiled.table.folder))
    assert (await inject(app, url="/more/only.txt")).status_code == status


async def test_files_of_a_directory_have_tags_ranges_and_compressed_forms(make: Make) -> None:
    app = directory(make, "lookupCompressed: true, etagMethod: simple, lookupMap: {br: .br}")
    (Path(app.server.compiled.table.folder) / "public" / "a.txt.br").write_bytes(b"compressed")
    response = await inject(app, url="/static/a.txt", headers={"accept-encoding": "br"})
    assert (response.payload, response.headers["content-encoding"]) == (b"compressed", "br")
    assert str(response.headers["etag"]).startswith('"1-')
    assert (await inject(app, url="/static/a.txt", headers={"range": "bytes=0-0"})).status_code == 206


# The kind file


def one(make: Make, options: str, code: str = "") -> Any:
    app = make(f'routes: [{{method: GET, path: "/{{name?}}", handler: {{file: {options}}}}}]', code)
    fill(Path(app.server.compiled.table.folder))
    return app


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("public/a.txt", "a"),
        ("./public/a.txt", "a"),
        ("{path: a.txt, confine: public}", "a"),
        ("{path: ../secret.txt, confine: public}", None),
        ("{path: public/out.txt}", "secret"),
        ("{path: out.txt, confine: public}", None),
        ("{path: out.txt, confine: false}", 404),
        ("{path: public/out.txt, confine: false}", "secret"),
        ("{path: ../../etc/passwd}", None),
        ("{path: public/about.html, start: 1, end: 3}", "bou"),
        ("none.txt", 404),
    ],
)
async def test_a_file_is_the_answer(make: Make, options: str, text: str | int | None) -> None:
    response = await inject(one(make, options))
    if isinstance(text, str):
        assert response.text == text
    else:
        assert response.status_code == (text or 403)


@pytest.mark.parametrize("options", ['"my:choose"', '{path: "my:choose", confine: public}'])
async def test_a_function_may_choose_the_file(make: Make, options: str) -> None:
    app = one(make, options, "def choose(request, h):\n    return request.params['name']\n")
    assert (await inject(app, url="/a.txt")).status_code == (200 if "confine" in options else 404)
    assert (await inject(app, url="/..%2Fsecret.txt")).status_code == 403


async def test_a_file_may_be_offered_under_another_name(make: Make) -> None:
    response = await inject(one(make, "{path: public/a.txt, mode: attachment, filename: b.txt, etagMethod: false}"))
    assert response.headers["content-disposition"] == "attachment; filename=b.txt"
    assert "etag" not in response.headers


@pytest.mark.parametrize(
    ("path", "handler", "code", "place"),
    [
        ("/static", "{directory: {path: public}}", "HA0382", '"/static"'),
        ("/{a}/x", "{directory: {path: public}}", "HA0382", '"/{a}/x"'),
        ("/", "{file: public/}", "HA0383", "public/"),
        ("/", "{file: {path: public/}}", "HA0383", "public/"),
        ("/", "{file: {path: a, filename: b}}", "HA0383", "filename"),
        ("/", "{file: {path: a, start: 5, end: 2}}", "HA0383", "2"),
        ("/", "{file: {filename: b, mode: inline}}", "HA0203", "file"),
        ("/", "{file: {path: a, mode: inlined}}", "HA0202", "inlined"),
        ("/", "{file: {path: a, etagMethode: false}}", "HA0204", "etagMethode"),
        ("/{a*}", "{directory: {path: []}}", "HA0207", "[]"),
        ("/{a*}", "{directory: public}", "HA0201", "public"),
        ("/{a*}", "{directory: {path: a, defaultExtension: .html}}", "HA0205", ".html"),
        ("/", '{file: "my:nothing"}', "HA0401", '"my:nothing"'),
        ("/{a*}", '{directory: {path: "my:nothing"}}', "HA0401", '"my:nothing"'),
    ],
)
def test_what_cannot_work_is_refused_at_its_place(make: Make, path: str, handler: str, code: str, place: str) -> None:
    table = f'routes: [{{method: GET, path: "{path}", handler: {handler}}}]'
    with pytest.raises(TableError) as refused:
        make(table)
    problem = refused.value.problems[0]
    assert (problem.code, problem.mark.line, problem.mark.column) == (code, 1, table.index(place) + 1)
