"""Judges the form of the tree by `routes.schema.json`: `validation` finds faults, `wording` says them as problems.

`foreign_terms` knows the words of other frameworks. A text of a problem about keys, types and values is in `wording`.
"""
