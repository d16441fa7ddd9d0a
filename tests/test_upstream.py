"""docs/upstream.md lists the private and undocumented names of libraries that hapiish uses, and only those."""

import ast
import functools
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import mongoengine
import pytest

import hapiish

ROOT = Path(__file__).parent.parent
SECTIONS = {
    heading: [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in body.splitlines() if "| `" in line]
    for heading, _, body in (
        part.partition("\n") for part in (ROOT / "docs" / "upstream.md").read_text().split("\n## ")[1:]
    )
}
PRIVATE = SECTIONS["Private names"]
OBJECTS = SECTIONS["Undocumented objects"]
CLASSES = SECTIONS["Extended classes"]
DOCUMENTED = SECTIONS["Documented extension points"]

UNDOCUMENTED = ("uvicorn.", "engineio.", "socketio.", "mongoengine.base.", "pymongo.common")
"""Modules of libraries whose every import is listed."""

FREE = frozenset({"_replace", "_value_", "_current_frames"})
"""Documented by the standard library."""

DATA = re.compile("_(id|cls|id_|fts|ftsx|default|placeholder|flash|lazyKeys)")
"""Texts that are keys of data."""


class Example(mongoengine.Document):
    """A declared document class, which has more attributes than its base."""


def code(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@functools.cache
def tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


@functools.cache
def modules() -> tuple[str, ...]:
    names = [each.name for each in pkgutil.walk_packages(hapiish.__path__, "hapiish.")]
    return ("hapiish", *(name for name in names if not name.endswith("__main__")))


@functools.cache
def defined(module: str) -> frozenset[str]:
    """Names that a module defines: functions, classes, variables, attributes, parameters, slots, imports."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name, asname=alias) if not is_private(name):
                found.add(alias or name)
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=value):
                found |= {str(each.value) for each in ast.walk(value) if isinstance(each, ast.Constant)}
    return frozenset(found)


def private_uses(module: str) -> Iterator[str]:
    """Yields private names that a module uses and does not define."""
    for node in ast.walk(tree(module)):
        match node:
            case ast.Import(names=names):
                yield from (part for each in names for part in each.name.split(".") if is_private(part))
            case ast.ImportFrom(module=str(source), names=names) if not source.startswith("hapiish"):
                yield from (part for part in source.split(".") if is_private(part))
                yield from (each.name for each in names if is_private(each.name))
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) if is_private(name):
                if name not in defined(module):
                    yield name
            case ast.Constant(value=str(text)) if re.fullmatch(r"_[a-z]\w*", text) and not DATA.fullmatch(text):
                if text not in defined(module):
                    yield text


def resolve(name: str) -> tuple[Any, str]:
    """Returns the object whose attribute the last part of a dotted name is, and that part."""
    *parents, last = name.split(".")
    for length in range(len(parents), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parents[:length]))
        except ImportError:
            continue
        return functools.reduce(getattr, parents[length:], found), last
    raise AssertionError(f"no module of {name}")


def attributes(owner: Any) -> set[str]:
    """Returns the names of a module or class, attributes that its methods assign, the parameters of a function."""
    names = {*dir(owner), *(inspect.signature(owner).parameters if inspect.isfunction(owner) else ())}
    for each in owner.__mro__ if isinstance(owner, type) else ():
        names |= vars(each).keys() | getattr(each, "__annotations__", {}).keys()
        try:
            source = ast.parse(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError):
            continue
        names |= {
            node.attr
            for node in ast.walk(source)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node.value)
        }
    return names


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def library_bases(cls: type) -> list[type]:
    free = {*sys.stdlib_module_names, "hapiish"}
    return [base for base in cls.__mro__ if base.__module__.partition(".")[0] not in free]


@functools.cache
def extended() -> dict[str, type]:
    """Returns the classes of hapiish that extend a library's, by name without `hapiish.`."""
    found: dict[str, type] = {}
    for module in map(importlib.import_module, modules()):
        assert isinstance(module, ModuleType)
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__ and library_bases(value):
                found[f"{value.__module__}.{value.__qualname__}".removeprefix("hapiish.")] = value
    return found


def shared_names(cls: type) -> set[str]:
    """Returns the names of library bases that a class overrides, or uses as `self.name` or `super().name`."""
    source = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    used = set(vars(cls))
    for node in ast.walk(source):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                used.add(name)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                used.add(name)
    theirs = set().union(*(vars(base).keys() | attributes(base) for base in library_bases(cls)))
    return {name for name in used & theirs if not name.startswith("__") and name not in (*dir(object), "_abc_impl")}


def test_each_private_name_of_a_library_is_listed_where_it_is_used() -> None:
    used = {
        (name, module.removeprefix("hapiish."))
        for module in modules()
        for name in private_uses(module)
        if name not in FREE
    }
    listed = {(part, place) for name, places, *_ in PRIVATE for part in name_parts(name) for place in code(places)}
    assert used
    assert sorted(used - listed) == []
    assert sorted(listed - used) == []


def name_parts(cell: str) -> list[str]:
    return [part for name in code(cell) for part in name.split(".") if is_private(part)]


@pytest.mark.parametrize("name", [name for row in PRIVATE for name in code(row[0])])
def test_each_private_name_exists_in_the_installed_library(name: str) -> None:
    owner, last = resolve(name)
    assert last in attributes(Example if owner is mongoengine.Document else owner)


def test_each_import_from_an_undocumented_module_is_listed() -> None:
    imported = {
        f"{node.module}.{each.name}"
        for module in modules()
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(UNDOCUMENTED)
        for each in node.names
    }
    objects = {code(row[0])[0] for row in OBJECTS} | {name for row in PRIVATE for name in code(row[0])}
    bases = {code(row[1])[0] for row in CLASSES}
    listed = objects | bases | {name.rpartition(".")[0] for name in objects}
    assert sorted(imported - listed) == []


@pytest.mark.parametrize("row", OBJECTS, ids=lambda row: code(row[0])[0])
def test_each_undocumented_object_exists_and_is_used_where_listed(row: list[str]) -> None:
    (name,), attrs, places = code(row[0]), code(row[1]), code(row[2])
    owner, last = resolve(name)
    target = getattr(owner, last)
    assert sorted(set(attrs) - attributes(target)) == []
    nodes = [node for place in places for node in ast.walk(tree(f"hapiish.{place}"))]
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert sorted(set(attrs) - used) == []


def test_each_class_that_extends_a_library_s_is_listed() -> None:
    listed = [code(row[0])[0] for row in (*CLASSES, *DOCUMENTED)]
    assert sorted(listed) == sorted(extended())


@pytest.mark.parametrize("row", CLASSES, ids=lambda row: code(row[0])[0])
def test_each_extended_class_shares_the_listed_names_with_its_base(row: list[str]) -> None:
    cls = extended()[code(row[0])[0]]
    owner, last = resolve(code(row[1])[0])
    assert issubclass(cls, getattr(owner, last))
    assert sorted(shared_names(cls)) == code(row[2])


@pytest.mark.parametrize("row", DOCUMENTED, ids=lambda row: code(row[0])[0])
def test_each_documented_extension_point_is_extended(row: list[str]) -> None:
    owner, last = resolve(code(row[1])[0])
    assert issubclass(extended()[code(row[0])[0]], getattr(owner, last))
    assert not any(map(is_private, shared_names(extended()[code(row[0])[0]])))


def test_each_row_has_a_reason_and_a_test() -> None:
    rows = [*PRIVATE, *OBJECTS, *CLASSES]
    assert [row for row in rows if not row[-2]] == []
    assert [row for row in rows if not code(row[-1]) or not all((ROOT / path).exists() for path in code(row[-1]))] == []
