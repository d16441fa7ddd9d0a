"""Handlers, steps, extension functions and the scheme of the conformance cases; see README.md."""

import asyncio
from typing import Any

from hapiish import boom


def route(request: Any, h: Any) -> Any:
    return {"route": request.route.path, "method": request.route.method, "params": request.params}


async def echo(request: Any, h: Any) -> Any:
    return {
        "params": request.params,
        "query": request.query,
        "payload": request.payload,
        "state": request.state,
        "pre": request.pre,
    }


async def query(request: Any, h: Any) -> Any:
    return request.query


async def payload(request: Any, h: Any) -> Any:
    return {"payload": request.payload}


async def state(request: Any, h: Any) -> Any:
    return request.state


async def pre(request: Any, h: Any) -> Any:
    return request.pre


async def text(request: Any, h: Any) -> Any:
    return "hello"


async def html(request: Any, h: Any) -> Any:
    return h.response("<p>hi</p>").type("text/html")


async def long(request: Any, h: Any) -> Any:
    return "x" * 5000


async def buffer(request: Any, h: Any) -> Any:
    return b"0123456789"


async def empty(request: Any, h: Any) -> Any:
    return None


async def zero(request: Any, h: Any) -> Any:
    return 0


async def boolean(request: Any, h: Any) -> Any:
    return True


async def array(request: Any, h: Any) -> Any:
    return [1, 2, 3]


async def obj(request: Any, h: Any) -> Any:
    return {"a": 1}


async def created(request: Any, h: Any) -> Any:
    return h.response({"id": 1}).created("/items/1")


async def coded(request: Any, h: Any) -> Any:
    return h.response({"ok": False}).code(int(request.query.get("code", 202)))


async def redirect(request: Any, h: Any) -> Any:
    return h.redirect("/there")


async def redirect_perm(request: Any, h: Any) -> Any:
    return h.redirect("/there").permanent()


async def redirect_temp_norewrite(request: Any, h: Any) -> Any:
    return h.redirect("/there").temporary().rewritable(False)


async def redirect_perm_norewrite(request: Any, h: Any) -> Any:
    return h.redirect("/there").permanent().rewritable(False)


async def etag(request: Any, h: Any) -> Any:
    return h.response({"a": 1}).etag("abc")


async def weak_etag(request: Any, h: Any) -> Any:
    return h.response({"a": 1}).etag("abc", weak=True)


async def modified(request: Any, h: Any) -> Any:
    return h.response("doc").header("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")


async def entity(request: Any, h: Any) -> Any:
    return h.entity(etag="v1") or "fresh"


async def header(request: Any, h: Any) -> Any:
    return h.response("x").header("x-one", "1").header("x-two", "2")


async def vary(request: Any, h: Any) -> Any:
    return h.response("x").vary("x-accept")


async def ttl(request: Any, h: Any) -> Any:
    return h.response("x").ttl(30000)


async def set_state(request: Any, h: Any) -> Any:
    return h.response("x").state("session", "abc")


async def unset_state(request: Any, h: Any) -> Any:
    return h.response("x").unstate("session")


async def not_found(request: Any, h: Any) -> Any:
    raise boom.NotFound("no such thing")


async def conflict(request: Any, h: Any) -> Any:
    raise boom.Conflict("already there")


async def teapot(request: Any, h: Any) -> Any:
    raise boom.Teapot("short")


async def forbidden(request: Any, h: Any) -> Any:
    raise boom.Forbidden


async def unavailable(request: Any, h: Any) -> Any:
    raise boom.ServerUnavailable("later")


async def crash(request: Any, h: Any) -> Any:
    raise ValueError("a secret of the implementation")


async def boom_data(request: Any, h: Any) -> Any:
    raise boom.BadRequest("bad", headers={"x-err": "1"})


async def slow(request: Any, h: Any) -> Any:
    await asyncio.sleep(0.4)
    return "late"


async def who(request: Any, h: Any) -> Any:
    auth = request.auth
    return {
        "isAuthenticated": auth.is_authenticated,
        "user": (auth.credentials or {}).get("user"),
        "strategy": auth.strategy,
        "mode": auth.mode,
    }


async def bad_response(request: Any, h: Any) -> Any:
    return {"a": "not a number"}


async def good_response(request: Any, h: Any) -> Any:
    return {"a": 7}


# Steps of `pre`


async def one(request: Any, h: Any) -> Any:
    return 1


async def two(request: Any, h: Any) -> Any:
    return 2


async def add(request: Any, h: Any) -> Any:
    return request.pre["a"] + request.pre["b"]


# `fail` and `takeover` are both steps of `pre` and extension functions; `route` tells which text is wanted.


async def fail(request: Any, h: Any) -> Any:
    if request.route.settings.pre:
        raise boom.BadRequest("pre failed")
    raise boom.Forbidden("ext says no")


async def takeover(request: Any, h: Any) -> Any:
    return h.response("taken" if request.route.settings.pre else "ext").takeover()


# Extension functions


async def add_header(request: Any, h: Any) -> Any:
    request.response.header("x-ext", "on")
    return h.continue_


async def go_on(request: Any, h: Any) -> Any:
    return h.continue_


# The scheme


class Scheme:
    """Header `x-user: NAME;scope1,scope2`."""

    def __init__(self, server: Any, options: Any) -> None:
        pass

    async def authenticate(self, request: Any, h: Any) -> Any:
        given = request.headers.get("x-user")
        if given is None:
            raise boom.Unauthorized(None, scheme="Token")
        name, _, scopes = given.partition(";")
        if name == "bad":
            return h.unauthenticated(boom.Unauthorized("Bad token", scheme="Token"), credentials={"user": "bad"})
        scope = [one for one in scopes.split(",") if one]
        if name.startswith("app-"):
            return h.authenticated(credentials={"app": name, "scope": scope})
        return h.authenticated(credentials={"user": name, "scope": scope})


# Names of the cases that Python keeps for itself.
globals().update({"bool": boolean, "list": array, "sum": add, "pass": go_on, "scheme": Scheme})
