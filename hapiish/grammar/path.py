"""Parser for route paths in hapi's syntax (`/users/{id}/files/{rest*}`).

The grammar is that of `@hapi/call`. It is independent of methods, hosts and requests: the router matches requests, and
the table finds conflicts with `occupies`.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import quote

UNENCODED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@")
"""Characters that need no percent-encoding in a path: unreserved, sub-delims, ":" and "@" (RFC 3986 §3.3)."""

_PIECE = re.compile(r"\{(?P<inside>[^{}]*)\}|(?P<literal>[^{}]+)|(?P<brace>[{}])")
_INSIDE = re.compile(r"(?P<name>\w+)(?:\*(?P<count>[1-9][0-9]*)?(?P<star>)|(?P<optional>\?))?", re.ASCII)
_NAME = re.compile(r"\w+", re.ASCII)
_FORMS = tuple(
    (re.compile(form, re.ASCII), is_rest)
    for form, is_rest in (
        (r":(?P<name>[A-Za-z_]\w*)[?+]?", False),
        (r":(?P<name>[A-Za-z_]\w*)\*", True),
        (r":(?P<name>[A-Za-z_]\w*)\(.*\)", False),
        (r"<(?:(?P<type>[A-Za-z_]\w*)(?:\([^()]*\))?:)?(?P<name>\w+)>", False),
        (r"<(?P<name>\w+):(?P<type>[A-Za-z_]\w*)>", False),
        (r"\(\?P?<(?P<name>\w+)>.*\)", False),
        (r"\*{1,2}(?P<name>\w*)", True),
        (r"\[{1,2}\.\.\.(?P<name>\w+)\]{1,2}", True),
        (r"\[(?P<name>\w+)\]", False),
        (r"\{(?P<type>int|str|string|float|uuid|path|slug):(?P<name>\w+)\}", False),
        (r"\{(?P<name>\w+):(?P<type>[^{}]*)\}", False),
        (r"\{\*{1,2}(?P<name>\w+)\}", True),
    )
)
"""Parameters in the syntax of Express, Flask, Django, Next.js, Starlette and ASP.NET; True if one matches the rest."""

_FOREIGN = frozenset(":<*[")
"""Each of these syntaxes contains one of these characters."""
_MOST_SHOWN = 200  # characters of a path in a message
_MOST_SEGMENTS = 100
_LONGEST = 200  # segments of a path; the router visits each segment
_CODE = re.compile(r"%[0-9A-Fa-f]{2}")


class PathError(ValueError):
    """Raised for an invalid path; the message names the segment, the reason and the correct form."""


@dataclass(frozen=True, slots=True)
class LiteralText:
    """Literal text of a segment, or a part of a mixed segment; "" is the segment after a trailing slash."""

    text: str


@dataclass(frozen=True, slots=True)
class Param:
    """`{name}`, `{name?}` (last segment, or inside a mixed one) or `{name*count}`, which spans `count` segments."""

    name: str
    optional: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`{name*}`: the rest of the path, possibly empty."""

    name: str


@dataclass(frozen=True, slots=True)
class Mixed:
    """Literals and parameters in one segment (`{name}.{ext}`), never two adjacent parameters."""

    parts: tuple[LiteralText | Param, ...]


