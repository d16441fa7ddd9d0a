"""A built-in scheme, cache or kind is two files, its options with their manifest, and its implementation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from hapiish import TableError, boom
from hapiish.caches.memory import MemoryStore
from hapiish.cli import main
from hapiish.declare import option as declare
from hapiish.declare import walk
from hapiish.declare.manifest import BuiltIn, KindManifest, SchemeManifest, StrategyFault
from hapiish.declare.option import Text, option, settings
from hapiish.declare.types import Function, TimeSpan
from hapiish.options import publish
from hapiish.options.caches import PROVIDERS, CacheStore
from hapiish.options.cookies import SealedCookie
from hapiish.options.kinds import KINDS
from hapiish.options.schemes import SCHEMES
from hapiish.table.form import schema
from hapiish.testing import inject
from tests.http.conftest import Make, make  # noqa: F401 - the fixture


@settings(strict=True)
class BadgeOptions:
    """Options of the scheme `badge`."""

    cookie: SealedCookie = option(description="The cookie that holds the badge.")
    color: str | None = option(None, "The only color.")
    check: Function | None = option(None, "`(badge)` as module:attribute.")
    colors: tuple[str, ...] = option((), "The colors.")


class Badge:
    def __init__(self, server: Any, options: Mapping[str, Any]) -> None:
        self.name, self.check = options["cookie"]["name"], options["check"]
        self.cookies = {self.name: server.sealed_cookie(options["cookie"], is_same_site="Lax")}

    async def authenticate(self, request: Any, h: Any) -> Any:
        if self.name not in request.state:
            if request.path == "/in":
                request.set_cookie(self.name, "ann", {})
                return h.authenticated(credentials={"user": "new"})
            raise boom.Unauthorized(None, scheme="Badge")
        return h.authenticated(credentials={"user": await self.check(request.state[self.name])})


def _faults(options: Mapping[str, Any]) -> Iterator[StrategyFault]:
    if options.get("color") == "none":
        yield StrategyFault("a badge has a color", "color")


BADGE = SchemeManifest(
    options=BadgeOptions,
    implementation=f"{__name__}:Badge",
    extra="badges",
    packages=lambda options: ["badge_printer"] if options.get("color") == "printed" else [],
    handshake=False,
    cookie="badge-{}",
    one_of=(("color", "colors"),),
    faults=_faults,
)


@settings(short="text")
@dataclass(frozen=True, slots=True, kw_only=True)
class EchoOptions:
    """Answers with a text."""

    text: str = option(description="The text.")
    change: Function | None = option(None, "`(text)` as module:attribute.")  # noqa: RUF009 - a field


def echo_kind(server: Any, route: Any, options: EchoOptions) -> Any:
    change: Any = options.change

    async def answer(request: Any, h: Any) -> Any:
        text = options.text if change is None else await change(options.text)
        return [text, (request.auth.credentials or {}).get("user"), await server.methods.now(1)]

    return answer


ECHO = KindManifest(
    options=EchoOptions,
    implementation=f"{__name__}:echo_kind",
    defaults={"cache": {"expiresIn": 7000}},
    subject=lambda options: options.text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyOptions:
    """Options of the provider `tiny`."""

    patience: TimeSpan = option(description="A time.")  # noqa: RUF009 - a field


class Tiny(MemoryStore):
    def __init__(self, server: Any, options: TinyOptions) -> None:
        super().__init__(max_bytes=1000)
        self.patience = options.patience


TINY = BuiltIn(options=TinyOptions, implementation=f"{__name__}:Tiny")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registers the three, and publishes the schema with them."""
    monkeypatch.setitem(SCHEMES.manifests, "badge", BADGE)
    monkeypatch.setitem(KINDS.manifests, "echo", ECHO)
    monkeypatch.setitem(PROVIDERS.manifests, "tiny", TINY)
    provider = next(
        each for each in declare.keys_of(CacheStore)["provider"].hint.__metadata__ if isinstance(each, Text)
    )
    monkeypatch.setattr(provider, "pattern", provider.pattern.replace("(memory|", "(memory|tiny|"))  # made at import
    cached = [each for of in (declare, walk, schema) for each in vars(of).values() if hasattr(each, "cache_clear")]
    for each in cached:
        each.cache_clear()
    monkeypatch.setattr(schema, "text", publish.text)
    yield
    for each in cached:
        each.cache_clear()


