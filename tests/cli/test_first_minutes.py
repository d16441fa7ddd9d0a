"""The first two minutes of a stranger: hapiish's wheel in an empty environment, `new`, `run`, a request, the tests.

No network: the environment sees the dependencies of this one, and pip gets no index.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[2]
PIP = ("install", "--quiet", "--no-index", "--disable-pip-version-check")


class Stranger:
    """An environment with hapiish's wheel, and an empty folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        self.env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MONGODB_URI")}
        self.env |= {"PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "JWT_SECRET": "s" * 32}

    def install(self) -> None:
        """Builds the wheel and installs it; a `.pth` file shows the dependencies, but not the editable hapiish."""
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(self.folder / "dist")]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        venv.create(self.folder / "venv", with_pip=True)
        (site,) = (self.folder / "venv" / "lib").glob("python*/site-packages")
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
        (wheel,) = (self.folder / "dist").glob("hapiish-*.whl")
        self.call(self.folder, "pip", *PIP, str(wheel))

    def call(self, folder: Path, *command: str) -> str:
        """Runs a command of the environment, which must succeed; returns its output."""
        program = [str(self.bin / command[0]), *command[1:]]
        done = subprocess.run(program, cwd=folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, folder: Path) -> Iterator[str]:
        """The address of `hapiish run` in a folder."""
        command = [str(self.bin / "hapiish"), "run", "--port", "0"]
        with subprocess.Popen(command, cwd=folder, env=self.env, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                announced = re.search(r"on (http://\S+)", process.stdout.readline())
                assert announced
                yield announced[1]
            finally:
                process.terminate()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    made = Stranger(tmp_path_factory.mktemp("stranger"))
    made.install()
    return made


def post(url: str, payload: Any) -> tuple[int, Any]:
    request = Request(url, json.dumps(payload).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return answer.status, json.load(answer)


def test_a_new_project_answers_and_its_tests_pass(stranger: Stranger) -> None:
    stranger.call(stranger.folder, "hapiish", "new", "shop")
    shop = stranger.folder / "shop"
    stranger.call(shop, "pip", *PIP, "-r", "requirements-dev.txt")
    assert stranger.call(shop, "hapiish", "check", "--strict", "--import") == "routes.yaml: valid, 5 routes, 0 events\n"
    with stranger.running(shop) as url:
        status, item = post(f"{url}/items", {"name": "tea", "price": 450})
        with urlopen(f"{url}/documentation", timeout=60) as page:
            assert b"app.js" in page.read()
    assert (status, item) == (201, {"id": item["id"], "name": "tea", "price": 450})
    assert stranger.call(shop, "hapiish", "test").splitlines()[-1].startswith("2 passed")
    assert "2 passed" in stranger.call(shop, "python", "-m", "pytest")


def test_the_chat_is_used_from_the_wheel_that_hapiish_carries(stranger: Stranger) -> None:
    stranger.call(stranger.folder, "hapiish", "new", "talk", "--chat")
    talk = stranger.folder / "talk"
    stranger.call(talk, "pip", *PIP, "-r", "requirements-dev.txt")
    assert stranger.call(talk, "hapiish", "check", "--strict", "--import").startswith("routes.yaml: valid, ")
    with stranger.running(talk) as url:
        account = {"fullName": "Ann", "email": "ann@example.org", "password": "a long password"}
        status, signed_in = post(f"{url}/register", account)
    assert (status, signed_in["user"]["fullName"]) == (200, "Ann")
    assert " failed" not in stranger.call(talk, "hapiish", "test", "-k", "friends")
    assert "3 passed" in stranger.call(talk, "python", "-m", "pytest")


def test_a_new_project_carries_the_wheel_that_hapiish_was_installed_from(stranger: Stranger) -> None:
    stranger.call(stranger.folder, "hapiish", "new", "other")
    (wheel,) = (stranger.folder / "other" / "wheels").glob("*.whl")
    (built,) = (stranger.folder / "dist").glob("*.whl")
    assert wheel.read_bytes() == built.read_bytes()
