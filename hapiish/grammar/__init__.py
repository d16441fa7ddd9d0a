"""Defines the notations that a table and its server read alike: route paths, patterns, templates, schemas, expiry.

Each module is the one place of its grammar: checks report by it, compilers and steps work by it. Imports nothing of
ours but one another.
"""
