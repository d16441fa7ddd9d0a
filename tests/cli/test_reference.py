"""`docs/reference` is generated from the table's schema."""

import re
from pathlib import Path

from hapiish.cli import main
from hapiish.describe import functions, reference
from hapiish.describe.reference import _Reference

FOLDER = Path(__file__).parent.parent.parent / "docs" / "reference"


def headings(text: str) -> set[str]:
    """The anchors of a page; a second one of the same text gets a number."""
    lines = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    found = [re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines]
    return {f"{anchor}-{found[:at].count(anchor)}".removesuffix("-0") for at, anchor in enumerate(found)}


def test_the_reference_in_the_repository_is_the_one_of_the_schema(tmp_path: Path) -> None:
    main(["schema", "--reference", str(tmp_path)])
    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    kept = {file.name: file.read_text() for file in FOLDER.iterdir()}
    assert written == kept, "run: hapiish schema --reference docs/reference"


def test_every_link_of_the_reference_leads_to_a_heading() -> None:
    pages = reference.pages()
    for name, text in pages.items():
        for page, anchor in re.findall(r"\]\(([\w.]*)(?:#([^)]*))?\)", text):
            assert (page or name) in pages, f"{name}: {page}"
            assert not anchor or anchor in headings(pages[page or name]), f"{name}: {page}#{anchor}"


def test_writing_the_reference_removes_pages_of_keys_that_are_gone(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("")
    main(["schema", "--reference", str(tmp_path)])
    assert not (tmp_path / "gone.md").exists()
    assert (tmp_path / "options.md").exists()


def named_functions() -> list[functions.NamedFunction]:
    whole = _Reference()
    whole.write()
    return list(functions.functions(whole.places()))


def test_every_key_that_names_a_function_tells_its_signature() -> None:
    assert [each.path for each in named_functions() if not each.signature] == ["plugins[].plugin"]


def test_every_parameter_of_a_function_is_explained() -> None:
    assert functions.parameters(named_functions()) == set(functions.PARAMETERS)
