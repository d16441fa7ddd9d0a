"""Declares options and reads the declarations; the options themselves are in `hapiish.options`.

`option` has the declaration of a field and a class, and its places and merge rules; `types` the types of values with
their forms in the file, `units` durations and sizes, `manifest` built-in schemes, caches and kinds. `walk` finds names
and schemas in a table by the declared types, `forms` turns types into JSON Schema.
"""
