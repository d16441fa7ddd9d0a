"""`csp` of a route: the header Content-Security-Policy."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from hapiish.declare.option import As, Form, Items, Text, option, settings

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


def _sources(description: str, *default: str) -> Any:
    return option(default, f"Sources of {description}; an empty list leaves the directive out.")


@settings(also=(True, False), wanted="true, false or settings", headers="hapiish.http.guards.csp:headers")
@dataclass(frozen=True, slots=True, kw_only=True)
class Csp:
    """The header Content-Security-Policy on every response, with blankie's keys: true for the defaults below, settings,
    or false. Settings of a route replace the server's.
    """

    base_uri: Sources = _sources("addresses that `<base>` may name (`base-uri`)", "self")
    child_src: Sources = _sources("workers and frames, unless `workerSrc` and `frameSrc` are set (`child-src`)")
    connect_src: Sources = _sources("addresses that scripts may connect to (`connect-src`)", "self")
    default_src: Sources = _sources("everything that no other directive covers (`default-src`)", "none")
    font_src: Sources = _sources("fonts (`font-src`)")
    form_action: Sources = _sources("addresses that forms may be sent to (`form-action`)")
    frame_ancestors: Sources = _sources("pages that may frame this one (`frame-ancestors`)")
    frame_src: Sources = _sources("frames (`frame-src`)")
    img_src: Sources = _sources("images (`img-src`)", "self")
    manifest_src: Sources = _sources("manifests (`manifest-src`)")
    media_src: Sources = _sources("audio and video (`media-src`)")
    object_src: Sources = _sources("plugins such as `<object>` (`object-src`)")
    script_src: Sources = _sources("scripts (`script-src`)", "self")
    script_src_attr: Sources = _sources("scripts in attributes of elements (`script-src-attr`)")
    script_src_elem: Sources = _sources("`<script>` elements (`script-src-elem`)")
    style_src: Sources = _sources("styles (`style-src`)", "self")
    style_src_attr: Sources = _sources("styles in attributes of elements (`style-src-attr`)")
    style_src_elem: Sources = _sources("`<style>` elements and style sheets (`style-src-elem`)")
    worker_src: Sources = _sources("workers (`worker-src`)", "self")
    report_to: Annotated[str, Text(_SOURCE, "a name without space, comma and semicolon")] | None = option(
        None, "The endpoint of Reporting-Endpoints that receives violation reports (`report-to`)."
    )
    report_uri: Annotated[str, Text(_SOURCE, "an address without space, comma and semicolon")] | None = option(
        None, "The address to which browsers send violation reports (`report-uri`).", examples=["/csp-reports"]
    )
    require_trusted_types_for: bool = option(
        False,
        "Requires trusted types where scripts pass text to be executed (`require-trusted-types-for 'script'`).",
    )
    sandbox: Annotated[tuple[str, ...] | Literal[True], As(tuple[Restriction, ...] | Literal[True, False])] | None = (
        option(
            None,
            "Restrictions of the page (`sandbox`): true for all of them, or a list of exceptions.",
            examples=[["allow-forms", "allow-scripts"]],
            wanted="true, false or a list such as [allow-forms]",
            shown=False,
        )
    )
    trusted_types: Sources | None = option(
        None, "Names of the trusted type policies that scripts may create (`trusted-types`)."
    )
    upgrade_insecure_requests: bool = option(
        False, "Makes browsers use HTTPS for HTTP addresses in the page (`upgrade-insecure-requests`)."
    )
    report_only: bool = option(False, "Only reports violations, with the header Content-Security-Policy-Report-Only.")
    generate_nonces: Literal[True, False, "script", "style"] = option(
        True,
        'Provides nonces in `request.plugins["blankie"]["nonces"]` and, in views, `nonces`: true for '
        "scripts and styles, `script`, `style` or false. A nonce is generated when it is first read.",
    )
