"""The `server` argument of a plugin's `register`: hapi's methods in snake_case, recorded as a part of a table.

The registrations are not validated here; they are checked later like a table in a file. Functions are given as objects
or by name as in a table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Function = Callable[..., Any] | str
"""A function, or its name as module:attribute."""


class AuthRegistrar:
    """`server.auth`: schemes and strategies."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree

    def scheme(self, name: str, factory: Function) -> None:
        """Registers a scheme factory `(server, options)` for strategies of the table."""
        self._section("schemes")[name] = factory

    def strategy(self, name: str, scheme: str, options: Mapping[str, Any] | None = None) -> None:
        """Registers a strategy: a scheme with its options."""
        self._section("strategies")[name] = {"scheme": scheme, **({"options": dict(options)} if options else {})}

    def _section(self, name: str) -> dict[str, Any]:
        section: dict[str, Any] = self._tree.setdefault("auth", {}).setdefault(name, {})
        return section


class Registrar:
    """Records the registrations of a plugin: `tree` is the part of a table, other attributes are not in tables."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.tree: dict[str, Any] = {}
        self.exposed: dict[str, Any] = {}
        self.commands: dict[str, Callable[..., Any]] = {}
        self.needs: dict[str, str] = {}
        self.auth = AuthRegistrar(self.tree)

    def kind(self, name: str, factory: Function, *, defaults: Mapping[str, Any] | None = None) -> None:
        """Registers a kind of handler, `handler: {name: options}`; `(server, route, options)` returns the handler.

        `defaults` are default options of its routes.
        """
        given = {"method": factory, "defaults": dict(defaults)} if defaults else factory
        self._section("kinds")[name] = given

    def method(
        self,
        name: str,
        function: Function,
        *,
        cache: Mapping[str, Any] | None = None,
        generate_key: Function | None = None,
    ) -> None:
        """Registers a server method; `cache` as in a table (`{"expiresIn": "60s", "generateTimeout": "2s"}`)."""
        more = {"cache": dict(cache) if cache else None, "generateKey": generate_key}
        given = {key: value for key, value in more.items() if value is not None}
        self._section("methods")[name] = {"method": function, **given} if given else function

    def cache(
        self, name: str, provider: Function, options: Mapping[str, Any] | None = None, *, shared: bool = False
    ) -> None:
        """Registers a cache for policies, by name (hapi's server.cache.provision)."""
        given = {
            "name": name,
            "provider": provider,
            "shared": shared,
            **({"options": dict(options)} if options else {}),
        }
        self.tree.setdefault("caches", []).append(given)

    def ext(
        self,
        point: str,
        function: Function,
        *,
        before: str | Sequence[str] = (),
        after: str | Sequence[str] = (),
        timeout: int | str | None = None,
    ) -> None:
        """Registers an extension function for all routes of the table; `before` and `after` are plugin names."""
        hints = {"before": _listed(before), "after": _listed(after), "timeout": timeout}
        given = {"method": function, **{key: value for key, value in hints.items() if value}}
        self._section("ext").setdefault(point, []).append(given)

    def event(self, name: str, channels: str | Sequence[str] = ()) -> None:
        """Declares a custom event for `server.events`."""
        given = self._section("events").setdefault(name, {"listeners": []})
        if channels:
            given["channels"] = _listed(channels)

    def on(
        self,
        name: str,
        function: Function,
        *,
        channels: str | Sequence[str] = (),
        tags: str | Sequence[str] = (),
        all_tags: bool = False,
    ) -> None:
        """Registers a listener for an event of the server or for one declared with `event`."""
        given: dict[str, Any] = {"method": function}
        if channels:
            given["channels"] = _listed(channels)
        if tags:
            given["filter"] = {"tags": _listed(tags), "all": all_tags}
        present = self._section("events").setdefault(name, [])
        (present["listeners"] if isinstance(present, dict) else present).append(given)

    def route(self, route: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Registers one or several routes, with the keys of a table, under the prefix and host of the plugin entry."""
        self.tree.setdefault("routes", []).extend([route] if isinstance(route, Mapping) else route)

    def state(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        """Declares a cookie, with the keys of a table."""
        self._section("state")[name] = dict(options or {})

    def schema(self, name: str, schema: Mapping[str, Any] | bool) -> None:
        """Declares a named JSON Schema for the plugin's routes: `{"$ref": "#/schemas/Name"}`."""
        self._section("schemas")[name] = schema

    def command(self, name: str, function: Callable[..., Any]) -> None:
        """Registers a command `hapiish NAME [TABLE] …`: `(server, arguments)` on a started server returns a status."""
        self.commands[name] = function

    def expose(self, key: str, value: Any) -> None:
        """Publishes a value as `server.plugins["name"].key`."""
        self.exposed[key] = value

    def dependency(self, names: str | Sequence[str] | Mapping[str, str], after: Function | None = None) -> None:
        """Requires plugins, optionally with version specifiers; `after` runs at onPreStart, after theirs."""
        self.needs |= needs(names)
        if after is not None:
            self.ext("onPreStart", after, after=list(needs(names)))

    def _section(self, name: str) -> dict[str, Any]:
        section: dict[str, Any] = self.tree.setdefault(name, {})
        return section


def needs(given: str | Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Normalizes dependencies to names with version specifiers, empty for any version."""
    return dict(given) if isinstance(given, Mapping) else dict.fromkeys(_listed(given), "")


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
