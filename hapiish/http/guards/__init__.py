"""Protects routes: CORS, CSRF tokens, Content-Security-Policy, security headers, rate limits, load.

Each guard is a step, a finalizer, or headers computed once. Order: load, limits, CSRF before the handler; limits and
nonces as finalizers; `render` adds CORS and security headers. `compile` adds a guard only to routes that configure it.
"""
