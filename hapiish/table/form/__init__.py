"""Validates a tree against `routes.schema.json`: `validation` finds faults, `wording` writes their problems.

`schema` loads the published schema. `foreign_terms` suggests our terms for those of other frameworks.
"""
