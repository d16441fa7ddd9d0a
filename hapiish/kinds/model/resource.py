"""A document class and what a table says of it to a resource: which fields go out and come in, and whose documents
are meant. Everything is decided, and everything wrong found, when the table is loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mongoengine import Document

from hapiish import boom
from hapiish.grammar.template import Template, TemplateError, Value, parse
from hapiish.kinds.model import filters as filtering
from hapiish.kinds.model.cursor import Key
from hapiish.kinds.model.fields import members_of, object_schema, show_members
from hapiish.kinds.model.filters import Filter
from hapiish.kinds.model.pages import Pages, listed
from hapiish.kinds.model.pins import Pin, coercion, pin
from hapiish.kinds.model.types import Member, Schema, Type
from hapiish.kinds.model.values import Unfit, shallow
from hapiish.kinds.model.versions import digest, number
from hapiish.kinds.refusal import Fault, Refusal, unknown

ID = "_id"
_READING = ("list", "get")


class Resource:
    """The rules of one resource; raises Refusal with every fault of its options.

    `options` are those of the table; `params` are the parameters of the route's path.
    """

    def __init__(self, cls: Any, options: Any, params: Sequence[str]) -> None:
        self.cls = cls
        self.options = options
        self.params = params
        self.faults: list[Fault] = []
        self.members = members_of(cls)
        self.reachable = dict(_paths(self.members))
        self.shown = self._shown()
        self.computed: Mapping[str, Any] = options.computed
        self.visible = [*self.shown, *self.computed]
        self.pins = tuple(self._pins())
        owner = options.owner
        self.readable = self.pins
        if owner is not None and owner.reads == "all":
            self.readable = tuple(each for each in self.pins if each.member.name != owner.field)
        self.version = self._version()
        self.settable = self._settable()
        self.lookup = self._lookup()
        self.coerce = coercion(self.lookup[1].type) if self.lookup is not None and self.lookup[1].type else None
        self.filters = {each.parameter: each for each in self._filters()}
        self.sortable = self._sortable()
        self._unset()
        self._judge_computed()
        if self.faults:
            raise Refusal(self.faults)
        if options.action == "list":
            self.pages = Pages(options, self.sortable, self._identity())

    def fault(self, message: str, *path: str | int, hint: str = "") -> None:
        """Notes a fault of the options."""
        self.faults.append(Fault(path, message, hint))

    # What the options say

    def _member(self, name: str, *path: str | int) -> Member | None:
        member = self.members.get(name)
        if member is None:
            self.fault(unknown(f"{self.cls.__name__} has no field", name, self.members), *path)
        elif member.type is None:
            self.fault(f'the field "{name}" cannot be used: {member.why}', *path)
        return member if member is not None and member.type is not None else None

    def _shown(self) -> dict[str, Member]:
        options = self.options
        for index, name in enumerate(options.hidden):
            self._member(name, "hidden", index)
        if options.fields is None:
            open_ones = (each for each in self.members.values() if each.type is not None and not each.is_secret)
            return {each.name: each for each in open_ones if each.name not in options.hidden}
        found = [self._member(name, "fields", index) for index, name in enumerate(options.fields)]
        for index, name in enumerate(options.hidden):
            if name in options.fields:
                self.fault(f'the field "{name}" cannot be hidden and in "fields"', "hidden", index)
        return {each.name: each for each in found if each is not None}

    def _pins(self) -> Iterator[Pin]:
        owner = self.options.owner
        if owner is not None:
            source, *path = owner.value.split(".")
            yield from self._pin(owner.field, Template((Value(source, tuple(path)),)), None, "owner")
        for name, value in self.options.where.items():
            try:
                template = parse(value) if isinstance(value, str) else Template(())
            except TemplateError as error:
                self.fault(str(error), "where", name)
                continue
            for each in template.values:
                if each.source == "params" and each.path[0] not in self.params:
                    self.fault(unknown("the path has no parameter", each.path[0], self.params), "where", name)
            constant = "".join(template.texts) if isinstance(value, str) else value
            yield from self._pin(name, template, constant, "where", name)

    def _pin(self, name: str, template: Template, constant: Any, *path: str) -> Iterator[Pin]:
        member = self._pinned(name, *path)
        if path != ("owner",) and self.options.owner is not None and name == self.options.owner.field:
            self.fault(f'"{name}" has its value from "owner" already', *path)
        if member is not None:
            try:
                yield pin(member, template, constant)
            except Unfit as fault:
                self.fault(f'"{name}" {fault.message}', *path)

    def _pinned(self, name: str, *path: str | int) -> Member | None:
        member = self._member(name, *path)
        if member is not None and (member.type is None or member.type.store is None or member.type.many):
            self.fault(f'the field "{name}" holds nothing that can be compared', *path)
            return None
        return member

    def _settable(self) -> dict[str, Member]:
        """What a client may set: what it sees and what is hidden from it, but for what is read-only or pinned."""
        for index, name in enumerate(self.options.read_only):
            if name not in self.members:
                self.fault(unknown(f"{self.cls.__name__} has no field", name, self.members), "readOnly", index)
        open_ones = {**self.shown, **{name: self.members[name] for name in self.options.hidden if name in self.members}}
        closed = {*self.options.read_only, *(pin.member.name for pin in self.pins)}
        if self.version is not None:
            closed.add(self.version.name)
        return {
            name: member
            for name, member in open_ones.items()
            if name not in closed and not member.automatic and member.type is not None
        }

    def _unset(self) -> None:
        if self.options.action not in ("create", "replace"):
            return
        if any(getattr(self.cls, name) is not getattr(Document, name) for name in ("clean", "save")):
            return  # the class may well set it by itself
        pinned = {*(pin.member.name for pin in self.pins), *([self.version.name] if self.version is not None else ())}
        for member in self.members.values():
            is_set = member.name in self.settable or member.name in pinned or member.automatic or member.has_default
            if member.required and not is_set and (self.options.action == "create" or member.name == ID):
                hint = 'name it in "hidden": clients then set it and never see it' if member.is_secret else ""
                reason = f": {member.why}" if member.type is None else ""
                self.fault(f'nothing sets the field "{member.name}", which is required{reason}', "name", hint=hint)

    def _lookup(self) -> tuple[str, Member] | None:
        """The parameter of the path that tells which document, and the field that it is the value of."""
        if self.options.action in ("list", "create"):
            return None
        lookup = self.options.lookup
        member = self._pinned(lookup.field, "lookup")
        param = lookup.param or (self.params[-1] if self.params else None)
        if param is None:
            self.fault(f'the path has no parameter for "{lookup.field}", which tells the documents apart', "lookup")
        elif param not in self.params:
            self.fault(unknown("the path has no parameter", param, self.params), "lookup", "param")
        return (param, member) if param is not None and member is not None else None

    def _filters(self) -> Iterator[Filter]:
        for name, operators in self.options.filters.items():
            found = self._searchable(name, "filters", name)
            if found is None:
                continue
            known = filtering.known(found)
            if name in ("limit", self.options.paging, "sort", "fields"):
                self.fault(f'"{name}" is a parameter of every list; it cannot be a filter, too', "filters", name)
            for operator in operators:
                if operator not in known:
                    message = f'values of "{name}" cannot be filtered with "{operator}"'
                    self.fault(message, "filters", name, hint=f"known for them: {', '.join(known)}")
            chosen = operators or filtering.usual(found)
            yield from filtering.filters(name, found, [each for each in chosen if each in known])

    def _searchable(self, name: str, *path: str | int) -> Type | None:
        found = self.reachable.get(name)
        if found is None:
            self.fault(unknown(f"{self.cls.__name__} has no field", name, self.reachable), *path)
            return None
        top = name.partition(".")[0]
        if top in self.options.hidden or (self.members[top].is_secret and top not in self.shown):
            self.fault(f'the field "{name}" never goes out, so nothing can be told by it', *path)
            return None
        if found.store is None:
            self.fault(f'the field "{name}" holds nothing that can be compared', *path)
            return None
        return found

    def _sortable(self) -> dict[str, Key]:
        keys = {}
        sort = self.options.sort
        wanted = [
            *((name, ("sort", "fields", index)) for index, name in enumerate(sort.fields)),
            *((name.removeprefix("-"), ("sort", "default", index)) for index, name in enumerate(sort.default)),
        ]
        for name, path in wanted:
            found = self._searchable(name, *path)
            if found is not None and (found.many or not found.ordered or ("." in name and self._is_listed(name))):
                self.fault(f'the field "{name}" has no order to sort by', *path)
            elif found is not None:
                keys[name] = Key(name, found)
        return keys

    def _is_listed(self, name: str) -> bool:
        steps = name.split(".")
        return any(self.reachable[".".join(steps[:depth])].many for depth in range(1, len(steps)))

    def _identity(self) -> Key:
        identity = self.members[ID].type
        assert identity is not None
        return Key(ID, identity)

    def _version(self) -> Member | None:
        """The field that counts the writes of a document."""
        name = self.options.version
        member = self._member(name, "version") if name is not None else None
        if member is None or member.type is None:
            return None
        if member.type.schema.get("type") != "integer" or member.automatic:
            self.fault(f'the field "{name}" cannot count writes: it is not an IntField', "version")
        if member.name in {pin.member.name for pin in self.pins}:
            self.fault(f'the field "{name}" has a fixed value, and cannot count writes', "version")
        return member

    def _judge_computed(self) -> None:
        for name in self.computed:
            if name in self.members:
                self.fault(
                    f'{self.cls.__name__} has a field "{name}"; a computed one has its own name', "computed", name
                )

    # What a request sees

    def condition(self, request: Any) -> dict[str, Any]:
        """Which documents exist for this request."""
        return self._condition(request, self.readable if self.options.action in _READING else self.pins)

    def others(self, request: Any) -> dict[str, Any] | None:
        """Which documents this request could read, where it can read more than it can change; else None."""
        return None if self.readable is self.pins else self._condition(request, self.readable)

    def _condition(self, request: Any, pins: Sequence[Pin]) -> dict[str, Any]:
        found = {pin.member.name: pin.stored(request) for pin in pins}
        if self.lookup is not None:
            param, member = self.lookup
            assert member.type is not None
            assert member.type.store is not None
            given = request.params.get(param)
            try:
                value = member.type.store(given if self.coerce is None else self.coerce(given))
            except Unfit:
                raise boom.NotFound from None
            return {"$and": [found, {member.name: value}]} if found else {member.name: value}
        return found

    def pinned(self, request: Any) -> dict[str, Any]:
        """Attributes of a new document that the request does not choose."""
        return {pin.member.attribute: pin.parsed(request) for pin in self.pins}

    def attributes(self, payload: Any) -> dict[str, Any]:
        """Attributes as the payload sets them; Unfit for what may not be set or is not of its field's type."""
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

    def show(self, stored: Mapping[str, Any], names: Sequence[str] | None = None) -> dict[str, Any]:
        """A stored document as clients see it, or only these fields of it."""
        members = self.shown.values() if names is None else [self.shown[name] for name in names if name in self.shown]
        return show_members(members, stored)

    def state(self, row: Mapping[str, Any]) -> str:
        """What tells this state of a document from others: the number of writes, or a hash of what goes out."""
        if self.version is not None:
            return str(number(self.version, row))
        return digest(self.show(row))

    def tag(self, row: Mapping[str, Any], item: Mapping[str, Any]) -> str:
        """The entity tag of `item`, which represents the stored document: its state, and what is computed of it."""
        if self.version is None and not self.computed and len(item) == len(self.shown):
            return digest(item)  # it is what the state is a hash of
        computed = [item[name] for name in self.computed if name in item]
        return f"{self.state(row)}-{digest(computed)}" if computed else self.state(row)

    # Schemas of the inputs, for routes that bring none

    def params_schema(self) -> Schema | None:
        """What the parameters must be for there to be a document at all."""
        properties = self._pinned_schemas("params")
        if self.lookup is not None and self.lookup[1].type is not None:
            properties[self.lookup[0]] = self.lookup[1].type.schema
        return {"type": "object", "properties": properties} if properties else None

    def _pinned_schemas(self, source: str) -> Schema:
        found = (schema for pin in self.pins for schema in pin.schemas())
        return {name: schema for kind, name, schema in found if kind == source}

    def query_schema(self) -> Schema:
        """The filters, the order, the page, the choice of fields, and what `where` reads."""
        properties = self._pinned_schemas("query")
        if self.options.action == "list":
            properties |= {name: each.schema for name, each in self.filters.items()}
            properties |= self.pages.schemas()
        if self.options.projection and self.options.action in ("list", "get"):
            properties["fields"] = {"type": "string", "pattern": listed(self.visible)}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def payload_schema(self) -> Schema:
        """The fields that a client may set; an update may leave out any of them."""
        is_new = self.options.action == "create"
        members = [member for name, member in self.settable.items() if is_new or name != ID]
        return object_schema(members, partial=self.options.action == "update")


def _paths(members: Mapping[str, Member], before: str = "", listed: bool = False) -> Iterator[tuple[str, Type]]:
    """Every path to a comparable value, through embedded documents too."""
    for member in members.values():
        if member.type is not None:
            yield before + member.name, member.type
            if member.type.members is not None:
                yield from _paths(member.type.members, f"{before}{member.name}.")
