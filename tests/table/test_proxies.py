"""The kind `proxy` in a table: problems with locations, and unparsed payloads."""

from pathlib import Path

import pytest

from hapiish.table import check

HEAD = "routes:\n- method: [GET, POST]\n  path: '/a/{id}'\n"


def said(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "routes.yaml").write_text(HEAD + text)
    _, problems = check(tmp_path / "routes.yaml")
    return [f"{each.mark.line}:{each.mark.column} {each.code} {each.message}" for each in problems]


WRONG = [
    ("  handler: {proxy: {timeout: 5s}}", ["4:13 HA0398 the proxy has no target"]),
    ("  handler: {proxy: {host: a, uri: 'http://b'}}", ['4:30 HA0398 "uri" and "host" exclude each other']),
    ("  handler: {proxy: {uri: 'http://b', port: 5}}", ['4:38 HA0398 "port" is already part of "uri"']),
    ("  handler: {proxy: {uri: 'ftp://b'}}", ['4:26 HA0205 "uri" must be an address']),
    ("  handler: {proxy: {host: 'a:80'}}", ['4:27 HA0205 "host" must be a hostname']),
    (
        "  handler: {proxy: {uri: 'http://{id}.b/{idd}'}}",
        [
            '4:26 HA0398 "{id}" would let clients choose the target server',
            '4:26 HA0398 the path has no parameter "idd"; did you mean "id"?',
        ],
    ),
    ("  handler: {proxy: {uri: 'http://b/{params.id}'}}", ['4:26 HA0398 the path has no parameter "params.id"']),
    ("  handler: {proxy: {uri: 'http://b/{id'}}", ['4:26 HA0398 "http://b/{id" has a "{" without its counterpart']),
    (
        "  handler: {proxy: {uri: 'http://b/{id*}'}}",
        ['4:26 HA0398 the path has no parameter "id*"; did you mean "id"?'],
    ),
    ("  handler: {proxy: {uri: 'http://b/{{id}}'}}", ["4:26 HA0398 a URI cannot contain braces"]),
    (
        "  handler: {proxy: {uri: 'http://a{path}'}}",
        ['4:26 HA0398 "{path}" would let clients choose the target server'],
    ),
    (
        "  handler: {proxy: {host: a}}\n  options: {payload: {parse: true}}",
        ["5:13 HA0321", "5:30 HA0398 a proxy forwards request bodies unparsed"],
    ),
    ("  handler: {proxy: {mapUri: where}}", ['4:29 HA0205 "mapUri" must be']),
    ("  handler: {proxy: {host: a, agent: x}}", ['4:30 HA0204 unknown option "agent"']),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_is_wrong_with_a_proxy_is_told_at_its_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = said(tmp_path, text)
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start), line


def test_a_proxy_takes_bodies_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(HEAD + "  handler: {proxy: {uri: '{protocol}://{host}:{port}/b{query}'}}")
    table, problems = check(tmp_path / "routes.yaml")
    assert table is not None
    assert problems == []
    payloads = [(route.method, route.options.payload.output, route.options.payload.parse) for route in table.routes]
    assert payloads == [("GET", "data", True), ("POST", "stream", False)]
