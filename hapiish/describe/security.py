"""Security schemes and requirements of OpenAPI and AsyncAPI, from the strategies and access rules of a table."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.describe.surface import StrategySurface
from hapiish.options import Access, RouteAuth

_MOST_REQUIREMENTS: Final = 50
DISCOVERY: Final = "/.well-known/openid-configuration"


def openapi_scheme(given: StrategySurface) -> dict[str, Any]:
    """Returns a Security Scheme Object of OpenAPI; `x-openapi` of the strategy replaces it."""
    own = given.extensions.get("x-openapi")
    if isinstance(own, dict):
        return own
    more = {key: value for key, value in given.extensions.items() if key != "x-openapi"}
    return {**_scheme(given), **more}


def _scheme(given: StrategySurface) -> dict[str, Any]:
    match given.kind:
        case "basic":
            return {"type": "http", "scheme": "basic"}
        case "bearer":
            return _bearer(given)
        case "apiKey":
            scheme = {"type": "apiKey", "in": given.place, "name": given.name}
            text = _api_key_text(given)
            return {**scheme, "description": text} if text else scheme
        case "oauth2":
            return _oauth2(given)
    text = f"The scheme `{given.scheme}` of the application"
    return {"type": "http", "scheme": str(given.scheme).lower(), "description": text}


def _bearer(given: StrategySurface) -> dict[str, Any]:
    """Returns the scheme of a token in the header Authorization; `bearerFormat` is for the word Bearer alone."""
    if given.word.lower() == "bearer":
        return {"type": "http", "scheme": "bearer", **given.facts}
    return {"type": "http", "scheme": given.word.lower(), "description": f"A token (JWT) after the word `{given.word}`"}


def _api_key_text(given: StrategySurface) -> str:
    if given.scheme == "cookie":
        return "The sealed cookie of a session, which a login sets"
    if given.scheme == "jwt":
        return "A token (JWT)" + (f", after the word `{given.word}`" if given.place == "header" else "")
    return ""


def _oauth2(given: StrategySurface) -> dict[str, Any]:
    facts = given.facts
    text = f"A login at {facts['provider']}: the route redirects the browser to the provider"
    if facts.get("issuer"):
        url = str(facts["issuer"]).rstrip("/") + DISCOVERY
        return {"type": "openIdConnect", "openIdConnectUrl": url, "description": text}
    scopes = {str(scope): "" for scope in facts["scopes"]}
    flow = {"authorizationUrl": facts["authorization"], "tokenUrl": facts["token"], "scopes": scopes}
    return {"type": "oauth2", "flows": {"authorizationCode": flow}, "description": text}


def asyncapi_scheme(given: StrategySurface) -> dict[str, Any]:
    """Returns a Security Scheme Object of AsyncAPI, for the token of a handshake; `x-asyncapi` replaces it."""
    own = given.extensions.get("x-asyncapi")
    if isinstance(own, dict):
        return own
    more = {key: value for key, value in given.extensions.items() if key not in ("x-asyncapi", "x-openapi")}
    match given.kind:
        case "basic":
            text = "`auth: {token}` of the handshake: base64 of `name:password`"
            return {"type": "http", "scheme": "basic", "description": text, **more}
        case "bearer":
            text = "`auth: {token}` of the handshake: the token alone"
            return {**_bearer(given), "description": text, **more}
        case "apiKey" if given.place == "header":
            text = f"`auth: {{token}}` of the handshake, or the header `{given.name}`"
            return {"type": "httpApiKey", "in": "header", "name": given.name, "description": text, **more}
        case "apiKey":
            return {"type": "httpApiKey", "in": given.place, "name": given.name, **more}
    return {"type": "http", "scheme": str(given.scheme).lower(), **more}


def requirements(auth: RouteAuth | None) -> list[dict[str, list[str]]]:
    """Returns the alternatives that a caller can choose from, an empty object for no credentials.

    A rule's scopes of which one is enough become an alternative each, beside those that are all required.
    """
    if auth is None:
        return []
    combinations = list(dict.fromkeys(combination for rule in auth.access for combination in _scopes(rule))) or [()]
    found: list[dict[str, list[str]]] = [
        {str(name): list(scopes)} for name in auth.strategies for scopes in combinations
    ][:_MOST_REQUIREMENTS]
    return found if auth.mode == "required" else [*found, {}]


def _scopes(rule: Access) -> Iterator[tuple[str, ...]]:
    scopes = rule.scope or ()
    required = tuple(scope[1:] for scope in scopes if scope.startswith("+"))
    selection = [scope for scope in scopes if scope[:1] not in ("+", "!")]
    if not selection:
        yield required
    for scope in selection:
        yield (*required, scope)


def access_text(auth: RouteAuth | None) -> list[str]:
    """Returns the parts of access rules that requirements cannot say: forbidden scopes, and the kind of caller."""
    lines = []
    for rule in auth.access if auth is not None else ():
        forbidden = [f"`{scope[1:]}`" for scope in rule.scope or () if scope.startswith("!")]
        if forbidden:
            lines.append(f"Callers with the scope {' or '.join(forbidden)} are refused.")
        if rule.entity != "any":
            who = "a user's credentials" if rule.entity == "user" else "an application's credentials"
            lines.append(f"Needs {who}.")
    return list(dict.fromkeys(lines))


def schemes_of(strategies: Mapping[str, StrategySurface], used: set[str]) -> dict[str, StrategySurface]:
    """Returns the strategies that a document mentions, in the order of the table."""
    return {str(name): given for name, given in strategies.items() if str(name) in used}
