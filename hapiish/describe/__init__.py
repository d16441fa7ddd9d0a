"""Describes tables for people and tools, without a running server.

`inspect` lists the routes and events of a checked table; `reference` generates `docs/reference` from the JSON Schema.
Both are read-only: they import no handlers and do not change the table.
"""
