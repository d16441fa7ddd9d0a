"""Reads the text of a request's head: header fields, the message head of RFC 9112, charsets, query strings.

Pure functions, bytes or text in, values out. Every function here is linear in its input, since the input is a client's.
"""
