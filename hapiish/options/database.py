"""MongoDB (`database:`)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.declare import Range, Text, option
from hapiish.options.values import NOWHERE, Duration, Mark, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """MongoDB; without it there is none."""

    uri: Annotated[
        str,
        Text(
            r"^(?!(?!mongodb(\+srv)?:)[A-Za-z][A-Za-z0-9+.-]*://)",
            "a URI that begins with mongodb:// or mongodb+srv://",
        ),
    ] = option("", "The MongoDB to connect to; empty: the local default store.", examples=["${MONGODB_URI:}"])
    name: Annotated[str, Text(r'^[^/\\. "$*<>:|?]+$', "the name of a database", max=63)] = option(
        "hapiish", "The database, unless the uri names one."
    )
    threads: Annotated[int, Range(1, 256)] = option(4, "Threads for models and `def` handlers.")
    timeout: TimeSpan = option(
        Duration(2000), "How long a request waits for MongoDB before it is a 503.", examples=["2s"]
    )
    data: str = option(".hapiish", "The folder of the local default store.")
    indexes: Literal["check", "apply", "ignore"] | None = option(
        None,
        "What the server does at start about the indexes that models declare: `check` warns of each missing "
        "index, `apply` builds it, `ignore` does nothing. The default is `apply` on the local database of "
        "`hapiish run`, and `check` on every other database.",
    )
    mark: Mark = NOWHERE
