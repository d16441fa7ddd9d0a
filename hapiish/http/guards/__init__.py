"""Protects routes: CORS, CSRF tokens, Content-Security-Policy, security headers, rate limits, load.

Each guard is a step, a finalizer or headers computed once; `compile` adds it only to routes that configure it.
"""
