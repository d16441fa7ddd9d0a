"""Declares options: `option(default, description)` as the value of a field, `settings` on its class, and the markers
of an `Annotated` type.

An attribute without `option` is no option of the file. A key that is resolved before its class is built (a short form,
a merged key) is a `ClassVar`.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import Enum, Flag, auto
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from hapiish.declare.manifest import BuiltIn

T = TypeVar("T", bound=type)
R = TypeVar("R")
Extra = Mapping[str, Any]


class On(Flag):
    """The places where route options are permitted; events inherit `HANDED_DOWN` ones from the defaults of routes."""

    ROUTE = auto()
    DEFAULTS = auto()
    EVENT = auto()
    NAMESPACE = auto()
    HANDSHAKE = auto()
    SERVER = auto()
    HANDED_DOWN = auto()
    ROUTES = ROUTE | DEFAULTS
    EVENTS = EVENT | NAMESPACE
    EVERYWHERE = ROUTES | EVENTS | HANDED_DOWN


class Merge(Enum):
    """The merge strategy of an option, if its type does not determine it."""

    WHOLE = "replaced whole"
    LIST = "a list, or one of its entries"
    FREE = "the user's own data, where null is a value"
    SWITCH = "true means an object"
    AUTH = "has short forms"
    NEVER = "has had its effect before the merge"
    ADDED = "layers add up"


@dataclass(slots=True, eq=False, repr=False)
class Text:
    """Text that matches `pattern`, of `min` to `max` characters; `wanted` describes it in problems."""

    pattern: str = ""
    wanted: str = ""
    min: int = 1
    max: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Range:
    """A number from `min` to `max`."""

    min: float | None = None
    max: float | None = None


@dataclass(slots=True, eq=False, repr=False)
class Items:
    """A list or mapping with at least `min` entries.

    With `one`, a single entry is short for a list of one. With `add`, `{add: […]}` appends to the inherited list.
    """

    min: int = 0
    unique: bool = False
    one: bool = False
    add: bool = False
    wanted: str = ""


@dataclass(slots=True, eq=False, repr=False)
class At:
    """Selects the options of a class that are permitted at `place`."""

    place: On


@dataclass(slots=True, eq=False, repr=False)
class As:
    """The type of a value in the file, if it differs from the attribute's type."""

    hint: Any


@dataclass(slots=True, eq=False, repr=False)
class Form:
    """The JSON Schema of a value, in place of the one derived from its type; with a `name`, a definition.

    `nullable` forms accept null themselves. `wanted` describes the value in problems.
    """

    schema: Mapping[str, Any] | None = None
    name: str = ""
    wanted: str = ""
    nullable: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Like:
    """Makes `walk` visit the value as one of type `hint`; if `beside` is set, only next to the option of that name."""

    hint: Any
    beside: str = ""


class Role(Enum):
    """The role of a value in a table: a reference, or a schema; see `walk`."""

    FUNCTION = "module:attribute"
    CALL = "a call of a server method"
    STRATEGY = "the name of a strategy"
    SCHEME = "the name of a scheme"
    SCHEMA = "a JSON Schema"
    SECRET = "a secret, which no description shows"  # noqa: S105 - the name of a role


@dataclass(slots=True, eq=False, repr=False)
class Refers:
    """Gives values of `types` a role, except the texts in `unless` and those that do not match the pattern `like`."""

    role: Role
    types: tuple[type, ...] = (str,)
    unless: Container[str] = ()
    like: str = ""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Option:
    """The declaration of one option. The description defaults to that of its class."""

    description: str = ""
    examples: Sequence[Any] = ()
    wanted: str = ""
    shown: Any = field(default_factory=lambda: MISSING)  # `= MISSING` would make it required
    on: On | None = None
    merge: Merge | None = None
    also: tuple[Any, ...] | None = None
    required: bool = True
    key: str = ""
    per: Mapping[On, Extra] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Settings:
    """The declaration of a class of options; see `settings`."""

    name: str = ""
    names: Mapping[On, str] = field(default_factory=dict)
    short: str | Callable[[Any], Mapping[str, Any]] = ""
    also: tuple[Any, ...] | None = None
    wanted: str = ""
    strict: bool = False
    bare: bool = False
    chosen: "Chosen | None" = None
    kinds: Mapping[str, BuiltIn] = field(default_factory=dict)
    extra: Extra = field(default_factory=dict)
    headers: str = ""
    acknowledgement: str = ""
    fault: Callable[[Mapping[str, Any]], tuple[str, str] | None] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Chosen:
    """The class of the mapping at `option` depends on the value of the option `by`.

    `among` are the manifests by that value.
    """

    by: str
    option: str
    among: Mapping[str, BuiltIn]

    def kind(self, value: Any) -> type | None:
        """Returns the class for a value of `by`; None if the value is unknown."""
        manifest = self.among.get(value) if isinstance(value, str) else None
        return manifest.options if manifest is not None else None


_OPTION: Final = "option"
_SETTINGS: Final = "__settings__"
_PLAIN: Final = Settings()