TABLE = """
server: {state: {isSecure: false}}
auth:
  strategies:
    door: {scheme: badge, options: {color: red, check: "my:check", cookie: {password: PASSWORD, ttl: 1d}}}
caches: [{name: small, provider: tiny, options: {patience: 5s}}]
methods: {now: {method: "my:now", cache: {cache: small, expiresIn: 1m, generateTimeout: 1s}}}
routes:
  - {method: GET, path: /, handler: {echo: {text: hello, change: "my:loud"}}, options: {auth: door}}
  - {method: GET, path: /in, handler: {echo: short}, options: {auth: door}}
""".replace("PASSWORD", "p" * 32)

CODE = """
async def check(badge):
    return badge.title()

def loud(text):
    return text.upper()

def now(n):
    return n + 1
"""


@pytest.mark.anyio
async def test_a_built_in_is_compiled_by_its_manifest_and_serves(make: Make) -> None:  # noqa: F811
    app = make(TABLE, CODE)
    assert (await inject(app, url="/")).status_code == 401
    entered = await inject(app, url="/in")
    assert entered.json == ["short", "new", 2]
    assert entered.headers["cache-control"] == "max-age=7, must-revalidate, private"
    cookie = str(entered.headers["set-cookie"])
    assert cookie.startswith("badge-door=Fe26.2")
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    found = await inject(app, url="/", headers={"cookie": cookie.partition(";")[0]})
    assert found.json == ["HELLO", "Ann", 2]
    assert app.server.caches.stores["small"].patience == 5000  # type: ignore[attr-defined]
    assert [str(route.handler) for route in app.server.compiled.table.routes] == ["{echo: hello}", "{echo: short}"]


SOCKETS = "sockets: {namespaces: [{auth: door}]}"


@pytest.mark.parametrize(
    ("text", "other", "said"),
    [
        ("color: red", "colour: red, color: red", 'unknown option "colour"; did you mean "colors"?'),
        ("color: red", "color: none", "a badge has a color"),
        ("color: red, ", "", 'the strategy "door" needs color or colors'),
        ("color: red", "color: red, colors: [red]", '"colors" and "color" exclude each other'),
        (
            "color: red",
            "color: printed",
            'the package badge_printer, which is not installed\n    pip install "hapiish[badges]"',
        ),
        ("scheme: badge", "scheme: bagde", 'unknown scheme "bagde"; did you mean "badge"?'),
        ("echo: short", "ecco: short", 'unknown kind of handler "ecco"; did you mean "echo"?'),
        ("echo: short", "echo: {}", 'missing "text"'),
        ("patience: 5s", "patients: 5s", 'did you mean "patience"?'),
        ("routes:", SOCKETS + "\nroutes:", 'the strategy "door" (badge) cannot authenticate a Socket.IO handshake'),
    ],
)
def test_the_check_knows_a_built_in_by_its_manifest(make: Make, text: str, other: str, said: str) -> None:  # noqa: F811
    with pytest.raises(TableError) as refused:
        make(TABLE.replace(text, other), CODE)
    assert said in str(refused.value)


def test_the_schema_and_the_reference_list_a_built_in(tmp_path: Any) -> None:
    main(["schema", "--reference", str(tmp_path)])
    written = "\n".join(file.read_text() for file in tmp_path.iterdir())
    assert all(said in written for said in ("Options of the scheme `badge`", "Answers with a text.", "`patience`"))
