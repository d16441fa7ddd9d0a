"""Compares two tables and judges each change for the direction that it travels.

Data that clients send may widen, data that they receive may narrow. `comparison` compares two surfaces, with `routes`,
`sockets`, `settings` and `parts`. `values` compares schemas keyword by keyword, with `equality`, `relaxing` and
`wording`. `inclusion` decides whether one schema accepts all values of another, with `documents`, `subset` and
`samples`. `change` has the rules, `report` the formats.
"""
