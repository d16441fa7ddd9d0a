"""The work of a check is linear in the text of the table. A new rule about text is a line of `TEXTS`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hapiish.table import check_text, report
from tests.growth import grows_linearly

ROUTE = 'routes: [{method: GET, path: /, handler: "a:b"}]\n'
OPTIONS = 'routes:\n- {method: GET, path: /x, handler: "a:b", options: {'


def around(before: str, pattern: str, after: str = "\n") -> Callable[[int], str]:
    return lambda size: before + pattern * (size // len(pattern)) + after


def each(line: str, before: str = "") -> Callable[[int], str]:
    return lambda size: before + "".join(line.format(i) for i in range(size // (2 * len(line))))


LONG = 40_000

TEXTS: dict[str, Callable[[int], str]] = {
    **{
        f"{before!r} and {pattern!r}": around(before, pattern, '"' * (before.count('"') % 2) + "\nb: 1\n")
        for before in ("", "a: ", 'a: "', "a: [", "a: {b", "- ", "# ")
        for pattern in ("%", " ", " #", "{", "{a", ": ", "- ", "[", "'", "*", "\t", "\\", "${", "${A}", "\u2028", "a ")
    },
    "a path of braces": around('routes:\n- {method: GET, handler: "a:b", path: "/', "{a", '"}\n'),
    "a path of segments": around('routes:\n- {method: GET, handler: "a:b", path: "', "/a", '"}\n'),
    "a call of commas": around(OPTIONS + 'pre: ["m(', "1,", '1)"]}}\n'),
    "a call of spaces": around(OPTIONS + 'pre: ["m(', " ", '"]}}\n'),
    "a reference": around(OPTIONS + 'validate: {query: {$ref: "#/', "~1", '"}}}}\n'),
    "a scope": around(OPTIONS + 'auth: {scope: ["', "{a", '"]}}}\n'),
    "a limit": around(OPTIONS + 'limit: "', "1", '"}}\n'),
    "an origin": around('server: {routes: {cors: {origin: ["https://', "*.", 'a"]}}}\n' + ROUTE),
    "a pattern": around("schemas: {a: {pattern: '", "(a", "'}}\n" + ROUTE),
    "an unknown key": around(ROUTE, "z", ": 1\n"),
    "a word that is none": around(OPTIONS + "response: {failAction: ", "z", "}}}\n"),
    "unknown keys": each("zzz{0}: 1\n", ROUTE),
    "unknown aliases": each("  - &anchor{0} *anchox{0}\n", ROUTE + "x-a:\n"),
    "unknown schemas": each(
        '- {{method: GET, path: /{0}, handler: "a:b", '
        'options: {{validate: {{query: {{$ref: "#/schemas/S{0}x"}}}}}}}}\n',
        "schemas: {" + ",".join(f"S{i}: {{type: string}}" for i in range(100)) + "}\nroutes:\n",
    ),
    "routes": each('- {{method: GET, path: /r{0}, handler: "a:b"}}\n', "routes:\n"),
    "routes that conflict": each('- {{method: GET, path: "/{{a{0}}}", handler: "a:b"}}\n', "routes:\n"),
    "schemas": each("  S{0}: {{type: string}}\n", ROUTE + "schemas:\n"),
    "defaults in schemas that refer to the next": each(
        '  S{0}: {{properties: {{a: {{type: integer, default: 3}}, b: {{$ref: "#/schemas/S{0}0"}}}}}}\n'
        '  S{0}0: {{properties: {{a: {{type: integer, default: 3}}, b: {{$ref: "#/schemas/S0"}}}}}}\n',
        ROUTE + "schemas:\n",
    ),
    "defaults beside anchors": lambda size: (
        ROUTE
        + "schemas: {A: {$defs: {"
        + ",".join(f"k{i}: {{$anchor: a{i}, type: integer, default: 3}}" for i in range(size // 80))
        + "}, properties: {"
        + ",".join(f"k{i}: {{$ref: '#a{i}'}}" for i in range(size // 80))
        + "}}}\n"
    ),
    "merged keys": each("- {{<<: [*a, *b], c{0}: 1}}\n", ROUTE + "x-a: &a {a: 1}\nx-b: &b {b: 1}\nx-c:\n"),
}


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in TEXTS.items()])
def test_a_text_is_checked_and_reported_in_linear_work(tmp_path: Path, make: Callable[[int], str]) -> None:
    file = tmp_path / "routes.yaml"

    def judge(text: str) -> None:
        file.write_text(text)
        _, problems = check_text(text, str(file), {"A": "1"})
        report.as_text(problems)
        report.as_json(problems)
        report.as_github(problems)

    assert grows_linearly(judge, make, LONG)
