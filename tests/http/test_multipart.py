"""Multipart forms: fields, files, limits, and cleanup of temporary files."""

import asyncio
import gc
import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish import Application, boom
from hapiish.http.body.payload import payload_step
from hapiish.http.body.reader import RequestAborted
from hapiish.http.exchange.request import Request
from hapiish.options import Duration, Multipart, Payload, Size
from hapiish.table.problems import TableError
from hapiish.testing import Injected, inject
from hapiish.types import Message
from tests.http.conftest import Make
from tests.http.support import make_request

TYPE = {"content-type": "multipart/form-data; boundary=X"}
BROKEN = (400, "Invalid multipart payload format")


def part(content: bytes | str, disposition: str, kind: str | None = None) -> bytes:
    head = f"--X\r\nContent-Disposition: form-data; {disposition}\r\n" + (f"Content-Type: {kind}\r\n" if kind else "")
    return head.encode() + b"\r\n" + (content.encode() if isinstance(content, str) else content) + b"\r\n"


FIELD = part("1", 'name="a"')
TEXT = part("hello", 'name="f"; filename="f.txt"', "text/plain")
JSON = part('{"k": 1}', 'name="j"; filename="j.json"', "application/json")
IMAGE = part(b"\x89PNG\xff", 'name="i"; filename="i.png"', "image/png")
END = b"--X--\r\n"


async def took(
    pieces: list[bytes] | bytes, headers: dict[str, str] | None = None, *, leaves: bool = False, **settings: Any
) -> Request:
    parts = [pieces] if isinstance(pieces, bytes) else pieces
    last = len(parts) if leaves else len(parts) - 1
    left: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": at < last} for at, piece in enumerate(parts)
    ]

    async def receive() -> Message:
        return left.pop(0) if left else {"type": "http.disconnect"}

    request = make_request(method="POST", headers={**TYPE, **(headers or {})}, receive=receive)
    settings.setdefault("multipart", Multipart())
    waiting = payload_step(Payload(**settings))(request)
    if waiting is not None:
        await waiting
    return request


def value(pieces: list[bytes] | bytes, **settings: Any) -> Any:
    return asyncio.run(took(pieces, **settings)).payload


def refused(pieces: list[bytes] | bytes, headers: dict[str, str] | None = None, **settings: Any) -> tuple[int, str]:
    with pytest.raises(boom.Boom) as caught:
        asyncio.run(took(pieces, headers, **settings))
    return caught.value.status, caught.value.message


# Values


def test_fields_are_text_and_files_are_what_their_own_type_says() -> None:
    assert value(FIELD + TEXT + JSON + IMAGE + END) == {"a": "1", "f": "hello", "j": {"k": 1}, "i": b"\x89PNG\xff"}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (part("ä", 'name="ü"'), {"ü": "ä"}),
        (part(b"\xe9", 'name="a"', "text/plain; charset=iso-8859-1"), {"a": "é"}),
        (part("é".encode("utf-16"), 'name="a"', 'text/csv; Charset="UTF-16"'), {"a": "é"}),
        (part('"é"'.encode("cp1252"), 'name="a"', "application/json; charset=windows-1252"), {"a": "é"}),
        (part(b"\xe9", 'name="a"; filename="b"', "text/plain; charset=latin1"), {"a": "é"}),
        (part(b"\xe9", 'name="a"; filename="b"', "text/plain"), {"a": b"\xe9"}),
        (part(b"\xe9", 'name="a"; filename="b"', "text/plain; charset=none"), {"a": b"\xe9"}),
        (part("", 'name="a"'), {"a": ""}),
        (part('{"k": 1}', 'name="a"', "application/json"), {"a": {"k": 1}}),
        (part('{"k": 1}', 'name="a"', "application/vnd.x+json; charset=utf-8"), {"a": {"k": 1}}),
        (part("{", 'name="a"', "application/json"), {"a": "{"}),
        (part("1", 'name="a"', "text/plain; charset=utf-8"), {"a": "1"}),
        (part("{", 'name="a"; filename="b"', "application/json"), {"a": b"{"}),
        (part("x=1", 'name="a"; filename="b"', "application/x-www-form-urlencoded"), {"a": {"x": "1"}}),
        (part("x", 'name="a"; filename="b"'), {"a": b"x"}),
        (part("", 'name="a"; filename=""', "application/octet-stream"), {"a": None}),
        (part("", 'name="a"; filename=""', "text/plain"), {"a": ""}),
        (part("1", 'name="a"') + part("2", 'name="a"') + part("3", 'name="a"'), {"a": ["1", "2", "3"]}),
        (part("[1]", 'name="a"', "application/json") * 2, {"a": [[1], [1]]}),
        (part("1", "name=a"), {"a": "1"}),
        (part("1", 'name="__proto__"'), {"__proto__": "1"}),
        (part("--Y\r\n-X--X", 'name="a"'), {"a": "--Y\r\n-X--X"}),
        (b"preamble\r\n" + FIELD, {"a": "1"}),
        (b"\r\n" * 3 + b"a --X\r\n --X\r\n-X\r\n" + FIELD, {"a": "1"}),
        (FIELD + END + b"epilogue", {"a": "1"}),
        (b"", {}),
    ],
)
def test_a_part_becomes_a_value_by_name_and_type(sent: bytes, expected: Any) -> None:
    assert value(sent + END) == expected


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_white_space_behind_a_boundary_is_padding_however_the_body_is_cut(size: int) -> None:
    """RFC 2046 §5.1.1; inside of a part white space is content."""
    content = "a \r\n--Y \t\r\n \r\n-- X \t\r\n"
    form = (FIELD + part(content, 'name="b"') + END).removeprefix(b"--X")
    body = b"hi\r\n--X \t" + form.replace(b"\r\n--X--", b"\r\n--X-- ")
    body = body.replace(b"1\r\n--X\r\n", b"1\r\n--X  \r\n")
    assert value([body[at : at + size] for at in range(0, len(body), size)]) == {"a": "1", "b": content}


