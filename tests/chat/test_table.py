"""The chat's table is complete, documented, and the only reference to its handlers and models."""

import re

from hapiish import TableError, table
from hapiish.options import Event, Route
from tests.chat.callers import ROUTES, SECRET

DOCS = (ROUTES.parent / "docs" / "chat.md").read_text()
CHECKED = table.load(ROUTES, {"JWT_SECRET": SECRET})


def test_every_route_and_event_has_an_id_a_description_and_tags() -> None:
    assert CHECKED.sockets is not None
    events = [event for namespace in CHECKED.sockets.namespaces for event in namespace.events]
    entries: list[Route | Event] = [*CHECKED.routes, *events]
    for entry in entries:
        assert entry.id, entry
        assert entry.options.description, entry.id
        assert entry.options.tags, entry.id


def test_the_documentation_for_clients_names_every_route_and_event() -> None:
    assert CHECKED.sockets is not None
    for route in CHECKED.routes:
        assert f"`{route.method} {route.path}" in DOCS, route.id
    for namespace in CHECKED.sockets.namespaces:
        for name in (*(event.event for event in namespace.events), *(emit.event for emit in namespace.emits)):
            assert f"| `{name}` |" in DOCS


def test_the_documentation_names_every_error_code_that_a_handler_gives() -> None:
    sources = "".join(file.read_text() for file in (ROUTES.parent / "handlers").glob("*.py"))
    codes = {part.partition('"')[0] for part in sources.split('code="')[1:]}
    assert len(codes) > 8
    assert [code for code in codes if f"`{code}`" not in DOCS] == []


def test_the_documentation_names_every_background_job() -> None:
    sources = "".join(file.read_text() for file in (ROUTES.parent / "handlers").glob("*.py"))
    jobs = re.findall(r'sweeper\.register\("([^"]+)"', sources)
    assert len(jobs) > 8
    assert [name for name in jobs if f"| `{name}` |" not in DOCS] == []


def test_the_documentation_names_every_variable_of_the_environment() -> None:
    names = set(re.findall(r"\$\{([A-Z_]+)", ROUTES.read_text()))
    assert len(names) > 15
    assert [name for name in names if f"`{name}`" not in DOCS] == []


def test_a_secret_must_be_given_before_anything_is_served() -> None:
    problems = _problems({})
    assert [line for line in problems if "JWT_SECRET" in line]


def _problems(env: dict[str, str]) -> list[str]:
    try:
        table.load(ROUTES, env)
    except TableError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_handlers_reach_models_only_by_their_names_in_the_table() -> None:
    imports = [
        line
        for file in (ROUTES.parent / "handlers").glob("*.py")
        for line in file.read_text().splitlines()
        if line.startswith(("from ", "import "))
    ]
    assert len(imports) > 10
    assert [line for line in imports if "models" in line] == []
