"""Formats JSON by `options.json` or a handler's settings: replacer, indentation, escapes, suffix.

Plain JSON is encoded by `codec` directly.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from hapiish import codec
from hapiish.options import JsonFormat
from hapiish.types import Json

Replacer = Callable[[str, Json], Json]
"""Returns the value to send, given a key (`""` for the root, the index for an item) and a value; `...` omits it."""

OF_JSON: Final = ("replacer", "spaces", "suffix")
"""Settings of a response that apply to JSON bodies only."""

_ESCAPES: Final = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Format(JsonFormat):
    """The JSON settings of a route. `replacer` is a function, or the keys of objects to send."""

    replacer: Replacer | Sequence[str] | None = None  # type: ignore[assignment]

    @property
    def is_plain(self) -> bool:
        """Returns whether the settings change nothing."""
        return self.replacer is None and self.space is None and not self.suffix and not self.escape

    def encode(self, source: Json, more: Mapping[str, Json]) -> bytes:
        """Encodes `source`; `more`, the response's spaces, suffix, replacer and encoding, overrides the route's."""
        space, suffix = more.get("spaces", self.space), more.get("suffix", self.suffix) or ""
        replacer, encoding = more.get("replacer", self.replacer), more.get("encoding", "utf-8")
        body = codec.encode(source)
        if replacer is not None:
            body = codec.encode(replaced(codec.decode_trusted(body), replacer))
        if space is None and not self.escape and encoding == "utf-8":
            return body + codec.whole(suffix).encode()
        text = body.decode()
        if space is not None:
            separators = (",", ": ") if space else (",", ":")
            text = json.dumps(codec.decode_trusted(body), indent=space, ensure_ascii=False, separators=separators)
        if self.escape:
            text = text.translate(_ESCAPES)
        return codec.whole(text + suffix).encode(encoding)


PLAIN: Final = Format()


def replaced(value: Json, replacer: Replacer | Sequence[str]) -> Json:
    """Applies JSON.stringify's second argument: a list of keys to keep, or a function called from the root down."""
    if not callable(replacer):
        return _only(value, frozenset(replacer))
    made = replacer("", value)
    return None if made is ... else _inside(made, replacer)


def _inside(value: Json, replacer: Replacer) -> Json:
    if isinstance(value, Mapping):
        made = ((key, replacer(str(key), inner)) for key, inner in value.items())
        return {key: _inside(inner, replacer) for key, inner in made if inner is not ...}
    if isinstance(value, list | tuple):
        items = (replacer(str(index), inner) for index, inner in enumerate(value))
        return [None if inner is ... else _inside(inner, replacer) for inner in items]
    return value


def _only(value: Json, keys: frozenset[str]) -> Json:
    only = partial(_only, keys=keys)
    if isinstance(value, dict):
        return {key: only(item) for key, item in value.items() if key in keys}
    return list(map(only, value)) if isinstance(value, list) else value
