"""Warns of declarations that nothing uses: schemas, presets, strategies, schemes, models, methods, caches, cookies,
kinds, and parameters of tables and presets.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from hapiish.table.advice.own import Advised
from hapiish.table.advice.uses import Uses
from hapiish.table.draft import Draft
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.budget import read_file
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import mappings, section

_PARAM: Final = re.compile(r"\$\{params\.([^{}]*)\}")
_WORD: Final = re.compile(r"[\w.-]+")


def declarations(advised: Advised) -> Iterator[Problem]:
    """Names that are declared, and used neither in a table nor in the code beside it."""
    draft = advised.draft
    uses, texts = advised.uses, _Texts(draft)
    schemas = advised.used_schemas
    for realm in advised.realms:
        for kind, at, name, is_used in _declared(realm, uses, schemas):
            if not is_used and not name.startswith("x-") and not texts.may_use(realm, name, at):
                code = " and no code beside it" if kind in _CODE_NOUNS else ""
                message = f'the {kind} "{name}" is unused: no table{code} refers to it'
                yield _warning(draft, at, message, "remove it" if kind != "schema" else "remove it, or refer to it")


_Nouns = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]

_BY_KEY: Final[_Nouns] = (
    ("preset", ("presets",), ("use",)),
    ("scheme", ("auth", "schemes"), ("scheme",)),
    ("kind of handler", ("kinds",), ("handler",)),
)
"""Declarations that only tables refer to: what they are, their section, and the keys that hold their names."""
_BY_CODE: Final[_Nouns] = (
    ("strategy", ("auth", "strategies"), ("auth", "strategy", "strategies", "default")),
    ("model", ("models",), ("name", "model")),
    ("server method", ("methods",), ("method", "handler", "pre")),
    ("cookie", ("state",), ("cookie", "name", "cookieName")),
)
"""Declarations that code refers to as well."""
_CODE_NOUNS: Final = frozenset({*(noun for noun, _, _ in _BY_CODE), "cache", "section"})


def _declared(
    realm: RealmDraft, uses: Uses, schemas: AbstractSet[tuple[int, str]]
) -> Iterator[tuple[str, Path, str, bool]]:
    """Yields each declaration: what it is, its path, its name, and whether it is used."""
    value, at = realm.value, realm.at
    for name, schema in section(value, "schemas").items():
        has_id = isinstance(schema, Mapping) and "$id" in schema
        yield "schema", (*at, "schemas", name), name, has_id or (realm.index, name) in schemas
    for noun, place, keys in _BY_KEY:
        for name in section(value, *place):
            yield noun, (*at, *place, name), name, uses.has(name, *keys)
    calls = {text.partition("(")[0].strip() for texts in uses.by_key.values() for text in texts if "(" in text}
    for noun, place, keys in _BY_CODE:
        for name, declared in section(value, *place).items():
            module = str(declared).partition(":")[0] if noun == "model" else ""
            is_used = uses.has(name, *keys) or name in calls or uses.in_code(name, module)
            yield noun, (*at, *place, name), name, is_used
    for cache, where in mappings(value, "caches", at):
        label = cache.get("name")
        if isinstance(label, str):
            yield "cache", (*where, "name"), label, uses.has(label, "cache") or uses.in_code(label)
    if value.get("views") is not None:
        yield "section", (*at, "views"), "views", "view" in uses.by_key["handler"] or uses.in_code("view")


def params(advised: Advised) -> Iterator[Problem]:
    """Parameters of tables and presets that their text never contains."""
    draft = advised.draft
    for realm in advised.realms:
        declared = section(realm.value, "params")
        presets = section(realm.value, "presets")
        if not declared and not any(isinstance(each, Mapping) and each.get("params") for each in presets.values()):
            continue
        used = set(_PARAM.findall(_text(realm)))
        for name in declared:
            if name not in used and not advised.uses.in_code(name):
                message = f'the parameter "{name}" is unused: no ${{params.{name}}} refers to it'
                yield _warning(draft, (*realm.at, "params", name), message, "remove it")
        for preset, body in presets.items():
            inside = realm.part.tree.deferred.get(("presets", preset))
            for name in section(body, "params"):
                if inside is not None and f"${{params.{name}}}" not in repr(inside):
                    message = f'the parameter "{name}" of the preset "{preset}" is unused'
                    yield _warning(draft, (*realm.at, "presets", preset, "params", name), message, "remove it")


class _Texts:
    """The words of files with mistakes: what was pruned may use a name, so that a word on any other line is a use."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.is_complete = not draft.tree.broken and not draft.composition.problems
        self.lines: dict[str, dict[str, set[int]]] = {}

    def may_use(self, realm: RealmDraft, name: str, at: Path) -> bool:
        """Returns True if a line other than that of the declaration at `at` has the name."""
        if self.is_complete:
            return False
        file = realm.part.file
        if file not in self.lines:
            lines = self.lines[file] = defaultdict(set)
            for number, line in enumerate(_text(realm).split("\n"), 1):
                for word in _WORD.findall(line):
                    lines[word].add(number)
        return bool(self.lines[file].get(str(name), set()) - {self.draft.key_mark(*at).line})


def _text(realm: RealmDraft) -> str:
    try:
        return read_file(realm.part.file).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def _warning(draft: Draft, at: Path, message: str, hint: str) -> Problem:
    mark = draft.mark(*at) if at[-1] == "name" else draft.key_mark(*at)
    return Problem(mark, Code.UNUSED, message, hint, warning=True)
