"""Every option that an event takes has an effect (event_options.yaml), wherever an event inherits it from."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish import create_app
from tests.realtime.support import member, serving

HERE = Path(__file__).parent
EXERCISES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "event_options.yaml").read_text())

pytestmark = pytest.mark.anyio


async def play(folder: Path, exercise: dict[str, Any], place: str) -> Any:
    """Returns the last acknowledgement of an exercise whose options stand at `place`."""
    shutil.copy(HERE / "event_options_kit.py", folder / "kit.py")
    options = exercise["options"]
    event: dict[str, Any] = {"event": "move", "handler": exercise.get("handler", "kit:echo")}
    namespace: dict[str, Any] = {"namespace": "/", "auth": "ann", "events": [event]}
    table: dict[str, Any] = {
        "auth": {"schemes": {"all": "kit:Scheme"}, "strategies": {"ann": {"scheme": "all"}}},
        "sockets": {"namespaces": [namespace]},
    }
    if place == "event":
        event["options"] = options
    elif place == "namespace":
        namespace["options"] = options
    elif place == "preset":
        table["presets"] = {"shared": options}
        event["options"] = {"use": ["shared"]}
    else:
        table["server"] = {"routes": options}
    (folder / "routes.yaml").write_text(yaml.safe_dump(table))
    async with serving(create_app(folder / "routes.yaml", env={})) as port, member(port) as client:
        for _ in range(exercise.get("times", 1)):
            ack = await client.ask("move", exercise.get("data"))
    return ack


def contains(value: Any, expected: Any) -> bool:
    """Returns whether all of `expected` is in `value`."""
    if isinstance(expected, dict) and expected:
        return isinstance(value, dict) and all(contains(value.get(key), inner) for key, inner in expected.items())
    return bool(value == expected)


@pytest.mark.parametrize("option", EXERCISES)
async def test_an_option_of_an_event_has_an_effect(option: str, tmp_path: Path) -> None:
    exercise = EXERCISES[option]
    ack = await play(tmp_path, exercise, "event")
    assert contains(ack, exercise["ack"]), ack
