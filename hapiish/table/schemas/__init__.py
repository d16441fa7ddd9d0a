"""Reads JSON Schemas: `references` resolves `$ref`, `$id` and anchors, `dereference` rewrites them as pointers.

`weight` bounds how often a schema is evaluated for one value.
"""
