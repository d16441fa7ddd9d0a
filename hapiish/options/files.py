"""Files: their location (`files` of a route), how they are sent, and the kinds `file` and `directory`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from hapiish.declare.manifest import KindManifest
from hapiish.declare.option import Items, Range, Text, option, settings
from hapiish.declare.types import LARGEST, MAY_BE_FUNCTION

LookupMap = Annotated[Mapping[str, str], Items(min=1)]
_COMPRESSED: Final = (
    "Serves a precompressed file next to the requested one, such as page.html.gz, to clients that accept its coding."
)
_MAP: Final = "Extensions of precompressed files by coding, in order of preference."
_ETAG: Final = (
    "The source of the entity tag: `hash` of the content (cached until the file changes), `simple` "
    "for size and time, false for no entity tag."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The location of served files."""

    relative_to: str = option(
        ".",
        "The base folder of file paths, relative to the folder of the table.",
        examples=["public"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    """The serving of files."""

    etags_cache_max_size: Annotated[int, Range(0, LARGEST)] = option(
        1000, "The maximum number of cached entity tags that are hashes of file contents; 0: files get none."
    )


@settings(short="path", wanted='a path, a function "module:attribute" or settings')
class FileHandler:
    """One file: its path, a function that selects it, or settings."""

    path: Annotated[str, MAY_BE_FUNCTION] = option(
        description="The path of the file, relative to `confine`; or a function `(request, h)` as module:attribute "
        "that returns it.",
        examples=["public/index.html", "handlers.files:choose"],
    )
    confine: bool | str = option(
        True,
        "The folder that the path must not leave, relative to `files.relativeTo`. true is that folder "
        "itself, false allows any path.",
        wanted="true, false or a folder",
    )
    filename: str | None = option(None, "The file name offered to the client; needs `mode`.")
    mode: Literal["attachment", "inline", False] = option(
        False, "Content-Disposition: `attachment` for a download, `inline` for display; false sends none."
    )
    lookup_compressed: bool = option(False, _COMPRESSED)
    lookup_map: LookupMap = option({"gzip": ".gz"}, _MAP, examples=[{"br": ".br", "gzip": ".gz"}])
    etag_method: Literal["hash", "simple", False] = option("hash", _ETAG)
    start: Annotated[int, Range(0, LARGEST)] = option(0, "The first byte to send, counted from 0.")
    end: Annotated[int, Range(0, LARGEST)] | None = option(
        None, "The last byte to send. The default is the last byte of the file."
    )


@settings()
class DirectoryHandler:
    """The files below a folder, selected by the last parameter of the route's path."""

    path: Annotated[
        tuple[str, ...],
        Items(min=1, one=True, wanted='a folder, a list of folders, or a function "module:attribute"'),
        MAY_BE_FUNCTION,
    ] = option(
        description="The folder relative to `files.relativeTo`, or folders that are tried in order; or a function "
        "`(request, h)` as module:attribute that returns one or several.",
        examples=["public", ["overrides", "public"], "handlers.files:folder"],
    )
    index: bool | Annotated[tuple[str, ...], Items(one=True)] = option(
        True,
        "The index file of a folder: true for index.html, a name, names that are tried in order, or false.",
        wanted="true, false, a name or a list of names",
    )
    listing: bool = option(
        False, "Lists the names in a folder without an index file. Otherwise, the response is a 403."
    )
    show_hidden: bool = option(False, "Serves and lists names that start with a dot. Otherwise, they are a 404.")
    redirect_to_slash: bool = option(
        True,
        "Redirects the path of a folder to the same path with a trailing slash, unless the server strips "
        "trailing slashes.",
    )
    lookup_compressed: bool = option(False, _COMPRESSED)
    lookup_map: LookupMap = option({"gzip": ".gz"}, _MAP, examples=[{"br": ".br", "gzip": ".gz"}])
    etag_method: Literal["hash", "simple", False] = option("hash", _ETAG)
    default_extension: Annotated[str, Text("^[A-Za-z0-9]+$", 'an extension such as "html"')] | None = option(
        None, "The extension, without its dot, that is added if the file does not exist.", examples=["html"]
    )


def _subject(options: Any) -> str | None:
    path = options.get("path") if isinstance(options, Mapping) else options
    return path if isinstance(path, str) else None


FILE: Final = KindManifest(options=FileHandler, implementation="hapiish.kinds.file:file_kind", subject=_subject)
DIRECTORY: Final = KindManifest(
    options=DirectoryHandler, implementation="hapiish.kinds.directory:Directory", subject=_subject
)
