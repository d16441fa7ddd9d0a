"""Cases: the examples of a table, each with its route or event."""

from dataclasses import dataclass
from typing import Any

from hapiish.declare.types import is_function_name
from hapiish.options import Event, Example, Namespace, Route, Table
from hapiish.testing.urls import required_params


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One example with its route or event."""

    example: Example
    route: Route | None = None
    event: Event | None = None
    namespace: Namespace | None = None
    realm: int = 0
    number: int = 1

    @property
    def target(self) -> str:
        """The route or event: `GET /users/{id}`, `event message`."""
        if self.route is not None:
            return f"{'GET' if self.route.method == '*' else self.route.method} {self.route.path}"
        assert self.event is not None
        return f"event {self.event.event}"

    @property
    def owner(self) -> str:
        """The id of the route or event, or without an id its name."""
        owner: Route | Event | None = self.route or self.event
        assert owner is not None
        return owner.id or self.target

    @property
    def title(self) -> str:
        """The name of the example, or its number."""
        return f"{self.owner}: {self.example.name or f'example {self.number}'}"

    @property
    def words(self) -> str:
        """The texts that `-k` searches."""
        owner: Any = self.route or self.event
        return "\n".join((self.title, self.target, *owner.options.tags)).lower()


def cases(table: Table) -> list[Case]:
    """Returns the examples of a table in its order, those of routes first.

    Examples of a used table that cannot run in the table that uses it are left out: `given` names an example of an
    omitted route, or a parameter of the prefix has no value.
    """
    found = [
        Case(example=example, route=route, realm=route.realm, number=number)
        for route in table.routes
        for number, example in enumerate(route.options.examples, 1)
    ]
    for namespace in table.namespaces:
        for event in namespace.events:
            found += [
                Case(example=example, event=event, namespace=namespace, realm=namespace.realm, number=number)
                for number, example in enumerate(event.options.examples, 1)
            ]
    return _possible(found)


def _possible(found: list[Case]) -> list[Case]:
    found = [case for case in found if _has_params(case)]
    while True:
        names = {(case.realm, case.example.name) for case in found}
        left = [
            case
            for case in found
            if all(is_function_name(name) or (case.realm, str(name)) in names for name in case.example.given.values())
        ]
        if len(left) == len(found):
            return left
        found = left


def _has_params(case: Case) -> bool:
    path = case.route.path if case.route is not None else case.namespace.namespace if case.namespace is not None else ""
    return all(name in case.example.request.params for name in required_params(path))
