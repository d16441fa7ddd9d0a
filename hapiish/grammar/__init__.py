"""Notations shared by table and server: route paths, method calls, patterns, templates, schemas, expiry times.

Each module is the only definition of its notation: checks report errors with it, compilers and steps evaluate it. The
modules import nothing else of hapiish.
"""
