"""What `hapiish.schema` knows of schemas, under the name that it has for those who judge requests."""

from hapiish.schema import Schema, SchemaError, embed, escape, for_engine, resolve, unescape

__all__ = ["Schema", "SchemaError", "embed", "escape", "for_engine", "resolve", "unescape"]
