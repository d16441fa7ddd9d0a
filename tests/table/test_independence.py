"""Checks are independent: in any order, and each alone, they find the same problems."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.table.checks import CHECKS
from hapiish.table.compose.composition import Composition
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem

PROJECTS = sorted(
    file
    for file in Path(__file__).parent.parent.glob("projects/*/routes.yaml")
    if file.parent.name != "unreadable-yaml"  # which has no draft
)

USED = """
presets: {own: {validate: {query: {type: strng}}}}
sockets: {namespaces: [{namespace: /u, events: [{event: a, id: event, handler: "their:a"}]}]}
routes:
  - {method: GET, path: /a, id: a, handler: "their:a", options: {use: own}}
  - {method: GET, path: /b, id: b, handler: "their:a"}
"""
WRONG = """
server: {routes: {cors: {origin: ["*"], credentials: true}, use: [missing]}}
auth: {strategies: {s: {scheme: nowhere}}, default: gone}
params: {p: {type: strng}}
presets:
  lonely: {use: filled, validate: {query: {default: 3}}}
  filled:
    params: {kind: {type: string}}
    validate: {payload: {$ref: "#/schemas/${params.kind}"}}
  round: {use: trip}
  trip: {use: round}
  asks: {params: {n: {type: integer}}, payload: {maxBytes: "${params.n}"}}
schemas: {Thing: {type: object, properties: {a: {$ref: "#/schemas/Nothing"}}, default: 7}}
state: {sid: {isSameSite: None, isSecure: false}}
caches: [{name: c, provider: memory}, {name: c, provider: memory}]
methods: {m: {method: "my:m", cache: {cache: gone, expiresIn: 1m, generateTimeout: false}}}
plugins:
  - table: used.yaml
    as: used
    override:
      a: {options: {use: [{filled: {kind: Thing}}]}}
      b: false
      event: {options: {cors: true}}
      nothing: {handler: "my:f"}
  - {table: used.yaml, as: used, routes: {prefix: /{bad}
sockets:
  namespaces:
    - namespace: /
      events: [{event: connect, handler: "my:f"}, {event: x, handler: "my:f"}, {event: x, handler: "my:f"}]
    - {namespace: /u}
groups:
  - prefix: /g
    options: {use: round}
    routes: [{method: [GET, POST], path: "/{a}/{a}", handler: "my:f", options: {use: [{asks: {n: text}}]}}]
routes:
  - {method: GET, path: /x, handler: "my:f", options: {payload: {maxBytes: 1KB}, auth: {scope: ["{unknown}"]}}}
  - {method: GET, path: /x, handler: "my:f", options: {limit: {max: 0, duration: 1s}, validate: {params: true}}}
  - {method: HEAD, path: /h, handler: "m.x(params.id)"}
  - {method: GET, path: /y, handler: {proxy: {}}, options: {response: {status: {204: {type: object}}}}}
  - {method: POST, path: /z, handler: {directory: {path: .}}, options: {use: [filled]}}
"""


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "used.yaml").write_text(USED)
    (folder / "routes.yaml").write_text(WRONG.replace("routes: {prefix: /{bad}\n", "routes: {prefix: /v}}\n"))
    return folder / "routes.yaml"


def draft(file: Path) -> Draft:
    whole = Composition({"DATABASE": "x"}, None)
    whole.read(file.read_text(), str(file))
    return Draft(whole)


def found(file: Path, order: list[int]) -> list[set[Problem]]:
    """The problems of each check, called in this order on one draft."""
    shared = draft(file)
    problems: dict[int, set[Problem]] = {number: set(CHECKS[number](shared)) for number in order}
    return [problems[number] for number in range(len(CHECKS))]


ALL = [*range(len(CHECKS))]


def test_the_wrong_table_has_problems_of_many_checks(wrong: Path) -> None:
    assert sum(bool(problems) for problems in found(wrong, ALL)) > 15


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(ALL))
def test_checks_in_any_order_find_the_same_problems(wrong: Path, order: list[int]) -> None:
    assert found(wrong, order) == found(wrong, ALL)


def test_each_check_alone_finds_the_same_problems(wrong: Path) -> None:
    assert [set(check(draft(wrong))) for check in CHECKS] == found(wrong, ALL[::-1])


@pytest.mark.parametrize("file", PROJECTS, ids=lambda file: file.parent.name)
def test_the_checks_of_projects_find_the_same_problems_in_any_order(file: Path) -> None:
    shuffled = random.Random(8).sample(ALL, len(ALL))
    assert found(file, ALL) == found(file, ALL[::-1]) == found(file, shuffled)
