"""Holds what the parts of `http` hand on: request, response, toolkit (`h`), route, events, log lines, auth verdict.

`request` and `response` are what handlers see; their public names are documented in docs/handlers.md and are stable.
"""
