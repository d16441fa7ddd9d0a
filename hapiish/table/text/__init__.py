"""Parses text into a tree with marks: `source` parses YAML 1.2, `scalars` types scalars, `marks` have line and column.

`repair` continues after a syntax error, so that all errors are reported in one run; `budget` limits the total size.
`tree` finds sections, groups, routes and events in a tree.
"""
