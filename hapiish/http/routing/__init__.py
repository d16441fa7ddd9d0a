"""Finds the route of a request: `router` chooses host and method, `trie` the path, as hapi's router does.

`forwarded` decides who the client is behind trusted proxies. The order of precedence is hapi's and must not change.
"""
