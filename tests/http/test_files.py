"""File responses: path confinement, headers, and closed file handles."""

import asyncio
import gzip
import os
import socket
from collections.abc import Callable
from email.utils import formatdate
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest

from hapiish import boom
from hapiish.http.content import files
from hapiish.http.content.files import Etags, FileBody, FileOptions, open_file
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

BIG = bytes(range(256)) * 4096
THEN = 1_700_000_000
DATE = formatdate(THEN, usegmt=True)


@pytest.fixture
def public(tmp_path: Path) -> Path:
    folder = tmp_path / "files" / "public"
    (folder / "sub").mkdir(parents=True)
    for name, content in {
        "hello.txt": b"hello",
        "page.html": b"<p>",
        "empty.txt": b"",
        "big.bin": BIG,
        "unknown.thing": b"?",
        "sub/inner.css": b"a{}",
        "a b\u00e9.txt": b"b",
        "../secret.txt": b"secret",
    }.items():
        (folder / name).write_bytes(content)
        os.utime(folder / name, (THEN, THEN))
    (folder / "out.txt").symlink_to("../secret.txt")
    (folder / "in.txt").symlink_to("hello.txt")
    (folder / "loop").symlink_to("loop")
    return folder


Ask = Callable[..., Any]


@pytest.fixture
def ask(make: Make, public: Path) -> Ask:
    """Sends a request to a handler that returns `h.file` with a path and options."""

    async def send(
        path: str, options: str = "", headers: dict[str, str] | None = None, method: str = "GET", chain: str = ""
    ) -> Injected:
        table = f"""
            routes:
              - {{method: GET, path: /, handler: "my:handler", options: {{files: {{relativeTo: "{public}"}}}}}}
        """
        app = make(table, f"async def handler(request, h):\n    return h.file({path!r}, {options}){chain}\n")
        return await inject(app, method=method, headers=headers)

    return send


async def test_a_file_is_sent_with_its_type_its_time_and_its_tag(ask: Ask) -> None:
    response = await ask("hello.txt")
    assert (response.status_code, response.payload) == (200, b"hello")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["content-length"] == "5"
    assert response.headers["last-modified"] == DATE
    assert response.headers["etag"] == f'"{sha1(b"hello").hexdigest()}"'
    assert response.headers["accept-ranges"] == "bytes"
    assert "content-disposition" not in response.headers


@pytest.mark.parametrize(
    ("path", "content_type", "content"),
    [
        ("page.html", "text/html; charset=utf-8", b"<p>"),
        ("sub/inner.css", "text/css; charset=utf-8", b"a{}"),
        ("sub/../hello.txt", "text/plain; charset=utf-8", b"hello"),
        ("in.txt", "text/plain; charset=utf-8", b"hello"),
        ("big.bin", "application/octet-stream", BIG),
        ("unknown.thing", "application/octet-stream", b"?"),
    ],
)
async def test_a_path_inside_of_the_folder_is_found(ask: Ask, path: str, content_type: str, content: bytes) -> None:
    response = await ask(path)
    assert (response.headers["content-type"], response.payload) == (content_type, content)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("missing.txt", 404),
        ("hello.txt/x", 404),
        ("nul\0.txt", 404),
        ("x" * 300, 404),
        ("loop", 404),
        ("../secret.txt", 403),
        ("sub/../../secret.txt", 403),
        ("../public-not/x", 403),
        ("/etc/passwd", 403),
        ("out.txt", 403),
        ("sub", 403),
        (".", 403),
    ],
)
async def test_a_path_to_nothing_is_404_and_one_to_elsewhere_403(ask: Ask, path: str, status: int) -> None:
    response = await ask(path)
    assert response.status_code == status
    assert set(response.json) == {"statusCode", "error", "message"}


async def test_confine_moves_the_fence(ask: Ask, public: Path) -> None:
    assert (await ask("inner.css", "confine='sub'")).payload == b"a{}"
    assert (await ask("../hello.txt", "confine='sub'")).status_code == 403
    assert (await ask("../secret.txt", "confine=False")).payload == b"secret"
    assert (await ask(str(public / "hello.txt"))).payload == b"hello"
    assert (await ask(str(public.parent / "secret.txt"), "confine=False")).payload == b"secret"


