"""Generates docs/python, the pages of the Python side, from annotations and docstrings:  python -m website.python_pages

A page lists the public attributes, properties and methods of classes, and functions. Attributes without a docstring are
not shown. Everything is read from the source, and nothing is imported.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from website.python_contents import PAGES, ApiPage, Source

ROOT: Final = Path(__file__).resolve().parent.parent
OUT: Final = ROOT / "docs" / "python"


def pages() -> dict[str, str]:
    """Returns the pages by file name, as Markdown."""
    return {"README.md": _index(), **{f"{page.name}.md": "\n".join(_page(page)) for page in PAGES}}


def _index() -> str:
    rows = [f"- [{page.title}]({page.name}.md): {page.text}" for page in PAGES]
    text = "Generated from the annotations and docstrings of hapiish. [Handlers](../handlers.md) is the short form."
    signatures = "The signature of each function that a table can name: [functions](../reference/functions.md)."
    return "\n".join(["# Python", "", text, signatures, "", *rows, ""])


def _page(page: ApiPage) -> Iterator[str]:
    yield f"# {page.title}"
    yield ""
    yield page.text
    yield ""
    for source in page.sources:
        node = _find(source)
        if isinstance(node, ast.ClassDef):
            yield from _class(source, node)
        else:
            yield from _function(source, node, level=2)


@cache
def _module(file: str) -> ast.Module:
    return ast.parse((ROOT / "hapiish" / file).read_text(encoding="utf-8"))


def _find(source: Source) -> ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef:
    for node in _module(source.file).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == source.name:
            return node
    raise LookupError(f"{source.file} has no {source.name}")


def _class(source: Source, node: ast.ClassDef) -> Iterator[str]:
    yield f"## {source.title}" if source.title else f"## `{source.call or source.name}`"
    yield ""
    yield from _paragraphs(source.text or ast.get_docstring(node))
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__" and source.file == "boom.py":
            yield from _signature(source.file, source.name, each)
    rows = [*_attributes(node, source), *_properties(node, source)]
    if rows:
        yield "| attribute | type | meaning |"
        yield "| --- | --- | --- |"
        yield from rows
        yield ""
    for each in node.body:
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and _is_method(each, source):
            yield from _function(source, each, level=3)


def _is_method(node: ast.FunctionDef | ast.AsyncFunctionDef, source: Source) -> bool:
    return not node.name.startswith("_") and node.name not in source.hide and not _is_property(node)


def _is_property(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    names = [ast.unparse(each) for each in node.decorator_list]
    return "property" in names or any(name.endswith(".setter") for name in names)


def _attributes(node: ast.ClassDef, source: Source) -> Iterator[str]:
    """Yields a row for each attribute with a docstring, or for each annotated one of a class of fields."""
    for each, after in zip(node.body, [*node.body[1:], None], strict=True):
        name = _assigned(each)
        if name is None or name.startswith("_") or name in source.hide:
            continue
        text = _literal(after)
        if not text and not source.fields:
            continue
        kind = ast.unparse(each.annotation) if isinstance(each, ast.AnnAssign) else ""
        value = each.value if source.fields and isinstance(each, ast.AnnAssign) else None
        default = f" Default: `{ast.unparse(value)}`." if isinstance(value, ast.Constant) else ""
        yield _row(name, kind, f"{text}{default}")


def _properties(node: ast.ClassDef, source: Source) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and _is_property(each) and each.name not in source.hide:
            if any(ast.unparse(name).endswith(".setter") for name in each.decorator_list) or each.name.startswith("_"):
                continue
            text = re.sub(r"^Returns whether", "Tells whether", ast.get_docstring(each) or "")
            yield _row(each.name, ast.unparse(each.returns) if each.returns else "", text.removeprefix("Returns "))


def _row(name: str, kind: str, text: str) -> str:
    cells = (f"`{name}`", f"`{_plain(kind)}`" if kind else "", " ".join(text.split()))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _function(source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef, *, level: int) -> Iterator[str]:
    name = f"{source.call}.{node.name}" if source.call else node.name
    yield f"{'#' * level} `{name}`"
    yield ""
    yield from _signature(source.file, name, node)
    yield from _paragraphs(ast.get_docstring(node))


def _signature(file: str, name: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yields the call with its parameters; those of over 100 characters stand on a line each."""
    wait = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    returns = _plain(ast.unparse(node.returns)) if node.returns is not None else "None"
    result = f" -> {returns}" if returns != "None" and node.name != "__init__" else ""
    parts = [
        re.sub(r"= ([A-Z_]+)$", lambda found: f"= {_constant(file, found[1])}", each) for each in _parameters(node.args)
    ]
    line = f"{wait}{name}({', '.join(parts)}){result}"
    yield "```text"
    if len(line) <= 100:
        yield line
    else:
        yield f"{wait}{name}("
        yield from (f"    {part}," for part in parts)
        yield f"){result}"
    yield "```"
    yield ""


def _constant(file: str, name: str) -> str:
    """Returns the value of a constant of a module."""
    for node in _module(file).body:
        if isinstance(node, ast.AnnAssign | ast.Assign) and _assigned(node) == name and node.value is not None:
            return ast.unparse(node.value)
    return name


def _assigned(node: ast.stmt) -> str | None:
    """Returns the name that a statement declares or sets, if it is one name."""
    targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _parameters(args: ast.arguments) -> Iterator[str]:
    given = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(given) - len(args.defaults)) + list(args.defaults)
    for each, default in zip(given, defaults, strict=True):
        if each.arg not in ("self", "cls"):
            yield _parameter(each, default)
    if args.vararg is not None:
        yield f"*{_parameter(args.vararg, None)}"
    elif args.kwonlyargs:
        yield "*"
    for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _parameter(each, default)
    if args.kwarg is not None:
        yield f"**{_parameter(args.kwarg, None)}"


def _parameter(node: ast.arg, default: ast.expr | None) -> str:
    kind = _plain(ast.unparse(node.annotation)) if node.annotation is not None else ""
    annotation = f": {kind}" if kind and kind != "Any" else ""
    if default is None:
        return f"{node.arg}{annotation}"
    return f"{node.arg}{annotation} = {ast.unparse(default)}" if annotation else f"{node.arg}={ast.unparse(default)}"


def _plain(kind: str) -> str:
    """Returns an annotation in words that a reader knows."""
    kind = kind.strip("'\"")
    kind = re.sub(r"\bValue\b|\bJson\b", "Any", kind).replace("'", "")
    return re.sub(r"\bTo\b", "str | Sequence[str] | None", kind)


def _literal(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return inspect.cleandoc(node.value.value)
    return ""


def _paragraphs(text: str | None) -> Iterator[str]:
    """Yields the paragraphs of a docstring; an indented part is code."""
    for part in re.split(r"\n\n+", text or ""):
        if part.startswith("    "):
            yield "```text"
            yield inspect.cleandoc(part)
            yield "```"
            yield ""
        elif part:
            yield part
            yield ""


def main() -> int:
    """Writes the pages."""
    OUT.mkdir(exist_ok=True)
    for file in OUT.glob("*.md"):
        file.unlink()
    for name, text in pages().items():
        (OUT / name).write_text(text.rstrip() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
