"""Limits on table expansion: the problem points at the value that exceeds a limit."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from hapiish.options import Table
from hapiish.table import check
from hapiish.table.merging.extension_order import Hints, arranged
from hapiish.table.problems import Mark, Problem
from hapiish.table.text import budget
from hapiish.table.text.budget import Budget

ROUTE = "routes: [{method: GET, path: /, handler: 'a:b'}]\n"


def judged(folder: Path, text: str, env: Mapping[str, str] | None = None) -> tuple[Table | None, list[Problem]]:
    """What `check` says of a table."""
    (folder / "routes.yaml").write_text(text)
    return check(folder / "routes.yaml", env or {})


def told(problems: list[Problem]) -> list[tuple[str, int, str]]:
    """Code, line and the table's name of each problem."""
    return [(problem.code, problem.mark.line, Path(problem.mark.file).name) for problem in problems]


def presets(levels: int, each: str, leaf: str) -> str:
    """Presets that use three presets each, over so many levels."""
    lines = [f"  p{level}: {each.format(next=f'p{level + 1}')}" for level in range(levels)]
    return "presets:\n" + "\n".join(lines) + f"\n  p{levels}: {leaf}\n"


def use(name: str) -> str:
    """A route that uses a preset."""
    return f"routes: [{{method: GET, path: /, handler: 'a:b', options: {{use: [{name}]}}}}]\n"


@pytest.mark.parametrize("levels", [10, 25, 60])
def test_presets_that_use_three_presets_each_are_laid_once(tmp_path: Path, levels: int) -> None:
    text = "presets:\n"
    for level in range(levels):
        names = ", ".join(f"p{level + 1}_{number}" for number in range(3))
        text += "".join(f"  p{level}_{number}: {{use: [{names}]}}\n" for number in range(3))
    text += "".join(f"  p{levels}_{number}: {{tags: [t{number}], log: {{collect: true}}}}\n" for number in range(3))
    table, problems = judged(tmp_path, text + use("p0_0"))
    assert not problems
    assert table is not None
    assert table.routes[0].options.tags == ("t2",)


def test_a_preset_that_comes_in_twice_adds_its_functions_once_where_it_comes_last(tmp_path: Path) -> None:
    text = """
presets:
  base: {ext: {onPreHandler: "a:base"}}
  left: {use: base, ext: {onPreHandler: "a:left"}}
  right: {use: base, ext: {onPreHandler: "a:right"}}
  both: {use: [left, right]}
"""
    table, problems = judged(tmp_path, text + use("both"))
    assert not problems
    assert table is not None
    assert [ext.method for ext in table.routes[0].options.ext["onPreHandler"]] == ["a:left", "a:base", "a:right"]


def test_presets_with_a_fault_at_the_bottom_are_refused_once(tmp_path: Path) -> None:
    text = presets(25, "{{use: [{next}, {next}, {next}]}}", "{use: nope}") + use("p0")
    _, problems = judged(tmp_path, text)
    assert told(problems) == [("HA0351", 27, "routes.yaml")]


def test_presets_that_double_the_values_they_give_are_refused_where_it_is_too_much(tmp_path: Path) -> None:
    each = "{{params: {{x: {{}}}}, use: [{{{next}: {{x: '${{params.x}}a'}}}}, {{{next}: {{x: '${{params.x}}b'}}}}]}}"
    text = presets(30, each, "{params: {x: {}}, tags: ['${params.x}']}") + use("{p0: {x: y}}")
    table, problems = judged(tmp_path, text)
    assert table is None
    assert [code for code, _, _ in told(problems)] == ["HA0116"]


def test_presets_that_double_a_text_are_refused(tmp_path: Path) -> None:
    each = "{{params: {{x: {{}}}}, use: [{{{next}: {{x: '${{params.x}}${{params.x}}'}}}}]}}"
    text = presets(40, each, "{params: {x: {}}, tags: ['${params.x}']}") + use("{p0: {x: y}}")
    _, problems = judged(tmp_path, text)
    assert [code for code, _, _ in told(problems)] == ["HA0116"]
    assert "16 MB" in problems[0].message


