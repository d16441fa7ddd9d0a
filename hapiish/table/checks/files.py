"""Checks handlers of the kinds file and directory: paths and contradictory options."""

from collections.abc import Iterator, Mapping

from hapiish.table.draft import Draft
from hapiish.table.kinds import kind_of
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code


def directories(draft: Draft) -> Iterator[Problem]:
    """Paths of directories that do not end with a parameter."""
    for route in draft.routes:
        if kind_of(route.handler) == "directory" and route.path is not None:
            text = route.path.text
            if not text.endswith("}"):
                message = f'"{text}" with a directory handler must end with a parameter for the file name'
                hint = f'write "{text.rstrip("/")}/{{file*}}"'
                yield Problem(draft.mark(*route.at, "path"), Code.DIRECTORY_PATH, message, hint)


def files(draft: Draft) -> Iterator[Problem]:
    """Contradictory options of a file."""
    for route in draft.routes:
        handler = route.handler
        if not isinstance(handler, Mapping) or kind_of(handler) != "file":
            continue
        at = (*route.handler_at, "file")
        settings = handler["file"]
        path = settings.get("path") if isinstance(settings, Mapping) else settings
        if isinstance(path, str) and path.endswith("/"):
            place = (*at, "path") if isinstance(settings, Mapping) else at
            yield Problem(draft.mark(*place), Code.FILE, f'"{path}" ends with a slash, but must name a file')
        if not isinstance(settings, Mapping):
            continue
        if settings.get("filename") is not None and not settings.get("mode"):
            hint = "write mode: attachment, or mode: inline"
            yield Problem(draft.key_mark(*at, "filename"), Code.FILE, '"filename" has no effect without "mode"', hint)
        start, end = settings.get("start") or 0, settings.get("end")
        if isinstance(end, int) and isinstance(start, int) and end < start:
            yield Problem(draft.mark(*at, "end"), Code.FILE, f'"end" ({end}) is less than "start" ({start})')
