"""HTTP/1.1 as `hapiish run` speaks it: uvicorn's protocol, which refuses what is no request and waits for nobody long.

What is written in one turn of the event loop leaves together at its end. A request whose client has left is cancelled:
the protocol learns of it anyway, so that requests pay nothing for being watched, while a task that waits for
`http.disconnect` would cost each of them as much as all the rest.
"""

import asyncio
import logging
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from hapiish.http.content.stream import GONE
from hapiish.http.exchange.route import UNINTERRUPTED
from hapiish.http.serving.coalescing import CoalescingTransport, Flow
from hapiish.http.serving.connections import Connections, Limits
from hapiish.http.serving.reader import BETWEEN, BODY, HEAD, Reader
from hapiish.http.syntax.message_head import Refused, refusal

log = logging.getLogger("hapiish")

_SILENT = logging.getLogger("hapiish.left")
_SILENT.disabled = True


def connections(server_state: Any, config: Any) -> Connections:
    """What all connections of a server share; its `Limits` are the attribute `limits` of uvicorn's Config."""
    shared: Connections | None = getattr(server_state, "hapiish", None)
    if shared is None:
        shared = Connections(getattr(config, "limits", None) or Limits(), config.timeout_keep_alive)
        server_state.hapiish = shared
    return shared


class HttpProtocol(Reader):
    """For uvicorn's option `http`."""

    _running: tuple[RequestResponseCycle, asyncio.Task[None]] | None = None
    _last_words: Refused | None = None  # for after the answers that are to come

    # The connection

    def connection_made(self, transport: Any) -> None:
        """Takes a place among the server's connections, and puts itself between uvicorn and the transport."""
        super().connection_made(CoalescingTransport(transport, self.loop, self._lingers))  # type: ignore[arg-type]
        self.flow = Flow(self.transport)
        self.shared = connections(self.server_state, self.config)
        if self in self.shared.places:  # which was its TLS handshake's
            self.shared.wait(self)
            return
        refused = self.shared.admit(self, self.client[0] if self.client else None, descriptor(transport))
        if refused is not None:
            self._end(refused)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the request that is under way, unless it must not be."""
        self.shared.leave(self)
        self.unfed = b""
        self.pipeline.clear()
        super().connection_lost(exc)
        self._abandon()

    def expire(self) -> None:
        """408 to a client that has begun a request; the others have said nothing."""
        if self.stage == HEAD and not self.over:
            self._end(Refused(408, "The head of the request took too long"))
        else:
            self.give_up()

    def give_up(self) -> None:
        """Closes at once."""
        self.over = True
        self.transport.flush()
        self.transport.abort()

    def _abandon(self) -> None:
        """Ends the work for a client that will not have its answer."""
        if self._running is not None:
            cycle, task = self._running
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
                if UNINTERRUPTED not in cycle.scope:
                    cycle.logger = _SILENT  # an application that is cancelled has not failed
                    task.cancel(GONE)

    def works(self) -> bool:
        """Whether a request has not been answered yet."""
        return self._running is not None and not self._running[0].response_complete

    def start(self, version: str) -> None:
        """Serves the request, or keeps it until those before it are answered."""
        self.stage = BODY
        app: Any = self.app
        if self.limit_concurrency is not None and (
            len(self.connections) >= self.limit_concurrency or len(self.tasks) >= self.limit_concurrency
        ):
            app = service_unavailable
        before = self.cycle
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version == "1.1" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self.shared.busy(self)
            self._start_asgi_task(self.cycle, app)
        else:
            self.pipeline.appendleft((self.cycle, app))
            self.flow.hold()

    def on_response_complete(self) -> None:
        """Goes on with what waits: a request, a refusal, bytes that came too early; else the client's turn comes."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            if self.pipeline:
                return
        elif self._last_words is not None:
            self._end(self._last_words)
            return
        elif self.stage == HEAD:
            self.shared.wait(self)
        else:
            self.shared.rest(self)
        if self.flow.held:
            self.flow.release()
        elif self.flow.read_paused:
            self.flow.resume_reading()
        if self.unfed:
            self.feed_more()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)
        self._running = cycle, task

    # Refusals

    def meaning(self, error: Exception) -> Refused:
        """What a callback has raised, or the parser's words in ours; anything else is a mistake of this module."""
        found = error.__context__
        if isinstance(found, Refused):
            return found
        if isinstance(error, httptools.HttpParserCallbackError):
            log.error("a request could not be received", exc_info=found or error)
        return refusal(str(error), self.slice)

    def broken(self, refused: Refused) -> None:
        """Answers what is no request, behind the requests before it; a request that has its answer gets no second."""
        cycle = self.cycle
        if self.stage == BODY:
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
            elif cycle.response_complete or cycle.response_started:
                self.shared.tell(refused, self.client)
                self.over = True
                self._abandon()
                self.transport.close()
                return
            else:
                self._abandon()
                self._end(refused)
                return
        if self.works():
            self.over = True
            self._last_words = refused
            self.flow.hold()
        else:
            self._end(refused)

    def _end(self, refused: Refused) -> None:
        """The last answer."""
        self.over = True
        self.shared.tell(refused, self.client)
        if self.transport.is_closing():
            return
        bodiless = self.scope is not None and self.scope.get("method") == "HEAD"
        app: Any = self.app
        errors = getattr(app, "errors", None) or getattr(getattr(app, "app", None), "errors", None)
        encoded = errors.encode if errors is not None else None
        self.transport.write(refused.answer(self.server_state.default_headers, body=not bodiless, encoded=encoded))
        self.transport.close()

    def _lingers(self) -> bool:
        """Whether the client may still be sending: closed now, it would lose the answer (RFC 9112 §9.6).

        What it sends is then read away for a while, or until it closes.
        """
        silent = self.stage == BETWEEN and not self.over and not self.unfed
        if silent or self not in self.shared.places or not self.transport.can_write_eof():
            return False
        self.over = True
        self.flow.release()
        self.shared.linger(self)
        return True

    # Upgrades

    def hand_over(self, data: bytes) -> None:
        """Lets a WebSocket have the transport itself, and what has come behind the handshake."""
        self.transport.flush()
        self.transport = self.transport.transport
        if not hasattr(self.ws_protocol_class, "open"):
            self.shared.leave(self)
            self.handle_websocket_upgrade()
            return
        self.connections.discard(self)
        make: Any = self.ws_protocol_class
        protocol = make(config=self.config, server_state=self.server_state, app_state=self.app_state)
        self.successor = protocol
        self.shared.hand_over(self, protocol)
        protocol.released = self.shared.release
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        query = self.scope["query_string"]
        protocol.open(self.scope["raw_path"] + (b"?" + query if query else b""), self.headers)
        if data:
            protocol.data_received(data)


def descriptor(transport: Any) -> int:
    """The number of a connection's descriptor, which tells how many there are: a new one is the lowest that is free."""
    socket = transport.get_extra_info("socket")
    return -1 if socket is None else int(socket.fileno())
