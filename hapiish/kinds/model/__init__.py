"""Serves the documents of a MongoEngine class: list, get, create, replace, update, delete.

At load time `handler` creates the handler of an action, and `resource` compiles its options: `fields` with `types`,
`scalars` and `values` (conversion), `filters`, `pages` with `cursor`, `pins` (owner and fixed values), `versions`
(ETag, If-Match). At run time `reading` and `writing` perform the actions, on the base `action`.
A client's value enters a query only as the converted value of a field: keep it so.
"""
