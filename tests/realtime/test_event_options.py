"""Every option that an event takes has an effect (event_options.yaml), wherever an event inherits it from."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish import TableError, create_app
from hapiish.declare.option import On
from hapiish.describe.places import rows
from hapiish.table.merging.merge import Layer, merge
from tests.realtime.support import member, serving

HERE = Path(__file__).parent
EXERCISES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "event_options.yaml").read_text())

PLACES = {"event": On.EVENT, "namespace": On.NAMESPACE, "preset": On.EVENT, "server.routes": On.HANDED_DOWN}
"""Where options of events are written, and the mark of the reference that says whether they have an effect there."""

pytestmark = pytest.mark.anyio


async def play(folder: Path, exercise: dict[str, Any], place: str) -> Any:
    """Returns the last acknowledgement of an exercise whose options stand at `place`."""
    shutil.copy(HERE / "event_options_kit.py", folder / "kit.py")
    options, always = exercise["options"], exercise.get("with", {})
    event: dict[str, Any] = {"event": "move", "handler": exercise.get("handler", "kit:echo"), "options": always}
    namespace: dict[str, Any] = {"namespace": "/", "auth": "ann", "events": [event]}
    presets = exercise.get("table", {}).get("presets", {})
    table: dict[str, Any] = {
        "auth": {"schemes": {"all": "kit:Scheme"}, "strategies": {"ann": {"scheme": "all"}}},
        "presets": {**presets, "shared": options} if place == "preset" else presets,
        "server": {"routes": options} if place == "server.routes" else {},
        "sockets": {"namespaces": [namespace]},
    }
    if place == "event":
        event["options"] = merge(Layer(always, ()), Layer(options, ())).value if "use" not in options else options
    elif place == "namespace":
        namespace["options"] = options
    elif place == "preset":
        event["options"] = {**always, "use": ["shared"]}
    (folder / "routes.yaml").write_text(yaml.safe_dump(table))
    async with serving(create_app(folder / "routes.yaml", env={})) as port, member(port) as client:
        await client.send(*['42["move"]'] * (exercise.get("at_once", 1) - 1))
        for _ in range(exercise.get("times", 1)):
            ack = await client.ask("move", exercise.get("data"))
    return ack


def contains(value: Any, expected: Any) -> bool:
    """Returns whether all of `expected` is in `value`."""
    if isinstance(expected, dict) and expected:
        return isinstance(value, dict) and all(contains(value.get(key), inner) for key, inner in expected.items())
    return bool(value == expected)


def cells() -> list[Any]:
    """Returns each option of events with each place that the reference marks or leaves empty."""
    on = {row.path: row.on for row in rows()}
    return [
        pytest.param(option, place, flag in on[option], id=f"{option} {place}")
        for option in EXERCISES
        for place, flag in PLACES.items()
    ]


@pytest.mark.parametrize(("option", "place", "marked"), cells())
async def test_an_option_has_an_effect_where_the_reference_marks_it_and_only_there(
    option: str, place: str, marked: bool, tmp_path: Path
) -> None:
    exercise = EXERCISES[option]
    try:
        ack = await play(tmp_path, exercise, place)
    except TableError:
        if marked:
            raise
    else:
        assert contains(ack, exercise["ack"]) == marked, ack


@pytest.mark.parametrize("option", EXERCISES)
async def test_without_the_option_the_acknowledgement_is_another(option: str, tmp_path: Path) -> None:
    exercise = EXERCISES[option]
    ack = await play(tmp_path, {**exercise, "options": {}}, "event")
    assert not contains(ack, exercise["ack"]), ack


def test_every_option_of_events_has_an_exercise() -> None:
    def related(path: str, option: str) -> bool:
        return path == option or option.startswith(f"{path}.") or path.startswith(f"{option}.")

    paths = [row.path for row in rows() if On.EVENT in row.on]
    assert not [path for path in paths if not any(related(path, option) for option in EXERCISES)]
