"""The functions on JSON Schemas that validation needs, from `hapiish.grammar.schema`."""

from hapiish.grammar.schema import Schema, SchemaError, embed, escape, for_engine, resolve, unescape

__all__ = ["Schema", "SchemaError", "embed", "escape", "for_engine", "resolve", "unescape"]
