"""Parses the text of a request's head: header fields, the message head of RFC 9112, charsets, query strings.

Pure functions of bytes or text, called by `serving`, `dispatch` and `body`. Input is a client's, so every function must
stay linear in its length.
"""
