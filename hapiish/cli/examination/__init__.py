"""Examinations of `hapiish doctor`: `machine` needs no table, `project` reads it, `services` asks what it names.

Each function yields findings, and none of them changes anything.
"""