def test_a_long_chain_of_presets_is_refused(tmp_path: Path) -> None:
    _, problems = judged(tmp_path, presets(5000, "{{use: {next}}}", "{}") + use("p0"))
    assert {code for code, _, _ in told(problems)} == {"HA0116"}


def test_tables_that_use_twelve_tables_each_are_refused_at_the_use_that_is_too_many(tmp_path: Path) -> None:
    for level in range(12):
        uses = "".join(
            f"  - {{table: t{level + 1}.yaml, as: a{number}, routes: {{prefix: /x{number}}}}}\n" for number in range(12)
        )
        (tmp_path / f"t{level}.yaml").write_text(f"plugins:\n{uses}")
    (tmp_path / "t12.yaml").write_text(ROUTE)
    _, problems = judged(tmp_path, "plugins: [{table: t0.yaml}]\n")
    assert [problem.code for problem in problems] == ["HA0116"]
    assert "250 tables" in problems[0].message
    assert problems[0].mark.chain


def test_a_diamond_of_tables_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "leaf.yaml").write_text(ROUTE)
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"plugins: [{{table: leaf.yaml, routes: {{prefix: /{name}}}}}]\n")
    table, problems = judged(tmp_path, "plugins: [{table: a.yaml}, {table: b.yaml}]\n")
    assert not problems
    assert table is not None
    assert [route.path for route in table.routes] == ["/a", "/b"]


def test_a_long_line_of_tables_is_refused(tmp_path: Path) -> None:
    for level in range(40):
        (tmp_path / f"t{level}.yaml").write_text(f"plugins: [{{table: t{level + 1}.yaml}}]\n")
    (tmp_path / "t40.yaml").write_text(ROUTE)
    _, problems = judged(tmp_path, "plugins: [{table: t0.yaml}]\n")
    assert told(problems) == [("HA0116", 1, "t15.yaml")]


@pytest.mark.parametrize(
    "given", ["['${params.x}', '${params.x}', '${params.x}']", "'${params.x}${params.x}${params.x}'"]
)
def test_parameters_that_grow_from_table_to_table_are_refused(tmp_path: Path, given: str) -> None:
    default = "[1, 2]" if given.startswith("[") else "abcdefghij"
    for level in range(15):
        (tmp_path / f"t{level}.yaml").write_text(
            f"params: {{x: {{default: {default}}}}}\nplugins: [{{table: t{level + 1}.yaml, with: {{x: {given}}}}}]\n"
        )
    (tmp_path / "t15.yaml").write_text("params: {x: {}}\ninfo: {x-a: '${params.x}'}\n" + ROUTE)
    _, problems = judged(tmp_path, "plugins: [{table: t0.yaml}]\n")
    assert [problem.code for problem in problems] == ["HA0116"]


def test_a_parameter_that_makes_a_table_deeper_than_a_file_may_be_is_refused(tmp_path: Path) -> None:
    deep = "[" * 56 + "]" * 56
    (tmp_path / "inner.yaml").write_text(
        "params: {x: {}}\ninfo: {x-a: [[[[[[[[[[[['${params.x}']]]]]]]]]]]]}\n" + ROUTE
    )
    _, problems = judged(tmp_path, f"plugins: [{{table: inner.yaml, with: {{x: {deep}}}}}]\n")
    assert told(problems) == [("HA0107", 2, "inner.yaml")]


def test_a_variable_that_is_filled_in_too_often_is_refused(tmp_path: Path) -> None:
    values = ", ".join("'${BIG}'" for _ in range(300))
    _, problems = judged(tmp_path, f"info: {{x-a: [{values}]}}\n{ROUTE}", {"BIG": "x" * 100_000})
    assert told(problems) == [("HA0116", 1, "routes.yaml")]


