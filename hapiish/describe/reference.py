"""Generates `docs/reference` from the JSON Schema of tables: each key with its form, default and description.

`hapiish schema --reference docs/reference` writes the pages. All texts come from the schema.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from hapiish.describe import functions, places
from hapiish.table.form import schema
from hapiish.table.form.schema import Subschema

_FORMS: Final[Mapping[str, str]] = {
    "boolean": "true or false",
    "duration": "duration",
    "failAction": "fail action",
    "function": "function",
    "jsonSchema": "JSON Schema",
    "scope": "text or list of text",
    "seconds": "seconds",
    "size": "size",
    "timeSpan": "duration above 0",
}
"""Names on the pages for definitions of values, such as durations."""

_TYPES: Final = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "string": "text",
}
_ROUTE_OPTIONS: Final = "routeOptions"
_INTRODUCTION: Final = """\
All keys of a table. `hapiish schema --reference` generates these pages from the schema that validates tables. Editors
use the same schema for completion: write it with `hapiish schema > routes.schema.json`, and begin the table with the
line `# yaml-language-server: $schema=…` and the path of that file.

Unknown keys are errors, except keys that begin with `x-`. `null` restores the default. `${NAME}`, `${NAME:default}`,
`${NAME:?message}` and `${file:/path}` are replaced before validation.

| form | allowed values |
| --- | --- |
| duration | milliseconds, or text such as `250ms`, `10s`, `5m`, `1h`, `1d` |
| size | bytes, or text such as `64KB`, `1MB` (1 KB is 1024 bytes) |
| seconds | seconds, or text with a unit |
| function | `module:attribute`; the module is looked up beside the table first |
| fail action | `error`, `log`, `ignore`, or a function `(request, h, err)` |
| JSON Schema | a schema (2020-12), where `$ref: "#/schemas/Name"` refers to the table's `schemas` |
"""


@dataclass(slots=True)
class _Section:
    """A mapping of the table: `title` is its path, the rows are its keys."""

    title: str
    text: str
    node: Subschema
    required: tuple[str, ...] = ()


@dataclass(slots=True)
class _Page:
    name: str
    title: str
    text: str
    sections: list[_Section] = field(default_factory=list)

    def anchor(self, title: str) -> str:
        """Returns the anchor of a section; viewers number duplicate anchors."""
        titles = [section.title for section in self.sections]
        before = titles[: titles.index(title)] if title in titles else []
        twins = [_slug(other) for other in before].count(_slug(title))
        return f"{_slug(title)}-{twins}" if twins else _slug(title)


def pages() -> dict[str, str]:
    """Returns the files of the reference by name, as Markdown."""
    return _Reference().write()


class _Reference:
    def __init__(self) -> None:
        self.definitions: dict[str, tuple[str, str]] = {}  # definition → page and anchor
        self.pages: list[_Page] = []

    def write(self) -> dict[str, str]:
        top = schema.load()["properties"]
        options = _Page("options", "Route options", "`options` of a route; see also [routes](routes.md).")
        self.pages.append(options)
        self.collect(options, "options", {"$ref": f"#/definitions/{_ROUTE_OPTIONS}"})
        # Presets last: they have the options of routes and events, which the pages of those describe.
        for key, node in sorted(top.items(), key=lambda pair: pair[0] == "presets"):
            page = _Page(key, f"`{key}`", _described(node))
            self.collect(page, key, node)
            if page.sections:
                self.pages.append(page)
        files = {f"{page.name}.md": self.page(page) for page in self.pages}
        written = {
            "README.md": self.index(top),
            "places.md": places.page(),
            "functions.md": functions.page(self.places()),
        }
        return {**written, **files}

    def places(self) -> Iterator[functions.Place]:
        """Yields every key of the pages, for those that can name functions."""
        for page in self.pages:
            for section in page.sections:
                link = f"{page.name}.md#{page.anchor(section.title)}"
                for key, node in section.node["properties"].items():
                    forms = frozenset(_forms(node))
                    yield functions.Place(section.title, key, forms, _cell(_described(node)), link)

    def collect(self, page: _Page, title: str, node: Subschema) -> None:
        """Adds the mappings at and below `node` to `page`; each definition is added once over all pages."""
        for name, branch in _branches(node):
            if name in _FORMS or (name is not None and name in self.definitions):
                continue
            if branch.get("properties"):
                text = _described(branch) if page.sections else ""
                page.sections.append(_Section(title, text, branch, tuple(branch.get("required", ()))))
                if name is not None:
                    self.definitions[name] = (page.name, page.anchor(title))
                for key, inner in branch["properties"].items():
                    self.collect(page, f"{title}.{key}", inner)
            if isinstance(branch.get("additionalProperties"), dict):
                self.collect(page, f"{title}.<name>", branch["additionalProperties"])
            if isinstance(branch.get("items"), dict):
                self.collect(page, f"{title}[]", branch["items"])
            for condition in branch.get("allOf", ()):
                if "then" in condition:
                    self.conditional(page, title, condition)

    def conditional(self, page: _Page, title: str, condition: Subschema) -> None:
        """Adds settings that depend on another key: the options of a scheme or a provider."""
        test = condition["if"]
        if "properties" in test:
            (value,) = test["properties"].values()
            owner = value.get("const") or " or ".join(value.get("enum", ()))
        else:
            owner = f"a {test['required'][0]}"
        for key, inner in condition["then"].get("properties", {}).items():
            self.collect(page, f"{title}.{key} of {owner}", inner)

    def index(self, top: Mapping[str, Subschema]) -> str:
        rows = ["| key | description |", "| --- | --- |"]
        with_page = {page.name for page in self.pages}
        for key, node in top.items():
            name = f"[`{key}`]({key}.md)" if key in with_page else f"`{key}`"
            rows.append(f"| {name} | {_cell(_described(node))}{_default(node)} |")
        options = (
            "The options of a route are a page of their own: [options](options.md). [Another page](places.md) shows "
            "where each may stand: route, group, preset, event, namespace. [Functions](functions.md) has the "
            "signature of each Python function that a table can name."
        )
        return "\n".join(["# Reference", "", _INTRODUCTION, *rows, "", options, ""])

    def page(self, page: _Page) -> str:
        lines = [f"# {page.title}", "", page.text, ""]
        for section in page.sections:
            lines += [f"## `{section.title}`", ""]
            if section.text:
                lines += [section.text, ""]
            lines += ["| key | form | default | description |", "| --- | --- | --- | --- |"]
            lines += [self.row(page, section, key, node) for key, node in section.node["properties"].items()]
            lines.append("")
        return "\n".join(lines).rstrip() + "\n"

    def row(self, page: _Page, section: _Section, key: str, node: Subschema) -> str:
        default = "required" if key in section.required else _default_cell(node)
        text = _cell(_described(node)) + _examples(node)
        return f"| `{key}` | {_cell(self.form(page, f'{section.title}.{key}', node))} | {default} | {text} |"

    def form(self, page: _Page, title: str, node: Subschema) -> str:
        """Describes the accepted values of a key briefly."""
        words: dict[str, None] = {}
        for name, branch in _branches(node):
            if name != "variable":
                form = _FORMS.get(name or "")
                words |= dict.fromkeys([form] if form else self.words(page, title, name, branch))
        return ", ".join(words) or "anything"

    def words(self, page: _Page, title: str, name: str | None, branch: Subschema) -> Iterator[str]:
        for value in branch.get("enum", [branch["const"]] if "const" in branch else []):
            if value is not None:
                yield f"`{json.dumps(value) if not isinstance(value, str) or not value else value}`"
        if "enum" in branch or "const" in branch:
            return
        if branch.get("properties"):
            target, anchor = self.definitions.get(name or "", (page.name, page.anchor(title)))
            yield f"[settings]({'' if target == page.name else target + '.md'}#{anchor})"
        elif isinstance(branch.get("additionalProperties"), dict):
            values = self.form(page, f"{title}.<name>", branch["additionalProperties"])
            yield f"mapping of names to ({values})" if ", " in values else f"mapping of names to {values}"
        elif isinstance(branch.get("items"), dict):
            items = self.form(page, f"{title}[]", branch["items"])
            yield f"list of ({items})" if ", " in items else f"list of {items}"
        else:
            for kind in _types(branch):
                yield _TYPES[kind]


def _branches(node: Subschema, name: str | None = None) -> Iterator[tuple[str | None, Subschema]]:
    """Yields the alternative schemas of a value, each with the name of its definition."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        node = schema.load()["definitions"][name]
    alternatives = [*node.get("anyOf", ()), *(each for each in node.get("allOf", ()) if "if" not in each)]
    if not alternatives or name in _FORMS or "properties" in node:
        yield name, node
        return
    for inner in alternatives:
        yield from _branches(inner, name if len(alternatives) == 1 or _is_settings(inner) else None)


