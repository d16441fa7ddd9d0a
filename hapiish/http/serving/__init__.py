"""Speaks HTTP/1.1 under `hapiish run`: uvicorn's protocol with limits on heads, connections and waits (RFC 9112).

`reader` parses, `protocol` runs the application, `connections` limits and times out, `coalescing` joins writes, `tls`
bounds handshakes. Another ASGI server works without this package.
"""
