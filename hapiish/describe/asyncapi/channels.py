"""Channels and operations of AsyncAPI, from the namespaces and events of a table."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from hapiish.describe.asyncapi.draft07 import draft07
from hapiish.describe.components import Components
from hapiish.describe.security import access_text
from hapiish.describe.surface import (
    EVENT_ERROR,
    EmitSurface,
    EventSurface,
    FailureSurface,
    HandlerSurface,
    NamespaceSurface,
    Sample,
    answer_samples,
    examples,
    payload_samples,
)
from hapiish.options import RouteAuth

_EXTENSION: Final = re.compile(r"x-[\w.-]+")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_ROOT: Final = "root"


def is_extension(key: str) -> bool:
    """Returns whether AsyncAPI allows a key x-…."""
    return _EXTENSION.fullmatch(key) is not None


class ChannelMaker:
    """Makes the channels, `made`, and their `operations`; `strategies` are those that any of them needs."""

    def __init__(self, components: Components) -> None:
        self.components = components
        self.made: dict[str, Any] = {}
        self.operations: dict[str, Any] = {}
        self.strategies: set[str] = set()

    def add(self, namespace: NamespaceSurface) -> None:
        """Adds a namespace with its handshake, its events and its emits."""
        key = _free(_safe(namespace.namespace.strip("/")) or _ROOT, self.made)
        messages: dict[str, Any] = {}
        channel: dict[str, Any] = {"address": namespace.namespace, "title": f"Namespace {namespace.namespace}"}
        if namespace.params.members:
            channel["parameters"] = {
                member.name: {"description": _parameter_text(member.schema)} for member in namespace.params.members
            }
        channel["messages"] = messages
        channel["bindings"] = {"ws": self._binding(namespace)}
        self.made[key] = {**channel, **extensions(namespace.extensions)}
        self._handshake(key, namespace, messages)
        for event in namespace.events:
            self._event(key, event, messages, namespace.auth)
        for emit in namespace.emits:
            self._emit(key, emit, messages)

    def _binding(self, namespace: NamespaceSurface) -> dict[str, Any]:
        query: dict[str, Any] = {
            "EIO": {"type": "string", "const": "4"},
            "transport": {"type": "string", "enum": ["websocket", "polling"]},
        }
        binding: dict[str, Any] = {"method": "GET", "query": {"type": "object", "properties": query}}
        for key, given in (("query", namespace.query), ("headers", namespace.headers)):
            found = {each.name: self._schema(each.schema, each.name) for each in given.members}
            required = [each.name for each in given.members if each.required]
            if found:
                known = binding.get(key, {"type": "object", "properties": {}})
                binding[key] = {**known, "properties": {**known["properties"], **found}}
            if required:
                binding[key]["required"] = required
        return {**binding, "bindingVersion": "0.1.0"}

    def _handshake(self, key: str, namespace: NamespaceSurface, messages: dict[str, Any]) -> None:
        """Adds the client's CONNECT packet, and the error that refuses it."""
        named = "" if key == _ROOT else f"{key}."
        payload = self._schema(namespace.handshake, f"{named}handshake")
        if namespace.handshake is None and namespace.auth is not None:
            required = ["token"] if namespace.auth.mode == "required" else []
            token = {"type": "string", "description": "The credentials"}
            payload = {"type": "object", "properties": {"token": token}, **({"required": required} if required else {})}
        messages["connect"] = {
            "name": "connect",
            "title": "Connect",
            "summary": "The object `auth` of the client: `io(url, {auth})`",
            "payload": payload,
        }
        refusal = {
            "type": "object",
            "required": ["message"],
            "properties": {
                "message": {"type": "string"},
                "data": self.components.own("EventError", EVENT_ERROR),
            },
        }
        messages["connect_error"] = {
            "name": "connect_error",
            "title": "Connection refused",
            "summary": "The error is `data` of the client's `connect_error`",
            "payload": refusal,
            "examples": [
                {"name": reason, "summary": text, "payload": {"message": error["message"], "data": error}}
                for reason, text, error in _errors(namespace.failures)
            ],
        }
        made: dict[str, Any] = {
            "action": "receive",
            "channel": _channel(key),
            "title": f"Connect to {namespace.namespace}",
            "summary": "A client opens the namespace",
            "messages": [_message(key, "connect")],
            "reply": {"channel": _channel(key), "messages": [_message(key, "connect_error")]},
            **self._security(namespace.auth),
        }
        text = access_text(namespace.auth)
        if text:
            made["description"] = "\n\n".join(text)
        self.operations[_free(f"{named}connect", self.operations)] = made

    def _event(self, key: str, event: EventSurface, messages: dict[str, Any], auth: RouteAuth | None) -> None:
        title = event.id or f"{key}.{_safe(event.event)}"
        own = _free(_safe(event.event) or "any", messages)
        summary = event.description or ("Any other event" if event.event == "*" else f"The event `{event.event}`")
        payload = self._schema(event.payload, f"{title}.payload")
        text = [*event.notes]
        if event.arguments:
            text.append("The payload is the list of the event's arguments.")
        if event.binary:
            text.append("Values with `format: binary` are sent as attachments.")
        messages[own] = {"name": event.event, "title": event.event, "summary": summary, "payload": payload}
        if shown := _samples(payload_samples(event.options)):
            messages[own]["examples"] = shown
        ok = _free(f"{own}.ok", messages)
        messages[ok] = {
            "name": f"{event.event} (ok)",
            "title": f"Acknowledgement of {event.event}",
            "payload": self._schema(event.ok, f"{title}.ok"),
        }
        if shown := _samples(answer_samples(event.options, 200, event.ok, self.components.named)):
            messages[ok]["examples"] = shown
        error = _free(f"{own}.error", messages)
        messages[error] = {
            "name": f"{event.event} (error)",
            "title": f"Refusal of {event.event}",
            "payload": self._error(event, title),
        }
        if shown := self._error_examples(event):
            messages[error]["examples"] = shown
        text += [*_limits(event), *_declared(event), *access_text(event.security)]
        made: dict[str, Any] = {
            "action": "receive",
            "channel": _channel(key),
            "title": title,
            "summary": summary,
            **({"description": "\n\n".join(text)} if text else {}),
            **self._security(event.security or auth),
            **({"tags": [{"name": tag} for tag in event.tags]} if event.tags else {}),
            "messages": [_message(key, own)],
            "reply": {"channel": _channel(key), "messages": [_message(key, ok), _message(key, error)]},
        }
        if event.deprecated is not None:
            given = event.deprecated
            facts = {"since": given.since, "sunset": given.sunset, "link": given.link}
            made["x-deprecated"] = {name: value for name, value in facts.items() if value is not None}
        self.operations[_free(_safe(title), self.operations)] = {**made, **extensions(event.extensions)}

    def _error(self, event: EventSurface, title: str) -> Any:
        if event.options.response.errors is not None:
            return self._schema(event.error, f"{title}.error")
        error = self.components.own("EventError", EVENT_ERROR)
        if event.ack == "raw":
            return error
        return {"type": "object", "required": ["ok", "error"], "properties": {"ok": {"const": False}, "error": error}}

    def _error_examples(self, event: EventSurface) -> list[dict[str, Any]]:
        raw = event.ack == "raw"
        return [
            {"name": name, "summary": text, "payload": error if raw else {"ok": False, "error": error}}
            for name, text, error in _errors(event.failures)
        ]

    def _emit(self, key: str, emit: EmitSurface, messages: dict[str, Any]) -> None:
        own = _free(_safe(emit.event), messages, "emit.")
        payload = self._schema(emit.payload, f"{key}.{emit.event}.emit")
        messages[own] = {
            "name": emit.event,
            "title": emit.event,
            **({"summary": emit.description} if emit.description else {}),
            "payload": payload,
            **extensions(emit.extensions),
        }
        named = "" if key == _ROOT else f"{key}."
        self.operations[_free(f"{named}emit.{_safe(emit.event)}", self.operations)] = {
            "action": "send",
            "channel": _channel(key),
            "title": f"Emit {emit.event}",
            **({"summary": emit.description} if emit.description else {}),
            "messages": [_message(key, own)],
        }

    def _schema(self, schema: Any, title: str) -> Any:
        return draft07(self.components.schema(schema, title))

    def _security(self, auth: RouteAuth | None) -> dict[str, Any]:
        """Returns the security of an operation; an optional one is told in words, which AsyncAPI has no key for."""
        if auth is None or auth.mode != "required":
            return {}
        self.strategies.update(map(str, auth.strategies))
        return {"security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in auth.strategies]}


def _samples(found: Iterable[Sample]) -> list[dict[str, Any]]:
    """Returns Message Example Objects."""
    return [{"name": each.key, "summary": each.name, "payload": each.value} for each in found]


def _errors(failures: Iterable[FailureSurface]) -> Iterator[tuple[str, str, Any]]:
    """Yields name, text and body of each reason of the failures whose body is hapiish's."""
    for failure in failures:
        bodies = examples(failure)
        for reason in failure.reasons:
            if reason.name in bodies:
                yield f"{failure.status}-{reason.name}", reason.text, bodies[reason.name]


def _limits(event: HandlerSurface) -> Iterator[str]:
    failure = event.failure(429)
    for reason in failure.reasons if failure is not None else ():
        yield f"{reason.text}: 429 with `retryAfter`, in seconds."


def _declared(event: HandlerSurface) -> Iterator[str]:
    """Yields the errors of the handler, as the table declares them."""
    for failure in event.failures:
        for reason in failure.reasons:
            if not reason.is_exact:
                yield f"{failure.status}: {reason.text}."


def _parameter_text(schema: Any) -> str:
    text = schema.get("description") if isinstance(schema, dict) else None
    return str(text) if text else "A part of the namespace's name"


def _channel(key: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{key}"}


def _message(key: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{key}/messages/{name}"}


def _safe(text: str) -> str:
    return _UNSAFE.sub(".", text).strip(".")


def _free(key: str, taken: Mapping[str, Any], prefix: str = "") -> str:
    if key in taken and prefix:
        key = prefix + key
    while key in taken:
        key += "_"
    return key


def extensions(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys x-… that AsyncAPI allows."""
    return {key: value for key, value in given.items() if is_extension(key)}
