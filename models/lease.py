"""Leases: each background job runs in one process at a time, at times of the database's clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bson import ObjectId
from mongoengine import DateTimeField, DictField, Document, StringField
from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from hapiish.store.rows import Row

from .wire import iso, now

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = {"holder": 1, "last": 1, "repaired": 1, "wait": {"$subtract": [{"$max": ["$until", "$nextAt"]}, "$$NOW"]}}


class Run(NamedTuple):
    """The state of a job. With a `token`, this process may run it now. Without one, it may ask after `wait` seconds.

    `last` is the last run, `repaired` the sums of the counts of all runs.
    """

    token: str | None
    wait: float
    last: Mapping[str, Any]
    repaired: Mapping[str, int]

    def described(self) -> dict[str, Any]:
        """Returns the last run and the sums as JSON, for the readiness probe."""
        shown: dict[str, Any] = {"repaired": dict(self.repaired)}
        if "at" in self.last:
            shown["lastRunAt"] = iso(self.last["at"])
        if "error" in self.last:
            shown["error"] = self.last["error"]
        return shown


class Lease(Document):
    """The lease of one job. `holder` may run it until `until`. After that time and `next_at`, any process may.

    `last` is the last run (`at`, `seconds`, `counts`, `error`), `repaired` the sums of the counts of all runs.
    """

    name = StringField(primary_key=True)
    holder = StringField()
    until = DateTimeField()
    next_at = DateTimeField(db_field="nextAt")
    last = DictField()
    repaired = DictField()

    meta = {"collection": "leases", "auto_create_index": False}

    @classmethod
    def take(cls, name: str, seconds: float) -> Run:
        """Takes the lease for `seconds` if the job is due and no process holds it. One atomic command."""
        token = str(ObjectId())
        if not isinstance(cls._get_collection(), Collection):  # the database in memory has one process
            return Run(token, 0, {}, {})
        times = ({"$ifNull": [f"${each}", _EPOCH]} for each in ("until", "nextAt"))
        is_free = {"$and": [{"$lte": [each, "$$NOW"]} for each in times]}
        change = {
            "holder": {"$cond": [is_free, token, "$holder"]},
            "until": {"$cond": [is_free, {"$add": ["$$NOW", round(seconds * 1000)]}, "$until"]},
        }
        try:
            return cls._changed({"_id": name}, change, token)
        except DuplicateKeyError:  # another process has just made the row
            return Run(None, seconds, {}, {})

    @classmethod
    def finish(
        cls, name: str, token: str, *, every: float, seconds: float, counts: Mapping[str, int], error: str | None = None
    ) -> Run:
        """Ends a run; the next one is due after `every` seconds. Does nothing if another process has the lease."""
        last: Row = {"seconds": seconds, "counts": dict(counts), **({"error": error} if error else {})}
        if not isinstance(cls._get_collection(), Collection):
            return Run(None, every, {"at": now(), **last}, counts)
        sums = {f"repaired.{key}": {"$add": [{"$ifNull": [f"$repaired.{key}", 0]}, n]} for key, n in counts.items()}
        change = {
            "until": "$$NOW",
            "nextAt": {"$add": ["$$NOW", round(every * 1000)]},
            "last": {"$mergeObjects": [{"$literal": last}, {"at": "$$NOW"}]},  # a plain value would keep former keys
            **sums,
        }
        return cls._changed({"_id": name, "holder": token}, change, None)

    @classmethod
    def _changed(cls, where: Row, change: Row, token: str | None) -> Run:
        row = cls._get_collection().find_one_and_update(
            where, [{"$set": change}], _SHOWN, upsert=token is not None, return_document=ReturnDocument.AFTER
        )
        if row is None:
            return Run(None, 0, {}, {})
        granted = token if row["holder"] == token else None
        return Run(granted, row["wait"] / 1000, row.get("last", {}), row.get("repaired", {}))
