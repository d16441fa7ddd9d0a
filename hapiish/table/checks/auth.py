"""Checks authentication: unknown schemes and strategies, scopes that no caller can have, sockets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hapiish.declare.option import Role
from hapiish.declare.walk import walk
from hapiish.options import RouteAuth
from hapiish.options.schemes import SCHEMES
from hapiish.table.checks import options
from hapiish.table.checks.templates import Available, faults
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import NamespaceDraft
from hapiish.table.form.foreign_terms import SWITCHES
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import Merged, spell_auth
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path

SOURCES: Final = ("params", "query", "payload", "credentials")


def schemes(draft: Draft) -> Iterator[Problem]:
    """Unknown schemes of strategies."""
    for realm, at, declared in draft.sections("auth", "strategies"):
        for name, strategy in declared.items():
            scheme = strategy.get("scheme") if isinstance(strategy, Mapping) else None
            if scheme is None or scheme in SCHEMES or draft.is_partial:
                continue
            is_declared = draft.declaring(scheme, "auth", "schemes") is not None
            if not is_declared and not draft.was_pruned(*realm.at, "auth", "schemes"):
                known = [*SCHEMES, *draft.known(realm.index, "auth", "schemes")]
                meant = did_you_mean(scheme, known)
                hint = "" if meant else f"{', '.join(SCHEMES)} are built in; name others under auth.schemes"
                message = f'unknown scheme "{scheme}"{meant}'
                yield Problem(draft.mark(*at, name, "scheme"), Code.UNKNOWN_SCHEME, message, hint)


def strategies(draft: Draft) -> Iterator[Problem]:
    """Unknown strategies."""
    for at, written in _auth_settings(draft):
        for name, place in _strategies(written, at):
            if draft.is_partial or draft.declaring(name, "auth", "strategies") is not None:
                continue
            writer = draft.realms[owner_of(name)]
            if not draft.was_pruned(*writer.at, "auth", "strategies", name):
                known = draft.known(writer.index, "auth", "strategies")
                message = f'unknown strategy "{name}"{did_you_mean(name, known)}'
                hint = "" if known else "auth.strategies is empty"
                match SWITCHES.get(name.lower(), name.lower()):
                    case "true":
                        hint = 'name a strategy, or remove "auth" to use auth.default'
                    case "none" | "null" | "public" | "disabled" | "anonymous":
                        hint = "write false for no authentication"
                    case "false" if name.lower() in SWITCHES and draft.marks.written(place) is not None:
                        hint = "write false; YAML 1.2 has only true and false"
                    case "false":
                        hint = "write false without quotes"
                yield Problem(draft.mark(*place), Code.UNKNOWN_STRATEGY, message, hint)


def exclusive(draft: Draft) -> Iterator[Problem]:
    """`strategy` beside `strategies`, `access` beside its short forms."""
    for at, written in _auth_settings(draft):
        if not isinstance(written, Mapping):
            continue
        for first, second in (("strategy", "strategies"), ("access", "scope"), ("access", "entity")):
            if written.get(first) is not None and written.get(second) is not None:
                yield options.exclusive(draft, (*at, first), (*at, second))


def missing_strategies(draft: Draft) -> Iterator[Problem]:
    """`auth` without a strategy where `auth.default` is not set."""
    without_default = {realm.index for realm in draft.realms if _has_no_default(draft, realm)}
    for index in without_default:
        default, at = draft.realms[index].default_auth
        yield from _no_strategy(draft, spell_auth(default), at)
    if 0 in without_default:
        yield from _no_strategy(draft, draft.defaults.value.get("auth"), draft.defaults.origin("auth"))
    for route in draft.routes:
        if route.realm.index in without_default:
            for merged in route.options.values():
                yield from _no_strategy(draft, merged.value.get("auth"), merged.origin("auth"))
    for namespace in draft.namespaces:
        if namespace.realm.index in without_default:
            yield from _no_strategy(draft, spell_auth(namespace.value.get("auth")), (*namespace.at, "auth"))


def _has_no_default(draft: Draft, realm: RealmDraft) -> bool:
    written, at = realm.default_auth
    default = spell_auth(written)
    return not draft.was_pruned(*at) and not (isinstance(default, Mapping) and "strategies" in default)


def _no_strategy(draft: Draft, auth: Any, at: Path) -> Iterator[Problem]:
    if not isinstance(auth, Mapping) or "strategies" in auth or draft.was_pruned(*at):
        return
    yield Problem(
        draft.key_mark(*at),
        Code.NO_STRATEGY,
        "authentication without a strategy, and auth.default is not set",
        "set a strategy, or set auth.default",
    )


def scope_templates(draft: Draft) -> Iterator[Problem]:
    """Malformed scope templates, and templates such as `{params.id}` on a path without this parameter."""
    for route in draft.routes:
        for method, merged in route.options.items():
            sources = tuple(source for source in SOURCES if source != "payload" or method != "GET")
            available = Available(f"{method} {route.text}", sources, route.params)
            for scope, place in _scopes_in_effect(route.realm, merged):
                yield from _templates(draft, scope, place, available)
    for namespace in draft.namespaces:
        params = ("params",) if namespace.params else ()
        for event in namespace.events:
            has = ("payload", "credentials", *params)
            available = Available(event.title, has, namespace.params)
            for scope, place in _topmost_scopes(event.options):
                yield from _templates(draft, scope, place, available)
        available = Available(f"namespace {namespace.name}", ("credentials", *params), namespace.params)
        for scope, place in _scopes(namespace.value.get("auth"), (*namespace.at, "auth")):
            yield from _templates(draft, scope, place, available)


def _templates(draft: Draft, scope: str, place: Path, available: Available) -> Iterator[Problem]:
    for message, hint in faults(scope, available):
        yield Problem(draft.mark(*place), Code.SCOPE_TEMPLATE, message, hint)


def events(draft: Draft) -> Iterator[Problem]:
    """Events that require authentication or a strategy that the handshake of their namespace does not use."""
    for namespace in draft.namespaces:
        default_at = namespace.realm.default_auth[1]
        allowed = _handshake_strategies(namespace)
        for event in namespace.events:
            at = (*event.at, "options", "auth")
            required = event.options.value.get("auth")  # also by a preset, whose strategies are those of routes
            if required is None or draft.was_pruned(*namespace.at, "auth") or draft.was_pruned(*default_at):
                continue
            if allowed is None:
                message = f'the event requires authentication, but its namespace "{namespace.name}" has none'
                place = event.options.origin("auth")
                yield Problem(draft.key_mark(*place), Code.EVENT_AUTH, message, "set auth on the namespace")
                continue
            for name, place in _strategies((event.value.get("options") or {}).get("auth"), at):
                if name not in allowed:
                    message = f'"{name}" is not a strategy of the namespace "{namespace.name}"'
                    yield Problem(draft.mark(*place), Code.EVENT_AUTH, message, "remove the strategy from the event")


def payloads(draft: Draft) -> Iterator[Problem]:
    """Payload authentication by built-in schemes that do not support it, and on sockets."""
    routes = [(route.realm, merged) for route in draft.routes for merged in route.options.values()]
    for realm, merged in [(draft.realms[0], draft.defaults), *routes]:
        inherited_auth, default_at = realm.default_auth
        default = spell_auth(inherited_auth)
        written = merged.value.get("auth")
        auth = {**(default or {}), **written} if isinstance(written, Mapping) else default if written is None else None
        required = auth.get("payload") if isinstance(auth, Mapping) else None
        if not required or not isinstance(auth, Mapping):
            continue
        schemes = [(name, draft.scheme(name)) for name in auth.get("strategies") or ()]
        unsupported = [name for name, scheme in schemes if scheme in SCHEMES and not SCHEMES[scheme].payload]
        if unsupported and (required == "required" or len(unsupported) == len(schemes)):
            inherited = not (isinstance(written, Mapping) and "payload" in written)
            place = (*default_at, "payload") if inherited else merged.origin("auth", "payload")
            message = f'the strategy "{unsupported[0]}" does not support payload authentication'
            yield Problem(draft.key_mark(*place), Code.PAYLOAD_AUTH, message)
    for at, written in _auth_of_sockets(draft):
        if isinstance(written, Mapping) and written.get("payload"):
            yield Problem(draft.key_mark(*at, "payload"), Code.PAYLOAD_AUTH, "sockets have no payload authentication")


def handshakes(draft: Draft) -> Iterator[Problem]:
    """Namespaces with strategies that cannot authenticate a handshake."""
    for namespace in draft.namespaces:
        for name in _handshake_strategies(namespace) or ():
            scheme = draft.scheme(name)
            if scheme in SCHEMES and not SCHEMES[scheme].handshake:
                at = (*namespace.at, "auth") if namespace.value.get("auth") is not None else namespace.at
                message = f'the strategy "{name}" ({scheme}) cannot authenticate a Socket.IO handshake'
                hint = "sign in over HTTP, start a session there, and use a session strategy for the namespace"
                yield Problem(draft.mark(*at), Code.HANDSHAKE, message, hint)


def _handshake_strategies(namespace: NamespaceDraft) -> Sequence[str] | None:
    """The strategies of a namespace's handshake; None without authentication."""
    default, written = spell_auth(namespace.realm.default_auth[0]), namespace.value.get("auth")
    auth = default if written is None else spell_auth(written)
    return {**(default or {}), **auth}.get("strategies") or () if isinstance(auth, Mapping) else None


