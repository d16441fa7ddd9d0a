"""Authentication: access rules, `auth` of a route, strategies and their schemes (`auth:`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from hapiish.declare.option import As, Chosen, Form, Items, Refers, Role, Text, option, settings
from hapiish.declare.types import NOWHERE, VARIABLE, Function, Json, Mark
from hapiish.options.schemes import SCHEMES

Scope = Annotated[
    tuple[str, ...],
    As(Annotated[tuple[str, ...], Items(min=1, one=True)] | Literal[False]),
    Form(name="scope", wanted="a scope, a list of scopes, or false", nullable=True),
]
_SCOPE: Final = (
    "Scopes. The credentials must have one of them; `+x` is required, `!x` is forbidden. `{params.x}`, `{query.x}`, "
    "`{payload.x}` and `{credentials.x}` are replaced per request; `{{` is a literal brace."
)
_ENTITY: Final = "The required kind of credentials: `user` (they have `user`), `app` (they have not) or `any`."
StrategyName = Annotated[str, Text(min=0), Refers(Role.STRATEGY)]
Variable = Annotated[str, Form(VARIABLE)]
*_FIRST, _LAST = SCHEMES
_NEW: Final = f"a new name: {', '.join(_FIRST)} and {_LAST} are built in"
PayloadAuth = Annotated[Literal["required", "optional", False], As(Literal["required", "optional", True, False])]


@settings(name="accessRule", extra={"minProperties": 1})
@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One rule of `auth.access`."""

    scope: Scope | None = option(None, _SCOPE, examples=[["admin", "user-{params.id}"]], shown=False)
    entity: Literal["any", "user", "app"] = option("any", _ENTITY)


@settings(
    name="authOptions", short="strategy", also=(False, str), wanted="false, the name of a strategy, or its settings"
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RouteAuth:
    """Authentication and access rules of a route.

    Here short forms are expanded, and the default strategy is filled in.
    """

    strategy: ClassVar[StrategyName | None] = option(
        None,
        "One strategy of `auth.strategies`; excludes `strategies`. Without either, the default strategy applies.",
        examples=["session"],
    )
    strategies: Annotated[
        tuple[str, ...], As(Annotated[tuple[StrategyName, ...], Items(min=1, unique=True)] | None)
    ] = option(
        description="Strategies in order. The next one is tried if a request has no credentials for the previous one.",
        required=False,
    )
    mode: Literal["required", "optional", "try"] = option(
        "required",
        "`required` demands valid credentials; `optional` also accepts requests without credentials; "
        "`try` also accepts invalid credentials.",
    )
    payload: PayloadAuth | None = option(
        None,
        "Authentication of the body, by a scheme that supports it: `required` or true; `optional`, only "
        "if the body is signed; false, never. The default is the scheme's choice.",
        wanted="required, optional, true or false",
    )
    access: Annotated[tuple[Access, ...], Items(min=1, one=True)] = option(
        (),
        "One rule or a list of them; one that passes is enough. Excludes `scope` and `entity`.",
        wanted="an access rule or a list of them",
    )
    scope: ClassVar[Scope] = option(None, _SCOPE + " Short form of one access rule.", shown=False)
    entity: ClassVar[Literal["any", "user", "app"]] = option(None, _ENTITY, shown="any")


@settings(chosen=Chosen("scheme", "options", SCHEMES))
@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A scheme with its options."""

    scheme: Annotated[str, Refers(Role.SCHEME, unless=SCHEMES)] = option(
        description="The scheme: the built-in `apiKey`, `basic`, `cookie`, `jwt` or `oauth2`, or a name in "
        "`auth.schemes`.",
        examples=list(SCHEMES),
    )
    options: Mapping[str, Json] = option({}, "Options of the scheme.", examples=[{"keys": "${JWT_SECRET}"}])
    extensions: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Authentication: schemes, strategies, and the default strategy of routes."""

    schemes: Mapping[Annotated[str, Form({"not": {"enum": list(SCHEMES)}}, wanted=_NEW)], Function] = option(
        {},
        "Custom schemes by name: `(server, options)` as module:attribute. `apiKey`, `basic`, `cookie`, "
        "`jwt` and `oauth2` are built in.",
        examples=[{"badge": "acme.auth:scheme"}],
    )
    strategies: Annotated[Mapping[str, Strategy], As(Mapping[str, Strategy] | Variable)] = option(
        {}, "Strategies by name: schemes with their options."
    )
    default: RouteAuth | None = option(
        None,
        "The strategy of routes without `auth`: its name, or settings.",
        examples=["session"],
        wanted="the name of a strategy, or its settings",
        also=(str,),
    )
