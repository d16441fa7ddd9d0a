"""Serves HTTP requests. Uses the declared options (`hapiish.options`) as settings and imports nothing of the table.

A request passes `serving` (bytes), `dispatch` and `routing` (its route), `lifecycle` (the route's steps, from `guards`,
`cookies`, `auth`, `body` and `validation`) and `render` (status, headers and body, with `content`). `exchange` defines
the objects passed on: request, response, toolkit, route. `syntax` parses header text. A step belongs to the package of
its concern; its place in the order is in `lifecycle`, and `hapiish.compile` adds it to routes that configure it.
"""
