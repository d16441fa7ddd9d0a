"""Commands that PyMongo sends, for tests that count them. Import it before a client is made."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo import monitoring


class _Listener(monitoring.CommandListener):
    def __init__(self) -> None:
        self.lists: list[list[str]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if threading.current_thread().name.startswith("background-"):
            return  # work of the process that no request waits for
        if event.command_name not in ("ping", "hello", "endSessions"):
            for names in self.lists:
                names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


_listener = _Listener()
monitoring.register(_listener)


@contextmanager
def recorded() -> Iterator[list[str]]:
    """The names of the commands that clients of this process send within the block."""
    names: list[str] = []
    _listener.lists.append(names)
    try:
        yield names
    finally:
        _listener.lists.remove(names)
