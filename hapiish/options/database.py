"""MongoDB (`database:`)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import Range, Text, option
from hapiish.declare.types import NOWHERE, Duration, Mark, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """MongoDB. Without it, the service has no database."""

    uri: Annotated[
        str,
        Text(
            r"^(?!(?!mongodb(\+srv)?:)[A-Za-z][A-Za-z0-9+.-]*://)",
            "a URI that begins with mongodb:// or mongodb+srv://",
        ),
    ] = option("", "The URI of MongoDB; empty: the local default store.", examples=["${MONGODB_URI:}"])
    name: Annotated[str, Text(r'^[^/\\. "$*<>:|?]+$', "the name of a database", max=63)] = option(
        "hapiish", "The name of the database, unless the URI contains one."
    )
    threads: Annotated[int, Range(1, 256)] = option(16, "The number of threads for models and `def` handlers.")
    timeout: TimeSpan = option(
        Duration(2000),
        "The maximum time that a request waits for MongoDB; it is then answered with 503.",
        examples=["2s"],
    )
    data: str = option(".hapiish", "The folder of the local default store.")
    indexes: Literal["check", "apply", "ignore"] | None = option(
        None,
        "The action at start on the indexes that models declare: `check` warns of each missing index, "
        "`apply` builds it, `ignore` does nothing. The default is `apply` on the local database of "
        "`hapiish run`, and `check` on every other database.",
    )
    mark: Mark = NOWHERE