def _forms(node: Subschema) -> Iterator[str]:
    """Yields the definitions that a value may have, and those of its entries if it is a list or a mapping of names."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        yield name
        node = schema.load()["definitions"][name]
    if "properties" not in node:
        inner = (node[key] for key in ("items", "additionalProperties") if isinstance(node.get(key), dict))
        for each in (*node.get("anyOf", ()), *node.get("allOf", ()), *inner):
            yield from _forms(each)


def _is_settings(node: Subschema) -> bool:
    """Returns True if a branch contains the settings, not a short form such as `true` or `false`."""
    return bool(node.get("properties"))


def _types(branch: Subschema) -> list[str]:
    kinds = branch.get("type", [])
    return [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]


def _described(node: Subschema) -> str:
    own = node.get("description")
    return str(own if own is not None else schema.follow(node).get("description", ""))


def _default_cell(node: Subschema) -> str:
    default = (node if "default" in node else schema.follow(node)).get("default")
    return "" if default is None or default in ({}, []) else f"`{_cell(json.dumps(default, ensure_ascii=False))}`"


def _default(node: Subschema) -> str:
    cell = _default_cell(node)
    return f" Default: {cell}." if cell else ""


def _examples(node: Subschema) -> str:
    examples = (node if "examples" in node else schema.follow(node)).get("examples", ())
    cells = [f"`{_cell(json.dumps(example, ensure_ascii=False))}`" for example in examples]
    return f" Such as {', '.join(cells)}." if cells else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _slug(title: str) -> str:
    """Returns the anchor of a heading in Markdown viewers."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
