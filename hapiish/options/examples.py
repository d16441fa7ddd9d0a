"""`examples` of routes and events: what clients send and get, for documentation and for `hapiish test`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from hapiish.declare.option import Range, Text, option, settings
from hapiish.declare.types import IDENTIFIER, MAY_BE_FUNCTION, NOWHERE, Json, Mark

Alias = Annotated[str, Text(IDENTIFIER, "a name of letters, digits and _")]
Given = Annotated[str, MAY_BE_FUNCTION]
Values = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRequest:
    """The request of a client. A text may contain `{name.path}`, a value of `given`."""

    params: Values = option(
        {}, "The parameters of the path, or of the namespace's name.", examples=[{"id": "{ann.payload.id}"}]
    )
    query: Values = option({}, "The query; a list repeats its key.", examples=[{"limit": 10}])
    headers: Values = option({}, "The headers.", examples=[{"authorization": "Bearer {ann.payload.token}"}])
    cookies: Values = option({}, "The cookies, as clients send them.")
    payload: Json = option(
        None,
        "The body, or the data of an event. A text is sent as it is, any other value as JSON, or as a form if the "
        "content-type is `application/x-www-form-urlencoded`.",
    )
    credentials: Values | None = option(
        None,
        "Credentials in place of a login: authentication is skipped, access rules apply.",
        examples=[{"id": "0123456789abcdef01234567", "scope": ["admin"]}],
    )
    strategy: str | None = option(None, "The strategy that the credentials are of.")
    auth: Values = option(
        {}, "For an event, the `auth` object of the handshake.", examples=[{"token": "{ann.payload.token}"}]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleResponse:
    """The response to the client. `{$match: schema}` in place of a value accepts all values of that schema."""

    status: Annotated[int, Range(100, 599)] | None = option(
        None, "The status; by default any below 400. An acknowledgement `ok: true` is 200, an error its `statusCode`."
    )
    headers: Values = option({}, "Headers of the response; null for one that it must not have.")
    payload: Json = option(
        None,
        "The body, or the acknowledgement of an event. A mapping may lack keys that the response has, a list has all "
        "entries in order.",
        examples=[{"name": "Ann", "id": {"$match": {"type": "string"}}}],
    )
    exact: bool = option(False, "Permits no keys besides those of `payload`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleEmit:
    """An event that a connected client gets because of the example."""

    event: str = option(description="The name of the event.", examples=["message"])
    payload: Json = option(None, "The data, in the form of `response.payload`.")
    namespace: str | None = option(None, "The namespace; by default that of the event, or `/`.")
    auth: Values = option(
        {},
        "The `auth` object of the handshake of the client. If neither `auth` nor `credentials` nor another "
        "`namespace` is given, the client is the one that sends the event.",
        examples=[{"token": "{bob.payload.token}"}],
    )
    credentials: Values | None = option(None, "Credentials of the client, in place of a login.")


@settings(name="example")
@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An example of a route or event. `hapiish test` runs it on an empty database and compares the response."""

    name: str | None = option(None, "A name, by which `given` of other examples refers to it.", examples=["a new user"])
    given: Mapping[Alias, Given] = option(
        {},
        "What happens before, in this order: examples by name, or functions `(server)` as module:attribute. Their "
        "results are the values of `{name.path}`: `status`, `headers`, `cookies`, `payload` and `request`, or what "
        "a function returns.",
        examples=[{"ann": "a new user", "shop": "tests.fixtures:shop"}],
    )
    request: ExampleRequest = option(ExampleRequest())
    response: ExampleResponse = option(ExampleResponse())
    emits: tuple[ExampleEmit, ...] = option(
        (),
        "The events that clients get, in any order.",
        examples=[[{"event": "message", "payload": {"text": "Hello"}}]],
    )
    mark: Mark = NOWHERE

    @property
    def succeeds(self) -> bool:
        """True if the expected status is below 400, which is the default."""
        return self.response.status is None or self.response.status < 400
