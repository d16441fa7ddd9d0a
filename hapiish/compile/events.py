"""Compiles the events of a table, its listeners and `server.debug`, for `server.events`."""

from collections.abc import Mapping

from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.http.exchange.events import Listener, Printed, TableEvents
from hapiish.types import SERVER_EVENTS


def compile_events(names: Names) -> TableEvents:
    """Returns the events, listeners and printed tags of the table."""
    return TableEvents(declared=_declared(names.table), listeners=_listeners(names), prints=_prints(names.table.server))


def _declared(table: model.Table) -> Mapping[str, tuple[str, ...]]:
    """Returns the events of the application with their channels."""
    return {name: event.channels for name, event in table.events.items() if name not in SERVER_EVENTS}


def _listeners(names: Names) -> Mapping[str, tuple[Listener, ...]]:
    return {
        name: tuple(_listener(names, listener) for listener in event.listeners)
        for name, event in names.table.events.items()
        if event.listeners
    }


def _listener(names: Names, listener: model.Listener) -> Listener:
    return Listener(
        function=names.function(listener.method),
        channels=frozenset(listener.channels) if listener.channels is not None else None,
        tags=frozenset(listener.filter.tags) if listener.filter is not None else None,
        every=listener.filter is not None and listener.filter.all,
        count=listener.count,
    )


def _prints(settings: model.Server) -> Mapping[str, Printed]:
    """Returns the tags by which the events `request` and `log` are printed."""
    debug = settings.debug
    if debug is False:
        return {"request": False, "log": False}
    return {"request": debug.request, "log": debug.log}
