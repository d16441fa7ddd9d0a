"""`handler: {model: {name: Todo, action: list}}`: the six actions on the documents of a class.

A client's input becomes values of the document's fields, never an operator of a query. A document of another owner is
not found.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mongoengine import Document

from hapiish.grammar import path as paths
from hapiish.http.exchange.server import HttpServer
from hapiish.kinds.model.action import Action
from hapiish.kinds.model.reading import Get, List
from hapiish.kinds.model.resource import Resource
from hapiish.kinds.model.writing import Create, Delete, Replace, Update
from hapiish.kinds.refusal import InvalidOptions, OptionFault
from hapiish.kinds.route import KindRoute
from hapiish.options import ModelHandler


def model_kind(server: HttpServer, route: KindRoute, options: ModelHandler) -> Action:
    """Returns the handler of one action. Raises Refusal for options that do not fit the class."""
    return _ACTIONS[options.action](server, route, resource_of(route.models[options.name], route.path, options))


def faults(cls: Any, path: str, options: ModelHandler) -> Sequence[OptionFault]:
    """Returns the faults of the options of a route on `path` over this class. Needs no server."""
    try:
        resource_of(cls, path, options)
    except InvalidOptions as refusal:
        return refusal.faults
    return ()


def resource_of(cls: Any, path: str, options: ModelHandler) -> Resource:
    """Returns the compiled options of a route; raises InvalidOptions for a class that is no document."""
    if not (isinstance(cls, type) and issubclass(cls, Document)):
        raise InvalidOptions([OptionFault(("name",), f'"{options.name}" is not a MongoEngine document')])
    return Resource(cls, options, paths.parse(path).params)


_ACTIONS: Mapping[str, type[Action]] = {
    "list": List,
    "get": Get,
    "create": Create,
    "replace": Replace,
    "update": Update,
    "delete": Delete,
}
