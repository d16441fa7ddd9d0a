"""A URI and document classes to a connected MongoEngine, and back: the one module that touches MongoEngine's globals.

MongoEngine keeps connections by alias and each class's collection in module globals. The first connection of a process
is its alias `default`, which documents that no table lists use too; a further one gets an alias of its own, to which
the classes it is given are moved. Knows no event loop.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import mongoengine
from mongoengine import EmbeddedDocumentField, GenericEmbeddedDocumentField
from mongoengine.base.common import _document_registry
from mongoengine.connection import DEFAULT_CONNECTION_NAME
from mongoengine.errors import NotRegistered
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import split_options

from hapiish.store.orphans import Orphans

MEMORY = "memory:"

# A write is acknowledged when a majority has it in the journal; one whose connection broke is tried once more.
DURABLE: Mapping[str, Any] = {"w": "majority", "journal": True, "retryWrites": True}
HEARTBEAT = 2000  # ms between looks at a server, so that a frozen one is noticed within seconds

Client = MongoClient[dict[str, Any]]

_lock = Lock()
_open: list["Connection"] = []


class StoreError(Exception):
    """The store cannot be used the way it is set up; a server that is merely away is never this."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a connection is to. Options in the URI win over ours, and a database in it over `name`."""

    uri: str
    name: str = "hapiish"
    threads: int = 4
    timeout_ms: int = 2000


@dataclass(slots=True, eq=False)
class Connection:
    """An open client under a MongoEngine alias, shared by all users of the same target."""

    target: Target
    client: Client
    alias: str
    users: int = 0
    orphans: Orphans = field(default_factory=Orphans)
    classes: dict[type, dict[str, Any]] = field(default_factory=dict)  # with the meta that they had before
    fields: dict[int, Any] = field(default_factory=dict)  # those with a connection of their own, by identity


def acquire(target: Target, classes: Iterable[type]) -> Connection:
    """The open connection to `target`, else a new one, with `classes` bound to it. Does not wait for a server."""
    with _lock:
        found = next((other for other in _open if other.target == target), None)
        connection = found or _connect(target)
        try:
            _bind(connection, classes)
        except StoreError:
            if found is None:
                _disconnect(connection)
            raise
        if found is None:
            _open.append(connection)
        connection.users += 1
        return connection


def extend(connection: Connection, classes: Iterable[type]) -> None:
    """Binds further classes, as a reload brings them; StoreError when one is connected to another database."""
    with _lock:
        _bind(connection, classes)


@contextmanager
def registered_anew() -> Iterator[None]:
    """Restores MongoEngine's registry of document classes after an exception: names mean the former classes again."""
    former = dict(_document_registry)
    try:
        yield
    except BaseException:
        _document_registry.clear()
        _document_registry.update(former)
        raise


def release(connection: Connection) -> None:
    """Gives a connection back; the last user closes it, and its classes are free for another one."""
    with _lock:
        connection.users -= 1
        if connection.users == 0:
            _open.remove(connection)
            _disconnect(connection)


def documents(models: Iterable[Any]) -> list[type]:
    """Document classes among `models`, with subclasses; not abstract ones, nor those with an alias of their own."""
    found: dict[type, None] = {}
    waiting = [cls for cls in models if isinstance(cls, type) and issubclass(cls, mongoengine.Document)]
    while waiting:
        cls: Any = waiting.pop(0)
        waiting += cls.__subclasses__()
        ours = cls._meta.get("db_alias", DEFAULT_CONNECTION_NAME) == DEFAULT_CONNECTION_NAME or _home(cls) is not None
        if ours and not cls._meta.get("abstract") and cls not in found:
            found[cls] = None
    return list(found)


def _bind(connection: Connection, classes: Iterable[type]) -> None:
    """Moves classes to the connection, and the building of their indexes out of requests."""
    cls: Any
    found = list(classes)
    for cls in found:
        if _home(cls) not in (None, connection):
            raise StoreError(
                f"the model {cls.__module__}.{cls.__qualname__} is connected to another database by another "
                "application of this process; stop that one first, or give each its own classes"
            )
    for cls in found:
        if cls not in connection.classes:
            connection.classes[cls] = {
                key: cls._meta[key] for key in ("db_alias", "auto_create_index") if key in cls._meta
            }
            _place(cls, {"db_alias": connection.alias, "auto_create_index": False})
        for each in _outside(cls, set()):
            if id(each) not in connection.fields:
                _take(connection, cls, each)


