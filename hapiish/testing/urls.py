"""URLs of routes and names of namespaces, with values for their parameters."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_PARAMETER = re.compile(r"\{(?P<name>\w+)(?P<kind>\?|\*\d*)?\}", re.ASCII)


def required_params(path: str) -> list[str]:
    """Returns the parameters of a path that need values."""
    return [each["name"] for each in _PARAMETER.finditer(path) if each["kind"] not in ("?", "*")]


def url_of(path: str, params: Mapping[str, Any], query: Mapping[str, Any]) -> str:
    """Returns the path and query of a request to a route with these values."""
    text = path_of(path, {name: _quoted(path, name, str(value)) for name, value in params.items()})
    pairs = [(key, each) for key, value in query.items() for each in (value if isinstance(value, list) else [value])]
    return f"{text}?{urlencode([(key, _text(value)) for key, value in pairs])}" if pairs else text


def path_of(path: str, params: Mapping[str, Any]) -> str:
    """Returns a path with its parameters filled in; optional ones may be missing."""
    filled_in = _PARAMETER.sub(lambda found: str(params.get(found["name"], "")), path)
    return filled_in.rstrip("/") or "/" if filled_in != path and filled_in.endswith("/") else filled_in


def _quoted(path: str, name: str, value: str) -> str:
    return quote(value, safe="/" if f"{{{name}*" in path else "")


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) or value is None else str(value)
