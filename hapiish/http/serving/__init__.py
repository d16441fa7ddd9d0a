"""Serves HTTP/1.1 for `hapiish run`: uvicorn's protocol with limits on heads, connections and waits (RFC 9112).

A connection passes `tls` (handshake), `connections` (admission, deadlines), `reader` (parsing), `protocol` (the
application) and `coalescing` (writes); `websocket` takes over upgraded ones. Another ASGI server works without this
package.
"""