@pytest.mark.parametrize("grouped", [False, True])
def test_methods_and_hosts_that_multiply_are_refused(tmp_path: Path, grouped: bool) -> None:
    hosts = ", ".join(f"h{i}.x" for i in range(2000))
    methods = ", ".join(f"M{i}" for i in range(2000))
    text = f"routes: [{{method: [{methods}], path: /, handler: 'a:b', vhost: [{hosts}]}}]\n"
    if grouped:
        routes = "".join(f"    - {{method: GET, path: /r{i}, handler: 'a:b'}}\n" for i in range(2000))
        text = f"groups:\n - vhost: [{hosts}]\n   routes:\n{routes}"
    _, problems = judged(tmp_path, text)
    assert "HA0116" in [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shutdownTimeout", "9" * 5000),
        ("shutdownTimeout", f"'{'9' * 5000}'"),
        ("shutdownTimeout", f"{'9' * 5000}ms"),
        ("shutdownTimeout", f"{'9' * 14}d"),
        ("shutdownTimeout", "1e400"),
        ("shutdownTimeout", "-1"),
        ("shutdownTimeout", str(10**200)),
        ("routes", f"{{payload: {{maxBytes: {'9' * 5000}GB}}}}"),
        ("routes", f"{{payload: {{maxBytes: {10**30}}}}}"),
        ("routes", f"{{cors: {{maxAge: {'9' * 5000}s}}}}"),
        ("routes", f"{{limit: {'9' * 5000}/second}}"),
        ("routes", f"{{limit: {{max: {10**30}, duration: 1s}}}}"),
        ("routes", f"{{limit: {{max: 1, duration: {'9' * 20}s}}}}"),
    ],
)
def test_a_number_of_any_length_is_a_problem_at_its_place(tmp_path: Path, key: str, value: str) -> None:
    table, problems = judged(tmp_path, f"server: {{{key}: {value}}}\n{ROUTE}")
    assert table is None
    assert problems
    assert all(problem.mark.line == 1 and problem.mark.column > 10 for problem in problems)


@pytest.mark.parametrize("argument", ["9" * 5000, "01", "1e400", f"params.a[{'9' * 5000}]", "\u0661"])
def test_a_number_in_a_call_is_a_problem_at_its_place(tmp_path: Path, argument: str) -> None:
    _, problems = judged(tmp_path, f"routes: [{{method: GET, path: /, handler: 'f({argument})'}}]\n")
    assert told(problems) == [("HA0366", 1, "routes.yaml")]


