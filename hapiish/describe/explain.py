"""Explains a route or event of a table: its steps, and where each effective option comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from hapiish import options as model
from hapiish.declare.option import On
from hapiish.describe.inspect import auth_text
from hapiish.describe.lifecycle import Lifecycle, Step
from hapiish.describe.masking import Masks
from hapiish.describe.places import rows
from hapiish.describe.provenance import OptionSource, Provenance, Setting, plain
from hapiish.table import Examined
from hapiish.table.draft.parts import EventDraft, NamespaceDraft, RouteDraft
from hapiish.table.merging.merge import spell_auth
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A route or event with its steps and settings; `connection` are the steps of the handshake before an event."""

    title: str
    id: str | None
    description: str | None
    handler: Any
    mark: Mark
    table: str
    steps: list[Step]
    connection: list[Step]
    settings: list[Setting]


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject of explanations: a route, or an event of a namespace, beside its draft."""

    item: model.Route | model.Event
    draft: RouteDraft | EventDraft
    namespace: model.Namespace | None = None
    namespace_draft: NamespaceDraft | None = None

    @property
    def title(self) -> str:
        """`GET /users/{id} (api.example.com)`, or `event message of namespace /`."""
        if isinstance(self.item, model.Route):
            host = f" ({self.item.vhost})" if self.item.vhost else ""
            return f"{self.item.method} {self.item.path}{host}"
        assert self.namespace is not None
        return f"event {self.item.event} of namespace {self.namespace.namespace}"


class Explainer:
    """Explains the routes and events of one examined table."""

    def __init__(self, examined: Examined) -> None:
        self.table, self.draft = examined.table, examined.draft
        self.masks = Masks(self.table.outside)
        self.lifecycle = Lifecycle(self.table)
        self.provenance = Provenance(self.draft, self.masks)
        self.subjects = [*self._routes(), *self._events()]

    def named(self, name: str, namespace: str | None = None) -> list[Subject]:
        """Returns the routes and events with the id `name`, else the events of that name."""
        found = [each for each in self.subjects if each.item.id == name]
        if not found:
            found = [each for each in self.subjects if isinstance(each.item, model.Event) and each.item.event == name]
        if namespace is None:
            return found
        return [each for each in found if each.namespace is not None and each.namespace.namespace == namespace]

    def routed(self, method: str, path: str, host: str | None = None) -> list[Subject]:
        """Returns the routes that are declared with this method and path."""
        return [
            each
            for each in self.subjects
            if isinstance(each.item, model.Route)
            and (each.item.method, each.item.path) == (method, path)
            and (host is None or each.item.vhost in (None, host.lower()))
        ]

    def explain(self, subject: Subject) -> Explanation:
        """Returns the explanation of a route or event."""
        item, options = subject.item, subject.item.options
        if isinstance(item, model.Route):
            assert isinstance(subject.draft, RouteDraft)
            realm, merged = subject.draft.realm, subject.draft.options[item.method]
            settings = self.provenance.settings(merged, options, realm)
            settings = [each for each in settings if _applies(each.path, On.ROUTE, item.method)]
            steps, connection = self.lifecycle.route(item), []
        else:
            assert subject.namespace is not None
            assert subject.namespace_draft is not None
            assert isinstance(subject.draft, EventDraft)
            realm = subject.namespace_draft.realm
            settings = self.provenance.settings(subject.draft.options, options, realm)
            settings = [each for each in settings if _applies(each.path, On.EVENT, "")]
            if options.auth is None:
                settings = [self._auth(subject), *(each for each in settings if each.path != "auth")]
            steps = self.lifecycle.event(item, subject.namespace)
            connection = self.lifecycle.connection(subject.namespace)
        return Explanation(
            title=subject.title,
            id=item.id,
            description=options.description,
            handler=self.handler(item),
            mark=item.mark,
            table=realm.part.label,
            steps=steps,
            connection=connection,
            settings=settings,
        )

    def handler(self, item: model.Route | model.Event) -> Any:
        """Returns the handler in the form of the file, without secrets."""
        handler = item.handler
        if not isinstance(handler, model.Kind):
            return str(handler)
        return self.masks.handler({str(handler.name): plain(handler.options)})

    def _auth(self, subject: Subject) -> Setting:
        """Returns the authentication of an event without rules of its own: that of its namespace."""
        assert subject.namespace is not None
        assert subject.namespace_draft is not None
        auth, written = subject.namespace.auth, subject.namespace_draft.value.get("auth")
        value = auth_text(auth) if auth is not None else False
        at = (*subject.namespace_draft.at, "auth")
        source = OptionSource("namespace", subject.namespace.namespace, spell_auth(written), self.draft.mark(*at))
        if written is None:
            default, at = subject.namespace_draft.realm.default_auth
            is_set = default is not None
            source = OptionSource(
                "auth.default" if is_set else "default", "", default, self.draft.mark(*at) if is_set else None
            )
        return Setting("auth", value, source)

    def _routes(self) -> Iterator[Subject]:
        compiled = iter(self.table.routes)
        for entry in self.draft.routes:
            for _ in range(len(entry.options) * len(entry.hosts)):
                yield Subject(next(compiled), entry)

    def _events(self) -> Iterator[Subject]:
        for namespace, draft in zip(self.table.namespaces, self.draft.namespaces, strict=True):
            for event, entry in zip(namespace.events, draft.events, strict=True):
                yield Subject(event, entry, namespace, draft)


def as_json(found: Explanation) -> dict[str, Any]:
    """Returns an explanation in JSON's types."""
    return {
        "title": found.title,
        "id": found.id,
        "description": found.description,
        "handler": found.handler,
        "at": place(found.mark),
        "table": found.table or None,
        "steps": [_step(each) for each in found.steps],
        **({"connection": [_step(each) for each in found.connection]} if found.connection else {}),
        "options": [
            {
                "option": each.path,
                "value": each.value,
                "source": _source(each.source),
                **({"reset": True} if each.is_reset else {}),
                "overrides": [_source(other) for other in each.overrides],
            }
            for each in found.settings
        ],
    }


def place(mark: Mark | None) -> dict[str, Any] | None:
    """Returns a position as file, line and column; `used` are the positions where its table is used."""
    if mark is None:
        return None
    chain = [place(each) for each in mark.chain]
    return {"file": mark.file, "line": mark.line, "column": mark.column, **({"used": chain} if chain else {})}


def _source(source: OptionSource) -> dict[str, Any]:
    return {
        "layer": source.layer,
        "name": source.name or None,
        "value": source.value,
        "at": place(source.mark),
        **({"variable": source.variable} if source.variable else {}),
        **({"arguments": [place(each) for each in source.arguments]} if source.arguments else {}),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "phase": step.phase,
        "name": step.name,
        "purpose": step.purpose,
        "function": step.function or None,
        "option": step.option or None,
        "at": place(step.mark),
        "possible": step.possible or None,
    }


@cache
def _places() -> Mapping[str, On]:
    return {row.path: row.on for row in rows()}


def _applies(path: str, where: On, method: str) -> bool:
    """Returns whether an option has an effect on routes of a method, or on events."""
    if method == "GET" and (path.startswith("payload.") or path == "validate.payload"):
        return False
    keys = path.partition("[")[0].split(".")
    known = _places()
    return all(where in known.get(".".join(keys[:length]), where) for length in range(1, len(keys) + 1))
