"""Checks of a block by itself: a table has no problem, Python has no undefined name, a command has its options."""

import argparse
import ast
import contextlib
import io
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

import yaml

from hapiish import cli
from hapiish.table import check_text
from tests import javascript
from tests.docs.blocks import ROOT, Block

BIN = Path(sys.executable).parent
SECRET = "a secret of at least thirty-two bytes"
SECRETS = ("JWT_SECRET", "COOKIE_PASSWORD", "GOOGLE_ID", "GOOGLE_SECRET", "WEBHOOK_SECRET")
ENV: Mapping[str, str] = {
    **dict.fromkeys(SECRETS, SECRET),
    "REDIS_URL": "",
    "MONGODB_URI": "mongodb://db.example.com/app",
    "REPORTS_KEY_HASH": f"sha256:{'0' * 64}",
}
"""The environment of tables in the documentation."""


def check(block: Block, folder: Path) -> list[str]:
    """Returns the faults of a block; `folder` holds the packages and tables that it may use."""
    if block.foreign is not None:
        return syntax(block)
    if block.not_run is not None:
        return console(block, folder) if block.language == "console" else []
    if block.language not in CHECKS:
        return [f"no check for the language {block.language or '(none)'}; a diagram or an output is `text`"]
    return list(CHECKS[block.language](block, folder))


def syntax(block: Block) -> list[str]:
    """Returns the faults in the syntax of a block of another framework."""
    if block.language == "js":
        return script(block, Path())
    parsers: Mapping[str, Callable[[str], object]] = {"python": ast.parse, "yaml": yaml.safe_load}
    return _raised(partial(parsers[block.language], block.text))


def is_table(block: Block) -> bool:
    """Returns True for a table, and for a part of one."""
    if block.language != "yaml":
        return False
    return block.file is None or Path(block.file).name in ("routes.yaml", "other.yaml") or "routes:" in block.text


def table(block: Block, folder: Path) -> list[str]:
    """Checks a table; a list of routes is one below `routes:`."""
    if not is_table(block):
        return _raised(lambda: list(yaml.safe_load_all(block.text)))
    text = block.text
    if re.match(r"( *#.*\n)* *- ", text):
        text = f"routes:\n{text}"
    found = check_text(text, str(folder / "routes.yaml"), ENV)[1]
    if block.invalid:
        codes = tuple(sorted({each.code for each in found}))
        return [] if codes == tuple(sorted(block.invalid)) else [f"has the problems {codes}, not {block.invalid}"]
    return [str(problem) for problem in found]


def python(block: Block, folder: Path) -> list[str]:
    """Checks Python: it compiles, ruff finds no undefined or unused name, and what it imports of hapiish exists."""
    try:
        tree = ast.parse(block.text)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    lint = [
        str(BIN / "ruff"),
        "check",
        *["--isolated", "--quiet", "--select=F", "--ignore=F841", "--output-format=concise", "-"],
    ]
    found = subprocess.run(lint, input=block.text, capture_output=True, text=True, check=False, cwd=folder)
    return [*found.stdout.splitlines(), *_missing(tree)]


