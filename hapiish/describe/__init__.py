"""Describes tables for people and tools, without a running server.

`inspect` lists the routes and events of a checked table, `selection` selects some; `reference` generates
`docs/reference` from the JSON Schema. `explain` explains a route or event: its `lifecycle`, and the `provenance` of its
options. `matching` has the reasons why a route answers a request. `rendering` makes one table of a composed one, and
`masking` hides its secrets. `surface` says what routes and events accept and answer, `types` generates TypeScript and
TypedDicts of it. All are read-only: they import no handlers and do not change the table.
"""
