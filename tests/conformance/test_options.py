"""Every option of a hapi route and server (options.yaml) has an exercise, or a documented reason for its absence."""

import ast
import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish import TableError, create_app
from hapiish.describe.places import PLACES, rows
from hapiish.table.form import schema
from hapiish.testing import inject

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OPTIONS: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "options.yaml").read_text())
DIFFERENCES = " ".join((ROOT / "docs" / "differences.md").read_text().split())
WHERE: dict[str, tuple[str | int, ...]] = {"route": ("routes", 0, "options"), "server": ("server",)}

ELSEWHERE = {("server", "cache"): "caches"}
"""Keys at the top of the table."""

ROWS = [
    pytest.param(place, option, shown if isinstance(shown, list) else [shown], id=f"{place} {option}")
    for place, rows in OPTIONS.items()
    for option, shown in rows.items()
]
EXERCISES = [
    pytest.param(exercise, id=f"{place} {option}-{number}")
    for place, rows in OPTIONS.items()
    for option, shown in rows.items()
    for number, exercise in enumerate(shown if isinstance(shown, list) else [shown])
    if not exercise.keys() & {"test", "differs"}
]

INHERITABLE = [
    pytest.param(exercise, id=f"{option}-{number}")
    for option, shown in OPTIONS["route"].items()
    for number, exercise in enumerate(shown if isinstance(shown, list) else [shown])
    if exercise.get("options") and "refused" not in exercise
]
"""The exercises of options that a route may inherit."""


@pytest.mark.anyio
@pytest.mark.parametrize("exercise", EXERCISES)
async def test_an_option_does_what_hapi_says(exercise: dict[str, Any], tmp_path: Path) -> None:
    await play(exercise, tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["group", "server.routes", "preset"])
@pytest.mark.parametrize("exercise", INHERITABLE)
async def test_an_option_of_a_route_does_the_same_wherever_the_reference_marks_it(
    exercise: dict[str, Any], place: str, tmp_path: Path
) -> None:
    if all(PLACES[place] in on for on in places_of(exercise["options"])):
        await play(exercise, tmp_path, place)
    else:
        with pytest.raises(TableError):
            await play(exercise, tmp_path, place)


def places_of(options: dict[str, Any], above: str = "") -> list[Any]:
    """Returns the places that the reference marks for the options of an exercise."""
    on = {row.path: row.on for row in rows()}
    known = {f"{above}{key}": value for key, value in options.items() if f"{above}{key}" in on}
    inner = [each for path, value in known.items() if isinstance(value, dict) for each in places_of(value, f"{path}.")]
    return [*(on[path] for path in known), *inner]


async def play(exercise: dict[str, Any], tmp_path: Path, place: str = "route") -> None:
    """Plays an exercise whose options stand at `place`."""
    shutil.copy(HERE / "options_kit.py", tmp_path / "kit.py")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.txt").write_text("a page")
    method, path = exercise.get("method", "GET"), exercise.get("path", "/")
    route = {"method": method, "path": path, "handler": exercise.get("handler", "kit:echo")}
    table = {
        **exercise.get("table", {}),
        "server": exercise.get("server", {}),
        **placed(route, exercise.get("options", {}), place, exercise.get("server", {})),
    }
    (tmp_path / "routes.yaml").write_text(yaml.safe_dump(table))
    if "refused" in exercise:
        with pytest.raises(TableError) as refused:
            create_app(tmp_path / "routes.yaml", env={})
        assert [problem.code for problem in refused.value.problems] == [exercise["refused"]]
        return
    app = create_app(tmp_path / "routes.yaml", env={})
    response = await inject(app, **{"method": method, "url": exercise.get("url", path), **exercise.get("request", {})})
    said = f"{response.status_code} {response.headers} {response.payload[:500]!r}"
    assert response.status_code == exercise.get("status", 200), said
    for name, value in exercise.get("headers", {}).items():
        found = response.headers.get(name)
        assert re.fullmatch(value, str(found)) if str(value).startswith("^") else found == value, said
    if "text" in exercise:
        assert response.text == exercise["text"], said
    if "json" in exercise:
        assert contains(json.loads(response.payload), exercise["json"]), said


def placed(route: dict[str, Any], options: dict[str, Any], place: str, server: dict[str, Any]) -> dict[str, Any]:
    """Returns the sections of a table with one route that has the options, directly or from `place`."""
    if place == "group":
        return {"groups": [{"options": options, "routes": [route]}]}
    if place == "server.routes":
        return {"server": {**server, "routes": {**server.get("routes", {}), **options}}, "routes": [route]}
    if place == "preset":
        return {"presets": {"shared": options}, "routes": [{**route, "options": {"use": ["shared"]}}]}
    return {"routes": [{**route, "options": options}]}


def contains(value: Any, expected: Any) -> bool:
    """Whether all of `expected` is in `value`."""
    if isinstance(expected, dict) and expected:
        return isinstance(value, dict) and all(contains(value.get(key), inner) for key, inner in expected.items())
    return bool(value == expected)


@pytest.mark.parametrize(("place", "option", "shown"), ROWS)
def test_an_option_of_hapi_is_exercised_or_its_absence_is_explained(
    place: str, option: str, shown: list[dict[str, Any]]
) -> None:
    if "differs" in shown[0]:
        sentence = " ".join(shown[0]["differs"].split())
        assert sentence
        assert sentence in DIFFERENCES
        return
    *parents, last = option.replace("[]", ".0").split(".")
    path = (*WHERE[place], *(int(part) if part == "0" else part for part in parents))
    last = ELSEWHERE.get((place, option), last)
    path = () if (place, option) in ELSEWHERE else path
    known = schema.names_at(path) | (schema.names_at(("routes", 0)) if option in ("handler", "id") else set())
    assert last in known, "the schema of the table does not have it"
    for test in shown:
        if "test" in test:
            file, _, name = test["test"].partition("::")
            assert name in functions(file), f"{file} has no test {name}"
            words = {last, re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", last)}
            assert any(word in (ROOT / file).read_text() for word in words), f"{file} never says {last}"


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_inventory_is_whole() -> None:
    assert len(OPTIONS["route"]) == 87
    assert len(OPTIONS["server"]) == 25


def test_an_id_finds_its_route(tmp_path: Path) -> None:
    shutil.copy(HERE / "options_kit.py", tmp_path / "kit.py")
    (tmp_path / "routes.yaml").write_text('routes: [{method: GET, path: /, id: home, handler: "kit:echo"}]')
    route = create_app(tmp_path / "routes.yaml", env={}).server.lookup("home")
    assert route is not None
    assert route.path == "/"
