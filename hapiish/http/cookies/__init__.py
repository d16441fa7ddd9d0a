"""Parses and sets cookies: `cookies` by their definitions, `encodings` of values, `iron` seals, `session` (hapi's yar).

Order: parse and decode before authentication, encode last of all finalizers.
"""
