"""Reads the body of a request: `reader` within limits and codings, `payload` parses it, `multipart` its parts.

Order: content type and coding, declared size, bytes within size and timeout, parsing; then `validation`. `uploads`
stores parts as files and removes them after the response. A new media type is added to `payload.parser_of`.
"""
