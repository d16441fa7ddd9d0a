"""`load` and `check`: from a path to a table or to all of its problems."""

import gc
import json
from pathlib import Path

import pytest

from hapiish.table import check, check_text, load
from hapiish.table.problems import TableError

ROUTE = "routes: [{method: GET, path: '%s', handler: a:b}]\n"


def test_a_good_file_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTE % "/a", encoding="utf-8-sig")
    table = load(file)
    assert [route.path for route in table.routes] == ["/a"]
    assert (table.file, table.folder, table.files) == (str(file), str(tmp_path), (str(file),))
    assert str(table.routes[0].mark) == f"{file}:1:10"


def test_a_bad_file_is_an_error_with_every_problem_sorted_by_place(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text("nosuch: 1\n" + ROUTE % "a" + "server: {port: x}\nhapiish: 007\n")
    with pytest.raises(TableError) as caught:
        load(file)
    assert [(problem.mark.line, problem.code) for problem in caught.value.problems] == [
        (1, "HA0204"),
        (2, "HA0301"),
        (3, "HA0201"),
        (4, "HA0105"),
    ]
    assert str(caught.value).startswith(f'{file}:1:1: HA0204 unknown option "nosuch"\n')


def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"a: 1\nb: \xff\xfe\n")
    wide = tmp_path / "wide.yaml"
    wide.write_text("a: 1", encoding="utf-16")
    for file, place, message in [
        (tmp_path / "nowhere.yaml", "1:1", "the file cannot be read: No such file or directory"),
        (tmp_path, "1:1", "the file cannot be read: Is a directory"),
        (binary, "2:4", "the file is not UTF-8 text"),
        (wide, "1:1", "the file is not UTF-8 text"),
    ]:
        table, (problem,) = check(file)
        assert table is None
        assert str(problem) == f"{file}:{place}: HA0114 {message}"


def test_the_environment_is_the_process_s_unless_another_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text("server:\n  port: ${HAPIISH_TEST_PORT}\n")
    monkeypatch.setenv("HAPIISH_TEST_PORT", "81")
    assert load(file).server.port == 81
    assert load(file, {"HAPIISH_TEST_PORT": "82"}).server.port == 82
    assert [problem.code for problem in check(file, {})[1]] == ["HA0121"]


def test_warnings_are_reported_and_stop_nothing() -> None:
    text = "routes: [{method: GET, path: '/{a}.{b}', handler: a:b}, {method: GET, path: '/x.{b}', handler: a:b}]"
    table, (warning,) = check_text(text, "f", {})
    assert table is not None
    assert str(warning).startswith("f:1:77: warning: HA0307 ")


def test_no_value_from_the_environment_is_in_any_problem() -> None:
    text = """
auth: {default: "${SECRET}", strategies: {a: {scheme: "${SECRET}"}}}
server: {host: "${SECRET}", port: "${SECRET}", accessLog: "${SECRET}"}
routes:
- {method: GET, path: "/x/${SECRET}/{a}{b}", handler: "${SECRET}", id: "${SECRET}", vhost: "a ${SECRET}"}
- {method: GET, path: "/y", handler: a:b, id: "${SECRET}", options: {auth: {scope: "{${SECRET}.x}"}}}
- {method: GET, path: "/z/${SECRET}", handler: a:b, options: {validate: {params: {$ref: "${SECRET}"}}}}
- {method: POST, path: "/z/${SECRET}", handler: a:b}
- {method: POST, path: "/z/${SECRET}", handler: a:b, options: {validate: {payload: {pattern: "(${SECRET}"}}}}
"""
    _, problems = check_text(text, "f", {"SECRET": "hunter2"})
    assert len(problems) >= 12
    assert "hunter2" not in json.dumps([[p.message, p.hint, [text for _, text in p.related]] for p in problems])


def test_ten_thousand_routes_are_checked_without_looking_at_pairs_of_them() -> None:
    routes = [
        {"method": "GET", "path": f"/a{index}/{{id}}", "handler": "a:b", "id": f"r{index}"} for index in range(10_000)
    ]
    routes[5]["path"] = "/a9999/{key}"
    routes[7]["nosuch"] = "1"
    table, problems = check_text(json.dumps({"routes": routes}), "f", {})
    assert table is None
    assert [problem.code for problem in problems] == ["HA0204", "HA0302"]


def test_checking_leaves_the_collector_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(ROUTE % "/a")
    check(file)
    assert gc.isenabled()
    gc.disable()
    try:
        check(file)
        assert not gc.isenabled()
    finally:
        gc.enable()
