"""Reads and writes documents as plain data, at the price of PyMongo's calls.

MongoEngine declares, validates and indexes a class. Its query set clones itself with each method, and a document builds
each field: on a small read or write that is half of the CPU time. These functions skip both. They go through the
class's own collection, so the session of a transaction, concerns, timeouts and `meta` apply. Names are those in the
database (`db_field`), values BSON types; nothing is converted or validated. They block: call them in a `def`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import getattr_static
from typing import Any, Final

from mongoengine import QuerySet
from mongoengine.errors import InvalidQueryError, NotUniqueError
from mongoengine.queryset import QuerySetManager
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, DuplicateKeyError

from hapiish.store.transactions import is_in_transaction

Row = dict[str, Any]
Condition = Mapping[str, Any]
Fields = Sequence[str] | Mapping[str, Any]

BATCH: Final = 100_000
"""Documents of a reply, which 16 MB limit, too. MongoDB's default of 101 makes a list of 200 two commands."""

_CLASS: Final = "_cls"
_PART: Final = "hapiishPart"  # the index of the query that a row of `find_all` belongs to
_DUPLICATE: Final = 11000  # MongoDB's error code
_LOGICAL: Final = frozenset({"$and", "$or", "$nor"})


@dataclass(frozen=True, slots=True)
class Find:
    """The documents of `model` that match `where`: an argument of `find_all`, with the arguments of `find`."""

    model: Any
    """The class of the documents."""
    where: Condition
    """The conditions of MongoDB."""
    fields: Fields | None = None
    """The fields to read; all without it."""
    sort: Sequence[str] = ()
    """The fields to sort by, with `-` for descending order."""
    skip: int = 0
    """The number of documents to leave out."""
    limit: int = 0
    """The most documents to read; 0 reads all."""


def find(
    model: Any,
    where: Condition | None = None,
    *,
    fields: Fields | None = None,
    sort: Sequence[str] = (),
    skip: int = 0,
    limit: int = 0,
    tz_aware: bool = True,
) -> list[Row]:
    """Returns the matching documents as they are stored, in one command up to 16 MB of them.

    `where` is a condition of MongoDB. `fields` are the names to load besides `_id`, or a projection of MongoDB. `sort`
    are names, `-` for descending; the `ordering` of the class does not apply. `limit` 0 is no limit. Without
    `tz_aware`, dates have no time zone (they are UTC), which PyMongo decodes in half of the time. Raises
    InvalidQueryError for a name that the class does not declare.
    """
    collection = model._get_collection()
    if isinstance(fields, Mapping) and not isinstance(collection, Collection):
        # The database in memory has expressions in aggregations only.
        rows = collection.aggregate(_stages(Find(model, where or {}, fields, sort, skip, limit), 0))
        return [{name: row[name] for name in row if name != _PART} for row in rows]
    if not tz_aware:
        collection = collection.with_options(codec_options=collection.codec_options.with_options(tz_aware=False))
    cursor = collection.find(
        _condition(model, where or {}),
        _projection(model, fields),
        skip,
        limit,
        sort=_order(model, sort),
        batch_size=limit or BATCH,
    )
    return list(cursor)


def get(model: Any, where: Condition, *, fields: Fields | None = None, sort: Sequence[str] = ()) -> Row | None:
    """Returns the first matching document as it is stored, or None. The arguments are those of `find`."""
    if isinstance(fields, Mapping):
        return next(iter(find(model, where, fields=fields, sort=sort, limit=1)), None)
    found: Row | None = model._get_collection().find_one(
        _condition(model, where), _projection(model, fields), sort=_order(model, sort)
    )
    return found


def find_all(*queries: Find) -> list[list[Row]]:
    """Returns the documents of each query, read in one command where the models share a database (`$unionWith`).

    A command costs more than the documents that it returns: two small reads in one command take half of the CPU time.
    In a transaction, for which MongoDB has no `$unionWith`, each query is a command.
    """
    collections = [query.model._get_collection() for query in queries]
    if len(queries) < 2 or is_in_transaction() or not _have_one_database(collections):
        return [_found(query) for query in queries]
    first, *others = (_stages(query, part) for part, query in enumerate(queries))
    unions = [
        {"$unionWith": {"coll": collection.name, "pipeline": stages}}
        for collection, stages in zip(collections[1:], others, strict=True)
    ]
    found: list[list[Row]] = [[] for _ in queries]
    for row in collections[0].aggregate([*first, *unions], batchSize=BATCH):
        found[row.pop(_PART)].append(row)
    return found


def insert(model: Any, row: Row) -> Any:
    """Stores a document as it is and returns its `_id`, which is added to `row` if missing.

    No default, validation or signal of the class applies. Raises NotUniqueError as `save` does.
    """
    if model._meta.get("allow_inheritance"):
        row.setdefault(_CLASS, model._class_name)
    try:
        return model._get_collection().insert_one(row).inserted_id
    except DuplicateKeyError as error:
        raise NotUniqueError(f"Tried to save duplicate unique keys ({error})") from error


@dataclass(frozen=True, slots=True)
class NotUnique:
    """The first row that `insert_many` could not store: its index, and the fields of the unique index."""

    index: int
    fields: tuple[str, ...]


