"""`sockets.queue`: the message queue that connects the processes of a service."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.declare.option import Text, option, settings
from hapiish.declare.types import NOWHERE, Mark, Size


@settings(short="url", wanted='empty, a URL such as "redis://localhost:6379/0", or settings')
@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The message queue that connects the processes of a service. It is false without a URL: one process."""

    url: Annotated[
        str,
        Text(
            r"^(((rediss?|valkeys?)(\+cluster)?|unix|kafka|amqps?)://.+|.*\$\{.*)?$",
            'empty, or a URL such as "redis://localhost:6379/0"',
        ),
    ] = option(
        "",
        "The URL of the Redis or Valkey that connects all processes of the service; empty: one process. A Redis "
        "Cluster is recognized; `redis+cluster://a:6379,b:6379` names several of its servers. `kafka://` and `amqp://` "
        "pass every event to every process and perform no operations on rooms in other processes.",
        examples=["${REDIS_URL:}"],
    )
    partition: Annotated[str, Text("^[A-Za-z0-9._-]+$", "a name of letters, digits, ., _ and -")] = option(
        "hapiish", "The prefix of the channels, for services that share one Redis."
    )
    channel: Annotated[str, Text("^[^\\s]+$", "a name without spaces")] = option(
        "socketio",
        "The channel of python-socketio: its servers and emitters on the same queue reach the clients of this service.",
    )
    max_bytes: Size = option(Size(4194304), "The maximum size of an event that is sent to other processes.")
    mark: Mark = NOWHERE

    def __bool__(self) -> bool:
        return bool(self.url)

    @property
    def is_broker(self) -> bool:
        """True for a RabbitMQ or Kafka, False for a Redis."""
        return self.url.startswith(("amqp:", "amqps:", "kafka:"))
