"""Parses and sets cookies: `cookies` by their definitions, `encodings` of values, `iron` seals, `session` (hapi's yar).

Order: a step parses and decodes before authentication; a finalizer, the last one, adds automatic values; `render`
formats `Set-Cookie`. Wire formats are those of @hapi/statehood and @hapi/iron and must not change.
"""
