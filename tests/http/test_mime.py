"""Media types by extension and by name, and overrides of the table."""

import pytest

from hapiish import TableError
from hapiish.http.content.mime import MimeTypes
from hapiish.options import MimeChange
from hapiish.testing import inject
from tests.http.conftest import Make


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.html", "text/html"),
        ("/x.y/A.HTM", "text/html"),
        ("a.js", "text/javascript"),
        ("a.mjs", "text/javascript"),
        ("a.css", "text/css"),
        ("a.json", "application/json"),
        ("a.js.map", "application/json"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.wasm", "application/wasm"),
        ("a.svg", "image/svg+xml"),
        ("a.webp", "image/webp"),
        ("a.avif", "image/avif"),
        ("a.ico", "image/x-icon"),
        ("a.png", "image/png"),
        ("a.jpeg", "image/jpeg"),
        ("a.woff2", "font/woff2"),
        ("a.md", "text/markdown"),
        ("a.txt", "text/plain"),
        ("a.tar.gz", "application/gzip"),
        ("a.pdf", "application/pdf"),
        ("a.mp4", "video/mp4"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)
def test_a_file_has_the_type_of_its_extension(path: str, name: str) -> None:
    found = MimeTypes().path(path)
    assert found is not None
    assert found.type == name


@pytest.mark.parametrize("path", ["a", "a.", ".profile", "a.unheardof", ""])
def test_a_file_without_a_known_extension_has_none(path: str) -> None:
    assert MimeTypes().path(path) is None


@pytest.mark.parametrize(
    ("content_type", "compressible"),
    [
        ("text/html; charset=utf-8", True),
        ("TEXT/Plain", True),
        ("text/anything-new", True),
        ("application/json", True),
        ("application/vnd.api+json", True),
        ("application/atom+xml", True),
        ("image/svg+xml", True),
        ("text/javascript", True),
        ("application/javascript", True),
        ("application/wasm", True),
        ("application/octet-stream", True),
        ("application/x-www-form-urlencoded", True),
        ("font/ttf", True),
        ("font/woff2", False),
        ("image/png", False),
        ("application/zip", False),
        ("application/gzip", False),
        ("application/pdf", False),
        ("video/mp4", False),
        ("application/x-new", False),
        ("text/event-stream", False),
        ("", False),
    ],
)
def test_what_is_compressible_is_as_hapi_has_it_but_for_event_streams(content_type: str, compressible: bool) -> None:
    assert MimeTypes().type(content_type).compressible is compressible


def test_a_new_type_is_known_by_its_extensions() -> None:
    mime = MimeTypes({"application/x-drawing": MimeChange(extensions=("drw", ".DRX"), compressible=True, source="us")})
    found = mime.path("plan.drx")
    assert found is not None
    assert (found.type, found.compressible, found.source) == ("application/x-drawing", True, "us")
    assert mime.path("plan.drw") == found
    assert mime.type("application/x-drawing; v=1") == found


def test_a_known_type_keeps_what_is_not_changed() -> None:
    mime = MimeTypes({"text/css": MimeChange(compressible=False), "text/event-stream": MimeChange(compressible=True)})
    found = mime.path("a.css")
    assert found is not None
    assert (found.type, found.compressible) == ("text/css", False)
    assert mime.type("text/event-stream").compressible


def test_files_of_a_type_can_be_sent_as_another() -> None:
    found = MimeTypes({"text/javascript": MimeChange(type="application/javascript")}).path("a.js")
    assert found is not None
    assert found.type == "application/javascript"


@pytest.mark.anyio
async def test_the_table_decides_what_is_compressed(make: Make) -> None:
    app = make(
        """
        server:
          mime:
            override:
              application/json: {compressible: false}
              text/event-stream: {compressible: true}
        routes:
          - {method: GET, path: /json, handler: "my:json"}
          - {method: GET, path: /events, handler: "my:events"}
        """,
        """
        async def json(request, h):
            return ["x" * 2000, request.server.mime.type("application/json").compressible]

        async def events(request, h):
            return h.response("data: x\\n\\n" * 500).type("text/event-stream")
        """,
    )
    plain = await inject(app, url="/json", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert plain.json[1] is False
    events = await inject(app, url="/events", headers={"accept-encoding": "gzip"})
    assert events.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("override", "code"),
    [
        ("{text: {}}", "HA0208"),
        ("{text/css: {extensions: css}}", "HA0201"),
        ("{text/css: {compresible: true}}", "HA0204"),
        ("{text/css: {type: css}}", "HA0205"),
    ],
)
def test_a_change_that_means_nothing_is_refused(make: Make, override: str, code: str) -> None:
    with pytest.raises(TableError) as refused:
        make(f"server: {{mime: {{override: {override}}}}}\nroutes: []")
    assert [problem.code for problem in refused.value.problems] == [code]
