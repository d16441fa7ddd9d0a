"""Editors with yaml-language-server complete, explain and check a table by the published schema."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hapiish.cli import main
from tests.language_server import Editor, editor

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "validate": True,
    "hover": True,
    "completion": True,
    "schemaStore": {"enable": False},
    "format": {"enable": False},
}
GOOD = """\
hapiish: 1
routes:
  - method: GET
    path: /users/{id}
    handler: handlers.users:show
    options: {auth: false, tags: [users]}
"""


@pytest.fixture
def schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The schema that `hapiish schema` prints."""
    main(["schema"])
    file = tmp_path / "routes.schema.json"
    file.write_text(capsys.readouterr().out)
    return file


def within(folder: Path, schema: Path, use: Any) -> Any:
    async def run() -> Any:
        async with editor(folder, {**SETTINGS, "schemas": {schema.as_uri(): ["routes*.yaml"]}}) as client:
            return await use(client)

    return asyncio.run(run())


def diagnostics(folder: Path, schema: Path, text: str) -> list[str]:
    async def use(client: Editor) -> list[str]:
        await client.open(folder / "routes.yaml", text)
        return await client.diagnostics()

    found: list[str] = within(folder, schema, use)
    return found


def test_a_good_table_and_the_chat_have_no_diagnostics(tmp_path: Path, schema: Path) -> None:
    assert diagnostics(tmp_path, schema, GOOD) == []
    assert diagnostics(tmp_path, schema, (ROOT / "routes.yaml").read_text().partition("\n")[2]) == []


def test_the_comment_of_the_first_line_names_the_schema(tmp_path: Path, schema: Path) -> None:
    async def use(client: Editor) -> list[str]:
        await client.open(tmp_path / "other.yaml", f"# yaml-language-server: $schema={schema.name}\nroutez: []\n")
        return await client.diagnostics()

    assert within(tmp_path, schema, use) == ["2:1 Property routez is not allowed."]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("routez: []\n", "1:1"),
        ("server: {port: eighty}\n", "1:16"),
        ("routes:\n  - {method: GET, path: /, vhost: not a host, handler: 'h:a'}\n", "2:35"),
        ("routes:\n  - {method: GET, path: /, handler: 'h:a', options: {validat: {}}}\n", "2:54"),
        ("routes:\n  - {method: GET, path: /}\n", "2:5"),
        ("sockets: {namespaces: [{namespace: /, events: [{evnt: a, handler: 'h:a'}]}]}\n", "1:49"),
        ("routes:\n  - method: *\n", "2:13"),
    ],
)
def test_a_mistake_is_marked_at_its_place(tmp_path: Path, schema: Path, text: str, place: str) -> None:
    found = diagnostics(tmp_path, schema, text)
    assert place in [each.split(" ")[0] for each in found], found


def test_keys_and_values_are_completed(tmp_path: Path, schema: Path) -> None:
    async def use(client: Editor) -> tuple[list[str], ...]:
        route = "routes:\n  - method: GET\n    path: /\n    handler: h:a\n"
        return (
            await client.completions(tmp_path / "routes1.yaml", "|"),
            await client.completions(tmp_path / "routes2.yaml", f"{route}    options:\n      |\n"),
            await client.completions(
                tmp_path / "routes3.yaml", f"{route}    options:\n      response:\n        fail|\n"
            ),
            await client.completions(tmp_path / "routes4.yaml", "sockets:\n  transports: [|]\n"),
        )

    top, options, response, transports = within(tmp_path, schema, use)
    assert {"server", "auth", "schemas", "presets", "plugins", "groups", "routes", "sockets"} <= set(top)
    assert {"auth", "validate", "payload", "limit", "pre", "cors", "response"} <= set(options)
    assert "failAction" in response
    assert {"websocket", "polling"} <= set(transports)


def test_a_hover_explains_the_option_and_its_default(tmp_path: Path, schema: Path) -> None:
    async def use(client: Editor) -> tuple[str, ...]:
        return (
            await client.hover(tmp_path / "routes1.yaml", "sockets:\n  ping|Interval: 25s\n"),
            await client.hover(tmp_path / "routes2.yaml", "server:\n  rou|ter: {isCaseSensitive: false}\n"),
        )

    interval, router = within(tmp_path, schema, use)
    assert "The interval of pings to clients" in interval
    assert router


def test_an_editor_accepts_what_check_accepts(tmp_path: Path, schema: Path) -> None:
    """The sample projects without errors have no diagnostics."""
    clean = [
        path.parent / "routes.yaml"
        for path in (ROOT / "tests" / "projects").glob("*/expected.txt")
        if "routes.yaml: valid" in path.read_text()
    ]

    async def use(client: Editor) -> dict[str, list[str]]:
        found = {}
        for number, file in enumerate(clean):
            await client.open(tmp_path / f"routes{number}.yaml", file.read_text())
            found[file.parent.name] = await client.diagnostics()
        return found

    assert len(clean) >= 3
    assert {name: each for name, each in within(tmp_path, schema, use).items() if each} == {}