async def test_pipes_and_sockets_are_no_files(ask: Ask, public: Path, tmp_path: Path) -> None:
    os.mkfifo(public / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(public / "socket"))
    listener.close()
    assert (await ask("pipe")).status_code == 403
    assert (await ask("socket")).status_code == 403


async def test_an_empty_file_is_an_empty_answer(ask: Ask) -> None:
    response = await ask("empty.txt")
    assert (response.status_code, response.payload) == (204, b"")
    assert (await ask("empty.txt", headers={"range": "bytes=0-"})).status_code == 204


@pytest.mark.parametrize(
    ("options", "disposition"),
    [
        ("mode='attachment'", "attachment; filename=hello.txt"),
        ("mode='inline'", "inline; filename=hello.txt"),
        ("mode='attachment', filename='x.txt'", "attachment; filename=x.txt"),
        (
            "mode='attachment', filename='a b\u00e9\".txt'",
            "attachment; filename=a%20b%C3%A9%22.txt; filename*=UTF-8''a%20b%C3%A9%22.txt",
        ),
        ("mode=False", None),
    ],
)
async def test_a_file_may_be_offered_for_download(ask: Ask, options: str, disposition: str | None) -> None:
    assert (await ask("hello.txt", options)).headers.get("content-disposition") == disposition


@pytest.mark.parametrize(
    "options", ["mode='x'", "filename='x'", "start=5, end=4", "start=-1", "etag_method='md5'", "colour=1"]
)
async def test_options_that_mean_nothing_are_the_handlers_fault(ask: Ask, options: str) -> None:
    assert (await ask("hello.txt", options)).status_code == 500


async def test_what_the_handler_sets_stays(ask: Ask) -> None:
    chain = ".code(404).type('text/css').etag('mine').header('last-modified', 'x')"
    response = await ask("hello.txt", "mode='inline'", chain=chain + ".header('content-disposition', 'y')")
    assert (response.status_code, response.payload) == (404, b"hello")
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["etag"] == '"mine"'
    assert (response.headers["last-modified"], response.headers["content-disposition"]) == ("x", "y")


@pytest.mark.parametrize(
    ("method", "tag"),
    [("'simple'", f'"5-{THEN * 1000:x}"'), ("False", None), ("'hash'", f'"{sha1(b"hello").hexdigest()}"')],
)
async def test_the_tag_is_a_hash_the_size_and_time_or_left_out(ask: Ask, method: str, tag: str | None) -> None:
    assert (await ask("hello.txt", f"etag_method={method}")).headers.get("etag") == tag


@pytest.mark.parametrize("path", ["hello.txt", "big.bin"])
async def test_a_client_that_has_the_file_is_told_so(ask: Ask, path: str) -> None:
    first = await ask(path)
    for headers in (
        {"if-none-match": first.headers["etag"]},
        {"if-modified-since": DATE},
        {"if-modified-since": formatdate(THEN + 5, usegmt=True)},
    ):
        response = await ask(path, headers=headers)
        assert (response.status_code, response.payload) == (304, b"")
        assert response.headers["etag"] == first.headers["etag"]
    assert (await ask(path, headers={"if-modified-since": formatdate(THEN - 5, usegmt=True)})).status_code == 200
    assert (await ask(path, headers={"if-match": '"other"'})).status_code == 412


