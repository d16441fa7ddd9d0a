"""`hapiish new`: writes a project that runs and whose tests pass, from the templates beside this module."""

import argparse
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from hapiish.cli import wheels
from hapiish.cli.refusal import Refusal

TEMPLATES: Final = Path(__file__).parent / "templates"
MAY_BE_THERE: Final = frozenset({".git", ".venv", "venv"})
"""Entries of a folder that is as good as empty."""
_MONGO: Final = frozenset({"admin", "config", "local"})
"""MongoDB's own databases."""
CHAT_ENV: Final = "    env: {JWT_SECRET: the secret of the tests which is no secret}\n"
"""The variables of the chat in CI."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish new`."""
    parser.add_argument("name", help="folder of the project, new or empty; its last part is the name of the project")
    parser.add_argument("--chat", action="store_true", help="a project that uses the chat's table from its package")


def main(options: argparse.Namespace) -> int:
    """Writes the project and prints the next steps; returns 1, and has written nothing, if it cannot."""
    try:
        folder = Path(options.name).absolute()
        files = contents(folder.resolve().name, chat=options.chat)
        write(folder, files)
    except Refusal as error:
        print(f"hapiish: {error}", file=sys.stderr)
        return 1
    print(f"{options.name}: {len(files)} files. Next:\n")
    steps = [
        *([] if folder == Path.cwd() else [(f"cd {options.name}", "")]),
        ("pip install -r requirements-dev.txt", "a local MongoDB and pytest"),
        *([("export JWT_SECRET=$(openssl rand -hex 32)", "signs the tokens")] if options.chat else []),
        ("hapiish run --reload", "serves routes.yaml on http://127.0.0.1:3000"),
        ("hapiish test", "runs the examples of routes.yaml"),
        ("pytest", "runs tests/"),
    ]
    width = max(len(call) for call, _ in steps if len(call) < 50)
    for call, text in steps:
        print(f"    {call:{width}}   # {text}" if text else f"    {call}")
    print("\nREADME.md says more.")
    folder_of_hapiish = wheels.origin()
    if folder_of_hapiish is not None and not any(path.startswith("wheels/hapiish-") for path in files):
        print(f"For the image and CI, unless an index has hapiish: pip wheel --no-deps -w wheels {folder_of_hapiish}")
    return 0


def contents(name: str, *, chat: bool) -> dict[str, bytes]:
    """Returns the files of a project by their paths. Raises Refusal for an impossible name, or without the chat."""
    if not _NAME.fullmatch(name):
        raise Refusal(f'"{name}" is no name for a project: a letter, then letters, digits, - and _, 63 at most')
    plain = name.replace("-", "_").lower()
    database = f"the_{plain}" if plain in _MONGO else plain
    words = {"NAME": name, "DATABASE": database, "VERSION": version("hapiish"), "ENV": CHAT_ENV if chat else ""}
    files = {}
    for part in ("common", "chat" if chat else "bare"):
        for source in sorted((TEMPLATES / part).rglob("*.in")):
            path = source.relative_to(TEMPLATES / part).as_posix()
            files[re.sub(r"(^|/)dot-", r"\1.", path).removesuffix(".in")] = _filled(source, words)
    from hapiish.table.form import schema

    files["routes.schema.json"] = schema.text().encode()
    return files | {f"wheels/{wheel}": content for wheel, content in wheels.needed(chat=chat).items()}


def _filled(source: Path, words: Mapping[str, str]) -> bytes:
    text = source.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text.encode()


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a folder that is new or empty. Raises Refusal; then nothing is left of what it wrote."""
    made: list[Path] = []
    try:
        if folder.exists() and (not folder.is_dir() or {each.name for each in folder.iterdir()} - MAY_BE_THERE):
            raise Refusal(f"{folder} is not an empty folder; nothing was written")
        for path, content in files.items():
            file = folder / path
            for parent in reversed(file.parents):
                if not parent.exists():
                    parent.mkdir()
                    made.append(parent)
            with file.open("xb") as opened:
                made.append(file)
                opened.write(content)
    except BaseException as error:
        for each in reversed(made):
            each.rmdir() if each.is_dir() else each.unlink()
        if isinstance(error, OSError):
            raise Refusal(f"{error.filename or folder} cannot be written: {error.strerror}") from error
        raise