@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "folder", "missing", "/proc/self/mem", "/proc/self/pagemap"])
def test_only_regular_files_of_some_size_are_read(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    _, problems = judged(tmp_path, f"info: {{title: '${{file:{name}}}'}}\nplugins: [{{table: {name}}}]\n{ROUTE}")
    assert told(problems) == [("HA0123", 1, "routes.yaml"), ("HA0358", 2, "routes.yaml")]
    assert all("cannot be read: " in problem.message for problem in problems)


@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "folder", "missing", "/proc/self/mem"])
def test_the_table_itself_is_a_regular_file(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    table, problems = check(tmp_path / name, {})
    assert table is None
    assert [problem.code for problem in problems] == ["HA0114"]


def test_a_file_that_grows_past_the_bound_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(budget.MOST_BYTES + 1)
    _, problems = judged(tmp_path, f"info: {{title: '${{file:big}}'}}\n{ROUTE}")
    assert problems[0].message.endswith("it is larger than 16 MB")


def test_schemas_that_refer_to_others_twice_over_are_refused_before_anybody_asks_them(tmp_path: Path) -> None:
    names = "".join(
        f"  A{i}: {{allOf: [{{$ref: '#/schemas/A{i + 1}'}}, {{$ref: '#/schemas/A{i + 1}'}}]}}\n" for i in range(40)
    )
    _, problems = judged(tmp_path, f"schemas:\n{names}  A40: {{type: integer}}\n{ROUTE}")
    assert [problem.code for problem in problems] == ["HA0117"]


def test_a_schema_that_asks_itself_about_the_same_value_is_refused(tmp_path: Path) -> None:
    _, problems = judged(tmp_path, f"schemas: {{A: {{allOf: [{{$ref: '#/schemas/A'}}]}}}}\n{ROUTE}")
    assert [problem.code for problem in problems] == ["HA0117"]


def test_a_schema_that_refers_to_itself_for_a_part_of_the_value_is_allowed(tmp_path: Path) -> None:
    tree = "{type: object, properties: {left: {$ref: '#/schemas/Tree'}, right: {$ref: '#/schemas/Tree'}}}"
    _, problems = judged(tmp_path, f"schemas: {{Tree: {tree}}}\n{ROUTE}")
    assert not problems


def test_the_pattern_of_a_parameter_cannot_go_back_and_forth_for_ever(tmp_path: Path) -> None:
    declared = f"{{type: string, pattern: '^(a+)+$', default: {'a' * 50}b}}"
    _, problems = judged(tmp_path, f"params: {{x: {declared}}}\n{ROUTE}")
    assert [problem.code for problem in problems] == ["HA0356"]


def test_references_in_the_declaration_of_a_parameter_are_never_fetched(tmp_path: Path) -> None:
    _, problems = judged(tmp_path, f"params: {{x: {{$ref: 'http://127.0.0.1:9/x', default: 1}}}}\n{ROUTE}")
    assert not problems


@pytest.mark.parametrize(
    "path",
    [
        "/" + "/".join(f"{{a{i}}}" for i in range(10_000)),
        "/" + "-".join(f"{{a{i}}}" for i in range(10_000)),
        "".join(f"/{{a{i}*100}}" for i in range(3)),
        "/x" * 10_000,
    ],
)
def test_a_path_has_a_bounded_number_of_segments_and_parameters(tmp_path: Path, path: str) -> None:
    _, problems = judged(tmp_path, f"routes: [{{method: GET, path: '{path}', handler: 'a:b'}}]\n")
    assert told(problems) == [("HA0301", 1, "routes.yaml")]
    assert "has more than" in problems[0].message
    assert len(problems[0].message) < 150


def test_a_text_that_is_not_yaml_is_looked_at_once(tmp_path: Path) -> None:
    for text in (
        "%" * 100_000,
        'a: "' + "x" * 1_000_000,
        "a: b" + " " * 100_000 + "c: d",
        "a: %" + " " * 100_000 + "b",
    ):
        table, problems = judged(tmp_path, text)
        assert table is None
        assert problems


def test_guesses_end_where_there_are_too_many(tmp_path: Path) -> None:
    known = ", ".join(f"strategy{i}: {{scheme: basic, options: {{validate: 'a:b'}}}}" for i in range(1000))
    routes = "".join(
        f"  - {{method: GET, path: /{i}, handler: 'a:b', options: {{auth: strategi{i}x}}}}\n" for i in range(1000)
    )
    _, problems = judged(tmp_path, f"auth: {{strategies: {{{known}}}}}\nroutes:\n{routes}")
    assert len(problems) == 1000
    assert 0 < sum("did you mean" in problem.message for problem in problems) < 100


def test_extension_functions_are_ordered_in_the_time_that_their_hints_take() -> None:
    hints = [Hints(f"p{i}", before=(f"p{i + 1}",)) for i in range(20_000)]
    assert arranged(list(reversed(range(20_000))), lambda i: hints[i]) == tuple(range(20_000))


def test_a_budget_says_where_it_is_spent() -> None:
    spent = Budget()
    with pytest.raises(budget.OverspentError):
        spent.make(budget.MOST_VALUES + 1, lambda: Mark("a.yaml", 3, 4))
