"""The plugin of pytest: `hapiish_app`, `inject` and `events`, on a scratch database (docs/testing.md).

    async def test_a_user_has_a_name(inject):                       def test_a_user_has_a_name(inject):
        response = await inject("/users/1", credentials={})             response = inject("/users/1", credentials={})
        assert response.json["name"] == "Ann"                           assert response.json["name"] == "Ann"

pytest loads this module in every project of the environment, so it imports nothing that only its users need.
"""

import asyncio
import inspect
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hapiish import Application
    from hapiish.testing.bench import Bench
    from hapiish.testing.failures import Failures
    from hapiish.testing.fixtures import EventClients, Inject

_FAILURES: pytest.StashKey["Failures"] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the settings of the plugin."""
    parser.addini("hapiish_table", "the table of hapiish_app, relative to rootdir", default="routes.yaml")
    parser.addini("hapiish_env", "lines NAME=value: variables for ${NAME} of the table", type="linelist", default=[])
    parser.addini(
        "hapiish_database",
        "the URI of a MongoDB with a scratch database; by default a local MongoDB is started",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker of the plugin."""
    config.addinivalue_line("markers", "hapiish_table(path): the table of hapiish_app in these tests")


@pytest.fixture(scope="session")
def hapiish_bench(request: pytest.FixtureRequest) -> Iterator["Bench"]:
    """The event loop and the scratch database of this process, which the applications of its tests use."""
    from hapiish.testing.bench import Bench

    config, worker = request.config, os.environ.get("PYTEST_XDIST_WORKER", "")
    database = os.environ.get("HAPIISH_TEST_DATABASE") or config.getini("hapiish_database")
    folder = config.rootpath / ".hapiish" / "tests"
    with Bench(folder, database=database, suffix=f"_{worker}" if worker else "") as bench:
        yield bench


@pytest.fixture
def hapiish_table(request: pytest.FixtureRequest) -> str | os.PathLike[str]:
    """The file of the table: of the marker `hapiish_table`, else of the setting; override it for another."""
    marker = request.node.get_closest_marker("hapiish_table")
    return Path(request.config.rootpath, marker.args[0] if marker else request.config.getini("hapiish_table"))


@pytest.fixture
def hapiish_env(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The variables of the table: those of the process, and those of the setting; override it for others."""
    lines: list[str] = request.config.getini("hapiish_env")
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    return {**os.environ, **given}


@pytest.fixture
def hapiish_open(hapiish_bench: "Bench", request: pytest.FixtureRequest) -> Iterator[Callable[..., "Application"]]:
    """Opens applications by hand: `hapiish_open(file, env=None)`. All applications of a test share its database."""
    from hapiish.store.connection import StoreError
    from hapiish.store.local import LocalError
    from hapiish.table.problems import TableError
    from hapiish.testing.failures import Failures
    from hapiish.testing.scratch import ScratchError

    opened: list[Application] = []

    def open_(file: str | os.PathLike[str], env: Mapping[str, str] | None = None) -> "Application":
        try:
            opened.append(hapiish_bench.open(file, env))
        except (LocalError, ScratchError, StoreError, TableError) as error:  # whose messages say all
            reason = f"hapiish: {error}"
        else:
            return opened[-1]
        pytest.fail(reason, pytrace=False)  # outside of `except`, or the report would show the causes too

    with Failures() as failures:
        request.node.stash[_FAILURES] = failures
        yield open_
        for app in reversed(opened):
            hapiish_bench.close(app)


@pytest.fixture
def hapiish_app(
    hapiish_open: Callable[..., "Application"],
    hapiish_table: str | os.PathLike[str],
    hapiish_env: Mapping[str, str],
) -> "Application":
    """The application of the table, started for this test, on an empty database with its indexes."""
    return hapiish_open(hapiish_table, hapiish_env)


@pytest.fixture
def inject(hapiish_app: "Application", hapiish_bench: "Bench") -> "Inject":
    """Sends requests to `hapiish_app` without a network, as `hapiish.testing.fixtures.Inject` documents."""
    from hapiish.testing.fixtures import Inject

    return Inject(hapiish_app, hapiish_bench.portal)


@pytest.fixture
def events(hapiish_app: "Application", hapiish_bench: "Bench") -> Iterator["EventClients"]:
    """Connects Socket.IO clients to `hapiish_app` without a network, and disconnects them after the test."""
    from hapiish.testing.fixtures import EventClients

    sockets = EventClients(hapiish_app, hapiish_bench.portal)
    yield sockets
    hapiish_bench.portal.run(sockets.close())


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs `async def` tests that use `hapiish_app`, unless another plugin runs them."""
    function = pyfuncitem.obj
    if "hapiish_bench" not in pyfuncitem.fixturenames or not inspect.iscoroutinefunction(function):
        return None
    names = inspect.signature(function).parameters
    asyncio.run(function(**{name: value for name, value in pyfuncitem.funcargs.items() if name in names}))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the errors of handlers, which responses never contain, to the report of a failed test."""
    report = yield
    failures = item.stash.get(_FAILURES, None)
    if failures is not None and report.failed:
        report.sections += failures.take()
    return report
