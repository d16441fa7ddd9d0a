"""`sockets.presence`: which users are online."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.declare.option import Text, option
from hapiish.declare.types import NOWHERE, Duration, Function, Mark, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Presence: `request.server.presence.online(ids)` returns the users that have a connected socket, in any process
    with `sockets.queue`, otherwise in this process.
    """

    by: Annotated[str, Text(r"^credentials(\.[^.{}\s]+)+$", 'a value of the credentials, such as "credentials.id"')] = (
        option("credentials.id", "The id of a user in the credentials of a socket. A socket without it does not count.")
    )
    lease: TimeSpan = option(
        Duration(30000),
        "The time after which the users of a process that has died are offline. A process renews its lease three times "
        "in this time. It is extended if `grace` needs more.",
    )
    grace: Duration = option(
        Duration(10000), "The time that a user has to reconnect after the last disconnection, before it is offline."
    )
    on_change: Function | None = option(
        None,
        "`(server, change)` as module:attribute, called once in the service for each change: `change.id`, "
        "`change.online`, and `change.at` in milliseconds since the epoch.",
        examples=["handlers.presence:changed"],
    )
    mark: Mark = NOWHERE
