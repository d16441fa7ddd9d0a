"""Validates inputs and outputs against JSON Schema: `inputs` before the handler, `outputs` after it.

`validator` compiles a schema to a verdict; `coerce` converts text, fills in defaults and strips unknown keys
(`transform`, `branches`, `parse_text`, `strip_unknown`); `report` explains a failure by path, keyword and message.
`schema_reader` only reads schemas. A change of messages belongs in `report`, of the bodies of errors in `failure`.
"""
