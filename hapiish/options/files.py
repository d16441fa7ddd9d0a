"""Files: where they are (`files` of a route), how they are sent, and the kinds `file` and `directory`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from hapiish.options.declare import Items, Range, Text, option, settings
from hapiish.options.manifest import KindManifest
from hapiish.options.values import LARGEST, MAY_BE_FUNCTION

LookupMap = Annotated[Mapping[str, str], Items(min=1)]
_COMPRESSED: Final = (
    "Whether a compressed file beside the wanted one, such as page.html.gz, is sent to clients that take it."
)
_MAP: Final = "The extensions of compressed files by coding, the preferred coding first."
_ETAG: Final = (
    "What the entity tag is made of: `hash` of the content (remembered as long as the file does not change), `simple`: "
    "size and time; false: there is none."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where files are that are sent."""

    relative_to: str = option(
        ".",
        "The folder that paths of files are relative to, itself relative to the folder of the table.",
        examples=["public"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    """How files are sent."""

    etags_cache_max_size: Annotated[int, Range(0, LARGEST)] = option(
        1000, "How many entity tags that are hashes of files' contents are remembered; 0: files get none."
    )


@settings(short="path", wanted='a path, a function "module:attribute" or settings')
class FileHandler:
    """One file: its path, a function that chooses it, or settings."""

    path: Annotated[str, MAY_BE_FUNCTION] = option(
        description="The file, relative to `confine`; or a function `(request, h)` as module:attribute, which "
        "returns it.",
        examples=["public/index.html", "handlers.files:choose"],
    )
    confine: bool | str = option(
        True,
        "The folder that must not be left, relative to `files.relativeTo`; true is that one itself, false lets "
        "the path lead anywhere.",
        wanted="true, false or a folder",
    )
    filename: str | None = option(None, "The name that the client is offered; needs `mode`.")
    mode: Literal["attachment", "inline", False] = option(
        False, "Content-Disposition: `attachment` to be kept, `inline` to be shown; false: none."
    )
    lookup_compressed: bool = option(False, _COMPRESSED)
    lookup_map: LookupMap = option({"gzip": ".gz"}, _MAP, examples=[{"br": ".br", "gzip": ".gz"}])
    etag_method: Literal["hash", "simple", False] = option("hash", _ETAG)
    start: Annotated[int, Range(0, LARGEST)] = option(0, "The first byte that is sent, counted from 0.")
    end: Annotated[int, Range(0, LARGEST)] | None = option(
        None, "The last byte that is sent; without it the file's last."
    )


@settings()
class DirectoryHandler:
    """The files below a folder, by the last parameter of the route's path."""

    path: Annotated[
        tuple[str, ...],
        Items(min=1, one=True, wanted='a folder, a list of folders, or a function "module:attribute"'),
        MAY_BE_FUNCTION,
    ] = option(
        description="The folder, relative to `files.relativeTo`, or folders that are tried in order; or a "
        "function `(request, h)` as module:attribute, which returns one or several.",
        examples=["public", ["overrides", "public"], "handlers.files:folder"],
    )
    index: bool | Annotated[tuple[str, ...], Items(one=True)] = option(
        True,
        "What is sent for a folder: true for index.html, a name, names that are tried in order, or false.",
        wanted="true, false, a name or a list of names",
    )
    listing: bool = option(False, "Whether a folder without an index is answered with the names in it; else it is 403.")
    show_hidden: bool = option(False, "Whether names that start with a dot are served and listed; else they are 404.")
    redirect_to_slash: bool = option(
        True,
        "Whether the path of a folder without its slash is redirected to the one with it. Not where slashes "
        "are stripped.",
    )
    lookup_compressed: bool = option(False, _COMPRESSED)
    lookup_map: LookupMap = option({"gzip": ".gz"}, _MAP, examples=[{"br": ".br", "gzip": ".gz"}])
    etag_method: Literal["hash", "simple", False] = option("hash", _ETAG)
    default_extension: Annotated[str, Text("^[A-Za-z0-9]+$", 'an extension such as "html"')] | None = option(
        None, "The extension, without its dot, that is tried where there is no such file.", examples=["html"]
    )


def _subject(options: Any) -> str | None:
    path = options.get("path") if isinstance(options, Mapping) else options
    return path if isinstance(path, str) else None


FILE: Final = KindManifest(options=FileHandler, implementation="hapiish.kinds.file:file_kind", subject=_subject)
DIRECTORY: Final = KindManifest(
    options=DirectoryHandler, implementation="hapiish.kinds.directory:Directory", subject=_subject
)
