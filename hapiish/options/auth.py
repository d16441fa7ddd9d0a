"""Authentication: access rules, `auth` of a route, strategies and their schemes (`auth:`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from hapiish.options.declare import As, Chosen, Form, Items, Refers, Role, Text, option, settings
from hapiish.options.schemes import SCHEMES
from hapiish.options.values import NOWHERE, VARIABLE, Function, Json, Mark

Scope = Annotated[
    tuple[str, ...],
    As(Annotated[tuple[str, ...], Items(min=1, one=True)] | Literal[False]),
    Form(name="scope", wanted="a scope, a list of scopes, or false", nullable=True),
]
_SCOPE: Final = (
    "Scopes. The credentials must have one of them; `+x` is required, `!x` is forbidden. `{params.x}`, `{query.x}`, "
    "`{payload.x}` and `{credentials.x}` are replaced per request; `{{` is a literal brace."
)
_ENTITY: Final = "Whose credentials: a user's (they have `user`), an app's (they have not) or any."
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
    """Who may call, with every short form spelled out and the default strategy filled in."""

    strategy: ClassVar[StrategyName | None] = option(
        None,
        "One strategy of `auth.strategies`; excludes `strategies`. Without either the default one.",
        examples=["session"],
    )
    strategies: Annotated[
        tuple[str, ...], As(Annotated[tuple[StrategyName, ...], Items(min=1, unique=True)] | None)
    ] = option(
        description="Strategies in order; the next is tried when a request has no credentials of the previous kind.",
        required=False,
    )
    mode: Literal["required", "optional", "try"] = option(
        "required", "`required`; `optional`: without credentials too, but not with bad ones; `try`: with bad ones too."
    )
    payload: PayloadAuth | None = option(
        None,
        "Whether the body is authenticated as well, by a scheme that can: `required` or true; `optional`: if "
        "it is signed; false: not. Without it as the scheme wants it.",
        wanted="required, optional, true or false",
    )
    access: Annotated[tuple[Access, ...], Items(min=1, one=True)] = option(
        (),
        "One rule or a list of them; any that passes grants access. Excludes `scope` and `entity`.",
        wanted="an access rule or a list of them",
    )
    scope: ClassVar[Scope] = option(None, _SCOPE + " Short for one access rule.", shown=False)
    entity: ClassVar[Literal["any", "user", "app"]] = option(None, _ENTITY, shown="any")


@settings(chosen=Chosen("scheme", "options", SCHEMES))
@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A scheme with its settings."""

    scheme: Annotated[str, Refers(Role.SCHEME, unless=SCHEMES)] = option(
        description=f"The built-in `{'`, `'.join(_FIRST)}` or `{_LAST}`, or a name in `auth.schemes`.",
        examples=list(SCHEMES),
    )
    options: Mapping[str, Json] = option({}, "The scheme's options.", examples=[{"keys": "${JWT_SECRET}"}])
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How callers are known."""

    schemes: Mapping[Annotated[str, Form({"not": {"enum": list(SCHEMES)}}, wanted=_NEW)], Function] = option(
        {},
        f"Schemes besides the built-in {', '.join(_FIRST)} and {_LAST}, by name: `(server, options)` as "
        "module:attribute.",
        examples=[{"badge": "acme.auth:scheme"}],
    )
    strategies: Annotated[Mapping[str, Strategy], As(Mapping[str, Strategy] | Variable)] = option(
        {}, "Schemes with their settings, by name."
    )
    default: RouteAuth | None = option(
        None,
        "What routes without `auth` get: the name of a strategy, or its settings.",
        examples=["session"],
        wanted="the name of a strategy, or its settings",
        also=(str,),
    )
