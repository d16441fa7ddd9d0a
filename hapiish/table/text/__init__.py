"""Reads text into a tree with marks: `source` parses YAML 1.2, `scalars` types it, `marks` remember line and column.

`repair` goes on after a syntax error, so that all errors are reported in one run; `budget` bounds the whole reading.
"""
