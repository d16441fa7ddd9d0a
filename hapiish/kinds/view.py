"""A table's templates, rendered by Jinja2 with autoescape: `h.view(…)` and `handler: {view: …}` (vision's keys).

Loading a table compiles the templates that it names, so that a missing or wrong template is a problem of the table.
"""

import difflib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import cast

import jinja2
from jinja2 import meta
from markupsafe import Markup

from hapiish import options
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.kinds.refusal import InvalidOptions, OptionFault
from hapiish.kinds.route import KindRoute
from hapiish.types import Value

HTML = "text/html"
LAYOUT = "layout"
MAX_BYTES = 4 << 20  # size of a template
MAX_CANDIDATES = 1000  # file names that are compared with the name of a missing template

Context = Mapping[str, Value] | Callable[[Request], Awaitable[Value]] | None


class Views:
    """The templates of a table. `settings` are its `views`; paths are relative to `folder`.

    `context` is the global context of all templates, or an async function `(request)` that returns it. Raises Refusal
    for missing folders and a wrong layout.
    """

    def __init__(
        self,
        settings: options.Views,
        folder: str,
        *,
        context: Context = None,
        helpers: Mapping[str, Value] | None = None,
        filters: Mapping[str, Value] | None = None,
    ) -> None:
        base = Path(folder, settings.relative_to)
        self.settings = settings
        self.context = context
        self.folders = _folders(base, "path", settings.path)
        partials = _folders(base, "partialsPath", settings.partials_path)
        layouts = _folders(base, "layoutPath", settings.layout_path)
        self.environment = self._environment((*self.folders, *partials))
        self.environment.globals.update(helpers or {})
        self.environment.filters.update(filters or {})
        self.layouts = self.environment
        if layouts:
            self.layouts = self.environment.overlay(loader=self._loader((*layouts, *partials)))
        self.watched = {*self.folders, *partials, *layouts}
        if settings.layout:
            self.check(LAYOUT if settings.layout is True else settings.layout, "layout", environment=self.layouts)

    def _environment(self, folders: Sequence[str]) -> jinja2.Environment:
        given = self.settings.compile_options
        return jinja2.Environment(
            loader=self._loader(folders),
            autoescape=True,
            auto_reload=not self.settings.is_cached,
            cache_size=-1,
            trim_blocks=given.trim_blocks,
            lstrip_blocks=given.lstrip_blocks,
            keep_trailing_newline=given.keep_trailing_newline,
            undefined=jinja2.StrictUndefined if given.strict_undefined else jinja2.Undefined,
        )

    def _loader(self, folders: Sequence[str]) -> jinja2.BaseLoader:
        return _Loader(folders, encoding=self.settings.encoding)

    def is_template(self, path: str) -> bool:
        """Returns True if a changed file may be a template."""
        file = Path(path)
        return str(file.parent) in self.watched and file.name.endswith(f".{self.settings.default_extension}")

    def file(self, name: str) -> str:
        """Returns the file name of a template; adds the default extension to a name without one."""
        return name if Path(name).suffix else f"{name}.{self.settings.default_extension}"

    def check(self, name: str, *path: str, environment: jinja2.Environment | None = None) -> None:
        """Compiles a template and those it extends and includes. Raises Refusal for missing and wrong ones."""
        faults = [*self._faults(environment or self.environment, self.file(name), path, set())]
        if faults:
            raise InvalidOptions(faults)

    def _faults(
        self, environment: jinja2.Environment, file: str, path: tuple[str, ...], visited: set[str]
    ) -> Iterator[OptionFault]:
        visited.add(file)
        loader = cast("jinja2.BaseLoader", environment.loader)
        try:
            template = environment.get_template(file)
            self.watched.add(str(Path(template.filename or "").parent))
            source, _, _ = loader.get_source(environment, file)
            references = [name for name in meta.find_referenced_templates(environment.parse(source)) if name]
        except jinja2.TemplateSyntaxError as error:
            yield OptionFault(path, f'the template "{error.name or file}", line {error.lineno}: {error.message}')
        except jinja2.TemplateNotFound:
            near = difflib.get_close_matches(Path(file).name, _candidates(self.folders, file), 1)
            suggestion = f'; did you mean "{near[0]}"?' if near else ""
            hint = f"it is looked for in {', '.join(self.folders)}"
            yield OptionFault(path, f'there is no template "{file}"{suggestion}', hint)
        else:
            for name in references:
                if name not in visited:
                    yield from self._faults(environment, name, path, visited)

    def response(
        self,
        template: str,
        context: Mapping[str, Value] | None = None,
        *,
        layout: str | bool | None = None,
        layout_keyword: str | None = None,
        content_type: str | None = None,
    ) -> Response:
        """Returns a response that is rendered after the handler. An option that is None has the table's value."""

        async def prepare(response: Response, request: Request) -> None:
            shared = await self.context(request) if callable(self.context) else self.context
            values = {**(shared or {}), **(context or {})}
            response.source = self.render(template, values, layout=layout, layout_keyword=layout_keyword)
            mime = content_type or self.settings.content_type
            if mime != HTML and "type" not in (response.more or {}):
                response.type(mime)

        response = Response()
        response.prepare = prepare
        return response

    def render(
        self,
        template: str,
        context: Mapping[str, Value],
        *,
        layout: str | bool | None = None,
        layout_keyword: str | None = None,
    ) -> str:
        """Renders a template, inside its layout if it has one."""
        settings = self.settings
        text = self.environment.get_template(self.file(template)).render(context)
        chosen = settings.layout if layout is None else layout
        if not chosen:
            return text
        name = self.file(LAYOUT if chosen is True else chosen)
        # The rendered text is markup and already escaped.
        inner = {**context, layout_keyword or settings.layout_keyword: Markup(text)}  # noqa: S704
        return self.layouts.get_template(name).render(inner)


