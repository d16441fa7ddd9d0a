"""Media types: the type of a file extension, and whether a type is compressible (hapi's mimos, `server.mime`).

The types are Python's built-in ones (`mimetypes`, without the machine's files), corrected by a table. Compressibility
follows mime-db, which hapi uses.
"""

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Final

from hapiish.options import MimeChange

BYTES: Final = "application/octet-stream"

_COMPRESSIBLE_PATTERN: Final = re.compile(r"text/.*|.*\+(json|text|xml)")
_COMPRESSIBLE: Final = frozenset(
    (
        *("application/dart", "application/ecmascript", "application/javascript", "application/json", BYTES),
        *("application/postscript", "application/rtf", "application/tar", "application/toml", "application/wasm"),
        *("application/vnd.ms-fontobject", "application/vnd.ms-opentype", "application/x-httpd-php"),
        *("application/x-javascript", "application/x-ns-proxy-autoconfig", "application/x-sh", "application/x-tar"),
        *("application/x-www-form-urlencoded", "application/xml", "application/xml-dtd", "font/otf", "font/ttf"),
        *("image/bmp", "image/vnd.adobe.photoshop", "image/vnd.microsoft.icon", "image/x-icon", "image/x-ms-bmp"),
        *("message/rfc822", "model/gltf-binary"),
    )
)
_NOT_COMPRESSIBLE: Final = frozenset({"text/event-stream"})
"""An event must not wait in a compressor for the next one; `server.mime.override` may change this."""

_TYPES: Final = {
    "application/atom+xml": "atom",
    "application/dash+xml": "mpd",
    "application/epub+zip": "epub",
    "application/geo+json": "geojson",
    "application/gzip": "gz",
    "application/java-archive": "jar war",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/rss+xml": "rss",
    "application/toml": "toml",
    "application/vnd.android.package-archive": "apk",
    "application/vnd.ms-fontobject": "eot",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/wasm": "wasm",
    "application/x-7z-compressed": "7z",
    "application/xhtml+xml": "xhtml xht",
    "application/zstd": "zst",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg oga",
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "image/avif": "avif",
    "image/jxl": "jxl",
    "image/webp": "webp",
    "image/x-icon": "ico",
    "text/calendar": "ics",
    "text/html": "html htm shtml",
    "text/javascript": "js mjs",
    "text/markdown": "md markdown",
    "text/plain": "txt text log conf ini",
    "text/yaml": "yaml yml",
    "video/matroska": "mkv",
    "video/ogg": "ogv",
    "video/x-m4v": "m4v",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MimeType:
    """A media type; `extensions` have no dot, `source` names its registry."""

    type: str
    compressible: bool
    extensions: tuple[str, ...] = ()
    source: str = "hapiish"


class MimeTypes:
    """`server.mime`. `override` changes types by name: source, compressible, extensions, type."""

    def __init__(self, override: Mapping[str, MimeChange] | None = None) -> None:
        self._by_type: dict[str, MimeType] = {}
        self._by_extension: dict[str, MimeType] = {}
        for extension, name in mimetypes.MimeTypes().types_map[True].items():
            self._add(name, self.type(name), [extension[1:]])
        for name, extensions in _TYPES.items():
            self._add(name, self.type(name), extensions.split())
        for name, changes in (override or {}).items():
            self._change(name.lower(), changes)

    def path(self, path: str) -> MimeType | None:
        """The type of a file by its extension; None for an unknown or missing one."""
        return self._by_extension.get(PurePath(path).suffix[1:].lower())

    def type(self, content_type: str) -> MimeType:
        """The type of a Content-Type header; an unknown one is compressible by its name."""
        mime = self._by_type.get(content_type)
        if mime is None:
            name = content_type.partition(";")[0].strip().lower()
            mime = self._by_type.get(name) or MimeType(type=name, compressible=_is_compressible(name))
        return mime

    def _add(self, name: str, mime: MimeType, extensions: list[str]) -> None:
        mime = replace(mime, extensions=(*mime.extensions, *(e for e in extensions if e not in mime.extensions)))
        self._by_type[name] = mime
        for extension in mime.extensions:
            self._by_extension[extension] = mime

    def _change(self, name: str, changes: MimeChange) -> None:
        mime = self.type(name)
        extensions = mime.extensions if changes.extensions is None else changes.extensions
        changed = MimeType(
            type=changes.type or mime.type,
            compressible=mime.compressible if changes.compressible is None else changes.compressible,
            source=changes.source or mime.source,
        )
        self._add(name, changed, [extension.removeprefix(".").lower() for extension in extensions])


def _is_compressible(name: str) -> bool:
    return name in _COMPRESSIBLE or (
        name not in _NOT_COMPRESSIBLE and _COMPRESSIBLE_PATTERN.fullmatch(name) is not None
    )
