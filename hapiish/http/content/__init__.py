"""Implements content: media types, content codings, validators and ranges, Cache-Control, streams, files, JSON format.

Imports neither request nor response. `body` decodes a request's payload with it; `render` encodes, then evaluates
preconditions, then cuts ranges. A new coding is added to `compression` and `decompression`.
"""
