"""Compiles the server methods of a table, and method calls in `handler` and `pre`, to functions."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from hapiish import methods
from hapiish import options as model
from hapiish.caches import Policy, Rules
from hapiish.compile.names import Names
from hapiish.grammar.call import Constant, Reference, is_call, parse
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.types import AsyncHandler

_RULES = {field.name for field in fields(Rules)}


class MethodCompiler:
    """`methods` are the server methods by dotted name; `policies` are their cache policies, with cache and segment."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.methods: dict[str, Any] = {}
        self.policies: list[tuple[Policy, str | None, str]] = []
        for name, declared in names.table.methods.items():
            method = self._method(name, declared)
            if method is not None:
                self.methods[name] = method
        for index, view in enumerate(names.views[1:], 1):
            view.methods = methods.namespace(self.of(index))

    def of(self, index: int) -> dict[str, Any]:
        """Returns the methods that are visible to a table, by name: its own, and those of the tables around it."""
        table = self.names.table
        around = table.realm(index).host
        plugins = {number for number, realm in enumerate(table.used, 1) if realm.is_plugin and realm.host == index}
        ours = {str(name): method for name, method in self.methods.items() if owner_of(name) in plugins}
        own = {str(name): method for name, method in self.methods.items() if owner_of(name) == index}
        return {**(self.of(around) if around is not None else {}), **ours, **own}

    def function(self, text: str) -> AsyncHandler:
        """Returns the function of a handler or prerequisite: a named function, or a method call."""
        return self._call(text) if is_call(text) else self.names.function(text)

    def assigned(self, pre: model.Pre) -> str | None:
        """Returns the name of a prerequisite's value; that of a method call defaults to the method (hapi 16)."""
        return pre.assign or (parse(pre.method).method if is_call(pre.method) else None)

    def _method(self, name: str, declared: model.Method) -> Any:
        names = self.names
        function = names.callable(declared.method)
        if function is None:
            return None
        coroutine = methods.awaitable(function, names.server.pool.call)
        if declared.cache is None:
            return methods.PlainMethod(coroutine, names.server, None if coroutine is function else function)
        generate_key = names.callable(declared.generate_key) if declared.generate_key else methods.default_key
        rules = {key: getattr(declared.cache, key) for key in _RULES & {field.name for field in fields(declared.cache)}}
        if isinstance(rules["stale_in"], str):
            rules["stale_in"] = names.callable(rules["stale_in"])
        segment = declared.cache.segment or f"#{_labelled(names.table, name)}"
        try:
            policy = names.server.caches.policy(
                Rules(**rules, generate_func=methods.generating(coroutine, flagged=_takes_flags(function))),
                cache=declared.cache.cache,
                segment=segment,
                shared=declared.cache.shared,
            )
        except ValueError as error:
            names.problems.append(Problem(declared.mark, Code.CACHE, f'method "{name}": {error}'))
            return None
        self.policies.append((policy, declared.cache.cache, segment))
        return methods.CachedMethod(name, policy, generate_key) if generate_key is not None else None

    def _call(self, text: str) -> AsyncHandler:
        """Returns a handler that calls the method with values of the request, None for a missing value."""
        call = parse(text)
        method = self.of(owner_of(text)).get(call.method, _never)
        return methods.call_handler(method, tuple(_getter(argument) for argument in call.args))


def _labelled(table: model.Table, name: str) -> str:
    """Returns the name of a method, prefixed with the label of the used table that declares it."""
    return f"{table.realm(owner_of(name)).label}/{name}" if owner_of(name) else name


async def _never(*args: Any) -> Any:
    """Replaces a method that could not be compiled."""


def _takes_flags(function: Callable[..., Any]) -> bool:
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    except ValueError:  # a builtin without a signature
        return False
    return "flags" in parameters or any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())


def _getter(argument: Constant | Reference) -> Callable[[Any], Any]:
    if isinstance(argument, Constant):
        return methods.constant(argument.value)
    return methods.request_value(argument.root, argument.keys)
