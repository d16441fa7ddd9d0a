"""`payload` of a route: how the body of a request is read."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.compression import Decoders
from hapiish.options.declare import Items, Range, option, settings
from hapiish.options.values import LARGEST, Duration, FailAction, Size, TimeSpan


@settings(also=(bool,), wanted='true, false, or a mapping with "output"')
@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """How multipart forms are read, where `true` takes over `payload.output`."""

    output: Literal["data", "stream", "file", "annotated"] | None = option(
        None,
        "What a file is: `data` its content, parsed by its own media type, as bytes where there is nothing to "
        "parse; `annotated` the same as `{filename, headers, payload}`; `stream` an object to `read()` or to "
        "go through with `async for`, with `filename` and `headers`; `file` one on disk as `{path, bytes, "
        "filename, headers}`.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """How the body of a request is read. Not for GET routes."""

    allow: Annotated[tuple[str, ...], Items(min=1, one=True, add=True)] | None = option(
        None,
        "Media types accepted, others are 415; `application/*+json` is one. Without it all that can be parsed.",
        examples=["application/json"],
    )
    compression: Decoders = option(
        Decoders(),
        "The content codings of bodies that are undone, with the options of their decoders; false refuses one "
        "with 415. gzip and deflate are undone unless refused, br and zstd where they are named (`pip install "
        '"hapiish[compression]"`).',
        examples=[{"br": True, "deflate": False}],
    )
    default_content_type: str = option("application/json", "The media type of a body without Content-Type.")
    fail_action: FailAction = option("error", "What happens when reading or parsing fails.")
    max_bytes: Size = option(
        Size(1048576), "The largest body, also after decoding; a larger one is 413.", examples=["1MB"]
    )
    max_parts: Annotated[int, Range(1, LARGEST)] = option(
        1000, "The largest number of parts of a multipart form; more are 400."
    )
    multipart: Multipart | None = option(
        None,
        "Whether `multipart/form-data` is taken, else it is 415. true makes of its files what `output` says; a "
        "mapping says it for them alone. Fields are text, or what JSON says where they are marked as JSON; a "
        "name that comes several times is a list.",
        examples=[True, {"output": "annotated"}],
        shown=False,
    )
    output: Literal["data", "stream", "file"] = option(
        "data",
        "What a body becomes: `data` a value in memory; `stream` an object to `read()` or to go through with "
        "`async for` while it arrives, of any media type; `file` one on disk as `{path, bytes}`. Files are "
        "removed after the response, unless the handler has moved them.",
    )
    override: str | None = option(None, "The media type to parse as, whatever the request says.")
    parse: Literal[True, False, "gunzip"] = option(
        True, "Whether the body is parsed: true parses; false hands on the bytes; `gunzip` decodes without parsing."
    )
    timeout: TimeSpan | Literal[False] = option(
        Duration(10000),
        "How long a body may take to arrive, then 408; false: as long as it likes. It holds for `output: data` "
        "and for multipart forms, not for streams and files.",
        examples=["10s"],
        wanted='false, milliseconds above 0, or text such as "10s"',
    )
    uploads: str | None = option(
        None,
        "The folder for files, seen from the table's own; without it the system's temporary one.",
        examples=["uploads"],
    )
