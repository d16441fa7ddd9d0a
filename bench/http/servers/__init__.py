"""The servers that are compared, one module each; `app(routes, tables)` gives the ASGI application."""
