"""Serves the documents of a MongoEngine class: list, get, create, replace, update, delete.

`handler` makes the handler of an action; `resource` compiles its options: `fields` and `scalars` (which fields, how
their text reads), `filters`, `pages` with `cursor`, `pins` (owner and fixed values), `versions` (ETag, If-Match).
`reading` and `writing` perform the actions. No value from a client becomes part of a query but as a field's value.
"""
