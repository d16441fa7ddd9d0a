"""The events of a table and what is printed of them, for `server.events`."""

from collections.abc import Mapping

from hapiish.compile.names import Names
from hapiish.http.exchange.events import Listener, Printed
from hapiish.table import model
from hapiish.types import SERVER_EVENTS


def declared(table: model.Table) -> Mapping[str, tuple[str, ...]]:
    """The application's own events, and their channels."""
    return {name: given.channels for name, given in table.events.items() if name not in SERVER_EVENTS}


def listeners(names: Names) -> Mapping[str, tuple[Listener, ...]]:
    """Who listens to which event."""
    return {
        name: tuple(_listener(names, listener) for listener in given.listeners)
        for name, given in names.table.events.items()
        if given.listeners
    }


def _listener(names: Names, given: model.Listener) -> Listener:
    return Listener(
        function=names.function(given.method),
        channels=frozenset(given.channels) if given.channels is not None else None,
        tags=frozenset(given.filter.tags) if given.filter is not None else None,
        every=given.filter is not None and given.filter.all,
        count=given.count,
    )


def prints(settings: model.Server) -> Mapping[str, Printed]:
    """What is printed of the events `request` and `log`."""
    debug = settings.debug
    if debug is False:
        return {"request": False, "log": False}
    return {"request": debug.request, "log": debug.log}
