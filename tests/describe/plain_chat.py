"""The chat's table without its own form of errors, for tests of what the framework says of errors."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
OWN_ERRORS = '    response: {errors: "handlers.errors:body"}\n'


def plain_chat(folder: Path) -> Path:
    """Writes the table and returns its path."""
    text = (ROOT / "routes.yaml").read_text()
    assert OWN_ERRORS in text
    (folder / "routes.yaml").write_text(text.replace(OWN_ERRORS, ""))
    return folder / "routes.yaml"
