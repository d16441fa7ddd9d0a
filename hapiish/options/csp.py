"""`csp` of a route: the header Content-Security-Policy."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.options.declare import As, Form, Items, Text, option, settings

_SOURCE: Final = r"^[!-+\--:<-~]+$"
Source = Annotated[str, Text(_SOURCE, 'a source such as "self" or "https://cdn.example.com"')]
Sources = Annotated[
    tuple[Source, ...],
    Items(unique=True, one=True),
    Form(
        name="cspSources",
        wanted='a source such as "self" or "https://cdn.example.com", or a list of them',
        nullable=True,
    ),
]
Restriction = Annotated[str, Text("^allow-[a-z-]+$", 'a word such as "allow-forms"')]


@settings(also=(True, False), wanted="true, false or settings", headers="hapiish.http.guards.csp:headers")
@dataclass(frozen=True, slots=True, kw_only=True)
class Csp:
    """The header Content-Security-Policy on every response, with blankie's keys: true for the defaults below, settings,
    or false. Settings of a route replace the server's.
    """

    base_uri: Sources = option(
        ("self",), "Sources of addresses that `<base>` may name (`base-uri`); an empty list leaves the directive out."
    )
    child_src: Sources = option(
        (),
        "Sources of workers and frames, where `workerSrc` and `frameSrc` say nothing (`child-src`); an empty "
        "list leaves the directive out.",
    )
    connect_src: Sources = option(
        ("self",),
        "Sources of addresses that scripts may connect to (`connect-src`); an empty list leaves the directive out.",
    )
    default_src: Sources = option(
        ("none",),
        "Sources of everything that no other directive speaks of (`default-src`); an empty list leaves the "
        "directive out.",
    )
    font_src: Sources = option((), "Sources of fonts (`font-src`); an empty list leaves the directive out.")
    form_action: Sources = option(
        (), "Sources of addresses that forms may be sent to (`form-action`); an empty list leaves the directive out."
    )
    frame_ancestors: Sources = option(
        (), "Sources of pages that may frame this one (`frame-ancestors`); an empty list leaves the directive out."
    )
    frame_src: Sources = option((), "Sources of frames (`frame-src`); an empty list leaves the directive out.")
    img_src: Sources = option(("self",), "Sources of images (`img-src`); an empty list leaves the directive out.")
    manifest_src: Sources = option((), "Sources of manifests (`manifest-src`); an empty list leaves the directive out.")
    media_src: Sources = option((), "Sources of audio and video (`media-src`); an empty list leaves the directive out.")
    object_src: Sources = option(
        (), "Sources of plugins such as `<object>` (`object-src`); an empty list leaves the directive out."
    )
    script_src: Sources = option(
        ("self",), "Sources of scripts (`script-src`); an empty list leaves the directive out."
    )
    script_src_attr: Sources = option(
        (), "Sources of scripts in attributes of elements (`script-src-attr`); an empty list leaves the directive out."
    )
    script_src_elem: Sources = option(
        (), "Sources of `<script>` elements (`script-src-elem`); an empty list leaves the directive out."
    )
    style_src: Sources = option(("self",), "Sources of styles (`style-src`); an empty list leaves the directive out.")
    style_src_attr: Sources = option(
        (), "Sources of styles in attributes of elements (`style-src-attr`); an empty list leaves the directive out."
    )
    style_src_elem: Sources = option(
        (), "Sources of `<style>` elements and style sheets (`style-src-elem`); an empty list leaves the directive out."
    )
    worker_src: Sources = option(
        ("self",), "Sources of workers (`worker-src`); an empty list leaves the directive out."
    )
    report_to: Annotated[str, Text(_SOURCE, "a name without space, comma and semicolon")] | None = option(
        None, "The endpoint of Reporting-Endpoints that breaches are told to (`report-to`)."
    )
    report_uri: Annotated[str, Text(_SOURCE, "an address without space, comma and semicolon")] | None = option(
        None, "Where browsers send reports of breaches (`report-uri`).", examples=["/csp-reports"]
    )
    require_trusted_types_for: bool = option(
        False,
        "Whether scripts may only be given trusted types where text would be run (`require-trusted-types-for "
        "'script'`).",
    )
    sandbox: Annotated[tuple[str, ...] | Literal[True], As(tuple[Restriction, ...] | Literal[True, False])] | None = (
        option(
            None,
            "Restrictions of the page: true for all of them, or a list of what is allowed nevertheless.",
            examples=[["allow-forms", "allow-scripts"]],
            wanted="true, false or a list such as [allow-forms]",
            shown=False,
        )
    )
    trusted_types: Sources | None = option(None, "The names of trusted types that scripts may make (`trusted-types`).")
    upgrade_insecure_requests: bool = option(False, "Whether browsers are to use HTTPS where the page says HTTP.")
    report_only: bool = option(
        False, "Whether breaches are only reported, by the header Content-Security-Policy-Report-Only."
    )
    generate_nonces: Literal[True, False, "script", "style"] = option(
        True,
        'For what there are nonces, `request.plugins["blankie"]["nonces"]` and `nonces` in views: true for '
        "scripts and styles, `script`, `style` or false. One that nobody asks for is not made.",
    )
