"""Templates (`views:`) and the kind `view`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from hapiish.options.declare import As, Items, Text, option, settings
from hapiish.options.manifest import KindManifest
from hapiish.options.values import NOWHERE, Function, Identifier, Json, Mark

Folders = Annotated[tuple[str, ...], Items(one=True, wanted="a folder or a list of them")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOptions:
    """What a view says otherwise than the table's `views`."""

    layout: str | bool | None = option(None, "The layout, false for none; null is that of `views`.")
    layout_keyword: str | None = option(
        None, "The name by which the layout knows the rendered template; null is that of `views`."
    )
    content_type: str | None = option(None, "The media type of the response; null is that of `views`.")


@settings(short="template", wanted="the name of a template, or {template, context, options}")
@dataclass(frozen=True, slots=True, kw_only=True)
class ViewHandler:
    """Answers with a template of the table's `views`, which sees the request's `params`, `payload`, `query` and `pre`;
    the name of a template stands for `template`.
    """

    template: str = option(
        description="The template, as a path below the folders of `views`, without the default extension.",
        examples=["users/profile"],
    )
    context: Mapping[str, Json] = option({}, "What the template sees besides.")
    options: ViewOptions = option(ViewOptions(), "What is different for this view.")


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
    """How Jinja2 reads the templates."""

    trim_blocks: bool = option(False, "Whether the line break after a block is dropped.")
    lstrip_blocks: bool = option(False, "Whether the spaces before a block that begins a line are dropped.")
    keep_trailing_newline: bool = option(False, "Whether the line break at the end of a file is kept.")
    strict_undefined: bool = option(
        False, "Whether a name that the context does not have is an error; without it, it is empty text."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """Templates for `h.view(template, context)` and `handler: {view: …}`: Jinja2, with autoescape on. Needs the extra
    `view`.
    """

    path: Folders = option(
        (".",), "The folder of the templates, or several that are searched in order.", examples=["templates"]
    )
    relative_to: str = option(".", "The folder from which the paths are seen, itself seen from the table's own.")
    default_extension: Annotated[str, Text("^[A-Za-z0-9][A-Za-z0-9.]*$", "an extension without the dot before it")] = (
        option("html", "The extension of templates that are named without one.")
    )
    partials_path: Folders = option((), "Folders for what templates include, besides their own.")
    layout: str | bool = option(
        False, "The template that every view is put into, as its `layoutKeyword`; true for `layout`, false for none."
    )
    layout_path: Folders = option((), "Folders of layouts; without them they are among the templates.")
    layout_keyword: Identifier = option("content", "The name by which a layout knows the rendered template.")
    encoding: str = option("utf-8", "The encoding of the files, by Python's name.")
    is_cached: bool = option(True, "Whether a template is read once; false looks for changes of its file at every use.")
    context: Annotated[Mapping[str, Json] | str, As(Mapping[str, Json] | Function)] | None = option(
        None,
        "What every template sees: data, or `(request)` as module:attribute that returns it. What a view is "
        "given wins.",
        examples=[{"site": "Notes"}],
        wanted='a mapping, or a function "module:attribute"',
    )
    content_type: str = option("text/html", "The media type of the responses.")
    helpers: Mapping[Identifier, Function] = option(
        {},
        "Functions that templates call, by name. They are called on the event loop, so they must not block.",
        examples=[{"url_for": "handlers.views:url_for"}],
    )
    filters: Mapping[Identifier, Function] = option(
        {}, "Filters of templates, by name, as functions of the value.", examples=[{"money": "handlers.views:money"}]
    )
    compile_options: TemplateOptions = option(TemplateOptions())
    mark: Mark = NOWHERE
