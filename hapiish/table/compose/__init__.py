"""Composes one tree of several: `expand` substitutes variables and parameters, `composition` inserts used tables.

`owned_names` records which table wrote a name; `params` resolves and validates arguments.
"""
