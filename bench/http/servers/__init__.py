"""The compared servers, one module each; `app(routes, tables)` returns the ASGI application."""
