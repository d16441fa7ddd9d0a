"""Generates types of a checked table: `typescript` for clients, `python` for handlers.

`names` has their identifiers, `reading` what both read of the schemas.
"""
