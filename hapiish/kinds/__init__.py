"""The built-in handler kinds of `handler: {kind: options}`: `file`, `directory`, `proxy`, `view` and `model`.

Each kind is a function or class `(server, route, options)` that returns a handler, like a kind of the user (`kinds:` in
a table). `route` is the argument `route`, `refusal` the error for wrong options, `upstream` the HTTP client of `proxy`.
A new kind is a module here, named by a manifest in `hapiish.options.kinds`, or in the user's project. It imports
`http`, never the table.
"""
