"""Serves requests; knows HTTP and its own settings, nothing of YAML.

A request passes `serving` (bytes), `dispatch` and `routing` (its route), `lifecycle` (the route's steps: `cookies`,
`auth`, `body`, `validation`, `guards`) and `render` (the response's bytes, with `content`). `exchange` holds what these
hand on: request, response, toolkit, route. `syntax` reads header text. A new step belongs to its concern's package.
"""
