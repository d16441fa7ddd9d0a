"""Compiles the options of the kind `model` for a document class: visible and settable fields, owners, filters, order.

Loading the table compiles everything and reports every fault.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mongoengine import Document

from hapiish import boom
from hapiish.grammar.template import Template, TemplateError, parse
from hapiish.grammar.template import Value as Placeholder
from hapiish.http.exchange.request import Request
from hapiish.kinds.model import filters as filtering
from hapiish.kinds.model.cursor import SortKey
from hapiish.kinds.model.fields import members_of, object_schema, show_members
from hapiish.kinds.model.filters import Filter
from hapiish.kinds.model.pages import Pages, list_pattern
from hapiish.kinds.model.pins import Pin, coercion, pin
from hapiish.kinds.model.types import Member, Schema, Type
from hapiish.kinds.model.values import Unfit, shallow
from hapiish.kinds.model.versions import digest, number
from hapiish.kinds.refusal import InvalidOptions, OptionFault, unknown
from hapiish.options import ModelHandler
from hapiish.types import Value

ID = "_id"
_READING = ("list", "get")


class Resource:
    """The compiled options of one resource. Raises Refusal with every fault of the options.

    `options` are those of the table; `params` are the parameters of the route's path.
    """

    def __init__(self, cls: Any, options: ModelHandler, params: Sequence[str]) -> None:
        self.cls = cls
        self.options = options
        self.params = params
        self.faults: list[OptionFault] = []
        self.members = members_of(cls)
        self.reachable = dict(_paths(self.members))
        self.shown = self._shown()
        self.computed: Mapping[str, Value] = options.computed
        self.visible = [*self.shown, *self.computed]
        self.pins = tuple(self._pins())
        owner = options.owner
        self.readable = self.pins
        if owner is not None and owner.reads == "all":
            self.readable = tuple(pin for pin in self.pins if pin.member.name != owner.field)
        self.version = self._version()
        self.settable = self._settable()
        self.lookup = self._lookup()
        self.coerce = coercion(self.lookup[1].type) if self.lookup is not None and self.lookup[1].type else None
        self.filters = {condition.parameter: condition for condition in self._filters()}
        self.sortable = self._sortable()
        self._check_required()
        self._check_computed()
        if self.faults:
            raise InvalidOptions(self.faults)
        if options.action == "list":
            self.pages = Pages(options, self.sortable, self._identity())

    def fault(self, message: str, *path: str | int, hint: str = "") -> None:
        """Adds a fault of the options."""
        self.faults.append(OptionFault(path, message, hint))

    # Compiles the options

    def _member(self, name: str, *path: str | int) -> Member | None:
        member = self.members.get(name)
        if member is None:
            self.fault(unknown(f"{self.cls.__name__} has no field", name, self.members), *path)
        elif member.type is None:
            self.fault(f'the field "{name}" cannot be used: {member.why_untyped}', *path)
        return member if member is not None and member.type is not None else None

    def _shown(self) -> dict[str, Member]:
        options = self.options
        for index, name in enumerate(options.hidden):
            self._member(name, "hidden", index)
        if options.fields is None:
            public = (member for member in self.members.values() if member.type is not None and not member.is_secret)
            return {member.name: member for member in public if member.name not in options.hidden}
        members = [self._member(name, "fields", index) for index, name in enumerate(options.fields)]
        for index, name in enumerate(options.hidden):
            if name in options.fields:
                self.fault(f'the field "{name}" cannot be hidden and in "fields"', "hidden", index)
        return {member.name: member for member in members if member is not None}

    def _pins(self) -> Iterator[Pin]:
        owner = self.options.owner
        if owner is not None:
            source, *path = owner.value.split(".")
            yield from self._pin(owner.field, Template((Placeholder(source, tuple(path)),)), None, "owner")
        for name, value in self.options.where.items():
            try:
                template = parse(value) if isinstance(value, str) else Template(())
            except TemplateError as error:
                self.fault(str(error), "where", name)
                continue
            for part in template.values:
                if part.source == "params" and part.path[0] not in self.params:
                    self.fault(unknown("the path has no parameter", part.path[0], self.params), "where", name)
            constant = "".join(template.texts) if isinstance(value, str) else value
            yield from self._pin(name, template, constant, "where", name)

    def _pin(self, name: str, template: Template, constant: Value, *path: str) -> Iterator[Pin]:
        member = self._comparable(name, *path)
        if path != ("owner",) and self.options.owner is not None and name == self.options.owner.field:
            self.fault(f'"{name}" has its value from "owner" already', *path)
        if member is not None:
            try:
                yield pin(member, template, constant)
            except Unfit as fault:
                self.fault(f'"{name}" {fault.message}', *path)

    def _comparable(self, name: str, *path: str | int) -> Member | None:
        member = self._member(name, *path)
        if member is not None and (member.type is None or member.type.store is None or member.type.many):
            self.fault(f'values of the field "{name}" cannot be compared', *path)
            return None
        return member

    def _settable(self) -> dict[str, Member]:
        """Returns the fields that a client may set: visible and hidden ones, except read-only and pinned ones."""
        for index, name in enumerate(self.options.read_only):
            if name not in self.members:
                self.fault(unknown(f"{self.cls.__name__} has no field", name, self.members), "readOnly", index)
        hidden = {name: self.members[name] for name in self.options.hidden if name in self.members}
        excluded = {*self.options.read_only, *self._server_set()}
        return {
            name: member
            for name, member in {**self.shown, **hidden}.items()
            if name not in excluded and not member.automatic and member.type is not None
        }

    def _server_set(self) -> set[str]:
        """Returns the names of pinned fields and of the version field."""
        return {pin.member.name for pin in self.pins} | ({self.version.name} if self.version is not None else set())

    def _check_required(self) -> None:
        """Adds a fault for each required field that no create or replace would set."""
        if self.options.action not in ("create", "replace"):
            return
        if any(getattr(self.cls, name) is not getattr(Document, name) for name in ("clean", "save")):
            return  # the class may set the field itself
        server_set = self._server_set()
        for member in self.members.values():
            is_set = member.name in self.settable or member.name in server_set or member.automatic or member.has_default
            if member.required and not is_set and (self.options.action == "create" or member.name == ID):
                hint = 'name it in "hidden": clients then set it and never see it' if member.is_secret else ""
                reason = f": {member.why_untyped}" if member.type is None else ""
                self.fault(f'nothing sets the field "{member.name}", which is required{reason}', "name", hint=hint)

    def _lookup(self) -> tuple[str, Member] | None:
        """Returns the path parameter and the field that identify the document."""
        if self.options.action in ("list", "create"):
            return None
        lookup = self.options.lookup
        member = self._comparable(lookup.field, "lookup")
        param = lookup.param or (self.params[-1] if self.params else None)
        if param is None:
            self.fault(f'the path has no parameter for "{lookup.field}", which identifies the document', "lookup")
        elif param not in self.params:
            self.fault(unknown("the path has no parameter", param, self.params), "lookup", "param")
        return (param, member) if param is not None and member is not None else None

    def _filters(self) -> Iterator[Filter]:
        for name, operators in self.options.filters.items():
            field_type = self._searchable(name, "filters", name)
            if field_type is None:
                continue
            allowed = filtering.allowed_operators(field_type)
            if name in ("limit", self.options.paging, "sort", "fields"):
                self.fault(f'"{name}" is a parameter of every list; it cannot be a filter, too', "filters", name)
            for operator in operators:
                if operator not in allowed:
                    message = f'values of "{name}" cannot be filtered with "{operator}"'
                    self.fault(message, "filters", name, hint=f"allowed operators: {', '.join(allowed)}")
            selected = operators or filtering.default_operators(field_type)
            yield from filtering.filters(name, field_type, [operator for operator in selected if operator in allowed])

    def _searchable(self, name: str, *path: str | int) -> Type | None:
        field_type = self.reachable.get(name)
        if field_type is None:
            self.fault(unknown(f"{self.cls.__name__} has no field", name, self.reachable), *path)
            return None
        top = name.partition(".")[0]
        if top in self.options.hidden or (self.members[top].is_secret and top not in self.shown):
            self.fault(f'the field "{name}" is hidden, so a list cannot be filtered or sorted by it', *path)
            return None
        if field_type.store is None:
            self.fault(f'values of the field "{name}" cannot be compared', *path)
            return None
        return field_type

    def _sortable(self) -> dict[str, SortKey]:
        keys = {}
        sort = self.options.sort
        names = [
            *((name, ("sort", "fields", index)) for index, name in enumerate(sort.fields)),
            *((name.removeprefix("-"), ("sort", "default", index)) for index, name in enumerate(sort.default)),
        ]
        for name, path in names:
            field_type = self._searchable(name, *path)
            if field_type is not None and (
                field_type.many or not field_type.ordered or ("." in name and self._is_in_list(name))
            ):
                self.fault(f'the field "{name}" has no order to sort by', *path)
            elif field_type is not None:
                keys[name] = SortKey(name, field_type)
        return keys

    def _is_in_list(self, name: str) -> bool:
        steps = name.split(".")
        return any(self.reachable[".".join(steps[:depth])].many for depth in range(1, len(steps)))

    def _identity(self) -> SortKey:
        identity = self.members[ID].type
        assert identity is not None
        return SortKey(ID, identity)

    def _version(self) -> Member | None:
        """Returns the field that counts the writes of a document."""
        name = self.options.version
        member = self._member(name, "version") if name is not None else None
        if member is None or member.type is None:
            return None
        if member.type.schema.get("type") != "integer" or member.automatic:
            self.fault(f'the field "{name}" cannot count writes: it is not an IntField', "version")
        if member.name in {pin.member.name for pin in self.pins}:
            self.fault(f'the field "{name}" has a fixed value, and cannot count writes', "version")
        return member

    def _check_computed(self) -> None:
        for name in self.computed:
            if name in self.members:
                message = f'{self.cls.__name__} has a field "{name}"; give the computed field another name'
                self.fault(message, "computed", name)

    # Serves requests

    def condition(self, request: Request) -> dict[str, Value]:
        """Returns the condition for the documents that the request may read or change."""
        return self._condition(request, self.readable if self.options.action in _READING else self.pins)

    def readable_condition(self, request: Request) -> dict[str, Value] | None:
        """Returns the condition for the readable documents, None if the request may change all of them."""
        return None if self.readable is self.pins else self._condition(request, self.readable)

    def _condition(self, request: Request, pins: Sequence[Pin]) -> dict[str, Value]:
        pinned = {pin.member.name: pin.stored(request) for pin in pins}
        if self.lookup is None:
            return pinned
        param, member = self.lookup
        assert member.type is not None
        assert member.type.store is not None
        text = request.params.get(param)
        try:
            value = member.type.store(text if self.coerce is None else self.coerce(text))
        except Unfit:
            raise boom.NotFound from None
        return {"$and": [pinned, {member.name: value}]} if pinned else {member.name: value}

    def pinned(self, request: Request) -> dict[str, Value]:
        """Returns the pinned attributes of a new document."""
        return {pin.member.attribute: pin.parsed(request) for pin in self.pins}

    def attributes(self, payload: Value) -> dict[str, Value]:
        """Returns the attributes that the payload sets. Raises Unfit for other fields and wrong types."""
        if not isinstance(payload, Mapping):
            raise Unfit("must be object")
        values = {}
        for name, value in payload.items():
            member = self.settable.get(name)
            if member is None or (name == ID and self.options.action != "create"):
                raise Unfit("is not allowed", (name,))
            assert member.type is not None
            try:
                values[member.attribute] = None if value is None else member.type.parse(shallow(value))
            except Unfit as fault:
                raise Unfit(fault.message, (name, *fault.path)) from None
        return values

    def show(self, stored: Mapping[str, Value], names: Sequence[str] | None = None) -> dict[str, Value]:
        """Returns the representation of a stored document, or only these fields of it."""
        members = self.shown.values() if names is None else [self.shown[name] for name in names if name in self.shown]
        return show_members(members, stored)

    def state(self, row: Mapping[str, Value]) -> str:
        """Returns the state of a document as a text: its version number, or a hash of the visible fields."""
        if self.version is not None:
            return str(number(self.version, row))
        return digest(self.show(row))

    def tag(self, row: Mapping[str, Value], item: Mapping[str, Value]) -> str:
        """Returns the entity tag of a document represented by `item`: its state, and a hash of computed fields."""
        if self.version is None and not self.computed and len(item) == len(self.shown):
            return digest(item)  # equals the state
        computed = [item[name] for name in self.computed if name in item]
        return f"{self.state(row)}-{digest(computed)}" if computed else self.state(row)

    # Schemas of the inputs, for routes that declare none

    def params_schema(self) -> Schema | None:
        """Returns the schema of the path parameters, None without any."""
        properties = self._pinned_schemas("params")
        if self.lookup is not None and self.lookup[1].type is not None:
            properties[self.lookup[0]] = self.lookup[1].type.schema
        return {"type": "object", "properties": properties} if properties else None

    def _pinned_schemas(self, source: str) -> Schema:
        return {name: schema for pin in self.pins for kind, name, schema in pin.schemas() if kind == source}

    def query_schema(self) -> Schema:
        """Returns the schema of the query: filters, order, page, selected fields, and parameters of `where`."""
        properties = self._pinned_schemas("query")
        if self.options.action == "list":
            properties |= {name: condition.schema for name, condition in self.filters.items()}
            properties |= self.pages.schemas()
        if self.options.projection and self.options.action in ("list", "get"):
            properties["fields"] = {"type": "string", "pattern": list_pattern(self.visible)}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def payload_schema(self) -> Schema:
        """Returns the schema of the settable fields. In an update, all of them are optional."""
        is_new = self.options.action == "create"
        members = [member for name, member in self.settable.items() if is_new or name != ID]
        return object_schema(members, partial=self.options.action == "update")


def _paths(members: Mapping[str, Member], prefix: str = "") -> Iterator[tuple[str, Type]]:
    """Yields path and type of every typed field, including those of embedded documents."""
    for member in members.values():
        if member.type is not None:
            yield prefix + member.name, member.type
            if member.type.members is not None:
                yield from _paths(member.type.members, f"{prefix}{member.name}.")