def test_annotated_files_come_with_name_and_headers_and_fields_stay_text() -> None:
    assert value(FIELD + JSON + END, multipart=Multipart(output="annotated")) == {
        "a": "1",
        "j": {
            "filename": "j.json",
            "headers": {
                "content-disposition": 'form-data; name="j"; filename="j.json"',
                "content-type": "application/json",
            },
            "payload": {"k": 1},
        },
    }


def test_streamed_files_can_be_read_and_gone_through() -> None:
    async def scene() -> None:
        large = bytes(range(256)) * 4096
        body = FIELD + TEXT + part(large, 'name="l"; filename="l"') + END
        payload = (await took(body, output="stream", max_bytes=Size(2_000_000))).payload
        assert payload["a"] == "1"
        assert payload["f"].filename == "f.txt"
        assert payload["f"].headers["content-type"] == "text/plain"
        assert await payload["f"].read(2) == b"he"
        assert await payload["f"].read() == b"llo"
        assert b"".join([piece async for piece in payload["l"]]) == large

    asyncio.run(scene())


def test_files_on_disk_hold_what_was_sent_until_they_are_cleared(tmp_path: Path) -> None:
    large = bytes(range(256)) * 4096
    body = FIELD + part(large, 'name="l"; filename="../l"', "image/png") + IMAGE + END
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    request = asyncio.run(took(pieces, output="file", uploads=str(tmp_path), max_bytes=Size(2_000_000)))
    payload = request.payload
    assert payload["a"] == "1"
    assert payload["l"]["filename"] == "../l"
    assert payload["l"]["headers"]["content-type"] == "image/png"
    assert payload["l"]["bytes"] == len(large)
    stored = Path(payload["l"]["path"])
    assert stored.parent == tmp_path
    assert stored.read_bytes() == large
    assert stored.stat().st_mode & 0o077 == 0
    assert Path(payload["i"]["path"]).read_bytes() == b"\x89PNG\xff"
    asyncio.run(request.uploads.clear())
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_cleared_goes_with_the_request(tmp_path: Path) -> None:
    request = asyncio.run(took(IMAGE + END, output="file", uploads=str(tmp_path)))
    assert len(list(tmp_path.iterdir())) == 1
    del request
    gc.collect()
    assert list(tmp_path.iterdir()) == []


