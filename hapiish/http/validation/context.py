"""The inputs of a request as a validation function sees them: `context` of its options, or all of them as one value."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from hapiish.http.exchange.request import Request
from hapiish.options import ValidationOptions
from hapiish.types import Json

ALL: Final = ("params", "query", "payload", "headers", "state", "auth")
"""The names of the inputs that `validate.all` validates."""

_OF_CONTEXT: Final = (*ALL, "server", "models")

_SHOWN_OF_AUTH: Final = {
    "isAuthenticated": "is_authenticated",
    "isAuthorized": "is_authorized",
    **{name: name for name in ("credentials", "artifacts", "strategy", "mode")},
}


class Context:
    """The `context` of a validation function: the request's inputs, `auth`, `server` and `models`.

    `app.route` and `app.request` are the application data of route and request. Inputs are validated in the order
    headers, params, query, payload, state; those after the current one are not validated yet.
    """

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        if name in _OF_CONTEXT:
            return getattr(self._request, name)
        raise AttributeError(f"a validation's context has no {name!r}; it has {', '.join(_OF_CONTEXT)} and app")

    @property
    def app(self) -> SimpleNamespace:
        return SimpleNamespace(route=self._request.route.settings.app, request=self._request.app)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ValidationOptions):
    """The second argument of a validation function: `validate.options` or `response.options`, and the context."""

    context: Context


def options_for(rules: ValidationOptions, request: Request) -> Options:
    """Returns the options for a validation function."""
    return Options(
        allow_unknown=rules.allow_unknown,
        strip_unknown=rules.strip_unknown,
        abort_early=rules.abort_early,
        context=Context(request),
    )


def everything(request: Request) -> dict[str, Json]:
    """Returns the inputs of a request by the names in `ALL`, with hapi's keys in `auth`."""
    inputs = {name: getattr(request, name) for name in ALL}
    inputs["auth"] = {key: getattr(request.auth, name) for key, name in _SHOWN_OF_AUTH.items()}
    return inputs