@pytest.mark.parametrize("path", ["hello.txt", "big.bin"])
@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=1-3", slice(1, 4)),
        ("bytes=-2", slice(-2, None)),
        ("bytes=2-", slice(2, None)),
        ("bytes=0-1,2-3", slice(0, 4)),
    ],
)
async def test_a_range_of_a_file(ask: Ask, path: str, asked: str, part: slice) -> None:
    content = BIG if path == "big.bin" else b"hello"
    response = await ask(path, headers={"range": asked})
    assert (response.status_code, response.payload) == (206, content[part])
    assert response.headers["content-length"] == str(len(content[part]))
    assert response.headers["content-range"].endswith(f"/{len(content)}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"range": "bytes=0-0,4-4"}, 200),
        ({"range": "lines=1-2"}, 200),
        ({"range": "bytes=x"}, 200),
        ({"range": "bytes=2000000-"}, 416),
        ({"range": "bytes=0-1", "if-range": '"other"'}, 200),
        ({"range": "bytes=0-1", "if-range": DATE}, 206),
        ({"range": "bytes=0-1", "if-range": formatdate(THEN + 1, usegmt=True)}, 200),
    ],
)
async def test_a_range_that_cannot_be_is_ignored_or_refused(ask: Ask, headers: dict[str, str], status: int) -> None:
    response = await ask("big.bin", headers=headers)
    assert response.status_code == status
    if status == 416:
        assert response.headers["content-range"] == f"bytes */{len(BIG)}"


@pytest.mark.parametrize("path", ["hello.txt", "big.bin"])
async def test_head_says_what_get_would_and_sends_nothing(ask: Ask, path: str) -> None:
    whole, head = await ask(path), await ask(path, method="HEAD")
    assert (head.status_code, head.payload) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize("path", ["hello.txt", "big.bin"])
@pytest.mark.parametrize(
    ("options", "part"),
    [("start=2", slice(2, None)), ("start=1, end=3", slice(1, 4)), ("end=0", slice(0, 1)), ("start=9999999", slice(0))],
)
async def test_a_part_of_a_file_may_be_all_that_is_sent(ask: Ask, path: str, options: str, part: slice) -> None:
    content = BIG if path == "big.bin" else b"hello"
    assert (await ask(path, options)).payload == content[part]


async def test_a_part_has_ranges_of_its_own(ask: Ask) -> None:
    response = await ask("big.bin", "start=10, end=19", {"range": "bytes=2-3"})
    assert (response.payload, response.headers["content-range"]) == (BIG[12:14], "bytes 2-3/10")


@pytest.mark.parametrize("size", [5_000, 500_000])
async def test_a_compressible_file_is_compressed_and_its_tag_names_the_coding(
    ask: Ask, public: Path, size: int
) -> None:
    (public / "long.css").write_bytes(b"x" * size)
    response = await ask("long.css", headers={"accept-encoding": "gzip"})
    assert gzip.decompress(response.payload) == b"x" * size
    assert response.headers["etag"].endswith('-gzip"')
    again = await ask("long.css", headers={"accept-encoding": "gzip", "if-none-match": response.headers["etag"]})
    assert again.status_code == 304