def _missing(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "hapiish":
                    yield from _raised(partial(import_module, alias.name))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hapiish":
            for alias in node.names:
                yield from _raised(partial(_name, str(node.module), alias.name))


def _name(module: str, name: str) -> object:
    return getattr(import_module(module), name)


def console(block: Block, folder: Path) -> list[str]:
    """Checks a transcript: each command of hapiish exists with its options, each script of this repository exists."""
    faults = []
    for command in commands(block.text):
        for words in _calls(command):
            if words[0] == "hapiish" and "…" not in command:
                faults += hapiish(words[1:])
            elif words[0].startswith("scripts/") and not (ROOT / words[0]).exists():
                faults.append(f"no {words[0]}")
    return faults


def hapiish(words: list[str]) -> list[str]:
    """Checks the arguments of a call of `hapiish`, without calling it."""
    name = next((word for word in words if not word.startswith("-")), "")
    if name not in cli.COMMANDS:
        return [] if words in (["--help"], ["--version"]) else [f"no command `hapiish {name}`"]
    parser = argparse.ArgumentParser()
    import_module(f"hapiish.cli.{name}").add_arguments(parser)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser.parse_args(words[words.index(name) + 1 :])
    except SystemExit as end:
        return [said.getvalue().splitlines()[-1]] if end.code else []
    return []


def commands(text: str) -> list[str]:
    """Returns the commands of a transcript: lines that begin with `$ `, with the lines that continue them."""
    return [command for command, _ in exchanges(text)]


def exchanges(text: str) -> list[tuple[str, str]]:
    """Returns the commands of a transcript, each with its output; without prompts, each line is a command."""
    found: list[tuple[str, str]] = []
    has_prompts, is_open = text.startswith("$ "), False
    for line in text.splitlines():
        if is_open:
            found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", "")
        elif line.startswith("$ ") or not has_prompts:
            found.append((line.removeprefix("$ "), ""))
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
            continue
        is_open = _is_open(found[-1][0])
    return [(command, output) for command, output in found if command.strip()]


def _is_open(command: str) -> bool:
    if command.endswith("\\"):
        return True
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return True
    return False


def _calls(command: str) -> Iterator[list[str]]:
    """Yields the words of each simple command, without assignments and substitutions."""
    simple: list[str] = []
    for word in [*shlex.split(command, comments=True), ";"]:
        if word in (";", "&&", "||", "|", "&"):
            while simple and re.match(r"\w+=", simple[0]):
                simple.pop(0)
            if simple:
                yield simple
            simple = []
        else:
            simple.append(word)


def script(block: Block, folder: Path) -> list[str]:
    """Checks the syntax of JavaScript."""
    return _said(["node", "--input-type=module", "--check"], block)


def typescript(block: Block, folder: Path) -> list[str]:
    """Checks the syntax of TypeScript."""
    program = """
        const ts = require("typescript"), text = require("fs").readFileSync(0, "utf8");
        const found = ts.transpileModule(text, { reportDiagnostics: true }).diagnostics;
        for (const each of found) console.error(ts.flattenDiagnosticMessageText(each.messageText, " "));
        process.exit(found.length ? 1 : 0);
    """
    return _said(["node", "-e", program], block, cwd=ROOT / "tests" / "js")


def dockerfile(block: Block, folder: Path) -> list[str]:
    """Checks a Dockerfile as `scripts/check` does."""
    return _said([str(BIN / "hadolint"), "--config", str(ROOT / "deploy" / ".hadolint.yaml"), "-"], block)


def _said(call: list[str], block: Block, cwd: Path | None = None) -> list[str]:
    """Returns the complaints of a program that reads the block."""
    found = subprocess.run(call, input=block.text, capture_output=True, text=True, check=False, cwd=cwd)
    return (found.stdout + found.stderr).splitlines()[:5] if found.returncode else []


def client(block: Block, folder: Path) -> list[str]:
    """Compiles TypeScript beside the files of its project."""
    javascript.install()
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(javascript.FOLDER / "node_modules")
    (folder / "block.ts").write_text(block.text)
    call = [javascript.NODE, "node_modules/typescript/bin/tsc", *javascript.TSC, "block.ts"]
    found = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    return found.stdout.splitlines()


def _raised(function: Callable[[], object]) -> list[str]:
    try:
        function()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    return []


CHECKS: Mapping[str, Callable[[Block, Path], list[str]]] = {
    "yaml": table,
    "python": python,
    "console": console,
    "js": script,
    "ts": client,
    "json": lambda block, _: _raised(lambda: json.loads(block.text)),
    "toml": lambda block, _: _raised(lambda: tomllib.loads(block.text)),
    "text": lambda block, _: [],
    "dockerfile": dockerfile,
    "typescript": typescript,
}
"""The check of each language."""
