"""HTTP/1.1 for `hapiish run`: uvicorn's protocol, with refusals of invalid requests and deadlines for clients.

Writes are coalesced per turn of the event loop. A request is cancelled when its client leaves: `connection_lost`
reports that without cost, while a task per request that waits for `http.disconnect` would double the request's cost.
"""

import asyncio
import logging
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import service_unavailable

from hapiish.http.content.stream import GONE
from hapiish.http.exchange.route import UNINTERRUPTED
from hapiish.http.serving.coalescing import CoalescingTransport, Flow
from hapiish.http.serving.connections import Connections, Limits
from hapiish.http.serving.cycle import RequestCycle, encoded
from hapiish.http.serving.reader import BETWEEN, BODY, HEAD, Reader
from hapiish.http.syntax.header import Pair
from hapiish.http.syntax.message_head import Refused, refusal

log = logging.getLogger("hapiish")


def connections(server_state: Any, config: Any) -> Connections:
    """The state shared by a server's connections; `Limits` are the attribute `limits` of uvicorn's Config."""
    shared: Connections | None = getattr(server_state, "hapiish", None)
    if shared is None:
        shared = Connections(getattr(config, "limits", None) or Limits(), config.timeout_keep_alive)
        server_state.hapiish = shared
    return shared


class HttpProtocol(Reader):
    """The class for uvicorn's option `http`."""

    _running: tuple[RequestCycle, asyncio.Task[None]] | None = None
    _pending_refusal: Refused | None = None  # sent after the responses of earlier requests

    # The connection

    def connection_made(self, transport: Any) -> None:
        """Wraps the transport and admits the connection."""
        super().connection_made(CoalescingTransport(transport, self.loop, self._lingers))  # type: ignore[arg-type]
        self.flow = Flow(self.transport)
        self.shared = connections(self.server_state, self.config)
        if self in self.shared.places:  # admitted at its TLS handshake
            self.shared.wait(self)
            return
        refused = self.shared.admit(self, self.client[0] if self.client else None, descriptor(transport))
        if refused is not None:
            self._refuse(refused)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the running request, unless it is uninterrupted."""
        self.shared.leave(self)
        self.connections.discard(self)
        self.backlog = b""
        self.pipeline.clear()
        cycle = self.cycle
        if cycle is not None:
            cycle.disconnected = not cycle.response_complete
            cycle.wake()
        self.flow.resume_writing()
        if exc is None:
            self.transport.close()
        self.parser = None  # type: ignore[assignment]
        self._cancel_request()

    def expire(self) -> None:
        """Responds 408 if a request has begun, else closes the connection."""
        if self.stage == HEAD and not self.over:
            self._refuse(Refused(408, "The head of the request took too long"))
        else:
            self.give_up()

    def give_up(self) -> None:
        """Flushes and aborts the connection."""
        self.over = True
        self.transport.flush()
        self.transport.abort()

    def _cancel_request(self) -> None:
        """Cancels the request whose client will not read the response."""
        if self._running is not None:
            cycle, task = self._running
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.wake()
                if UNINTERRUPTED not in cycle.scope:
                    task.add_done_callback(self.tasks.discard)  # a task that has not begun does not remove itself
                    task.cancel(GONE)

    def cut_off(self) -> None:
        """Ends the request whose cancelled task still runs."""
        if self._running is not None:
            self._running[0].cut_off()

    def is_serving(self) -> bool:
        """Returns whether a request is unanswered."""
        return self._running is not None and not self._running[0].response_complete

    def start(self, version: str) -> None:
        """Runs the request, or queues it behind pipelined ones."""
        self.stage = BODY
        app: Any = self.app
        if self.limit_concurrency is not None and (
            len(self.connections) >= self.limit_concurrency or len(self.tasks) >= self.limit_concurrency
        ):
            app = service_unavailable
        before = self.cycle
        self.cycle = RequestCycle(
            self,
            self.scope,
            expects_100=self.expect_100_continue,
            keep_alive=version == "1.1" and self.parser.should_keep_alive(),
        )
        if before is None or before.response_complete:
            self.shared.busy(self)
            self._start(self.cycle, app)
        else:
            self.pipeline.appendleft((self.cycle, app))
            self.flow.hold()

    def on_response_complete(self) -> None:
        """Continues with a queued request, a pending refusal or buffered bytes, else starts a deadline."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start(cycle, app)
            if self.pipeline:
                return
        elif self._pending_refusal is not None:
            self._refuse(self._pending_refusal)
            return
        elif self.stage == HEAD:
            self.shared.wait(self)
        else:
            self.shared.rest(self)
        if self.flow.held:
            self.flow.release()
        elif self.flow.read_paused:
            self.flow.resume_reading()
        if self.backlog:
            self.feed_backlog()

    def _start(self, cycle: RequestCycle, app: Any) -> None:
        task = self.loop.create_task(cycle.run(app))
        self.tasks.add(task)
        self._running = cycle, task

    def default_head(self) -> tuple[bytes, list[Pair]]:
        """Returns the default headers of uvicorn, which it replaces once a second, encoded once."""
        pairs = self.server_state.default_headers
        shared = self.shared
        if shared.default_headers is not pairs:
            shared.default_headers, shared.default_head = pairs, encoded(pairs)
        return shared.default_head

    # Refusals

    def refusal_for(self, error: Exception) -> Refused:
        """The refusal for an error of the parser or of a callback; unexpected errors are logged."""
        found = error.__context__
        if isinstance(found, Refused):
            return found
        if isinstance(error, httptools.HttpParserCallbackError):
            log.error("a request could not be received", exc_info=found or error)
        return refusal(str(error), self.slice)

    def refuse(self, refused: Refused) -> None:
        """Refuses invalid input after the responses of earlier requests; sends no second response to a request."""
        cycle = self.cycle
        if self.stage == BODY:
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
            elif cycle.response_complete or cycle.response_started:
                self.shared.log_refusal(refused, self.client)
                self.over = True
                self._cancel_request()
                self.transport.close()
                return
            else:
                self._cancel_request()
                self._refuse(refused)
                return
        if self.is_serving():
            self.over = True
            self._pending_refusal = refused
            self.flow.hold()
        else:
            self._refuse(refused)

    def _refuse(self, refused: Refused) -> None:
        """Sends the refusal and closes the connection."""
        self.over = True
        self.shared.log_refusal(refused, self.client)
        if self.transport.is_closing():
            return
        bodiless = self.scope is not None and self.scope.get("method") == "HEAD"
        self.transport.write(self.answer_for(refused, body=not bodiless))
        self.transport.close()

    def answer_for(self, refused: Refused, *, body: bool) -> bytes:
        """Returns the response of a refusal, in the format of the application's errors."""
        app: Any = self.app
        errors = getattr(app, "errors", None) or getattr(getattr(app, "app", None), "errors", None)
        return refused.answer(
            self.server_state.default_headers, body=body, encoded=errors.encode if errors is not None else None
        )

    def _lingers(self) -> bool:
        """Returns whether the client may still be sending: closing now would discard the response (RFC 9112 §9.6).

        Its input is then discarded until the linger period ends or the client closes.
        """
        silent = self.stage == BETWEEN and not self.over and not self.backlog
        if silent or self not in self.shared.places or not self.transport.can_write_eof():
            return False
        self.over = True
        self.flow.release()
        self.shared.linger(self)
        return True

    # Upgrades

    def hand_over(self, data: bytes) -> None:
        """Hands the transport and `data`, which follows the handshake, to the WebSocket protocol."""
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
    """The descriptor of a connection, an estimate of how many are open: new descriptors take the lowest free number."""
    socket = transport.get_extra_info("socket")
    return -1 if socket is None else int(socket.fileno())
