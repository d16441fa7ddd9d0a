"""Each recipe is a project that works as its page says."""

import pytest

from tests.docs.blocks import ALL, Block
from tests.docs.conftest import Play

RECIPES = {page.name.removeprefix("docs/recipes/"): page for page in ALL if page.name.startswith("docs/recipes/")}
PROJECTS = {name: [*page.blocks] for name, page in RECIPES.items() if page.blocks}


@pytest.mark.parametrize("found", PROJECTS.values(), ids=PROJECTS)
def test_a_recipe_works_as_it_says(found: list[Block], play: Play) -> None:
    play(found)


def test_each_recipe_is_one_project() -> None:
    assert [name for name, page in RECIPES.items() if page.run != "page"] == ["README.md"]


def test_each_recipe_shows_commands_with_their_output() -> None:
    silent = [name for name, found in PROJECTS.items() if not any(block.language == "console" for block in found)]
    assert silent == []
