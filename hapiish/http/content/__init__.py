"""Represents content: media types, content codings, validators and ranges, Cache-Control, streams, files, JSON format.

Knows neither request nor response objects. `render` applies these to a response, `body` to a request.
"""
