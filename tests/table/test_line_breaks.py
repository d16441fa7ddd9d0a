"""A line break at the end of a value, as YAML's `|` leaves it, is a problem where the form of the value is fixed."""

from pathlib import Path

import pytest

from hapiish.table import check

ROUTE = "{method: GET, path: /, handler: HANDLER, options: {OPTION}}"


@pytest.mark.parametrize(
    ("handler", "option", "server", "code"),
    [
        ('"a:b\\n"', "", "", "HA0205"),
        ("a:b", 'timeout: {server: "5s\\n"}', "", "HA0205"),
        ("a:b", 'deprecated: {since: "2026-01-31", link: "/migration\\n"}', "", "HA0205"),
        ("a:b", 'cors: {origin: ["https://a.example\\n"]}', "", "HA0205"),
        ("a:b", "", 'requestId: {header: "x-id\\n"}', "HA0205"),
    ],
)
def test_a_line_break_at_the_end_of_a_value_is_a_problem(
    tmp_path: Path, handler: str, option: str, server: str, code: str
) -> None:
    file = tmp_path / "routes.yaml"
    route = ROUTE.replace("HANDLER", handler).replace("OPTION", option)
    file.write_text(f"server: {{{server}}}\nroutes: [{route}]\n")
    table, problems = check(file, {})
    assert table is None
    assert [problem.code for problem in problems] == [code]


def test_a_line_break_at_the_end_of_a_name_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text('state: {"a\\n": {}}\nroutes: [{method: GET, path: /, handler: "a:b"}]\n')
    table, problems = check(file, {})
    assert table is None
    assert [problem.code for problem in problems] == ["HA0208"]
