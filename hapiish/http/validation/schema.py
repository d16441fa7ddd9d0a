"""What `hapiish.grammar.schema` knows of schemas, under the name that it has for those who judge requests."""

from hapiish.grammar.schema import Schema, SchemaError, embed, escape, for_engine, resolve, unescape

__all__ = ["Schema", "SchemaError", "embed", "escape", "for_engine", "resolve", "unescape"]
