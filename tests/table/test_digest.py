"""The hash of a table, and the differences between two tables."""

from pathlib import Path

import pytest

from hapiish.options import Table
from hapiish.table import load
from hapiish.table.digest import differences, table_hash

TABLE = """
server: {port: "${PORT:3000}", shutdownTimeout: 10s}
auth:
  schemes: {badge: "my:scheme"}
  strategies: {one: {scheme: badge, options: {keys: "${SECRET:?}", more: ["Bearer ${SECRET}"]}}}
  default: one
schemas: {Name: {type: string}}
presets: {tagged: {params: {tag: {type: string}}, tags: ["${params.tag}"]}}
routes:
  - {method: GET, path: /one, handler: "my:one", options: {auth: false, use: [{tagged: {tag: "of ${SECRET}"}}]}}
  - {method: [GET, POST], path: /two, handler: "my:two", options: {description: The second}}
sockets:
  namespaces:
    - namespace: /
      emits: [{event: told, payload: {$ref: "#/schemas/Name"}}, {event: all}]
      events: [{event: look, handler: "my:look"}, {event: say, handler: "my:say"}]
"""

SHUFFLED = """
# the same, in another order and with other words
sockets:
  namespaces:
    - events: [{handler: "my:say", event: say}, {event: look, handler: "my:look"}]
      emits: [{event: all}, {payload: {$ref: "#/schemas/Name"}, event: told}]
groups:
  - prefix: /two
    options: {description: The second}
    routes:
      - {path: /, method: POST, handler: "my:two"}
routes:
  - {path: /two, method: GET, handler: "my:two", options: {description: The second}}
  - {path: /one, handler: "my:one", method: [GET], options: {tags: ["of ${SECRET}"], auth: false}}
schemas: {Name: {type: string}}
auth:
  default: {strategy: one}
  strategies: {one: {options: {more: ["Bearer ${SECRET}"], keys: "${SECRET:?}"}, scheme: badge}}
  schemes: {badge: "my:scheme"}
server: {shutdownTimeout: 10000, port: "${PORT:3000}"}
"""
SECRET = {"SECRET": "the secret of one process"}


def written(folder: Path, text: str, **env: str) -> str:
    return table_hash(load_text(folder, text, **env))


def load_text(folder: Path, text: str, **env: str) -> Table:
    (folder / "routes.yaml").write_text(text)
    return load(folder / "routes.yaml", {**SECRET, **env})


def test_order_and_spelling_do_not_change_the_hash(tmp_path: Path) -> None:
    assert written(tmp_path, TABLE) == written(tmp_path, SHUFFLED)


def test_the_values_of_secrets_and_of_the_address_do_not_change_the_hash(tmp_path: Path) -> None:
    expected = written(tmp_path, TABLE)
    assert written(tmp_path, TABLE, SECRET="another secret", PORT="4000") == expected
    assert written(tmp_path, TABLE.replace("port: ", "host: 0.0.0.0, port: ")) == expected


def test_the_hash_is_the_same_in_every_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert written(tmp_path / "a", TABLE) == written(tmp_path / "b", f"# a line more\n{TABLE}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: /one", "path: /on"),
        ("my:one", "my:other"),
        ("auth: false, ", ""),
        ("type: string}}\npresets", "type: integer}}\npresets"),
        ("${SECRET:?}", "${OTHER:x-y}"),
        ("shutdownTimeout: 10s", "shutdownTimeout: 11s"),
        ("{event: all}", "{event: everybody}"),
        ("{event: look,", "{event: see,"),
        ("of ${SECRET}", "by ${SECRET}"),
        ("namespace: /\n", "namespace: /x\n"),
    ],
)
def test_every_declaration_changes_the_hash(tmp_path: Path, old: str, new: str) -> None:
    assert old in TABLE
    assert written(tmp_path, TABLE) != written(tmp_path, TABLE.replace(old, new))


def test_the_differences_name_what_was_added_removed_and_changed(tmp_path: Path) -> None:
    old = load_text(tmp_path, TABLE)
    changed = (
        TABLE.replace("path: /one", "path: /new")
        .replace("description: The second", "description: Second, validate: {query: false}")
        .replace("{event: all}", "{event: everybody}")
        .replace("shutdownTimeout: 10s", "shutdownTimeout: 11s")
    )
    assert differences(old, load_text(tmp_path, changed)) == [
        "+ GET /new",
        "- GET /one",
        "~ GET /two (description, validate)",
        "~ POST /two (description, validate)",
        "- emit / all",
        "+ emit / everybody",
        "~ server.shutdownTimeout",
    ]


def test_a_new_secret_is_a_difference_without_its_value(tmp_path: Path) -> None:
    old, new = load_text(tmp_path, TABLE), load_text(tmp_path, TABLE, SECRET="another secret")
    assert table_hash(old) == table_hash(new)
    assert differences(old, new) == ["~ GET /one (tags)", "~ auth.strategies.one"]


def test_equal_tables_do_not_differ(tmp_path: Path) -> None:
    assert differences(load_text(tmp_path, TABLE), load_text(tmp_path, f"# a comment\n{TABLE}")) == []


def test_a_variable_that_equals_an_option_of_another_route_changes_no_hash(tmp_path: Path) -> None:
    route = "{{method: GET, path: {}, handler: 'a:b', options: {{cors: {{origin: [{}]}}}}}}"
    routes = ", ".join([route.format("/a", "'https://a.test'"), route.format("/b", "'${ORIGIN}'")])
    (tmp_path / "routes.yaml").write_text(f"routes: [{routes}]")
    origins = ("https://a.test", "https://b.test")
    hashes = {table_hash(load(tmp_path / "routes.yaml", {"ORIGIN": origin})) for origin in origins}
    assert len(hashes) == 1


def test_keys_that_the_server_does_not_read_change_no_hash(tmp_path: Path) -> None:
    plain = written(tmp_path, TABLE)
    for place in ("{method: GET, path: /one, ", "{event: look, ", "{event: told, ", "{scheme: badge, "):
        assert place in TABLE
        assert written(tmp_path, TABLE.replace(place, f"{place}x-owner: team-a, ")) == plain
    assert written(tmp_path, f"x-owner: team-a\n{TABLE}") == plain
