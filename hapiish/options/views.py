"""Templates (`views:`) and the kind `view`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from hapiish.declare.manifest import KindManifest
from hapiish.declare.option import As, Items, Text, option, settings
from hapiish.declare.types import NOWHERE, Function, Identifier, Json, Mark

Folders = Annotated[tuple[str, ...], Items(one=True, wanted="a folder or a list of them")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOptions:
    """Settings of one view, which override the table's `views`."""

    layout: str | bool | None = option(None, "The layout, false for none; null is that of `views`.")
    layout_keyword: str | None = option(
        None, "The name of the rendered template in the layout; null is that of `views`."
    )
    content_type: str | None = option(None, "The media type of the response; null is that of `views`.")


@settings(short="template", wanted="the name of a template, or {template, context, options}")
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewHandler:
    """Renders a template of the table's `views` with the request's `params`, `payload`, `query` and `pre`; the name of
    a template is short for `template`.
    """

    template: str = option(
        description="The template, as a path below the folders of `views`, without the default extension.",
        examples=["users/profile"],
    )
    context: Mapping[str, Json] = option({}, "Further values for the template.")
    options: ViewOptions = option(ViewOptions(), "Settings of this view, which override the table's `views`.")


VIEW: Final = KindManifest(
    options=ViewHandler,
    implementation="hapiish.kinds.view:View",
    extra="view",
    packages=("jinja2",),
    needs_views=True,
    subject=lambda options: options.template,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateOptions:
    """Options of Jinja2."""

    trim_blocks: bool = option(False, "Removes the line break after a block.")
    lstrip_blocks: bool = option(False, "Removes the spaces before a block at the start of a line.")
    keep_trailing_newline: bool = option(False, "Keeps the line break at the end of a file.")
    strict_undefined: bool = option(False, "Treats undefined names as errors; otherwise they are empty text.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Templates for `h.view(template, context)` and `handler: {view: …}`: Jinja2, with autoescape on. Needs the extra
    `view`.
    """

    path: Folders = option(
        (".",), "The folder of the templates, or several that are searched in order.", examples=["templates"]
    )
    relative_to: str = option(".", "The base folder of the paths, relative to the folder of the table.")
    default_extension: Annotated[str, Text("^[A-Za-z0-9][A-Za-z0-9.]*$", "an extension without the dot before it")] = (
        option("html", "The extension added to template names without one.")
    )
    partials_path: Folders = option((), "Further folders of included templates.")
    layout: str | bool = option(
        False,
        "The template that wraps every view and includes it as `layoutKeyword`; true for `layout`, false for none.",
    )
    layout_path: Folders = option((), "The folders of layouts. The default is the folders of the templates.")
    layout_keyword: Identifier = option("content", "The name of the rendered template in a layout.")
    encoding: str = option("utf-8", "The encoding of the files, as Python names it.")
    is_cached: bool = option(True, "Caches compiled templates; false checks their files for changes at every use.")
    context: Annotated[Mapping[str, Json] | str, As(Mapping[str, Json] | Function)] | None = option(
        None,
        "Values for all templates: data, or `(request)` as module:attribute that returns it. The context "
        "of a view takes precedence.",
        examples=[{"site": "Notes"}],
        wanted='a mapping, or a function "module:attribute"',
    )
    content_type: str = option("text/html", "The media type of the responses.")
    helpers: Mapping[Identifier, Function] = option(
        {},
        "Functions that templates can call, by name. They run on the event loop, so they must not block.",
        examples=[{"url_for": "handlers.views:url_for"}],
    )
    filters: Mapping[Identifier, Function] = option(
        {}, "Filters of templates, by name, as functions of the value.", examples=[{"money": "handlers.views:money"}]
    )
    compile_options: TemplateOptions = option(TemplateOptions())
    mark: Mark = NOWHERE
