"""The authentication strategies of a table: how callers send their credentials."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.describe.surface.parts import StrategySurface
from hapiish.options import Strategy
from hapiish.options.schemes.providers import ISSUERS, PROVIDERS


def strategy(name: str, given: Strategy) -> StrategySurface:
    """Returns the description of a strategy, without its secrets."""
    options = given.options
    describe = _SCHEMES.get(given.scheme, _custom)
    return replace(describe(name, given.scheme, options), extensions=given.extensions)


def _basic(name: str, scheme: str, options: Mapping[str, Any]) -> StrategySurface:
    return StrategySurface(strategy=name, scheme=scheme, kind="basic", word="Basic")


def _jwt(name: str, scheme: str, options: Mapping[str, Any]) -> StrategySurface:
    word = options.get("httpAuthScheme") or "Bearer"
    cookie = options.get("cookieName")
    header = (options.get("headerName") or "authorization").lower()
    facts = {"bearerFormat": "JWT"}
    if cookie:
        return StrategySurface(strategy=name, scheme=scheme, kind="apiKey", place="cookie", name=cookie, facts=facts)
    if header == "authorization":
        return StrategySurface(strategy=name, scheme=scheme, kind="bearer", word=word, facts=facts)
    return StrategySurface(strategy=name, scheme=scheme, kind="apiKey", name=header, word=word, facts=facts)


def _cookie(name: str, scheme: str, options: Mapping[str, Any]) -> StrategySurface:
    cookie = options.get("cookie") or {}
    return StrategySurface(
        strategy=name, scheme=scheme, kind="apiKey", place="cookie", name=cookie.get("name") or "sid"
    )


def _api_key(name: str, scheme: str, options: Mapping[str, Any]) -> StrategySurface:
    if options.get("query"):
        return StrategySurface(strategy=name, scheme=scheme, kind="apiKey", place="query", name=options["query"])
    if options.get("cookie"):
        return StrategySurface(strategy=name, scheme=scheme, kind="apiKey", place="cookie", name=options["cookie"])
    header = (options.get("header") or "x-api-key").lower()
    return StrategySurface(strategy=name, scheme=scheme, kind="apiKey", name=header)


def _oauth2(name: str, scheme: str, options: Mapping[str, Any]) -> StrategySurface:
    provider = options.get("provider")
    known = PROVIDERS.get(provider, {"name": provider}) if isinstance(provider, str) else provider or {}
    scope = options.get("scope") or known.get("scope") or ()
    facts = {
        "provider": known.get("name") or provider or options.get("name") or "oidc",
        "issuer": options.get("issuer") or (ISSUERS.get(provider) if isinstance(provider, str) else None),
        "authorization": known.get("auth"),
        "token": known.get("token"),
        "scopes": [scope] if isinstance(scope, str) else list(scope) if isinstance(scope, list) else [],
    }
    return StrategySurface(strategy=name, scheme=scheme, kind="oauth2", place="cookie", name="", facts=facts)


def _custom(name: str, scheme: str, options: Mapping[str, Any]) -> StrategySurface:
    return StrategySurface(strategy=name, scheme=scheme, kind="custom", word=scheme.capitalize())


_SCHEMES: Final = {"apiKey": _api_key, "basic": _basic, "cookie": _cookie, "jwt": _jwt, "oauth2": _oauth2}
