"""Compares the indexes that model classes declare with those of the database, and builds missing ones.

`hapiish indexes --apply` builds indexes. A server start builds them if the table says so or the database is the local
default. A request never does. The classes must be connected.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pymongo import timeout
from pymongo.errors import OperationFailure

from hapiish.store.connection import StoreError, documents

# Options that distinguish two indexes on the same fields. The server reports further ones.
DISTINCTIVE = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression", "collation", "weights")
DUPLICATE_KEY = 11000
BUILD_SECONDS = 60.0

Mode = Literal["check", "apply", "ignore"]

log = logging.getLogger("hapiish.store")


@dataclass(frozen=True, slots=True)
class Index:
    """One index; `name` is its name in the database, empty for a declared index."""

    collection: str
    keys: tuple[tuple[str, Any], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        fields = ", ".join(key if kind == 1 else f"{key} {'desc' if kind == -1 else kind}" for key, kind in self.keys)
        options = [key if value is True else f"{key}={value}" for key, value in _distinctive(self.options).items()]
        return " ".join((f"{self.collection} ({fields})", *options))


@dataclass(frozen=True, slots=True)
class Diff:
    """The difference. `changed` pairs declared and present index; `unneeded` indexes are declared by no model."""

    missing: tuple[Index, ...]
    changed: tuple[tuple[Index, Index], ...]
    unneeded: tuple[Index, ...]


def compare(models: Iterable[Any]) -> Diff:
    """Compares the database with the indexes that the models declare. Blocks."""
    missing: list[Index] = []
    changed: list[tuple[Index, Index]] = []
    unneeded: list[Index] = []
    for collection, declared in _declared(models):
        present = {_keys(index.keys): index for index in _present(collection)}
        for index in declared:
            existing = present.pop(_keys(index.keys), None)
            if existing is None:
                missing.append(index)
            elif not _agree(index.options, existing.options):
                changed.append((index, existing))
        unneeded += present.values()
    return Diff(tuple(missing), tuple(changed), tuple(unneeded))


def apply(models: Iterable[Any], *, drop: bool = False) -> Diff:
    """Builds missing indexes; with `drop`, also rebuilds changed ones and drops unneeded ones. Blocks.

    Returns the difference before the change. Raises StoreError if the data violates an index, such as a unique one.
    """
    classes = documents(models)
    diff = compare(classes)
    collections = {cls._get_collection_name(): cls._get_collection() for cls in classes}  # type: ignore[attr-defined]
    if drop:
        for index in (*(present for _, present in diff.changed), *diff.unneeded):
            collections[index.collection].drop_index(index.name)
    for index in (*diff.missing, *(declared for declared, _ in diff.changed if drop)):
        try:
            collections[index.collection].create_index(list(index.keys), **index.options)
        except OperationFailure as error:
            raise StoreError(f"the index {index} cannot be built: {_reason(error)}") from error
    return diff


def look_after(models: Iterable[Any], mode: Mode) -> None:
    """Handles the indexes at a start: "apply" builds missing ones, "check" logs a warning, "ignore" does nothing.

    Blocks. Raises StoreError if the data violates an index.
    """
    if mode == "ignore":
        return
    with timeout(BUILD_SECONDS):
        if mode == "apply":
            apply(models)
            return
        for index in compare(models).missing:
            log.warning("missing index %s; build it by `hapiish indexes --apply`", index)


def _reason(error: OperationFailure) -> str:
    details = error.details or {}
    if error.code == DUPLICATE_KEY and "keyValue" in details:
        return f"several documents have {details['keyValue']}"
    return str(details.get("errmsg", error))


def _declared(models: Iterable[Any]) -> list[tuple[Any, list[Index]]]:
    """Returns the collections with their declared indexes; classes that share a collection share its list."""
    declared: dict[str, tuple[Any, list[Index]]] = {}
    for cls in documents(models):
        collection = cls._get_collection()  # type: ignore[attr-defined]
        _, collected = declared.setdefault(collection.name, (collection, []))
        for index in _specs(cls, collection.name):
            if _keys(index.keys) not in [_keys(other.keys) for other in collected]:
                collected.append(index)
    return list(declared.values())


def _specs(cls: Any, collection: str) -> Iterator[Index]:
    """Yields the indexes of a class. Reads its meta like MongoEngine's `ensure_indexes`."""
    shared = {key: value for key, value in (cls._meta.get("index_opts") or {}).items() if key != "cls"}
    leads_with_class = False
    for spec in cls._meta["index_specs"]:
        keys = tuple(spec["fields"])
        leads_with_class |= keys[0][0] == "_cls"
        if keys != (("_id", 1),):
            options = {key: value for key, value in spec.items() if key not in {"fields", "cls"}}
            yield Index(collection, keys, {**shared, **options})
    if cls._meta.get("allow_inheritance") and cls._meta.get("index_cls", True) and not leads_with_class:
        yield Index(collection, (("_cls", 1),), shared)


def _present(collection: Any) -> Iterator[Index]:
    for name, facts in collection.index_information().items():
        if name != "_id_":
            keys = [(key, kind) for key, kind in facts["key"] if key not in {"_fts", "_ftsx"}]
            keys += [(key, "text") for key in facts.get("weights", {})]
            yield Index(collection.name, tuple(keys), facts, name)


def _keys(keys: Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """Normalises keys for comparison: the order of a text index's fields is not significant."""
    keys = tuple(keys)
    plain = tuple(pair for pair in keys if pair[1] != "text")
    return plain + tuple(sorted(pair for pair in keys if pair[1] == "text"))


def _distinctive(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in DISTINCTIVE if options.get(key) is not None and options[key] is not False}


def _agree(declared: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    ours, theirs = _distinctive(declared), _distinctive(present)
    for key in ("collation", "weights"):  # the server adds defaults to these
        expected, actual = ours.pop(key, None), theirs.pop(key, None) or {}
        expected = getattr(expected, "document", expected)
        if expected is None:
            if key == "collation" and actual:
                return False
        elif any(actual.get(name) != value for name, value in expected.items()):
            return False
    return ours == theirs