def _take(connection: Connection, cls: type, held: Any) -> None:
    """Moves a field that keeps something in collections of its own, unless it names a connection by itself."""
    if any(id(held) in other.fields for other in _open if other is not connection):
        raise StoreError(
            f"the field {held.name} of the model {cls.__module__}.{cls.__qualname__} is shared with a model "
            "that another application of this process connects to another database; give each its own"
        )
    if held.db_alias == DEFAULT_CONNECTION_NAME:
        connection.fields[id(held)] = held
        held.db_alias = connection.alias


def _outside(cls: Any, seen: set[type]) -> Iterator[Any]:
    """The fields of a class that have a connection of their own in MongoEngine: files and counters, at any depth."""
    seen.add(cls)
    for each in cls._fields.values():
        held: Any = each
        while held is not None:
            with suppress(NotRegistered):  # named, and not imported yet
                getattr(held, "document_type", None)  # MongoEngine keeps it: after a reload the name is another class
            if hasattr(held, "db_alias"):
                yield held
            for part in _parts(held):
                if part not in seen:
                    yield from _outside(part, seen)
            held = getattr(held, "field", None)


def _parts(held: Any) -> list[type]:
    """The classes of embedded documents that a field holds."""
    if isinstance(held, EmbeddedDocumentField):
        with suppress(NotRegistered):  # named, and not imported yet
            return [held.document_type, *held.document_type.__subclasses__()]
    if isinstance(held, GenericEmbeddedDocumentField):
        return [each for each in held.choices or () if isinstance(each, type)]
    return []


def _home(cls: type) -> Connection | None:
    return next((connection for connection in _open if cls in connection.classes), None)


def _connect(target: Target) -> Connection:
    client = _in_memory() if target.uri == MEMORY else _client(target)
    name = target.name if target.uri == MEMORY else client.get_default_database(target.name).name
    try:
        mongoengine.get_connection()
        alias = f"hapiish-{id(client):x}"
    except mongoengine.ConnectionFailure:
        alias = DEFAULT_CONNECTION_NAME
    # MongoEngine would look up an SRV record here and now; a client that is handed over does so at its first call.
    mongoengine.register_connection(
        alias, name=name, uuidRepresentation="standard", mongo_client_class=lambda **_: client
    )
    return Connection(target, client, alias)


def _disconnect(connection: Connection) -> None:
    mongoengine.disconnect(connection.alias)
    connection.client.close()
    for cls, meta in connection.classes.items():
        _place(cls, meta)
    for each in connection.fields.values():
        each.db_alias = DEFAULT_CONNECTION_NAME


def _client(target: Target) -> Client:
    ours = {
        **DURABLE,
        "wTimeoutMS": target.timeout_ms,
        "serverSelectionTimeoutMS": target.timeout_ms,
        "connectTimeoutMS": target.timeout_ms,
        "waitQueueTimeoutMS": target.timeout_ms,
        "heartbeatFrequencyMS": HEARTBEAT,
        "maxPoolSize": target.threads + 1,  # one for the health check
        "appName": "hapiish",
        "tz_aware": True,
        "uuidRepresentation": "standard",
    }
    try:
        scheme, _, _, query, _ = urlsplit(target.uri)
        if scheme not in {"mongodb", "mongodb+srv"}:
            raise ValueError("it must begin with mongodb:// or mongodb+srv://")
        given = split_options(query, warn=False) if query else {}
        # It connects, and looks up an SRV record, at the first call: that a network is away must not stop a start.
        return MongoClient(target.uri, connect=False, **{key: ours[key] for key in ours if key not in given})
    except (PyMongoError, ValueError) as error:
        raise StoreError(f"database.uri cannot be used: {error}") from error


def _in_memory() -> Client:
    try:
        import mongomock_ng
    except ImportError:
        raise StoreError("a database in memory needs the extra hapiish[memory]") from None
    client: Client = mongomock_ng.MongoClient(tz_aware=True, uuidRepresentation="standard")
    return client


def _place(cls: Any, meta: Mapping[str, Any]) -> None:
    for key in ("db_alias", "auto_create_index"):
        cls._meta.pop(key, None)
    cls._meta.update(meta)
    cls._collection = None