class TestLookup:
    @pytest.fixture(autouse=True)
    def compressed(self, public: Path) -> None:
        (public / "hello.txt.gz").write_bytes(gzip.compress(b"hello"))
        (public / "hello.txt.br").write_bytes(b"brotli")
        (public / "big.bin.gz").write_bytes(gzip.compress(BIG))
        (public / "page.html.gz").symlink_to("../secret.txt")

    @pytest.mark.parametrize("path", ["hello.txt", "big.bin"])
    async def test_a_compressed_file_beside_it_is_sent(self, ask: Ask, path: str) -> None:
        response = await ask(path, "lookup_compressed=True", {"accept-encoding": "gzip"})
        assert gzip.decompress(response.payload) == (BIG if path == "big.bin" else b"hello")
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["content-length"] == str(len(response.payload))
        assert response.headers["vary"] == "accept-encoding"
        assert response.headers["etag"].endswith('-gzip"')
        assert response.headers["last-modified"] == DATE

    async def test_its_type_is_that_of_the_file_itself(self, ask: Ask) -> None:
        response = await ask("hello.txt", "lookup_compressed=True", {"accept-encoding": "gzip"})
        assert response.headers["content-type"] == "text/plain; charset=utf-8"

    @pytest.mark.parametrize(
        ("path", "options", "accept"),
        [
            ("hello.txt", "", "gzip"),
            ("hello.txt", "lookup_compressed=True", "identity"),
            ("hello.txt", "lookup_compressed=True", "br"),
            ("sub/inner.css", "lookup_compressed=True", "gzip"),
            ("page.html", "lookup_compressed=True", "gzip"),
            ("hello.txt", "lookup_compressed=True, start=1", "gzip"),
        ],
    )
    async def test_else_the_file_itself_is_sent(self, ask: Ask, path: str, options: str, accept: str) -> None:
        response = await ask(path, options, {"accept-encoding": accept})
        assert "content-encoding" not in response.headers
        assert response.status_code == 200

    async def test_the_map_says_which_codings_there_are(self, ask: Ask) -> None:
        options = "lookup_compressed=True, lookup_map={'br': '.br', 'gzip': '.gz'}"
        response = await ask("hello.txt", options, {"accept-encoding": "gzip, br"})
        assert (response.headers["content-encoding"], response.payload) == ("br", b"brotli")

    async def test_ranges_are_of_the_compressed_bytes(self, ask: Ask) -> None:
        headers = {"accept-encoding": "gzip", "range": "bytes=0-1"}
        response = await ask("big.bin", "lookup_compressed=True", headers)
        assert (response.status_code, response.payload) == (206, b"\x1f\x8b")


async def test_a_file_may_be_an_error_page(make: Make, public: Path) -> None:
    app = make(
        f"""
        server: {{routes: {{files: {{relativeTo: "{public}"}}}}}}
        ext:
          onPreResponse: "my:page"
        routes:
          - {{method: GET, path: /early, handler: "my:never", options: {{ext: {{onPreAuth: "my:early"}}}}}}
        """,
        """
        def page(request, h):
            if request.response.is_boom:
                return h.file("page.html").code(request.response.status_code)
            return h.continue_

        async def early(request, h):
            return h.file("hello.txt").takeover()

        async def never(request, h):
            raise AssertionError
        """,
    )
    missing = await inject(app, url="/nowhere")
    assert (missing.status_code, missing.text) == (404, "<p>")
    assert (await inject(app, url="/early")).text == "hello"


async def test_relative_to_is_relative_to_the_folder_of_the_table(make: Make) -> None:
    app = make(
        """
        server: {routes: {files: {relativeTo: static}}}
        routes:
          - {method: GET, path: /a, handler: "my:handler"}
          - {method: GET, path: /b, handler: "my:handler", options: {files: {relativeTo: other}}}
        """,
        """
        def handler(request, h):
            return h.file("x.txt")
        """,
    )
    folder = Path(app.server.compiled.table.folder)
    for name in ("static", "other"):
        (folder / name).mkdir()
        (folder / name / "x.txt").write_text(name)
    assert (await inject(app, url="/a")).text == "static"
    assert (await inject(app, url="/b")).text == "other"


# Tags


def test_a_hash_is_made_once_for_each_state_of_a_file(public: Path) -> None:
    etags, options = Etags(10), FileOptions(folder=str(public))
    first = open_file("hello.txt", options, etags)
    etags.put(first.key, "remembered")
    assert open_file("hello.txt", options, etags).tag == "remembered"
    (public / "hello.txt").write_text("other")
    assert open_file("hello.txt", options, etags).tag == sha1(b"other").hexdigest()


def test_only_so_many_tags_are_remembered() -> None:
    etags = Etags(2)
    etags.put("a", "1")
    etags.put("b", "2")
    assert etags.get("a") == "1"
    etags.put("c", "3")
    assert [etags.get(key) for key in "abc"] == ["1", None, "3"]


