"""`csp`: the header Content-Security-Policy, with blankie's keys and defaults."""

from types import SimpleNamespace
from typing import Any

import pytest

from hapiish import options as model
from hapiish.http.guards.csp import CspPolicy, Nonces
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CSP = "content-security-policy"
DEFAULT = (
    "base-uri 'self'; connect-src 'self'; default-src 'none'; img-src 'self'; "
    "script-src 'self'; style-src 'self'; worker-src 'self'"
)
CODE = """
    def ok(request, h):
        return {}

    def page(request, h):
        nonces = request.plugins["blankie"]["nonces"]
        return f"<script nonce={nonces['script']}></script>"

    def both(request, h):
        nonces = request.plugins["blankie"]["nonces"]
        return [nonces["script"], nonces["style"], nonces["script"]]

    def own(request, h):
        request.plugins["blankie"]["nonces"]["script"]
        return h.response({}).header("content-security-policy", "default-src 'self'")

    def fails(request, h):
        raise boom.Conflict("taken")
"""


def text(**settings: Any) -> str:
    return CspPolicy(model.Csp(**settings)).fixed


@pytest.mark.parametrize(
    ("settings", "directive"),
    [
        ({"script_src": ("self", "strict-dynamic", "https://cdn.example.com")},
         "script-src 'self' 'strict-dynamic' https://cdn.example.com"),
        ({"script_src": ("sha256-abc=", "nonce-x", "'self'", "unsafe-inline")},
         "script-src 'sha256-abc=' 'nonce-x' 'self' 'unsafe-inline'"),
        ({"img_src": ("self", "data:", "*.example.com")}, "img-src 'self' data: *.example.com"),
        ({"frame_ancestors": ("none",)}, "frame-ancestors 'none'"),
        ({"report_uri": "/csp"}, "report-uri /csp"),
        ({"report_to": "main"}, "report-to main"),
        ({"sandbox": True}, "sandbox"),
        ({"sandbox": ("allow-forms", "allow-scripts")}, "sandbox allow-forms allow-scripts"),
        ({"upgrade_insecure_requests": True}, "upgrade-insecure-requests"),
        ({"require_trusted_types_for": True}, "require-trusted-types-for 'script'"),
        ({"trusted_types": ("none",)}, "trusted-types 'none'"),
    ],
)  # fmt: skip
async def test_a_directive_is_written_as_the_standard_wants_it(settings: dict[str, Any], directive: str) -> None:
    assert directive in text(**settings).split("; ")


async def test_an_empty_list_leaves_its_directive_out() -> None:
    assert "worker-src" not in text(worker_src=())
    assert text() == DEFAULT


async def test_every_response_has_the_header_errors_and_unknown_paths_included(make: Make) -> None:
    app = make(
        """
        server: {routes: {csp: true}}
        routes:
          - {method: GET, path: /, handler: "my:ok"}
          - {method: GET, path: /fails, handler: "my:fails"}
          - {method: GET, path: /own, handler: "my:own"}
          - {method: GET, path: /none, handler: "my:ok", options: {csp: false}}
          - {method: GET, path: /other, handler: "my:ok", options: {csp: {defaultSrc: self, reportOnly: true}}}
        """,
        CODE,
    )
    for url, status in (("/", 200), ("/fails", 409), ("/nowhere", 404)):
        answer = await inject(app, url=url)
        assert (answer.status_code, answer.headers[CSP]) == (status, DEFAULT)
    assert (await inject(app, url="/own")).headers[CSP] == "default-src 'self'"
    assert CSP not in (await inject(app, url="/none")).headers
    other = (await inject(app, url="/other")).headers
    assert CSP not in other
    assert other[f"{CSP}-report-only"] == DEFAULT.replace("default-src 'none'", "default-src 'self'")


async def test_a_nonce_is_in_the_page_and_in_the_header_and_never_the_same(make: Make) -> None:
    app = make(
        """
        routes:
          - {method: GET, path: /, handler: "my:page", options: {csp: true}}
          - {method: GET, path: /both, handler: "my:both", options: {csp: {styleSrc: none}}}
          - {method: GET, path: /unasked, handler: "my:ok", options: {csp: true}}
          - {method: GET, path: /script, handler: "my:both", options: {csp: {generateNonces: script}}}
        """,
        CODE,
    )
    answer = await inject(app)
    nonce = answer.text.removeprefix("<script nonce=").removesuffix("></script>")
    assert answer.headers[CSP] == DEFAULT.replace("script-src 'self'", f"script-src 'self' 'nonce-{nonce}'")
    assert nonce not in (await inject(app)).text
    script, style, again = (answer := await inject(app, url="/both")).json
    assert script == again != style
    assert f"script-src 'self' 'nonce-{script}'; style-src 'nonce-{style}'" in str(answer.headers[CSP])
    assert (await inject(app, url="/unasked")).headers[CSP] == DEFAULT
    assert (await inject(app, url="/script")).status_code == 500  # there are none for styles


async def test_a_nonce_for_what_only_the_default_speaks_of_gets_a_directive_of_its_own() -> None:
    policy = CspPolicy(model.Csp(script_src=(), default_src=("none",), style_src_elem=("self",)))
    nonces = Nonces(policy.nonces)
    assert (nonces["script"], nonces["style"]) == (nonces["script"], nonces["style"])
    directives = policy.value({"script": "A", "style": "B"}).split("; ")
    assert "script-src 'nonce-A'" in directives
    assert "default-src 'none'" in directives
    assert "style-src 'self' 'nonce-B'" in directives
    assert "style-src-elem 'self' 'nonce-B'" in directives
    with pytest.raises(KeyError):
        Nonces(["script"])["style"]


async def test_a_table_without_nonces_has_no_step_for_them(make: Make) -> None:
    app = make('routes: [{method: GET, path: /, handler: "my:ok", options: {csp: {generateNonces: false}}}]', CODE)
    route: Any = app.server.match("GET", "/") or SimpleNamespace()
    assert (route.steps, route.finalizers) == ((), ())
    assert (await inject(app)).headers[CSP] == DEFAULT
