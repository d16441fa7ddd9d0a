"""Compares two tables and judges each change for the direction that it travels.

What clients send may widen, what they receive may narrow. `comparison` compares two surfaces, with `routes`, `sockets`
and `parts`; `values` compares schemas by `inclusion`, `relaxing` and `equality`; `change` has the rules, `report` the
formats.
"""
