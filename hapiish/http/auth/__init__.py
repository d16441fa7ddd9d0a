"""Authenticates callers and authorizes requests, with the strategies that a table declares.

Order: `strategy` tries a route's schemes before the body is read, `messages` authenticates the payload, `access` checks
scopes and entities; `messages` also signs responses, as a finalizer. Schemes are `basic`, `apikey`, `cookie`, `jwt`
(with `keys`, `tokens`, `signing`) and `oauth2` (with `providers`). A new scheme is a module here, named by
its manifest in `hapiish.options.schemes`. Only `h.authenticated` lets a request pass: every other result fails closed.
"""