def _auth_of_sockets(draft: Draft) -> Iterator[tuple[Path, Any]]:
    for namespace in draft.namespaces:
        yield (*namespace.at, "auth"), namespace.value.get("auth")
        for event in namespace.events:
            yield (*event.at, "options", "auth"), (event.value.get("options") or {}).get("auth")


def _auth_settings(draft: Draft) -> Iterator[tuple[Path, Any]]:
    """Every `auth` that may name strategies, except those of events."""
    for _, at, found in draft.sections("auth"):
        yield (*at, "default"), found.get("default")
    for layer in draft.written:
        yield (*layer.at, "auth"), layer.value.get("auth")
    for namespace in draft.namespaces:
        yield (*namespace.at, "auth"), namespace.value.get("auth")


def _scopes_in_effect(realm: RealmDraft, merged: Merged) -> list[tuple[str, Path]]:
    """The scopes of the topmost layer that sets any, or else of `auth.default`."""
    if merged.value.get("auth") is False:
        return []
    default, at = realm.default_auth
    return _topmost_scopes(merged) or list(_scopes(default, at))


def _topmost_scopes(merged: Merged) -> list[tuple[str, Path]]:
    """Returns the scopes of the topmost layer that sets any."""
    each = (list(_scopes(layer.value.get("auth"), (*layer.at, "auth"))) for layer in reversed(merged.layers))
    return next(filter(None, each), [])


def _scopes(written: Any, at: Path) -> Iterator[tuple[str, Path]]:
    if not isinstance(written, Mapping):
        return
    rules = written.get("access")
    places = [(written, at)]
    if isinstance(rules, list):
        places += [(rule, (*at, "access", index)) for index, rule in enumerate(rules)]
    elif isinstance(rules, Mapping):
        places.append((rules, (*at, "access")))
    for rule, place in places:
        scope = rule.get("scope") if isinstance(rule, Mapping) else None
        if isinstance(scope, str):
            yield scope, (*place, "scope")
        elif isinstance(scope, list):
            yield from ((entry, (*place, "scope", index)) for index, entry in enumerate(scope))


def _strategies(auth: Any, at: Path) -> Iterator[tuple[str, Path]]:
    """The names of strategies in one `auth` as it is written."""
    return ((name, place) for role, name, place in walk(RouteAuth, auth, at) if role is Role.STRATEGY)