def _folders(base: Path, key: str, paths: Sequence[str]) -> tuple[str, ...]:
    folders = tuple(os.path.normpath(base / path) for path in paths)
    missing = [
        OptionFault((key, index), f'there is no folder "{folder}"')
        for index, folder in enumerate(folders)
        if not Path(folder).is_dir()
    ]
    if missing:
        raise InvalidOptions(missing)
    return folders


def _candidates(folders: Sequence[str], file: str) -> list[str]:
    """Returns names of files in the folders of a missing one. Bounded, and without subfolders."""
    names: list[str] = []
    for folder in folders:
        with suppress(OSError), os.scandir(Path(folder, file).parent) as entries:
            names += [entry.name for entry in islice(entries, MAX_CANDIDATES)]
    return names


class _Loader(jinja2.FileSystemLoader):
    """Jinja's loader, which reads regular files only, with a size limit."""

    def get_source(self, environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        """Returns the text of a template. Raises TemplateNotFound for a missing or too large one."""
        for folder in self.searchpath:
            with suppress(OSError):
                if Path(folder, template).stat().st_size > MAX_BYTES:
                    raise jinja2.TemplateNotFound(template, f"{template} is larger than {MAX_BYTES >> 20} MB")
        return super().get_source(environment, template)


class View:
    """The handler of `handler: {view: …}`: renders a template with the request's params, payload, query and pre."""

    def __init__(self, server: HttpServer, route: KindRoute, handler: options.ViewHandler) -> None:
        views = route.views
        views.check(handler.template, "template")
        self.views = views
        self.template = handler.template
        self.context = handler.context
        rendering = handler.options
        layout = rendering.layout
        self.options = {
            "layout": layout,
            "layout_keyword": rendering.layout_keyword,
            "content_type": rendering.content_type,
        }
        if layout:
            views.check(LAYOUT if layout is True else layout, "options", "layout", environment=views.layouts)

    async def __call__(self, request: Request, h: Toolkit) -> Response:
        inputs = {name: getattr(request, name) for name in ("params", "payload", "query", "pre")}
        return self.views.response(self.template, {**inputs, **self.context}, **self.options)  # type: ignore[no-any-return]
