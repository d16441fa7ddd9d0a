"""Content-Security-Policy of a route (`options.csp`, blankie's keys): a constant header, or one with nonces.

A nonce is generated on first access in `request.plugins["blankie"]["nonces"]`; without access the policy has none.

No library has blankie's nonces on demand.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from hapiish import options
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Finalizer

_KEYWORDS: Final = frozenset(
    {
        *("none", "self", "report-sample", "strict-dynamic", "unsafe-eval", "unsafe-hashes", "unsafe-inline"),
        *("allow-duplicates", "inline-speculation-rules", "trusted-types-eval", "wasm-unsafe-eval"),
    }
)
_QUOTED: Final = ("nonce-", "sha256-", "sha384-", "sha512-")
_LISTS: Final = (
    *("base_uri", "child_src", "connect_src", "default_src", "font_src", "form_action", "frame_ancestors", "frame_src"),
    *("img_src", "manifest_src", "media_src", "object_src", "script_src", "script_src_attr", "script_src_elem"),
    *("style_src", "style_src_attr", "style_src_elem", "worker_src"),
)
_NONCED: Final[Mapping[str, tuple[str, ...]]] = {
    "script": ("script-src", "script-src-elem"),
    "style": ("style-src", "style-src-elem"),
}


class Nonces(dict[str, str]):
    """`nonces["script"]` and `nonces["style"]`, each generated on first access."""

    def __init__(self, kinds: Iterable[str]) -> None:
        super().__init__()
        self._kinds = frozenset(kinds)

    def __missing__(self, kind: str) -> str:
        if kind not in self._kinds:
            raise KeyError(kind)
        nonce = self[kind] = secrets.token_urlsafe(16)
        return nonce


class CspPolicy:
    """A policy: `header` is its lower-case name, `fixed` its value, `nonces` the kinds for which it allows nonces."""

    def __init__(self, settings: options.Csp) -> None:
        self.header = "content-security-policy-report-only" if settings.report_only else "content-security-policy"
        wanted = settings.generate_nonces
        self.nonces: tuple[str, ...] = ()
        if wanted:
            self.nonces = ("script", "style") if wanted is True else (wanted,)
        self._directives = _directives(settings)
        self.fixed = _text(self._directives)

    def value(self, nonces: Mapping[str, str]) -> str:
        """The header value with `nonces` added to the directives of scripts and styles."""
        directives = dict(self._directives)
        for kind, nonce in nonces.items():
            general, special = _NONCED[kind]
            for name in (general, special):
                sources = directives.get(name, directives.get("default-src", ()) if name == general else None)
                if sources is not None:
                    directives[name] = (*(source for source in sources if source != "'none'"), f"'nonce-{nonce}'")
        return _text(directives)


def headers(settings: options.Csp) -> tuple[tuple[str, str], ...]:
    """Returns the policy without nonces as a constant header; none for an empty policy."""
    policy = CspPolicy(settings)
    return ((policy.header, policy.fixed),) if policy.fixed else ()


def nonces_step(policy: CspPolicy) -> Callable[[Request], None]:
    """The step that provides nonces to handlers and templates."""

    def offer(request: Request) -> None:
        request.plugins["blankie"] = {"nonces": Nonces(policy.nonces)}

    return offer


def nonces_finalizer(policy: CspPolicy) -> Finalizer:
    """The finalizer that replaces the policy of a response whose nonces were used."""

    async def touch(request: Request, response: Response) -> None:
        nonces = request.plugins.get("blankie", {}).get("nonces")
        if nonces:
            response.headers.setdefault(policy.header, policy.value(nonces))

    return touch


def _directives(settings: options.Csp) -> dict[str, tuple[str, ...]]:
    """The directives with their sources, in alphabetical order."""
    lists = {name.replace("_", "-"): getattr(settings, name) for name in _LISTS}
    directives = {name: tuple(map(_source, sources)) for name, sources in lists.items() if sources}
    if settings.report_to is not None:
        directives["report-to"] = (settings.report_to,)
    if settings.report_uri is not None:
        directives["report-uri"] = (settings.report_uri,)
    if settings.require_trusted_types_for:
        directives["require-trusted-types-for"] = ("'script'",)
    if settings.sandbox is not None:
        directives["sandbox"] = () if settings.sandbox is True else settings.sandbox
    if settings.trusted_types is not None:
        directives["trusted-types"] = tuple(map(_source, settings.trusted_types))
    if settings.upgrade_insecure_requests:
        directives["upgrade-insecure-requests"] = ()
    return dict(sorted(directives.items()))


def _source(text: str) -> str:
    """Quotes a source; keywords, nonces and hashes may be given without quotes, as in blankie."""
    return f"'{text}'" if text in _KEYWORDS or text.startswith(_QUOTED) else text


def _text(directives: Mapping[str, tuple[str, ...]]) -> str:
    return "; ".join(" ".join((name, *words)) for name, words in sorted(directives.items()))
