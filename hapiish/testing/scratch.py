"""Scratch: a database for tests, which is theirs to empty and to drop."""

import os
import re
import time
from contextlib import suppress
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

MARKER: Final = "hapiish.scratch"
"""The collection that marks a database as scratch; its documents are not the application's."""

PREFIX: Final = "hapiish_test_"
"""The beginning of new names."""

_DAY: Final = 86_400
_NAMED_SCRATCH: Final = re.compile(r"(^|[_-])(tests?|scratch)([_-]|$)")
_TIMEOUT = 10_000  # ms


class ScratchError(Exception):
    """A database that tests must not or cannot use; the message gives the reason."""


class Scratch:
    """An empty database on the server of `uri`, dropped at the end.

    Without a database in `uri`, its name is new. A database in `uri` must be named as one (a part `test` or `scratch`),
    and be empty or left by an earlier run; `suffix` is then added to its name. Raises ScratchError.
    """

    def __init__(self, uri: str, *, suffix: str = "") -> None:
        try:
            named = parse_uri(uri, validate=False, warn=False)["database"] if "srv:" not in uri else _path_of(uri)
            name = f"{named}{suffix}" if named else f"{PREFIX}{os.getpid()}_{token_hex(4)}"
            if named and not _NAMED_SCRATCH.search(named):
                raise ScratchError(
                    f'the database "{named}" is not a scratch database: tests empty it. Name one with a part "test" or '
                    f'"scratch", such as "{named}_test", or none'
                )
            self.uri = _with_database(uri, name)
            own: dict[str, Any] = (
                {} if "serverselectiontimeoutms" in uri.lower() else {"serverSelectionTimeoutMS": _TIMEOUT}
            )
            self._client: MongoClient[dict[str, Any]] = MongoClient(self.uri, **own)
        except (PyMongoError, ValueError) as error:
            raise ScratchError(f"the database cannot be used: {error}") from error
        self.name = name
        self._database = self._client[name]
        try:
            self._claim()
        except BaseException:
            self._client.close()
            raise

    def _claim(self) -> None:
        try:
            present = self._database.list_collection_names()
            if present and MARKER not in present:
                raise ScratchError(
                    f'the database "{self.name}" has collections that no test made ({", ".join(sorted(present)[:3])}): '
                    "it is left as it is"
                )
            if not present:
                self._database[MARKER].insert_one({"by": "hapiish"})
        except PyMongoError as error:
            reason = str(error).partition(", Timeout:")[0]  # without pymongo's description of the topology
            raise ScratchError(f"the database cannot be used: {reason}") from error

    def drop_forgotten(self) -> None:
        """Drops scratch databases that runs which were killed have left, once they are a day old. Blocks."""
        with suppress(PyMongoError):  # the next run tries again
            for name in self._client.list_database_names():
                marker = self._client[name][MARKER].find_one() if name.startswith(PREFIX) else None
                if marker is not None and time.time() - marker["_id"].generation_time.timestamp() > _DAY:
                    self._client.drop_database(name)

    def empty(self) -> None:
        """Deletes all documents; collections and indexes remain, which is faster than to make them again. Blocks."""
        for each in self._database.list_collections():
            name, options = each["name"], each.get("options", {})
            if name == MARKER or name.startswith("system.") or each.get("type") == "view":
                continue
            if options.get("capped") or each.get("type") == "timeseries":  # whose documents cannot be deleted
                self._database.drop_collection(name)
            else:
                self._database[name].delete_many({})

    def __enter__(self) -> Self:
        self.empty()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.drop_database(self.name)
        self._client.close()


def _path_of(uri: str) -> str | None:
    return urlsplit(uri).path.removeprefix("/") or None


def _with_database(uri: str, name: str) -> str:
    """Returns `uri` with another database; credentials are still those of the database that it named."""
    scheme, address, path, query, _ = urlsplit(uri)
    former = path.removeprefix("/")
    if former and "@" in address and "authsource=" not in query.lower():
        query = "&".join(filter(None, [query, f"authSource={former}"]))
    return urlunsplit((scheme, address, f"/{name}", query, ""))