Segment = LiteralText | Param | Wildcard | Mixed


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `params` are the names in order; `fingerprint` has `?` for a parameter and `#` for a wildcard."""

    text: str
    segments: tuple[Segment, ...] = field(compare=False)
    params: tuple[str, ...] = field(compare=False)
    fingerprint: str


def parse(text: str, *, case_sensitive: bool = True) -> Path:
    """Parses `text` or raises `PathError`; without `case_sensitive` only the fingerprint is lower case."""
    if not text.startswith("/"):
        raise PathError(
            f'path "{text}" must start with "/"; write "{_rooted(text)}"' if text else 'path is empty; the root is "/"'
        )
    if not text.isprintable():
        raise PathError(f"path {text!a} has a control character; write it as a percent code")
    raw = text[1:].split("/")
    last = len(raw) - 1
    shown = text if len(text) <= _MOST_SHOWN else f"{text[:60]}…"
    segments: list[Segment] = []
    params: dict[str, None] = {}
    spanned = 0
    fingers: list[str] = []
    for index, part in enumerate(raw):
        try:
            segment = _segment(part, index == last)
        except PathError as fault:
            raise PathError(f'path "{shown}": {fault}') from None
        for name in _names(segment):
            if name in params:
                raise PathError(f'path "{shown}": parameter "{name}" appears twice; give each its own name')
            params[name] = None
        spanned += segment.count if isinstance(segment, Param) else 1
        if spanned > _LONGEST or len(params) > _MOST_SEGMENTS:
            what = f"{_MOST_SEGMENTS} parameters" if spanned <= _LONGEST else f"{_LONGEST} segments"
            raise PathError(f'path "{shown}" has more than {what}')
        segments.append(segment)
        fingers.append(_finger(segment))
    fingerprint = "/" + "/".join(fingers)
    return Path(text, tuple(segments), tuple(params), fingerprint if case_sensitive else fingerprint.lower())


def _rooted(text: str) -> str:
    """Returns a suggestion for a path without a leading "/": adds it, and removes scheme and host of a URL."""
    return "/" + (text.partition("://")[2].partition("/")[2] if "://" in text else text)


def occupies(path: Path) -> tuple[str, ...]:
    """Returns the keys that `path` occupies in hapi's router.

    Two routes with the same method and host conflict if and only if they share a key. `/u/{id?}` also occupies `/u`. A
    wildcard excludes another wildcard below a sibling parameter (`/u/{c*}` and `/u/{a}/{b*}`).
    """
    above = path.fingerprint.rpartition("/")[0]
    match path.segments[-1]:
        case Param(optional=True):
            return path.fingerprint, above or "/"
        case Wildcard():
            return path.fingerprint, f"{above}/?/#"
    return (path.fingerprint,)


@lru_cache(4096)
def _segment(text: str, is_last: bool) -> Segment:
    if not text:
        if is_last:
            return LiteralText("")
        raise PathError('"//" makes an empty segment; write a single "/"')
    meant = _elsewhere(text)
    if meant:
        raise PathError(f'"{text}" is not a parameter here; write {meant}')
    if text in (".", ".."):
        raise PathError(f'segment "{text}" can never match, because requests lose their dot segments before routing')
    found = list(_PIECE.finditer(text))
    if len(found) > 1:
        return _mixed(text, found)
    piece = _piece(found[0], text)
    if not is_last and isinstance(piece, Wildcard):
        raise PathError(
            f'"{text}" takes the whole rest of the path, so nothing may follow it, not even "/"; '
            f"for a fixed number of segments write {{{piece.name}*2}}"
        )
    if not is_last and isinstance(piece, Param) and piece.optional:
        raise PathError(f'"{text}" is optional, so nothing may follow it, not even "/"; write {{{piece.name}}}')
    return piece


def _elsewhere(text: str) -> str:
    """Translates a parameter in the syntax of other frameworks (`:id`, `<int:id>`, `*rest`, `[id]`, `{id:int}`)."""
    if _FOREIGN.isdisjoint(text):
        return ""
    for form, is_rest in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            name = match["name"] or "rest"
            return f"{{{name}*}}" if is_rest or match.groupdict().get("type") == "path" else f"{{{name}}}"
    return ""


def _mixed(text: str, found: list[re.Match[str]]) -> Mixed:
    parts: list[LiteralText | Param] = []
    for match in found:
        piece = _piece(match, text)
        if isinstance(piece, Wildcard) or "*" in (match["inside"] or ""):
            raise PathError(
                f'"{match[0]}" shares the segment "{text}" with other text; "*" counts whole segments and stands alone'
            )
        if isinstance(piece, Param) and parts and isinstance(parts[-1], Param):
            pair = f"{{{parts[-1].name}}}-{{{piece.name}}}"
            raise PathError(f'segment "{text}" has two parameters side by side; put a literal between them: {pair}')
        parts.append(piece)
    return Mixed(tuple(parts))


def _piece(match: re.Match[str], text: str) -> LiteralText | Param | Wildcard:
    if match["brace"]:
        raise PathError(f'segment "{text}" has a "{match["brace"]}" without its partner; a parameter is {{name}}')
    if match["literal"]:
        return _literal(match["literal"])
    inside = match["inside"]
    form = _INSIDE.fullmatch(inside)
    if form is None:
        raise PathError(_why_not(inside))
    name, count = form["name"], form["count"]
    if form["star"] is not None and count is None:
        return Wildcard(name)
    if count is not None and (len(count) > 3 or int(count) > _MOST_SEGMENTS):
        raise PathError(f'"{{{inside}}}" spans more than {_MOST_SEGMENTS} segments; write {{{name}*}} for any number')
    return Param(name, optional=form["optional"] is not None, count=int(count or 1))


def _literal(text: str) -> LiteralText:
    plain = _CODE.sub("", text)
    for character in plain:
        if character == "%":
            raise PathError(f'segment "{text}" has a "%" that starts no percent code; for the sign itself write %25')
        if character not in UNENCODED:
            raise PathError(f'segment "{text}" has the character "{character}"; write {quote(character, safe="")}')
    for code in _CODE.findall(text):
        meant = chr(int(code[1:], 16))
        if meant in UNENCODED:
            raise PathError(f'segment "{text}" has the percent code {code}, which needs none; write "{meant}"')
        if code != code.upper():
            raise PathError(f'segment "{text}" has the percent code {code} in lower case; write {code.upper()}')
    return LiteralText(text)


def _why_not(inside: str) -> str:
    whole = f'"{{{inside}}}"'
    name = _NAME.match(inside)
    if name is None:
        return f"{whole} has no name; a parameter is {{name}}, its name made of letters, digits and _"
    rest = inside[name.end() :]
    if rest.startswith("*") and rest.endswith("?"):
        return f"{whole} is both counted and optional; write {{{name[0]}*}} for any number of segments"
    if rest.startswith("*"):
        return f'{whole} has "{rest[1:]}" as its count; write a number from 1 without leading zeros: {{{name[0]}*2}}'
    if rest.startswith("?"):
        return f'{whole} has "{rest[1:]}" after the "?"; write {{{name[0]}?}}'
    suggested = re.sub(r"\W+", "_", inside, flags=re.ASCII).strip("_")
    return f'{whole} has a name with other characters than letters, digits and "_"; write {{{suggested}}}'


def _names(segment: Segment) -> tuple[str, ...]:
    match segment:
        case LiteralText():
            return ()
        case Mixed(parts):
            return tuple(part.name for part in parts if isinstance(part, Param))
    return (segment.name,)


def _finger(segment: Segment) -> str:
    match segment:
        case LiteralText(text):
            return text
        case Mixed(parts):
            return "".join(part.text if isinstance(part, LiteralText) else "?" for part in parts)
        case Wildcard():
            return "#"
    return "/".join("?" * segment.count)