# What is refused


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (part(b"\xff", 'name="a"'), 400),
        (part(b"\xff", 'name="a"', "application/json"), 400),
        (part("é".encode("latin-1"), 'name="a"', "text/plain; charset=utf-8"), 400),
        (part("a", 'name="a"', "text/plain; charset=klingon"), 415),
        (part("{}", 'name="a"', "application/json; charset=klingon"), 415),
    ],
)
def test_a_field_that_is_not_text_in_its_charset_is_refused(sent: bytes, status: int) -> None:
    assert refused(sent + END)[0] == status


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"nonsense",
        FIELD,
        (FIELD + END)[:-4],
        b"--Y\r\n\r\n\r\n--Y--",
        b"--X\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
        b"--X\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END,
        b'--X\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n' + END,
        b"--X\r\nno header\r\n\r\nx\r\n" + END,
        b"preamble" + FIELD + END,
        part("1", 'name="a"').replace(b'"a"', b'"\xff"') + END,
        part("1", 'name="a"; filename="b"').replace(b'"b"', b'"\xff"') + END,
        b"--X\r\nA: " + b"x" * 100_000 + b"\r\n\r\nx\r\n" + END,
    ],
)
def test_a_broken_form_is_a_bad_request(sent: bytes) -> None:
    assert refused(sent) == BROKEN


def test_a_form_has_no_more_parts_than_allowed() -> None:
    assert value(FIELD * 3 + END, max_parts=3) == {"a": ["1"] * 3}
    assert refused(FIELD * 4 + END, max_parts=3) == BROKEN


def test_multipart_is_for_routes_that_want_it_and_of_one_kind() -> None:
    assert refused(FIELD + END, multipart=None) == (415, "Unsupported Media Type")
    assert refused(FIELD + END, {"content-type": "multipart/mixed; boundary=X"})[0] == 415
    assert refused(FIELD + END, {"content-type": "multipart/form-data"})[0] == 400
    assert refused(FIELD + END, {"content-type": f"multipart/form-data; boundary={'X' * 300}"}) == BROKEN
    assert refused(FIELD + END, allow=("application/json",))[0] == 415
    assert value(FIELD + END, parse=False) == FIELD + END


def test_the_size_is_limited_while_the_form_arrives(tmp_path: Path) -> None:
    never = [TEXT * 10, b"never received"]
    for output in ("data", "stream", "file"):
        settings: Any = {"output": output, "uploads": str(tmp_path), "max_bytes": Size(200)}
        assert refused(never, **settings)[0] == 413
        assert refused(END, {"content-length": "201"}, **settings)[0] == 413
    assert refused(gzip.compress(TEXT * 1000 + END), {"content-encoding": "gzip"}, max_bytes=Size(5000))[0] == 413
    assert list(tmp_path.iterdir()) == []


def test_a_form_may_be_coded() -> None:
    body = gzip.compress(FIELD + END)
    assert asyncio.run(took(body, {"content-encoding": "gzip"})).payload == {"a": "1"}


@pytest.mark.parametrize("output", ["data", "stream", "file"])
def test_nothing_is_left_of_a_form_that_stops_half_way(tmp_path: Path, output: str) -> None:
    settings: Any = {"output": output, "uploads": str(tmp_path)}
    with pytest.raises(RequestAborted):
        asyncio.run(took([IMAGE, IMAGE[:20]], leaves=True, **settings))
    assert refused([IMAGE, IMAGE[:20]], **settings) == BROKEN
    assert list(tmp_path.iterdir()) == []


def test_a_form_that_stalls_is_a_408_and_leaves_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        left: list[Message] = [{"type": "http.request", "body": IMAGE, "more_body": True}]

        async def receive() -> Message:
            if left:
                return left.pop()
            await asyncio.Event().wait()
            raise AssertionError("nothing ever comes")

        request = make_request(method="POST", headers=TYPE, receive=receive)
        settings = Payload(multipart=Multipart(output="file"), uploads=str(tmp_path), timeout=Duration(20))
        waiting = payload_step(settings)(request)
        assert waiting is not None
        with pytest.raises(boom.ClientTimeout):
            await waiting

    asyncio.run(scene())
    assert list(tmp_path.iterdir()) == []


# Round trips

NAMES = st.text(st.characters(min_codepoint=32, exclude_characters='"\\;\x7f', exclude_categories=["Cs"]), min_size=1)