def insert_many(model: Any, rows: Sequence[Row]) -> NotUnique | None:
    """Stores documents as they are, in order, in one command; returns None when all are stored.

    Otherwise those before the returned row are stored, and none after it. Raises the driver's error when the server
    does not confirm them: any of them may be stored.
    """
    if model._meta.get("allow_inheritance"):
        for row in rows:
            row.setdefault(_CLASS, model._class_name)
    collection = model._get_collection()
    try:
        if len(rows) == 1:
            collection.insert_one(rows[0])
        else:
            collection.insert_many(rows)
    except DuplicateKeyError as error:
        return NotUnique(0, tuple((error.details or {}).get("keyPattern", ())))
    except BulkWriteError as error:
        failed = (error.details or {}).get("writeErrors") or [{}]
        if failed[0].get("code") != _DUPLICATE or (error.details or {}).get("writeConcernErrors"):
            raise
        return NotUnique(failed[0]["index"], tuple(failed[0].get("keyPattern", ())))
    return None


def update(model: Any, where: Condition, change: Condition | Sequence[Condition], *, upsert: bool = False) -> int:
    """Changes the first matching document by MongoDB's operators; returns the number of matched documents, 0 or 1.

    No validation or signal of the class applies. Raises NotUniqueError as `update_one` of a query set does.
    """
    try:
        result = model._get_collection().update_one(_condition(model, where), change, upsert=upsert)
    except DuplicateKeyError as error:
        raise NotUniqueError(f"Tried to save duplicate unique keys ({error})") from error
    matched: int = result.matched_count
    return matched


def modify(
    model: Any,
    where: Condition,
    change: Condition | Sequence[Condition],
    *,
    fields: Fields | None = None,
    new: bool = True,
) -> Row | None:
    """Changes the first matching document by MongoDB's operators and returns it, in one command; None without a match.

    It returns the document after the change, or with `new=False` before it. No validation or signal of the class
    applies.
    Raises NotUniqueError as `update_one` of a query set does.
    """
    returned = ReturnDocument.AFTER if new else ReturnDocument.BEFORE
    try:
        found: Row | None = model._get_collection().find_one_and_update(
            _condition(model, where), change, _projection(model, fields), return_document=returned
        )
    except DuplicateKeyError as error:
        raise NotUniqueError(f"Tried to save duplicate unique keys ({error})") from error
    return found


def is_plain(model: Any) -> bool:
    """Returns True if `model.objects` adds nothing to a condition: the class has no manager, query set or order."""
    manager, meta = getattr_static(model, "objects"), model._meta
    is_default = type(manager) is QuerySetManager and manager.get_queryset is None
    return is_default and meta.get("queryset_class", QuerySet) is QuerySet and not meta.get("ordering")


def _found(query: Find) -> list[Row]:
    return find(query.model, query.where, fields=query.fields, sort=query.sort, skip=query.skip, limit=query.limit)


def _have_one_database(collections: Sequence[Any]) -> bool:
    """Returns True if one command can read all of these collections. The database in memory reads them one by one."""
    first = collections[0]
    return isinstance(first, Collection) and all(each.database == first.database for each in collections)


def _stages(query: Find, part: int) -> list[Row]:
    model = query.model
    stages: list[Row] = [{"$match": _condition(model, query.where)}]
    if query.sort:
        stages.append({"$sort": dict(_order(model, query.sort) or ())})
    if query.skip:
        stages.append({"$skip": query.skip})
    if query.limit:
        stages.append({"$limit": query.limit})
    tag = {_PART: {"$literal": part}}
    projection = _projection(model, query.fields)
    if projection is None or isinstance(query.fields, Mapping):  # a projection that excludes fields can add none
        return [*stages, *([{"$project": projection}] if projection else []), {"$addFields": tag}]
    return [*stages, {"$project": {**projection, **tag}}]


def _condition(model: Any, where: Condition) -> Condition:
    known = _known(model)
    if known is not None:
        _check(model, known, where)
    if model._meta.get("allow_inheritance"):
        own = {_CLASS: {"$in": list(model._subclasses)}}
        return {"$and": [where, own]} if where else own
    return where


def _projection(model: Any, fields: Fields | None) -> Row | None:
    if fields is None:
        return None
    if isinstance(fields, Mapping):
        return dict(fields)
    return _included(model, tuple(fields))


@lru_cache(maxsize=1024)
def _included(model: Any, names: tuple[str, ...]) -> Row:
    _check(model, _known(model), names)
    return {**dict.fromkeys(names, 1), **({_CLASS: 1} if model._meta.get("allow_inheritance") else {"_id": 1})}


def _order(model: Any, sort: Sequence[str]) -> list[tuple[str, int]] | None:
    return _ordered(model, tuple(sort)) if sort else None


@lru_cache(maxsize=1024)
def _ordered(model: Any, names: tuple[str, ...]) -> list[tuple[str, int]]:
    keys = [(name.removeprefix("-"), -1 if name.startswith("-") else 1) for name in names]
    _check(model, _known(model), [name for name, _ in keys])
    return keys


@lru_cache(maxsize=1024)
def _known(model: Any) -> frozenset[str] | None:
    """Returns the names of a class in the database; None for a class whose documents may have others."""
    meta = model._meta
    if model._dynamic or meta.get("allow_inheritance") or not meta.get("strict", True):
        return None
    return frozenset(field.db_field for field in model._fields.values()) | {"_id"}


def _check(model: Any, known: frozenset[str] | None, names: Iterable[str]) -> None:
    """Raises InvalidQueryError for an unknown name: MongoDB would find nothing, without an error."""
    if known is None:
        return
    for name in names:
        if name in known:
            continue
        if name in _LOGICAL and isinstance(names, Mapping):
            for each in names[name]:
                _check(model, known, each)
        elif name[:1] != "$" and name.partition(".")[0] not in known:
            field = model._fields.get(name)
            hint = f'; in the database, its name is "{field.db_field}"' if field is not None else ""
            raise InvalidQueryError(f'{model.__name__} has no field "{name}" in the database{hint}')
