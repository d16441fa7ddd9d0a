"""`payload` of a route: how the body of a request is read."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import Items, Range, option, settings
from hapiish.declare.types import LARGEST, Duration, FailAction, Size, TimeSpan
from hapiish.options.compression import Decoders


@settings(also=(bool,), wanted='true, false, or a mapping with "output"')
@dataclass(frozen=True, slots=True, kw_only=True)
class Multipart:
    """The parsing of multipart forms; true applies `payload.output`."""

    output: Literal["data", "stream", "file", "annotated"] | None = option(
        None,
        "The form of a file: `data` is its content, parsed by its own media type, or bytes if that has "
        "no parser; `annotated` is the same as `{filename, headers, payload}`; `stream` is an object "
        "with `read()` and `async for`, with `filename` and `headers`; `file` is a file on disk, `{path, "
        "bytes, filename, headers}`.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The reading and parsing of request bodies. Not for GET routes."""

    allow: Annotated[tuple[str, ...], Items(min=1, one=True, add=True)] | None = option(
        None,
        "The accepted media types, such as `application/*+json`; others are refused with 415. The "
        "default is all types that can be parsed.",
        examples=["application/json"],
    )
    compression: Decoders = option(
        Decoders(),
        "The content codings that are decoded, with options of their decoders; false refuses a coding "
        "with 415. gzip and deflate are enabled by default; br and zstd must be enabled (`pip install "
        '"hapiish[compression]"`).',
        examples=[{"br": True, "deflate": False}],
    )
    default_content_type: str = option("application/json", "The media type of a body without Content-Type.")
    fail_action: FailAction = option("error", "The action if the body cannot be read or parsed.")
    max_bytes: Size = option(
        Size(1048576),
        "The maximum size of a body, before and after decoding. A larger one is refused with 413.",
        examples=["1MB"],
    )
    max_parts: Annotated[int, Range(1, LARGEST)] = option(
        1000, "The maximum number of parts of a multipart form. More are refused with 400."
    )
    multipart: Multipart | None = option(
        None,
        "Accepts `multipart/form-data`, which is otherwise refused with 415. true returns its files as "
        "`output` says; a mapping sets an `output` for them alone. Fields are texts, or JSON values if "
        "they are marked as JSON; repeated names become a list.",
        examples=[True, {"output": "annotated"}],
        shown=False,
    )
    output: Literal["data", "stream", "file"] = option(
        "data",
        "The form of the body: `data` is a value in memory; `stream` is an object with `read()` and "
        "`async for`, available while the body arrives, for any media type; `file` is a file on disk, "
        "`{path, bytes}`. Files are deleted after the response, unless the handler has moved them.",
    )
    override: str | None = option(None, "The media type to parse as, which overrides the request's Content-Type.")
    parse: Literal[True, False, "gunzip"] = option(
        True, "true parses the body; false passes its bytes on; `gunzip` decodes without parsing."
    )
    timeout: TimeSpan | Literal[False] = option(
        Duration(10000),
        "The maximum time for the body to arrive, then 408; false: no limit. It applies to `output: "
        "data` and to multipart forms, not to streams and files.",
        examples=["10s"],
        wanted='false, milliseconds above 0, or text such as "10s"',
    )
    uploads: str | None = option(
        None,
        "The folder for files, relative to the folder of the table. The default is the temporary folder of the system.",
        examples=["uploads"],
    )
