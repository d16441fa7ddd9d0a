"""Manifests of built-in schemes, caches and kinds: all that the check and the compiler know about them.

A manifest stands beside the class of its options and names its implementation as text, so that a check imports none.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """A built-in. `options` is the class of its options, `implementation` its factory as module:attribute.

    The factory has the signature of a user's. `packages` are the optional packages that it needs, or a function that
    returns those for some options as the file has them; `extra` is the extra of hapiish that installs them.
    """

    options: type
    implementation: str
    extra: str = ""
    packages: tuple[str, ...] | Callable[[Any], Iterable[str]] = ()

    def needs(self, options: Any) -> Iterable[str]:
        """Returns the optional packages that these options need."""
        return self.packages(options) if callable(self.packages) else self.packages

    def factory(self) -> Callable[..., Any]:
        """Imports the implementation."""
        factory: Callable[..., Any] = attribute(self.implementation)
        return factory


class StrategyFault(NamedTuple):
    """A fault of a strategy's options, at the value of `key` or at the key itself; without one, at all options."""

    message: str
    key: str = ""
    hint: str = ""
    is_at_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeManifest(BuiltIn):
    """A built-in scheme.

    - `handshake`: True if it can authenticate the handshake of a socket
    - `payload`: True if it can authenticate the body of a request
    - `cookie`: the default name of the cookie that its option `cookie` declares, with {} for the strategy's name
    - `one_of`, `at_most_one`: groups of options of which a strategy sets exactly one, or at most one
    - `faults`: a function of the options in the file that yields their further faults
    """

    handshake: bool = True
    payload: bool = False
    cookie: str = ""
    one_of: tuple[tuple[str, ...], ...] = ()
    at_most_one: tuple[tuple[str, ...], ...] = ()
    faults: Callable[[Mapping[str, Any]], Iterator[StrategyFault]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KindManifest(BuiltIn):
    """A built-in kind of handlers.

    - `defaults`: default route options; those for a body do not apply to GET routes (hapi's `handler.defaults`)
    - `needs_views`: True if it renders the table's templates
    - `spell`: a function that expands short forms of its options in the file
    - `subject`: a function that returns the options' part of a handler's name in listings, None for none
    """

    defaults: Mapping[str, Any] = field(default_factory=dict)
    needs_views: bool = False
    spell: Callable[[Any], Any] | None = None
    subject: Callable[[Any], str | None] | None = None


T = TypeVar("T", bound=BuiltIn)


class BuiltIns(Mapping[str, T], Generic[T]):
    """The manifests of a family by name. One declared as module:attribute is imported on first use."""

    def __init__(self, manifests: Mapping[str, str | T]) -> None:
        self.manifests = dict(manifests)

    def __getitem__(self, name: str) -> T:
        manifest = self.manifests[name]
        return attribute(manifest) if isinstance(manifest, str) else manifest

    def __contains__(self, name: object) -> bool:
        return name in self.manifests

    def __iter__(self) -> Iterator[str]:
        return iter(self.manifests)

    def __len__(self) -> int:
        return len(self.manifests)


def attribute(name: str) -> Any:
    """Imports the object `module:attribute`."""
    module, _, member = name.partition(":")
    return getattr(import_module(module), member)
