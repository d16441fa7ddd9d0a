"""Encodes and decodes cookie values: the encodings of hapi's cookies."""

import base64
from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import quote

from hapiish import codec
from hapiish.http.syntax import query
from hapiish.types import Json

Encoding = Literal["none", "base64", "base64json", "form", "iron"]

_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decoded(text: str, encoding: str) -> Json:
    """Decodes a text. Raises ValueError if it is invalid; `iron` is handled by the module `iron`."""
    return _DECODERS[encoding](text)


def _from_base64(text: str) -> bytes:
    """Decodes the standard or URL-safe alphabet, with or without padding."""
    data = text.encode().translate(_URL_SAFE).rstrip(b"=")
    return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)


_DECODERS: Final[Mapping[str, Callable[[str], Json]]] = {
    "base64": lambda text: _from_base64(text).decode(),
    "base64json": lambda text: codec.decode(_from_base64(text)),
    "form": query.parse,
    "none": str,
}


def encoded(value: Json, encoding: str) -> str:
    """Encodes a value. Raises TypeError for one that the encoding cannot hold."""
    if encoding == "base64json":
        return base64.b64encode(codec.encode(value)).decode()
    if value is None:
        return ""
    if encoding == "form" and isinstance(value, Mapping):
        return "&".join(f"{_component(name)}={_component(text)}" for name in value for text in _form_texts(value[name]))
    if encoding == "base64" and isinstance(value, str | bytes):
        return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    if encoding == "none" and isinstance(value, str):
        return value
    raise TypeError(
        f"a cookie with the encoding {encoding} cannot hold {type(value).__name__}; base64json holds any JSON"
    )


def _form_texts(value: Json) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for item in value for text in _form_texts(item)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return ["" if value is None else str(value)]


def _component(text: str) -> str:
    """Encodes like encodeURIComponent, which Node uses for form cookies."""
    return quote(text, safe="!'()*")
