"""Defines what the packages of `http` pass on: request, response, toolkit (`h`), route, events, log, verdict.

`request` and `response` are what handlers receive; their public names are documented in docs/handlers.md and stable.
"""
