"""The indexes that model classes declare, beside those that the database has: what is missing, differs, or is too much.

Indexes are built by `hapiish indexes --apply` and, where the table says so and on the local default, when a server
starts; never by a request. The classes must be connected.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pymongo import timeout
from pymongo.errors import OperationFailure

from hapiish.store.connection import StoreError, documents

# What makes two indexes on the same fields different ones; the server adds more to what it reports.
TELLING = ("unique", "sparse", "expireAfterSeconds", "partialFilterExpression", "collation", "weights")
DUPLICATE_KEY = 11000
BUILD_SECONDS = 60.0

Mode = Literal["check", "apply", "ignore"]

log = logging.getLogger("hapiish.store")


@dataclass(frozen=True, slots=True)
class Index:
    """One index; `name` is the database's own, empty for one that is only declared."""

    collection: str
    keys: tuple[tuple[str, Any], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        fields = ", ".join(key if kind == 1 else f"{key} {'desc' if kind == -1 else kind}" for key, kind in self.keys)
        telling = [key if value is True else f"{key}={value}" for key, value in _telling(self.options).items()]
        return " ".join((f"{self.collection} ({fields})", *telling))


@dataclass(frozen=True, slots=True)
class Diff:
    """`changed` pairs what is declared with what stands in its way; `unneeded` is declared by no model."""

    missing: tuple[Index, ...]
    changed: tuple[tuple[Index, Index], ...]
    unneeded: tuple[Index, ...]


def compare(models: Iterable[Any]) -> Diff:
    """How the database differs from what the models declare; blocks."""
    missing: list[Index] = []
    changed: list[tuple[Index, Index]] = []
    unneeded: list[Index] = []
    for collection, wanted in _declared(models):
        present = {_keys(index.keys): index for index in _present(collection)}
        for index in wanted:
            found = present.pop(_keys(index.keys), None)
            if found is None:
                missing.append(index)
            elif not _agree(index.options, found.options):
                changed.append((index, found))
        unneeded += present.values()
    return Diff(tuple(missing), tuple(changed), tuple(unneeded))


def apply(models: Iterable[Any], *, drop: bool = False) -> Diff:
    """Builds what is missing; with `drop` also rebuilds what differs and drops what no model declares. Blocks.

    Returns what it found before. Raises StoreError when the data does not fit an index, such as a unique one.
    """
    classes = documents(models)
    diff = compare(classes)
    collections = {cls._get_collection_name(): cls._get_collection() for cls in classes}  # type: ignore[attr-defined]
    if drop:
        for index in (*(found for _, found in diff.changed), *diff.unneeded):
            collections[index.collection].drop_index(index.name)
    for index in (*diff.missing, *(wanted for wanted, _ in diff.changed if drop)):
        try:
            collections[index.collection].create_index(list(index.keys), **index.options)
        except OperationFailure as error:
            raise StoreError(f"the index {index} cannot be built: {_reason(error)}") from error
    return diff


def look_after(models: Iterable[Any], mode: Mode) -> None:
    """What a start does: "apply" builds what is missing, "check" warns of it, "ignore" does nothing. Blocks.

    Raises StoreError when the data does not fit an index.
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
    """Collections with their indexes; classes that share a collection add to the same list."""
    found: dict[str, tuple[Any, list[Index]]] = {}
    for cls in documents(models):
        collection = cls._get_collection()  # type: ignore[attr-defined]
        _, wanted = found.setdefault(collection.name, (collection, []))
        for index in _specs(cls, collection.name):
            if _keys(index.keys) not in [_keys(other.keys) for other in wanted]:
                wanted.append(index)
    return list(found.values())


def _specs(cls: Any, collection: str) -> Iterator[Index]:
    """As MongoEngine's `ensure_indexes` reads its meta."""
    shared = {key: value for key, value in (cls._meta.get("index_opts") or {}).items() if key != "cls"}
    leads_with_class = False
    for spec in cls._meta["index_specs"]:
        keys = tuple(spec["fields"])
        leads_with_class |= keys[0][0] == "_cls"
        if keys != (("_id", 1),):
            own = {key: value for key, value in spec.items() if key not in {"fields", "cls"}}
            yield Index(collection, keys, {**shared, **own})
    if cls._meta.get("allow_inheritance") and cls._meta.get("index_cls", True) and not leads_with_class:
        yield Index(collection, (("_cls", 1),), shared)


def _present(collection: Any) -> Iterator[Index]:
    for name, facts in collection.index_information().items():
        if name != "_id_":
            keys = [(key, kind) for key, kind in facts["key"] if key not in {"_fts", "_ftsx"}]
            keys += [(key, "text") for key in facts.get("weights", {})]
            yield Index(collection.name, tuple(keys), facts, name)


def _keys(keys: Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """For comparing: the order of the fields of a text index means nothing."""
    keys = tuple(keys)
    plain = tuple(pair for pair in keys if pair[1] != "text")
    return plain + tuple(sorted(pair for pair in keys if pair[1] == "text"))


def _telling(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in TELLING if options.get(key) is not None and options[key] is not False}


def _agree(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    ours, theirs = _telling(wanted), _telling(present)
    for key in ("collation", "weights"):  # the server fills these in
        given, found = ours.pop(key, None), theirs.pop(key, None) or {}
        given = getattr(given, "document", given)
        if given is None:
            if key == "collation" and found:
                return False
        elif any(found.get(name) != value for name, value in given.items()):
            return False
    return ours == theirs