async def test_requests_that_come_together_wait_for_one_hash(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = []
    hashed = files._hash

    def counted(descriptor: int) -> str:
        readings.append(descriptor)
        return hashed(descriptor)

    monkeypatch.setattr(files, "_hash", counted)
    opened = open_file("big.bin", FileOptions(folder=str(public)), etags := Etags(5))
    tags = await asyncio.gather(*(etags.of(opened.key, opened.descriptor.number) for _ in range(5)))
    assert (set(tags), len(readings)) == ({sha1(BIG).hexdigest()}, 1)
    assert await etags.of(opened.key, opened.descriptor.number) == tags[0]
    assert len(readings) == 1


async def test_a_table_may_do_without_hashes(make: Make, public: Path) -> None:
    app = make(
        f"""
        server: {{files: {{etagsCacheMaxSize: 0}}, routes: {{files: {{relativeTo: "{public}"}}}}}}
        routes: [{{method: GET, path: "/{{name}}", handler: "my:handler"}}]
        """,
        "def handler(request, h):\n    return h.file(request.params['name'])\n",
    )
    assert "etag" not in (await inject(app, url="/hello.txt")).headers
    assert "etag" not in (await inject(app, url="/big.bin")).headers


# What happens to a file while it is sent, and that it is closed


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


async def run(function: Any, *args: Any) -> Any:
    return await asyncio.to_thread(function, *args)


def body_of(path: str, folder: Path) -> FileBody:
    opened = open_file(path, FileOptions(folder=str(folder), etag_method=False), Etags(0))
    return FileBody(opened.descriptor, 0, opened.size, run)


async def test_a_file_that_is_removed_or_replaced_is_sent_as_it_was(public: Path) -> None:
    body = body_of("big.bin", public)
    (public / "new").write_bytes(b"new")
    (public / "new").rename(public / "big.bin")
    assert b"".join([chunk async for chunk in body]) == BIG
    await body.aclose()


async def test_a_file_that_becomes_shorter_breaks_the_answer_off(public: Path) -> None:
    body = body_of("big.bin", public)
    os.truncate(public / "big.bin", 10)
    with pytest.raises(OSError, match="truncated"):
        _ = [chunk async for chunk in body]
    await body.aclose()


async def test_a_file_that_grows_is_sent_as_long_as_it_was(public: Path) -> None:
    body = body_of("big.bin", public)
    with (public / "big.bin").open("ab") as file:
        file.write(b"more")
    assert b"".join([chunk async for chunk in body]) == BIG
    await body.aclose()


async def test_every_file_is_closed_whatever_becomes_of_it(make: Make, public: Path) -> None:
    app = make(
        f"""
        server: {{routes: {{files: {{relativeTo: "{public}"}}}}}}
        routes:
          - {{method: GET, path: /sent, handler: "my:sent"}}
          - {{method: GET, path: /replaced, handler: "my:sent", options: {{ext: {{onPostHandler: "my:other"}}}}}}
          - {{method: GET, path: /failed, handler: "my:sent", options: {{ext: {{onPostHandler: "my:fail"}}}}}}
        """,
        """
        def sent(request, h):
            return h.file("big.bin", lookup_compressed=True)

        def other(request, h):
            return "other"

        def fail(request, h):
            raise boom.Conflict()
        """,
    )
    await inject(app, url="/sent")
    before = descriptors()
    tag = (await inject(app, url="/sent")).headers["etag"]
    assert (await inject(app, url="/sent", method="HEAD")).status_code == 200
    assert (await inject(app, url="/sent", headers={"if-none-match": str(tag)})).status_code == 304
    assert (await inject(app, url="/sent", headers={"range": "bytes=5-9"})).status_code == 206
    assert (await inject(app, url="/sent", headers={"range": "bytes=9999999-"})).status_code == 416
    assert (await inject(app, url="/sent", headers={"accept-encoding": "gzip"})).status_code == 200
    assert (await inject(app, url="/replaced")).text == "other"
    assert (await inject(app, url="/failed")).status_code == 409
    assert descriptors() == before


def test_a_folder_is_told_apart_from_what_is_forbidden(public: Path) -> None:
    options = FileOptions(folder=str(public))
    with pytest.raises(files.IsDirectory):
        open_file("sub", options, Etags(0))
    with pytest.raises(boom.Forbidden):
        open_file("../secret.txt", options, Etags(0))
