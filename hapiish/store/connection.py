"""Connects MongoEngine document classes to a database. Only this module touches MongoEngine's globals.

MongoEngine keeps connections by alias and the collection of each class in module globals. The first connection of a
process uses the alias `default`, which documents outside any table use too. Each further connection gets a new alias,
and its classes are moved to that alias. Independent of the event loop.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, WeakValueDictionary

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

# A write is acknowledged when a majority has it in the journal; after a broken connection it is retried once.
DURABLE: Mapping[str, Any] = {"w": "majority", "journal": True, "retryWrites": True}
HEARTBEAT = 2000  # ms between server checks, so that a frozen server is noticed within seconds

Client = MongoClient[dict[str, Any]]

_lock = Lock()
_open: list["DatabaseConnection"] = []


class StoreError(Exception):
    """Wrong configuration of the store. An unavailable server never raises this."""


@dataclass(frozen=True, slots=True)
class Target:
    """Address and settings of a connection. Options in the URI override ours, a database in it overrides `name`."""

    uri: str
    name: str = "hapiish"
    threads: int = 4
    timeout_ms: int = 2000


@dataclass(slots=True, eq=False)
class DatabaseConnection:
    """An open client under a MongoEngine alias, shared by all users of the same target."""

    target: Target
    client: Client
    alias: str
    users: int = 0
    orphans: Orphans = field(default_factory=Orphans)
    # Weak, so that the classes of replaced tables can be freed: class → its original meta; id(field) → field with its
    # own `db_alias`.
    classes: MutableMapping[type, dict[str, Any]] = field(default_factory=WeakKeyDictionary)
    fields: MutableMapping[int, Any] = field(default_factory=WeakValueDictionary)


def acquire(target: Target, classes: Iterable[type]) -> DatabaseConnection:
    """Returns the open connection to `target`, or a new one, with `classes` bound to it. Does not wait for a server."""
    with _lock:
        connection = next((other for other in _open if other.target == target), None) or _connect(target)
        connection.users += 1
        try:
            _bind(connection, classes)
        except StoreError:
            _release(connection)
            raise
        return connection


def extend(connection: DatabaseConnection, classes: Iterable[type]) -> None:
    """Binds further classes after a reload. Raises StoreError if one is connected to another database."""
    with _lock:
        _bind(connection, classes)


@contextmanager
def registered_anew() -> Iterator[None]:
    """Restores MongoEngine's registry of document classes after an exception."""
    former = dict(_document_registry)
    try:
        yield
    except BaseException:
        _document_registry.clear()
        _document_registry.update(former)
        raise


def release(connection: DatabaseConnection) -> None:
    """Releases a connection. The last user closes it, and its classes can be bound to another one."""
    with _lock:
        _release(connection)


def documents(models: Iterable[Any]) -> list[type]:
    """Returns the document classes among `models` and their subclasses.

    Excludes abstract classes and those that declare an alias.
    """
    classes: dict[type, None] = {}
    queue = [cls for cls in models if isinstance(cls, type) and issubclass(cls, mongoengine.Document)]
    while queue:
        cls: Any = queue.pop(0)
        queue += cls.__subclasses__()
        has_no_alias = cls._meta.get("db_alias", DEFAULT_CONNECTION_NAME) == DEFAULT_CONNECTION_NAME
        if (has_no_alias or _connection_of(cls) is not None) and not cls._meta.get("abstract"):
            classes[cls] = None
    return list(classes)


def _bind(connection: DatabaseConnection, classes: Iterable[type]) -> None:
    """Moves classes to the connection and disables MongoEngine's index creation at the first request."""
    cls: Any
    classes = list(classes)
    for cls in classes:
        if _connection_of(cls) not in (None, connection):
            raise StoreError(
                f"the model {cls.__module__}.{cls.__qualname__} is connected to another database by another "
                "application of this process; stop that one first, or give each its own classes"
            )
    for cls in classes:
        if cls not in connection.classes:
            connection.classes[cls] = {
                key: cls._meta[key] for key in ("db_alias", "auto_create_index") if key in cls._meta
            }
            _set_meta(cls, {"db_alias": connection.alias, "auto_create_index": False})
        for document_field in _connected_fields(cls, set()):
            if id(document_field) not in connection.fields:
                _bind_field(connection, cls, document_field)


