"""The tutorial, the README, the guide and the comparisons work as they say: files, commands and their output."""

from pathlib import Path

import pytest

from tests.docs.blocks import ALL, Block
from tests.docs.conftest import Play
from tests.docs.project import Failed, Project, compare

PROJECTS = {
    f"{page.name}:{name}": found
    for page in ALL
    if page.run and not page.name.startswith("docs/recipes/")
    for name, found in page.projects()
}


@pytest.mark.parametrize("found", PROJECTS.values(), ids=PROJECTS)
def test_a_project_works_as_its_page_says(found: list[Block], play: Play) -> None:
    play(found)


def test_the_tutorial_is_one_project() -> None:
    assert [name for name in PROJECTS if name.startswith("docs/tutorial.md")] == ["docs/tutorial.md:"]


@pytest.mark.parametrize(
    ("expected", "found"),
    [('{"a":1}', '{"a":2}'), ("one\n…\nthree", "one\ntwo"), ("one", "one\ntwo"), ("", "an output of curl")],
)
def test_another_output_than_that_of_the_page_is_a_failure(expected: str, found: str) -> None:
    with pytest.raises(Failed):
        compare("curl http://127.0.0.1:3000/", expected, found, "4000")


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ('{"id":"…"}', '{"id":"5"}\n'),
        ("one\n…\nthree", "one\ntwo\nthree\n"),
        ("on :3000", "on :4000"),
        ("a", "\x1b[1ma\x1b[0m "),
    ],
)
def test_dots_stand_for_any_text_and_ports_for_that_of_the_page(expected: str, found: str) -> None:
    compare("curl http://127.0.0.1:3000/", expected, found, "4000")


def test_a_block_goes_to_its_place_in_a_file(tmp_path: Path) -> None:
    table = "server:\n  routes: {security: true}\nroutes:\n  - {method: GET, path: /}\nsockets:\n  path: /io\n"
    below = Block(
        page="x",
        line=1,
        section="",
        language="text",
        file="t",
        how="below routes:",
        text="# t\n  - {method: GET, path: /b}\n",
    )
    end = Block(
        page="x", line=1, section="", language="text", file="t", how="at the end", text="# t\n  transports: [polling]\n"
    )
    with Project(tmp_path, {}) as project:
        (project.folder / "t").write_text(table)
        project.play(below)
        project.play(end)
        assert (project.folder / "t").read_text() == table.replace(
            "sockets:", "  - {method: GET, path: /b}\nsockets:"
        ) + "  transports: [polling]\n"
