"""The options of the documentation page, and the paths of its routes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

_PATH: Final = {"type": "string", "pattern": "^/([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*)?$", "maxLength": 200}
_DOCUMENT: Final = {"anyOf": [{**_PATH, "minLength": 2}, {"const": False}]}

OPTIONS_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "path": {**_PATH, "default": "/documentation", "description": "The path of the page."},
        "title": {"type": "string", "minLength": 1, "description": "The title; the default is that of `info`."},
        "auth": {
            "anyOf": [{"type": "string", "minLength": 1}, {"type": "object"}, {"const": False}],
            "default": False,
            "description": "Who may read the page and the documents: `auth` as in a route's options; false: everybody.",
        },
        "openapi": {**_DOCUMENT, "description": "The path of the OpenAPI document, or false. PATH/openapi.json"},
        "asyncapi": {**_DOCUMENT, "description": "The path of the AsyncAPI document, or false. PATH/asyncapi.json"},
        "tryIt": {"type": "boolean", "default": True, "description": "Sends requests and events from the page."},
        "hideTags": {
            "type": "array",
            "items": {"type": "string", "minLength": 1},
            "default": [],
            "description": "Hides the routes and events that have one of these tags.",
        },
    },
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """The options of one page; `paths` are its routes by part: page, assets, openapi, asyncapi."""

    path: str
    title: str | None
    auth: str | Mapping[str, Any] | bool
    try_it: bool
    hide_tags: frozenset[str]
    paths: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Returns the options with their defaults; `given` is valid by `OPTIONS_SCHEMA`."""
        path = given.get("path", "/documentation")
        below = path.rstrip("/")
        documents = {name: given.get(name, f"{below}/{name}.json") for name in ("openapi", "asyncapi")}
        return cls(
            path=path,
            title=given.get("title"),
            auth=given.get("auth", False),
            try_it=given.get("tryIt", True),
            hide_tags=frozenset(given.get("hideTags", ())),
            paths={
                "page": path,
                "assets": f"{below}/assets/{{version}}/{{file}}",
                **{name: found for name, found in documents.items() if found is not False},
            },
        )