@given(
    fields=st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"])) | st.binary(), max_size=5),
    cuts=st.lists(st.integers(0, 2000), max_size=5),
)
def test_what_a_client_encodes_is_what_the_handler_gets(fields: dict[str, str | bytes], cuts: list[int]) -> None:
    files = [
        (name, (None, content) if isinstance(content, str) else ("name", content, "image/png"))
        for name, content in fields.items()
    ]
    sent = httpx.Request("POST", "http://a/", files=files or None)
    if not files:
        return
    body = sent.read()
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[start:stop] for start, stop in pairwise(edges)]
    request = asyncio.run(took(pieces, {"content-type": sent.headers["content-type"]}))
    assert request.payload == fields


# Through a table


def send(app: Application, body: bytes, **headers: str) -> Injected:
    return asyncio.run(inject(app, method="POST", payload=body, headers={**TYPE, **headers}))


def table(payload: str, rest: str = "") -> str:
    return f"routes:\n- {{method: POST, path: /, handler: 'my:show', options: {{payload: {payload}{rest}}}}}\n"


def test_fields_of_a_form_are_converted_and_a_single_file_may_be_one_of_several(make: Make) -> None:
    schema = "{properties: {a: {type: integer}, f: {type: array}, n: {default: 7}}}"
    app = make(
        table("{multipart: {output: annotated}}", f", validate: {{payload: {schema}}}"),
        "def show(request, h):\n"
        "    p = request.payload\n"
        "    return [p['a'], p['n'], [each['payload'] for each in p['f']], request.orig['payload']['a'], request.mime]",
    )
    assert send(app, FIELD + TEXT + END).json == [1, 7, ["hello"], "1", "multipart/form-data"]
    assert send(app, FIELD + TEXT + TEXT + END).json[2] == ["hello", "hello"]
    assert send(app, part("x", 'name="a"') + END).json["validation"]["keys"] == ["a"]


def test_files_are_judged_by_what_is_known_of_them(make: Make, tmp_path: Path) -> None:
    schema = "{properties: {f: {properties: {bytes: {maximum: 4}}}, i: {contentMediaType: image/png}}}"
    app = make(
        table("{multipart: true, output: file}", f", validate: {{payload: {schema}}}"),
        "def show(request, h):\n    return {'bytes': request.payload['i']['bytes']}",
    )
    assert send(app, IMAGE + END).json == {"bytes": 5}
    assert send(app, TEXT + END).json["validation"]["keys"] == ["f.bytes"]
    for output in ("data", "stream"):
        rest = ", validate: {payload: {properties: {i: {contentMediaType: image/png}, a: {const: 1}}}}"
        app = make(table(f"{{multipart: {{output: {output}}}}}", rest), "async def show(request, h):\n    return 'ok'")
        assert send(app, IMAGE + FIELD + END).text == "ok"
        assert send(app, IMAGE + part("2", 'name="a"') + END).status_code == 400


def test_files_are_removed_after_the_response_unless_they_were_moved(make: Make, tmp_path: Path) -> None:
    code = """
    import os, json

    def show(request, h):
        first, second = request.payload["i"]
        kept = first["path"] + ".kept"
        os.rename(first["path"], kept)
        if request.query.get("fail"):
            raise RuntimeError("after all")
        return [kept, second["path"]]

    async def after(request, h):
        assert os.path.exists(request.payload["i"][1]["path"])
        os.mkdir(os.environ["HAPIISH_TEST_SEEN"])
    """
    seen = tmp_path / "seen"
    app = make(table("{multipart: true, output: file, uploads: .}", ", ext: {onPostResponse: 'my:after'}"), code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HAPIISH_TEST_SEEN", str(seen))
        kept, gone = send(app, IMAGE + IMAGE + END).json
    assert Path(kept).read_bytes() == b"\x89PNG\xff"
    assert not Path(gone).exists()
    assert seen.is_dir()
    assert Path(kept).parent.joinpath("routes.yaml").exists()


def test_files_are_removed_after_a_failure_as_well(make: Make) -> None:
    code = "def show(request, h):\n    raise boom.Conflict(request.payload['i']['path'])"
    app = make(table("{multipart: {output: file}}"), code)
    path = send(app, IMAGE + END).json["message"]
    assert "upload-" in path
    assert not Path(path).exists()


def test_an_uploads_folder_that_is_none_is_refused_when_the_table_is_compiled(make: Make) -> None:
    with pytest.raises(TableError, match=r"routes.yaml:2:3: HA0375 .*nowhere is not a writable folder"):
        make(table("{output: file, uploads: nowhere}"), "def show(request, h):\n    return 1")
