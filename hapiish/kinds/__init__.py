"""Makes handlers of `handler: {kind: options}`: file, directory, proxy (`upstream`), view and `model`.

Each kind is a function `(server, route, options)` that returns a handler, as a kind of the user's own (`kinds:` in a
table). `route` is the protocol of what a kind asks of its route, `refusal` the error of options that cannot be served.
"""
