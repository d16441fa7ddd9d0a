"""Routes a request: `router` chooses host and method, `trie` the path, as hapi's router (`@hapi/call`) does.

`forwarded` first replaces the address, scheme and host by those that trusted proxies report. `dispatch` calls both. The
order of precedence is hapi's and must not change; targets are opaque here.
"""
