"""Composes one tree of several: `expand` fills in variables, includes and parameters, `composition` adds used tables.

`owned_names` keeps which table wrote a name; `params` judges the values that a use gives.
"""
