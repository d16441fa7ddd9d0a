"""Lays out the composed tables for the checks: `layout` merges the options of routes and events,
`draft` gives access to them, to sections, schemas and positions.

`parts` are the routes, groups, namespaces and events of a draft. Checks and assembly read a draft, nothing changes it.
"""

from hapiish.table.draft.draft import Draft

__all__ = ["Draft"]
