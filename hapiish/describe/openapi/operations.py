"""Operations of OpenAPI: parameters, request bodies, responses."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from hapiish.describe.components import Components, Shared
from hapiish.describe.openapi.paths import PathTemplate
from hapiish.describe.security import access_text, requirements
from hapiish.describe.surface import (
    ERROR,
    AnswerSurface,
    BodySurface,
    FailureSurface,
    NamedValue,
    ResponseHeader,
    RouteSurface,
    Sample,
    answer_samples,
    constant_headers,
    examples,
    is_any,
    payload_samples,
    phrase,
    value_sample,
)

_IGNORED: Final = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI ignores: bodies, responses and security describe them."""

_USUAL: Final = frozenset(
    {
        *("content-type", "format", "missing", "invalid", "expired", "size", "media-type", "timeout", "internal"),
        *("database", "limit", "compression"),
    }
)
"""Reasons that most routes have; the name of a shared response consists of the others."""

_PARTS: Final = {"query": "query", "header": "headers", "cookie": "cookies"}
"""The parts of an example's request by the place of a parameter."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")
_TOKEN: Final = {
    "required": True,
    "description": "The token against cross-site request forgery",
    "schema": {"type": "string"},
}
_GUARDED: Final = ("POST", "PUT", "PATCH", "DELETE")


class Operations:
    """Makes operations; `strategies` are the names of those that any of them needs."""

    def __init__(self, components: Components, responses: Shared, headers: Shared, request_id: str) -> None:
        self.components = components
        self.responses = responses
        self.headers = headers
        self.request_id = request_id
        self.strategies: set[str] = set()
        self._ids: set[str] = set()

    def operation(
        self,
        route: RouteSurface,
        method: str,
        template: PathTemplate,
        first: PathTemplate,
        *,
        servers: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        """Returns the operation of a route; `first` is the template of the path item, which names the parameters."""
        title = self._id(route, method, template)
        parameters = [*self._path(route, template, first, title), *self._others(route, method, title)]
        made: dict[str, Any] = {"operationId": title}
        if route.tags:
            made["tags"] = list(route.tags)
        if route.description:
            made["summary"] = route.description
        text = "\n\n".join(_description(route, method))
        if text:
            made["description"] = text
        if route.deprecated is not None:
            made["deprecated"] = True
        if parameters:
            made["parameters"] = parameters
        if route.body is not None and method not in ("GET", "HEAD"):
            body = self._body(route, route.body, title)
            if body is not None:
                made["requestBody"] = body
        made["responses"] = self._responses(route, method, title)
        made["security"] = requirements(route.security)
        self.strategies.update(map(str, route.security.strategies if route.security is not None else ()))
        if servers:
            made["servers"] = servers
        return {**made, **route.extensions}

    def _id(self, route: RouteSurface, method: str, template: PathTemplate) -> str:
        base = route.id or _words(method, template.text)
        if route.id is not None and len(route.methods) > 1:
            base = f"{base}.{method.lower()}"
        if route.id is not None and template.missing:
            base += f".without-{'-'.join(template.missing)}"
        title, number = base, 1
        while title in self._ids:
            number += 1
            title = f"{base}.{number}"
        self._ids.add(title)
        return title

    def _path(
        self, route: RouteSurface, template: PathTemplate, first: PathTemplate, title: str
    ) -> Iterator[dict[str, Any]]:
        known = {each.name: each for each in route.params.members}
        for parameter, named in zip(template.parameters, first.parameters, strict=True):
            member = known[parameter.of]
            schema = {"type": "string"} if parameter.segment else member.schema
            made: dict[str, Any] = {"name": named.name, "in": "path", "required": True}
            text = []
            if named.name != parameter.name:
                text.append(f"`{parameter.name}` of the route {route.path}")
            if parameter.segment:
                text.append(f"Segment {parameter.segment} of {member.spans} of `{parameter.of}`")
            if parameter.is_rest:
                text.append("The rest of the path, slashes included")
            if text:
                made["description"] = "; ".join(text)
            sample = None if parameter.segment else value_sample(route.options, "params", parameter.of)
            more = {} if sample is None else {"example": sample}
            yield {**made, "schema": self.components.schema(schema, f"{title}.{parameter.name}"), **more}

    def _others(self, route: RouteSurface, method: str, title: str) -> Iterator[dict[str, Any]]:
        for place, found in (("query", route.query), ("header", route.headers), ("cookie", route.state)):
            for member in found.members:
                if place != "header" or member.name not in _IGNORED:
                    sample = value_sample(route.options, _PARTS[place], member.name)
                    more = {} if sample is None else {"example": sample}
                    yield {**self._parameter(place, member, title), **more}
        csrf = route.options.csrf
        if csrf is not None and csrf.enforce and method in (_GUARDED if csrf.restful else ("POST",)):
            yield {"name": csrf.key, "in": "cookie", **_TOKEN}
            if csrf.restful:
                yield {"name": csrf.header_name, "in": "header", **_TOKEN}
            elif csrf.source == "query":
                yield {"name": csrf.key, "in": "query", **_TOKEN}

    def _parameter(self, place: str, member: NamedValue, title: str) -> dict[str, Any]:
        schema = self.components.schema(member.schema, f"{title}.{member.name}")
        made: dict[str, Any] = {"name": member.name, "in": place}
        if member.required:
            made["required"] = True
        text = member.schema.get("description") if isinstance(member.schema, dict) else None
        if text:
            made["description"] = text
            if "$ref" not in schema:
                schema = {key: value for key, value in schema.items() if key != "description"}
        if isinstance(member.schema, dict) and member.schema.get("deprecated") is True:
            made["deprecated"] = True
        return {**made, "schema": schema}

    def _body(self, route: RouteSurface, body: BodySurface, title: str) -> dict[str, Any] | None:
        if body.is_forbidden or not body.is_declared:
            return None
        schema = self.components.schema(body.schema, f"{title}.payload")
        content: dict[str, Any] = {media: {"schema": schema} if schema else {} for media in shown_types(body)}
        shown = _samples(each for each in payload_samples(route.options) if not isinstance(each.value, str))
        if shown and "application/json" in content:
            content["application/json"]["examples"] = shown
        made: dict[str, Any] = {"content": content}
        if body.is_required:
            made["required"] = True
        made["description"] = f"At most {size(body.max_bytes)}"
        return made

    def _responses(self, route: RouteSurface, method: str, title: str) -> dict[str, Any]:
        constant = tuple(constant_headers(route.options, self.request_id))
        made: dict[str, Any] = {}
        for answer in route.answers:
            if answer.status not in (206, 304, 412, 416) or method == "GET":
                made[_code(answer.status)] = self._answer(route, answer, constant, title)
        identity = constant[:1]
        for failure in route.failures:
            if failure.status not in (412, 416) or method != "POST":
                headers = constant if failure.status == 429 else identity
                made[str(failure.status)] = self._failure(failure, headers, title)
        if route.raises:
            made["default"] = self._default(route, identity)
        return made

    def _answer(
        self, route: RouteSurface, answer: AnswerSurface, constant: tuple[ResponseHeader, ...], title: str
    ) -> dict[str, Any]:
        made: dict[str, Any] = {"description": answer.description, "headers": self._headers(*answer.headers, *constant)}
        if answer.media_type is not None:
            schema = self.components.schema(answer.schema, f"{title}.{answer.status}")
            content = {"schema": schema} if schema else {}
            shown = _samples(answer_samples(route.options, answer.status, answer.schema, self.components.named))
            if shown and answer.media_type == "application/json":
                content["examples"] = shown
            made["content"] = {answer.media_type: content}
        return made

    def _failure(self, failure: FailureSurface, constant: tuple[ResponseHeader, ...], title: str) -> dict[str, Any]:
        schema: Any = failure.schema
        if schema is None:
            content: dict[str, Any] = {"schema": self.components.own("Error", ERROR)}
        else:
            content = {} if is_any(schema) else {"schema": self.components.schema(schema, f"{title}.{failure.status}")}
        bodies = examples(failure)
        shown = {
            reason.name: {"summary": reason.text, "value": bodies[reason.name]}
            for reason in failure.reasons
            if reason.name in bodies
        }
        if shown:
            content["examples"] = shown
        made = {
            "description": ". ".join(reason.text for reason in failure.reasons),
            "headers": self._headers(*failure.headers, *constant),
            "content": {failure.media_type: content},
        }
        if failure.is_own:
            return made
        special = "".join(_words("", reason.name) for reason in failure.reasons if reason.name not in _USUAL)
        return self.responses.put(_words("", phrase(failure.status)) + special, made)

    def _default(self, route: RouteSurface, constant: tuple[ResponseHeader, ...]) -> dict[str, Any]:
        errors = route.options.response.errors
        media = (errors.type if errors is not None else None) or "application/json"
        content = {} if errors is not None else {"schema": self.components.own("Error", ERROR)}
        made = {
            "description": "Any other error that the handler raises",
            "headers": self._headers(*constant),
            "content": {media: content},
        }
        return self.responses.put("OtherError", made)

    def _headers(self, *headers: ResponseHeader) -> dict[str, Any]:
        made = {}
        for header in headers:
            value: dict[str, Any] = {"description": header.description, "schema": header.schema}
            if header.always:
                value["required"] = True
            made[header.name] = self.headers.put(_words("", header.name), value)
        return made


def _samples(found: Iterable[Sample]) -> dict[str, Any]:
    """Returns a map of Example Objects."""
    return {each.key: {"summary": each.name, "value": each.value} for each in found}


def shown_types(body: BodySurface) -> list[str]:
    """Returns the media types that a document lists: JSON stands for `application/*+json` beside it."""
    return [media for media in body.media_types if media != "application/*+json" or len(body.media_types) == 1]


def size(count: int) -> str:
    """Formats a number of bytes as the table would: `64 KB`, `1 MB`."""
    for unit, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {name}"
    return f"{count} bytes"


def _code(status: int | None) -> str:
    return "2XX" if status is None else str(status)


def _words(method: str, text: str) -> str:
    """Returns `getUsersId` for GET /users/{id}, `TooManyRequests` for a phrase."""
    words = [word for word in _UNSAFE.split(text) if word]
    return method.lower() + "".join(word[0].upper() + word[1:] for word in words)


def _description(route: RouteSurface, method: str) -> Iterator[str]:
    yield from route.notes
    deprecated = route.deprecated
    if deprecated is not None:
        sunset = f"; it may stop working after {deprecated.sunset}" if deprecated.sunset else ""
        link = f". See {deprecated.link}" if deprecated.link else ""
        yield f"Deprecated since {deprecated.since}{sunset}{link}."
    yield from access_text(route.security)
    csrf = route.options.csrf
    if csrf is not None and csrf.enforce and not csrf.restful and csrf.source == "payload" and method == "POST":
        yield f"The body also has the key `{csrf.key}` with the value of the cookie of that name."