def option(default: Any = MISSING, description: str = "", **declared: Any) -> Any:
    """Declares a field of a dataclass as an option of the file; without a `default` it is required.

    - `examples`: values for the documentation
    - `wanted`: the value in words, for problems: `"x" must be …`
    - `shown`: the default in the file's form, if it cannot be derived from the attribute's
    - `on`: the places where a route option is permitted; the default is all places of its class
    - `merge`: the merge strategy, if the type does not determine it
    - `also`: further forms of a mapping (`True`, `False`, types), in place of those of its class
    - `required`: False for an option without a default that is filled in before its class is built
    - `key`: the name in the file, if it is not the attribute's in camelCase
    - `per`: declarations that differ at one place (`description`, `wanted`, `also`)
    """
    metadata = {_OPTION: Option(description=description, **declared)}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def settings(**declared: Any) -> Callable[[T], T]:
    """Declares the forms of a class of options in the file, in addition to a mapping of its keys.

    - `name`, `names`: the name of its definition in the schema, and the names by place
    - `short`: the option that a single value is short for, or a function that expands the value
    - `also`: the forms besides a mapping: `True`, `False`, text, types; the default is that of the option in `short`
    - `wanted`: all forms in words, for problems
    - `strict`: refuses null as the value of a key
    - `bare`: permits null as an entry of a list or mapping
    - `chosen`: options that depend on another option
    - `kinds`: manifests whose names are further keys, with their options as values
    - `extra`: further keywords of JSON Schema
    - `headers`: a function as module:attribute that returns the constant response headers for the settings, pairs of
      a lower-case name and a value
    - `acknowledgement`: one that returns constant fields for the acknowledgements of an event
    - `fault`: a function of the merged mapping that returns the key of a value that contradicts the others, and why
    """

    def decorate(kind: T) -> T:
        setattr(kind, _SETTINGS, Settings(**declared))
        return kind

    return decorate


@dataclass(slots=True, eq=False, repr=False)
class OptionKey:
    """One key of a class: its spelling in the file, the attribute, its type with markers, and its declaration."""

    key: str
    name: str
    hint: Any
    declared: Option
    default: Any
    is_attribute: bool

    @property
    def is_required(self) -> bool:
        """True if the file must contain the key."""
        return self.default is MISSING and self.declared.required


def is_options(kind: Any) -> bool:
    """True if a type is a class of options: a dataclass, or a class that only declares keys."""
    return isinstance(kind, type) and ("__dataclass_fields__" in kind.__dict__ or _SETTINGS in kind.__dict__)


def settings_of(kind: type) -> Settings:
    """Returns the declared settings of a class."""
    declared: Settings = kind.__dict__.get(_SETTINGS, _PLAIN)
    return declared


def spelled(kind: type, value: Any) -> Mapping[str, Any]:
    """Returns a value of the file for a class of options as a mapping: a short form in full, null and true as empty."""
    if isinstance(value, Mapping):
        return value
    short = settings_of(kind).short
    return {} if value in (None, True) else short(value) if callable(short) else {short: value}


@cache
def keys_of(kind: type) -> Mapping[str, OptionKey]:
    """Returns the options of a class by their key in the file, in the order of declaration, inherited ones first."""
    hints: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for each in reversed(kind.__mro__[:-1]):
        hints |= each.__annotations__
        fields |= each.__dict__.get("__dataclass_fields__", each.__dict__)
    if any(get_origin(hint) is tuple and kind.__name__ in get_args(hint) for hint in hints.values()):
        hints = get_type_hints(kind, include_extras=True)  # slow; only a class that contains itself needs it
    keys: dict[str, OptionKey] = {}
    for name, hint in hints.items():
        own = fields.get(name)
        if isinstance(own, Field) and _OPTION in own.metadata:
            declared = own.metadata[_OPTION]
            is_attribute = get_origin(hint) is not ClassVar
            default = own.default if own.default_factory is MISSING else own.default_factory()
            key = declared.key or camel(name)
            keys[key] = OptionKey(
                key, name, hint if is_attribute else get_args(hint)[0], declared, default, is_attribute
            )
    for name, manifest in settings_of(kind).kinds.items():
        keys[name] = OptionKey(name, name, manifest.options | None, Option(shown=MISSING), None, is_attribute=False)
    return keys


def camel(name: str) -> str:
    """Returns the spelling of `is_http_only` in the file, `isHttpOnly`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Returns a type without its markers, and the markers."""
    if get_origin(hint) is Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


def class_of(hint: Any) -> type | None:
    """Returns the class of options of a value that can be a mapping of them; None for other types."""
    kind, markers = bare(hint)
    for marker in markers:
        if isinstance(marker, As):
            return class_of(marker.hint)
    if get_origin(kind) in (Union, UnionType):
        return next((member for each in get_args(kind) if (member := class_of(each))), None)
    return kind if is_options(kind) else None


def classes_of(hint: Any) -> list[type]:
    """Returns the classes of options that a value may be a mapping of."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [kind for kind in map(class_of, members) if kind is not None]


def declaring(kind: type, setting: str) -> list[tuple[str, Any]]:
    """Returns the attributes of a class whose settings declare `headers` or `acknowledgement`, with it."""
    each = [(key, settings_of(inner)) for key in keys_of(kind).values() for inner in classes_of(key.hint)]
    return [(key.name, function) for key, declared in each if (function := getattr(declared, setting))]


def summary(kind: type) -> str:
    """Returns the first paragraph of a class's docstring."""
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split())


def derive(kind: Callable[..., R], declared: Any, **resolved: Any) -> R:
    """Returns a `kind`, a subclass of the class of `declared`, with its values and those that `resolved` replaces."""
    return kind(**{each.name: getattr(declared, each.name) for each in fields(declared)} | resolved)
