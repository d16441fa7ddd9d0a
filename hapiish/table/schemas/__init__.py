"""JSON Schemas: `references` resolves `$ref`, `$id` and anchors, `dereference` rewrites references as pointers.

`weight` counts how many schemas are evaluated for one value.
"""
