"""Reads the body of a request: `reader` within limits and codings, `payload` parses it, `multipart` its parts.

`uploads` keeps parts as files. Order: Content-Length and coding, size, timeout, parse, then `validation`.
"""