def _bind_field(connection: DatabaseConnection, cls: type, document_field: Any) -> None:
    """Moves a field with separate collections to the connection, unless the field declares an alias."""
    if any(id(document_field) in other.fields for other in _open if other is not connection):
        raise StoreError(
            f"the field {document_field.name} of the model {cls.__module__}.{cls.__qualname__} is shared with a model "
            "that another application of this process connects to another database; give each its own"
        )
    if document_field.db_alias == DEFAULT_CONNECTION_NAME:
        connection.fields[id(document_field)] = document_field
        document_field.db_alias = connection.alias


def _connected_fields(cls: Any, visited: set[type]) -> Iterator[Any]:
    """Yields the fields of a class that have their own `db_alias` in MongoEngine: files and counters, at any depth."""
    visited.add(cls)
    for document_field in cls._fields.values():
        inner: Any = document_field
        while inner is not None:
            with suppress(NotRegistered):  # a class name that is not imported yet
                # MongoEngine caches the class here; after a reload the name resolves to another class.
                getattr(inner, "document_type", None)
            if hasattr(inner, "db_alias"):
                yield inner
            for embedded in _embedded_classes(inner):
                if embedded not in visited:
                    yield from _connected_fields(embedded, visited)
            inner = getattr(inner, "field", None)


def _embedded_classes(document_field: Any) -> list[type]:
    if isinstance(document_field, EmbeddedDocumentField):
        with suppress(NotRegistered):  # a class name that is not imported yet
            return [document_field.document_type, *document_field.document_type.__subclasses__()]
    if isinstance(document_field, GenericEmbeddedDocumentField):
        return [choice for choice in document_field.choices or () if isinstance(choice, type)]
    return []


def _connection_of(cls: type) -> DatabaseConnection | None:
    return next((connection for connection in _open if cls in connection.classes), None)


def _connect(target: Target) -> DatabaseConnection:
    client = _in_memory() if target.uri == MEMORY else _client(target)
    name = target.name if target.uri == MEMORY else client.get_default_database(target.name).name
    try:
        mongoengine.get_connection()
        alias = f"hapiish-{id(client):x}"
    except mongoengine.ConnectionFailure:
        alias = DEFAULT_CONNECTION_NAME
    # MongoEngine would look up an SRV record at once; our client does so at its first call.
    mongoengine.register_connection(
        alias, name=name, uuidRepresentation="standard", mongo_client_class=lambda **_: client
    )
    connection = DatabaseConnection(target, client, alias)
    _open.append(connection)
    return connection


def _release(connection: DatabaseConnection) -> None:
    connection.users -= 1
    if connection.users:
        return
    _open.remove(connection)
    mongoengine.disconnect(connection.alias)
    connection.client.close()
    for cls, meta in connection.classes.items():
        _set_meta(cls, meta)
    for document_field in connection.fields.values():
        document_field.db_alias = DEFAULT_CONNECTION_NAME


def _client(target: Target) -> Client:
    defaults = {
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
        in_uri = split_options(query, warn=False) if query else {}
        # Connects, and resolves an SRV record, at the first call: a network outage must not prevent a start.
        options = {key: value for key, value in defaults.items() if key not in in_uri}
        return MongoClient(target.uri, connect=False, **options)
    except (PyMongoError, ValueError) as error:
        raise StoreError(f"database.uri cannot be used: {error}") from error


def _in_memory() -> Client:
    try:
        import mongomock_ng
    except ImportError:
        raise StoreError("a database in memory needs the extra hapiish[memory]") from None
    client: Client = mongomock_ng.MongoClient(tz_aware=True, uuidRepresentation="standard")
    return client


def _set_meta(cls: Any, meta: Mapping[str, Any]) -> None:
    for key in ("db_alias", "auto_create_index"):
        cls._meta.pop(key, None)
    cls._meta.update(meta)
    cls._collection = None
