"""Inconsistent tables: hapi's load-time errors (X1 to X95 of its inventory), and hapiish's additional checks."""

import json
from typing import Any

import pytest

from hapiish.options.schemes import SCHEMES
from hapiish.realtime import RESERVED
from hapiish.table import check_text
from hapiish.table.checks import sockets
from hapiish.table.problems import Problem


def problems(manifest: dict[str, Any]) -> list[Problem]:
    """JSON is YAML, so a manifest needs no other spelling."""
    return check_text(json.dumps(manifest), "f", {})[1]


def codes(manifest: dict[str, Any]) -> list[str]:
    return [str(problem.code) for problem in problems(manifest)]


def route(spec: str, **options: Any) -> dict[str, Any]:
    """`GET+PUT /u @a.test id=x`: methods, path, host and id as hapi's inventory writes them."""
    words = spec.split(" ")
    methods = words.pop(0).split("+") if not words[0].startswith(("/", "u")) else ["GET"]
    made: dict[str, Any] = {"method": methods if len(methods) > 1 else methods[0], "path": words[0], "handler": "a:b"}
    for word in words[1:]:
        if word.startswith("@"):
            made["vhost"] = word[1:]
        elif word.startswith("id="):
            made["id"] = word[3:]
    return {**made, **({"options": options} if options else {})}


def table(*specs: str, **router: bool) -> dict[str, Any]:
    return {"server": {"router": router}, "routes": [route(spec) for spec in specs]}


FOLD, STRIP = {"isCaseSensitive": False}, {"stripTrailingSlash": True}
CONFLICT, PATH = "HA0302", "HA0301"

PATHS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("X1", table("/u/{id}", "/u/{id}"), [CONFLICT]),
    ("X2", table("/u/{id}", "/u/{key}"), [CONFLICT]),
    ("X3", table("/u/{id?}", "/u"), [CONFLICT]),
    ("X4", table("/u", "/u/{id?}"), [CONFLICT]),
    ("X5", table("/u/{id}", "/u/{id?}"), [CONFLICT]),
    ("X6", table("/u/{a}/{b}/end", "/u/{c*2}/end"), [CONFLICT]),
    ("X7", table("/u/{a*}", "/u/{b*}"), [CONFLICT]),
    ("X8", table("/u/f{a}", "/u/f{b}"), [CONFLICT]),
    ("X9", table("/f{a}", "/f{b?}"), [CONFLICT]),
    ("X10", table("/u/{a}/{b*}", "/u/{c*}"), [CONFLICT]),
    ("X11", table("/u/{c*}", "/u/{a}/{b*}"), [CONFLICT]),
    ("X12", table("/u/{a*}", "/u"), []),
    ("X13", table("/u/{a*}", "/u/{b?}"), []),
    ("X14", table("/u", "/U"), []),
    ("X15", table("/u", "/U", **FOLD), [CONFLICT]),
    ("X16", table("/u", "/u/"), []),
    ("X17", table("/u/", **STRIP), ["HA0303"]),
    ("X18", table("/", **STRIP), []),
    ("X19", table("GET /u", "POST /u", "* /u"), []),
    ("X20", table("/u @a.test", "/u @a.test"), [CONFLICT]),
    ("hosts are folded", table("/u @a.test", "/u @A.Test"), [CONFLICT]),
    ("X21", table("/u @a.test", "/u @b.test", "/u"), []),
    ("X22", table("/u id=x", "/w id=x"), ["HA0305"]),
    ("X23", table("GET+PUT /u id=x"), ["HA0306"]),
    *((number, table(path), [PATH]) for number, path in [
        ("X24", "/{a}/{a}"), ("X25", "/f{a}g{a}h"), ("X26", "u"), ("X27", "/{a*}/z"), ("X28", "/{a?}/z"),
        ("X29", "/{a*0}"), ("X31", "/{a*02}"), ("X32", "/{a*2?}"), ("X33", "/{a}{b}"), ("X34", "/f{a*}"),
        ("X35", "/{a*}f"), ("X36", "/f{a*2}"), ("X37", "/{a-b}"), ("X39", "/{a*}/"), ("X40", "/{a?}/"),
        ("X41", "/a//b"), ("X43", "/%"), ("X44", "/caf%c3%a9"), ("X45", "/%61"), ("X47", "/é"), ("X48", "/a?b"),
        ("X50, unlike hapi", "/a/../b"), ("never reached either", "/a/./b"),
    ]),
    *((number, table(path), []) for number, path in [
        ("X30", "/{a*1}"), ("X38", "/{1}"), ("X46", "/a%2Fb"), ("X49", "/a!$&'()*+,;=:@-.~_"),
    ]),
    ("X42", {"routes": [{"method": "GET", "path": "/a b", "handler": "a:b"}]}, [PATH]),
    ("X51", {"routes": [{"method": "GET", "path": "", "handler": "a:b"}]}, [PATH]),
    ("X52", table("HEAD /u"), ["HA0304"]),
    ("head in a list", table("GET+head /u"), ["HA0304"]),
    ("X53", {"routes": [{"method": "G T", "path": "/u", "handler": "a:b"}]}, ["HA0205"]),
    ("X54", table("PROPFIND /u"), []),
    ("X55", table("/u @*.a.test"), ["HA0205"]),
    ("X56", table("/u @a.test:80"), ["HA0205"]),
    ("X57", {"routes": [{**route("/u"), "foo": 1}]}, ["HA0204"]),
    ("X58", {"routes": [route("/u", foo=1)]}, ["HA0204"]),
    ("X59", {"routes": [{"method": "GET", "path": "/u"}]}, ["HA0203"]),
    ("X60", {"routes": [route("/u", handler="a:b")]}, ["HA0204"]),
    ("X61", {"routes": [{**route("/u"), "handler": {"nosuch": {}}}]}, ["HA0326"]),
    ("X62", {"routes": [{**route("/u"), "handler": {"file": "x", "proxy": {}}}]}, ["HA0201"]),
    ("X63", {"routes": [{**route("/u"), "handler": "text"}]}, ["HA0205"]),
]  # fmt: skip


def options(spec: str, **given: Any) -> dict[str, Any]:
    return {"routes": [route(spec, **given)]}


STRATEGY = {"schemes": {"kit": "kit:scheme"}, "strategies": {"session": {"scheme": "kit"}, "other": {"scheme": "kit"}}}


def secured(spec: str, auth: Any, **given: Any) -> dict[str, Any]:
    return {"auth": {**STRATEGY, **given}, "routes": [route(spec, auth=auth)]}


def with_defaults(spec: str, defaults: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {"server": {"routes": defaults}, "routes": [route(spec, **given)]}


OBJECT = {"type": "object"}

OPTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("X64", options("/u", payload={"maxBytes": 5}), ["HA0321"]),
    ("X65", options("/u", validate={"payload": OBJECT}), ["HA0321"]),
    ("payload on one of several methods", options("GET+POST /u", payload={"maxBytes": 5}), ["HA0321"]),
    ("a default payload does not reach GET", with_defaults("/u", {"payload": {"maxBytes": 5}}), []),
    ("nor does a default payload schema", with_defaults("/u", {"validate": {"payload": OBJECT}}), []),
    ("null is no option", options("/u", payload=None, validate={"payload": None}), []),
    ("X50", table("/a/../b"), [PATH]),
    ("X67", options("/u", validate={"query": {"a": 1}}), ["HA0335"]),
    ("X79", options("/u", cache={"expiresAt": "25:99"}), ["HA0205"]),
    ("X66", options("/u", validate={"params": OBJECT}), ["HA0322"]),
    ("params: true is no schema", options("/u", validate={"params": True}), []),
    ("a param that the path lacks",
     options("/u/{id}", validate={"params": {"properties": {"ib": OBJECT}}}), ["HA0322"]),
    ("a required param that the path lacks",
     options("/u/{id}", validate={"params": {"required": ["key"]}}), ["HA0322"]),
    ("required by a named schema",
     {"schemas": {"Key": {"required": ["key"]}}, **options("/u/{id}", validate={"params": {"$ref": "#/schemas/Key"}})},
     ["HA0322"]),
    ("a named schema that knows more",
     {"schemas": {"K": {"properties": {"k": {}}}}, **options("/u/{id}", validate={"params": {"$ref": "#/schemas/K"}})},
     ["HA0322"]),
    ("X68", options("POST /u", payload={"parse": False}, validate={"payload": OBJECT}), ["HA0323"]),
    ("gunzip does not parse",
     options("POST /u", payload={"parse": "gunzip"}, validate={"payload": OBJECT}), ["HA0323"]),
    ("parse false inherited", with_defaults("POST /u", {"payload": {"parse": False}}, validate={"payload": OBJECT}),
     ["HA0323"]),
    ("a schema for a stream", options("POST /u", payload={"output": "stream"}, validate={"payload": {}}), ["HA0323"]),
    ("a schema for a stream from the server's defaults",
     with_defaults("POST /u", {"payload": {"output": "stream"}}, validate={"payload": {}}), ["HA0323"]),
    ("a schema for a form of streams",
     options("POST /u", payload={"output": "stream", "multipart": True}, validate={"payload": {}}), []),
    ("a schema for a file", options("POST /u", payload={"output": "file"}, validate={"payload": {}}), []),
    ("a form that is not parsed", options("POST /u", payload={"parse": False, "multipart": True}), ["HA0323"]),
    ("a form from the server's defaults that is not parsed",
     with_defaults("POST /u", {"payload": {"multipart": True}}, payload={"parse": False}), []),
    ("an output of parts for bodies", options("POST /u", payload={"output": "annotated"}), ["HA0202"]),
    ("an unknown output of parts", options("POST /u", payload={"multipart": {"output": "disk"}}), ["HA0202"]),
    ("an unknown coding", options("POST /u", payload={"compression": {"brotli": True}}), ["HA0204"]),
    ("options of a decoder",
     options("POST /u", payload={"compression": {"gzip": {"windowBits": 12}, "br": {}, "zstd": {"windowLogMax": 20}}}),
     []),
    ("options that a decoder has not", options("POST /u", payload={"compression": {"br": {"level": 1}}}), ["HA0204"]),
    ("no parts at all", options("POST /u", payload={"maxParts": 0}), ["HA0206"]),
    ("X69", options("/u", state={"parse": False}, validate={"state": OBJECT}), ["HA0323"]),
    ("X70", secured("/u", "nosuch"), ["HA0311"]),
    ("an unknown one among several", secured("/u", {"strategies": ["session", "nosuch"]}), ["HA0311"]),
    ("an unknown default", secured("/u", False, default="nosuch"), ["HA0311"]),
    ("X71", secured("/u", {"mode": "try"}), ["HA0313"]),
    ("mode with a default", secured("/u", {"mode": "try"}, default="session"), []),
    ("mode with a strategy from the server",
     {**secured("/u", {"mode": "try"}), "server": {"routes": {"auth": "other"}}}, []),
    ("a default without strategy", secured("/u", False, default={"mode": "try"}), ["HA0313"]),
    ("X72", secured("/u", {"strategy": "session", "strategies": ["other"]}), ["HA0314"]),
    ("X73", secured("/u", {"strategy": "session", "access": [{"scope": "a"}], "scope": "b"}), ["HA0314"]),
    ("access and entity",
     secured("/u", {"strategy": "session", "access": {"scope": "a"}, "entity": "app"}), ["HA0314"]),
    ("X74", secured("/u", {"scope": []}, default="session"), ["HA0207"]),
    ("unknown scheme", {"auth": {"strategies": {"s": {"scheme": "jtw"}}}}, ["HA0312"]),
    ("built-in schemes", {"auth": {"strategies": {"s": {"scheme": "jwt", "options": {"keys": "k"}},
                                                 "t": {"scheme": "basic", "options": {"validate": "a:b"}}}}}, []),
    ("options of a built-in scheme",
     {"auth": {"strategies": {"s": {"scheme": "jwt", "options": {"key": "k"}}}}}, ["HA0204"]),
    ("a built-in scheme without options", {"auth": {"strategies": {"s": {"scheme": "basic"}}}}, ["HA0203", "HA0388"]),
    ("a scheme of a built-in name", {"auth": {"schemes": {"jwt": "a:b"}}}, ["HA0208"]),
    ("a scope of the path", secured("/u/{id}", {"strategy": "session", "scope": "user-{params.id}"}), []),
    ("a scope of another path",
     secured("/u/{key}", {"strategy": "session", "scope": ["a", "+u-{params.id}"]}), ["HA0315"]),
    ("a scope of nothing known",
     secured("/u/{id}", {"strategy": "session", "access": {"scope": "{param.id}"}}), ["HA0315"]),
    ("half a template", secured("/u/{id}", {"strategy": "session", "scope": "u-{params.id"}), ["HA0315"]),
    ("the other half", secured("/u/{id}", {"strategy": "session", "scope": "u-params.id}"}), ["HA0315"]),
    ("a scope of pre", secured("/u/{id}", {"strategy": "session", "scope": "{pre.article.id}"}), ["HA0315"]),
    ("a scope with a brace", secured("/u/{id}", {"strategy": "session", "scope": "{{params.id}}"}), []),
    ("a scope without a name", secured("/u/{id}", {"strategy": "session", "scope": "{params}"}), ["HA0315"]),
    ("a scope of a body on GET", secured("/u", {"strategy": "session", "scope": "{payload.x}"}), ["HA0315"]),
    ("a scope of a body on POST", secured("POST /u", {"strategy": "session", "scope": "{payload.x}"}), []),
    ("an inherited scope of the path",
     {"auth": {**STRATEGY, "default": {"strategy": "session", "scope": "{params.id}"}}, "routes": [route("/u/{key}")]},
     ["HA0315"]),
    ("switched off, no scope matters",
     {"auth": {**STRATEGY, "default": {"strategy": "session", "scope": "u-{params.id}"}},
      "routes": [route("/u/{key}", auth=False)]}, []),
    ("X75", options("/u", cors={"origin": ["*", "http://a"]}), ["HA0324"]),
    ("X76", options("/u", cors={"origin": []}), ["HA0207"]),
    ("X77", options("/u", cors={"origin": "ignore", "credentials": True}), ["HA0324"]),
    ("any origin with credentials", options("/u", cors={"credentials": True}), ["HA0324"]),
    ("listed origins with credentials", options("/u", cors={"origin": ["http://*.a"], "credentials": True}), []),
    ("credentials meet an inherited origin",
     with_defaults("/u", {"cors": {"origin": "ignore"}}, cors={"credentials": True}),
     ["HA0324"]),
    ("X78", options("/u", cache={"expiresIn": 5, "expiresAt": "10:00"}), ["HA0314"]),
    ("expiresAt meets an inherited expiresIn",
     with_defaults("/u", {"cache": {"expiresIn": 5}}, cache={"expiresAt": "1:00"}),
     ["HA0314"]),
    ("the inherited one is dropped",
     with_defaults("/u", {"cache": {"expiresIn": 5}}, cache={"expiresAt": "1:00", "expiresIn": None}), []),
    ("X79, unlike hapi", options("/u", cache={"expiresAt": "25:99"}), ["HA0205"]),
    ("X80", options("/u", response={"sample": 5, "modify": True}), ["HA0314"]),
    ("modify meets an inherited sample",
     with_defaults("/u", {"response": {"sample": 5}}, response={"modify": True}), ["HA0314"]),
    ("modify without sample", options("/u", response={"modify": True, "sample": None}), []),
    ("functions for schemas",
     options("POST /u/{a}", validate={"params": "a:b", "all": "a:c"}, response={"status": {"201": "a:e"}}), []),
    ("a function without module", options("/u", validate={"query": "check"}), ["HA0205"]),
    ("an option of another validator", options("/u", validate={"options": {"convert": False}}), ["HA0204"]),
    ("X82", options("/u", ext={"onRequest": "a:b"}), ["HA0204"]),
    ("X84", options("POST /u", payload={"maxBytes": "100"}), []),
    ("X85", options("/u", response={"status": {"abc": True}}), ["HA0208"]),
    ("X86", options("/u", response={"emptyStatusCode": 202}), ["HA0202"]),
    ("X87", options("/u", tags=[1]), ["HA0201"]),
    ("X88", {"server": {"foo": 1}}, ["HA0204"]),
    ("X89", {"server": {"routes": {"cors": "yes"}}}, ["HA0201"]),
    ("X90", {"server": {"routes": {"tags": ["x"]}}}, ["HA0204"]),
    ("X91", {"server": {"port": "abc"}}, ["HA0201"]),
    ("X95, of one cookie", {"state": {"s": {"isSameSite": "lax"}}}, ["HA0202"]),
    ("a partitioned cookie", {"state": {"s": {"isPartitioned": True}}}, ["HA0325"]),
    ("a partitioned cookie over HTTP",
     {"state": {"s": {"isPartitioned": True, "isSameSite": "None", "isSecure": False}}},
     ["HA0325"]),
    ("a partitioned cookie as it must be", {"state": {"s": {"isPartitioned": True, "isSameSite": "None"}}}, []),
    ("X83", options("/u", timeout={"server": 0}), ["HA0206"]),
    ("X93", {"server": {"uri": "http://a/"}}, ["HA0205"]),
    ("X95", {"server": {"state": {"isSameSite": "lax"}}}, ["HA0202"]),
    ("X94", {"server": {"load": {"maxRssBytes": 1}}}, ["HA0372"]),
    ("limits of load that are none", {"server": {"load": {"maxRssBytes": 0, "maxEventLoopDelay": None}}}, []),
    ("limits of load with an interval", {"server": {"load": {"maxRssBytes": "1MB", "sampleInterval": "1s"}}}, []),
    ("a proxy that is none", {"server": {"trustedProxies": ["10.0.0.1/8", "unix", "::1"]}}, ["HA0373"]),
    ("a proxy by name", {"server": {"trustedProxies": ["proxy"]}}, ["HA0205"]),
    ("a socket", {"server": {"socket": "/run/x.sock"}}, []),
    ("half of tls", {"server": {"tls": {"key": "k.pem"}}}, ["HA0203"]),
]  # fmt: skip

# Options of hapi that a table does not have (docs/differences.md): hapi's reason for refusing them is another one.
UNKNOWN: list[tuple[str, dict[str, Any]]] = [
    ("X81", options("/u", rules={})),
    ("X92", {"server": {"autoListen": False, "port": 80}}),
]


def schema(value: Any, **named: Any) -> dict[str, Any]:
    return {"schemas": named, **options("POST /u", validate={"payload": value})}


SCHEMAS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("a schema", schema({"type": "object", "required": ["a"]}), []),
    ("a misspelt type", schema({"type": "strng"}), ["HA0331"]),
    ("required as text", schema({"type": "object", "required": "a"}), ["HA0331"]),
    ("a negative length", schema({"minLength": -1}), ["HA0331"]),
    ("deep inside", schema({"properties": {"a": {"items": {"enum": "x"}}}}), ["HA0331"]),
    ("two at once", schema({"properties": {"a": {"type": 1}, "b": {"maximum": "x"}}}), ["HA0331", "HA0331"]),
    ("a named one", {"schemas": {"A": {"type": "strng"}}}, ["HA0331"]),
    ("a response", options("/u", response={"schema": {"type": "x"}, "status": {"200": {"type": "y"}}}), ["HA0331"] * 2),
    ("a reference", schema({"$ref": "#/schemas/A"}, A={}), []),
    ("a reference into a named schema", schema({"$ref": "#/schemas/A/properties/b"}, A={"properties": {"b": {}}}), []),
    ("a recursive reference", {"schemas": {"A": {"properties": {"next": {"$ref": "#/schemas/A"}}}}}, []),
    ("references in a circle",
     {"schemas": {"A": {"$ref": "#/schemas/B"}, "B": {"items": {"$ref": "#/schemas/A"}}}}, []),
    ("a reference to itself", schema({"items": {"$ref": "#"}}), []),
    ("a local reference", schema({"$ref": "#/$defs/a", "$defs": {"a": {}}}), []),
    ("an anchor", schema({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}), []),
    ("an unknown name", schema({"$ref": "#/schemas/B"}, A={}), ["HA0332"]),
    ("an unknown place in a named schema", schema({"$ref": "#/schemas/A/properties/c"}, A={}), ["HA0332"]),
    ("an unknown local one", schema({"$ref": "#/$defs/b", "$defs": {"a": {}}}), ["HA0332"]),
    ("an unknown anchor", schema({"$ref": "#there"}), ["HA0332"]),
    ("hapi-swagger's place", schema({"$ref": "#/definitions/A"}, A={}), ["HA0332"]),
    ("a remote reference", schema({"$ref": "https://example.com/a.json"}), ["HA0333"]),
    ("a file", schema({"items": {"$ref": "other.json#/a"}}), ["HA0333"]),
    ("an $id", schema({"$id": "https://example.com/a.json"}), []),
    ("another dialect", schema({"$schema": "http://json-schema.org/draft-07/schema#"}), ["HA0333"]),
    ("the dialect", schema({"$schema": "https://json-schema.org/draft/2020-12/schema"}), []),
    ("what looks like a reference",
     schema({"const": {"$ref": "x"}, "properties": {"$ref": {}}, "default": {"$ref": 1}}), []),
    ("a broken pattern", schema({"pattern": "(a"}), ["HA0334"]),
    ("a broken pattern of names", schema({"patternProperties": {"[": {}}}), ["HA0334"]),
    ("a pattern of Python alone", schema({"pattern": "a\\Z"}), ["HA0334"]),
    ("a pattern with a property of Unicode", schema({"pattern": "\\p{L}"}), []),
    ("a pattern with a property that Unicode does not have", schema({"pattern": "\\p{Foo}"}), ["HA0334"]),
    ("a pattern with a named group", schema({"pattern": "(?<y>.)\\k<y>"}), []),
    ("a pattern that names a group it does not have", schema({"pattern": "(?<y>.)\\k<x>"}), ["HA0334"]),
    ("names by a pattern of ECMAScript", schema({"patternProperties": {"^[^]\\cA\\u{1F600}$": {}}}), []),
    ("a pattern that is too large", schema({"pattern": "\\p{L}{1,60000}"}), ["HA0334"]),
    ("a misspelt keyword", schema({"requird": ["a"], "properties": {"a": {"maxLenght": 1}}}), ["HA0335", "HA0335"]),
    ("a misspelt format", schema({"properties": {"a": {"format": "emial"}, "b": {"format": "datetime"}}}),
     ["HA0335", "HA0335"]),
    ("custom formats", schema({"properties": {"a": {"format": "int32"}, "b": {"format": "email"}}}), []),
    ("of all inputs", options("/u", validate={"all": {"$ref": "#/schemas/B"}}), ["HA0332"]),
    ("custom keywords", schema({"x-unit": "m", "example": 1, "nullable": True, "widget": "slider"}), []),
    ("null by a word of another dialect", schema({"type": "string", "nullable": True}), ["HA0335"]),
    ("null by both words", schema({"type": ["string", "null"], "nullable": True}), []),
    ("headers with capitals", options("/u", validate={"headers": {"properties": {"X-Id": {}, "x-b": {}}}}), ["HA0322"]),
    ("required headers with capitals", options("/u", validate={"headers": {"required": ["x-a", "X-B"]}}), ["HA0322"]),
]  # fmt: skip


def sockets_table(*namespaces: Any, **given: Any) -> dict[str, Any]:
    return {"auth": STRATEGY, "sockets": {"namespaces": list(namespaces)}, **given}


def event(name: str, **given: Any) -> dict[str, Any]:
    return {"event": name, "handler": "a:b", **({"options": given} if given else {})}


SOCKETS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("two namespaces", sockets_table({"namespace": "/"}, {"namespace": "/admin"}), []),
    ("a namespace twice", sockets_table({"namespace": "/"}, {}), ["HA0341"]),
    ("an event twice", sockets_table({"events": [event("a"), event("a")]}), ["HA0341"]),
    ("namespaces with parameters", sockets_table({"namespace": "/room-{id}"}, {"namespace": "/room-1"},
     {"namespace": "/a/{b}/{rest*}", "validate": {"params": {"properties": {"b": {"type": "integer"}}}}}), []),
    ("a namespace with half a parameter", sockets_table({"namespace": "/room-{id"}), ["HA0344"]),
    ("a namespace with two parameters side by side", sockets_table({"namespace": "/{a}{b}"}), ["HA0344"]),
    ("namespaces that cannot be asked for",
     sockets_table(*({"namespace": name} for name in ("/a*", "/a,b", "/a?b", "/a b"))), ["HA0344"] * 4),
    ("two namespaces for the same names",
     sockets_table({"namespace": "/room-{id}"}, {"namespace": "/room-{name}"}), ["HA0341"]),
    ("a parameter that the namespace does not have",
     sockets_table({"namespace": "/room-{id}", "validate": {"params": {"properties": {"di": {"type": "string"}}}}}),
     ["HA0322"]),
    ("params of a namespace without",
     sockets_table({"validate": {"params": {"properties": {"id": {"type": "string"}}}}}), ["HA0322"]),
    ("all other events", sockets_table({"events": [event("a"), event("*")]}), []),
    ("patterns as names of events",
     sockets_table({"events": [event("chat:*"), event("room-{id}")], "emits": [{"event": "*"}]}), ["HA0345"] * 3),
    ("a parameter of the namespace in a scope",
     sockets_table({"namespace": "/room-{id}", "auth": {"strategy": "session", "scope": "room-{params.id}"}}), []),
    ("an event in and out", sockets_table({"events": [event("a")], "emits": [{"event": "a"}]}), []),
    ("an outgoing event twice", sockets_table({"emits": [{"event": "a"}, {"event": "a"}]}), ["HA0341"]),
    ("reserved names",
     sockets_table({"events": [event(name) for name in sorted(RESERVED)]}), ["HA0342"] * len(RESERVED)),
    ("a reserved outgoing name", sockets_table({"emits": [{"event": "connect_error"}]}), ["HA0342"]),
    ("ids are shared with routes",
     sockets_table({"events": [{**event("a"), "id": "x"}]}, routes=[route("/u id=x")]), ["HA0305"]),
    ("a route below the sockets", sockets_table(routes=[route("/socket.io/x")]), ["HA0343"]),
    ("a route at the sockets", {"sockets": {"path": "/live/"}, "routes": [route("/live")]}, ["HA0343"]),
    ("a route beside the sockets", {"sockets": {}, "routes": [route("/socket.iox"), route("/{p*}")]}, []),
    ("an unknown strategy", sockets_table({"auth": "sesion"}), ["HA0311"]),
    ("rules of an event", sockets_table({"auth": "session", "events": [event("a", auth={"scope": "x"})]}), []),
    ("its namespace's strategy", sockets_table({"auth": "session", "events": [event("a", auth="session")]}), []),
    ("another strategy",
     sockets_table({"auth": "session", "events": [event("a", auth={"strategy": "other"})]}), ["HA0316"]),
    ("rules without authentication", sockets_table({"events": [event("a", auth={"scope": "x"})]}), ["HA0316"]),
    ("rules under the default",
     {**sockets_table({"events": [event("a", auth={"scope": "x"})]}), "auth": {**STRATEGY, "default": "session"}}, []),
    ("a scope of the event's data",
     sockets_table({"auth": "session", "events": [event("a", auth={"scope": "{payload.x}"})]}), []),
    ("a scope of a path",
     sockets_table({"auth": "session", "events": [event("a", auth={"scope": "{params.x}"})]}), ["HA0315"]),
    ("a scope of a path on a handshake",
     sockets_table({"auth": {"strategy": "session", "scope": "{params.x}"}}), ["HA0315"]),
    ("HTTP options on an event",
     sockets_table({"events": [event("a", cors=True, validate={"query": {}})]}), ["HA0204"] * 2),
    ("rules across the inputs of an event", sockets_table({"events": [event("a", validate={"all": {}})]}), []),
    ("a wrong schema across the inputs of an event",
     sockets_table({"events": [event("a", validate={"all": {"type": "x"}})]}), ["HA0331"]),
    ("a schema of an event", sockets_table({"events": [event("a", validate={"payload": {"type": "x"}})]}), ["HA0331"]),
    ("a schema of an outgoing event",
     sockets_table({"emits": [{"event": "a", "payload": {"$ref": "#/schemas/A"}}]}), ["HA0332"]),
]  # fmt: skip

ALL = [*PATHS, *OPTIONS, *SCHEMAS, *SOCKETS]


def test_every_load_error_of_hapi_is_among_the_cases() -> None:
    known = {case[0] for case in [*ALL, *UNKNOWN]}
    assert {f"X{number}" for number in range(1, 96)} <= known


@pytest.mark.parametrize(("manifest", "expected"), [case[1:] for case in ALL], ids=[case[0] for case in ALL])
def test_a_table_is_accepted_or_refused_for_its_reason(manifest: dict[str, Any], expected: list[str]) -> None:
    assert codes(manifest) == expected


@pytest.mark.parametrize("manifest", [case[1] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN])
def test_options_that_do_not_exist_yet_are_refused_as_unknown(manifest: dict[str, Any]) -> None:
    assert set(codes(manifest)) == {"HA0204"}


def test_a_conflict_names_method_host_and_both_places() -> None:
    text = "routes:\n- {method: GET, path: '/u/{a}', vhost: a.test, handler: a:b}\n"
    text += "- {method: [PUT, GET], path: '/u/{b}', vhost: [b.test, A.test], handler: a:b}\n"
    (problem,) = check_text(text, "f", {})[1]
    assert str(problem) == 'f:3:30: HA0302 "GET /u/{b}" (host a.test) answers the same requests as "GET /u/{a}"'
    assert [(str(mark), text) for mark, text in problem.related] == [("f:2:23", '"GET /u/{a}" (host a.test)')]


def test_three_routes_on_one_path_are_two_conflicts_with_the_first() -> None:
    found = problems(table("/u/{a}", "/u/{b}", "/u/{c}"))
    assert [problem.related[0][1] for problem in found] == ['"GET /u/{a}"', '"GET /u/{a}"']


@pytest.mark.parametrize(
    ("specs", "warned"),
    [
        (["/{name}.{ext}", "/logo.{ext}"], True),
        (["/{a}-{b}", "/x{c}"], False),
        (["/{a}-{b}", "/x-{c}"], True),
        (["/{name}.{ext}", "/logo.png"], False),
        (["/{name}.{ext}", "POST /logo.{ext}"], False),
        (["/{name}.{ext}/a", "/logo.{ext}/b"], False),
    ],
)
def test_a_mixed_segment_that_hides_another_is_a_warning(specs: list[str], warned: bool) -> None:
    result, found = check_text(json.dumps(table(*specs)), "f", {})
    assert result is not None
    assert [(problem.code, problem.warning) for problem in found] == ([("HA0307", True)] if warned else [])


def test_the_nearest_name_is_suggested_for_strategies_schemes_schemas_and_parameters() -> None:
    found = problems(
        {
            "auth": {"strategies": {"session": {"scheme": "jwtt"}}, "default": "sesion"},
            "schemas": {"Message": {"$ref": "#/schemas/Mesage"}},
            "routes": [
                route(
                    "/u/{userId}",
                    auth={"strategy": "session", "scope": "{params.userid}"},
                    validate={"params": {"properties": {"userID": {"type": "strin"}}}},
                )
            ],
        }
    )
    guesses = [problem.message.partition("did you mean ")[2].split('"')[1] for problem in found]
    assert guesses == ["jwt", "session", "Message", "userId", "userId", "string"]


def test_an_unknown_scheme_with_nothing_near_is_told_which_ones_are_built_in() -> None:
    near, far = problems({"auth": {"strategies": {"near": {"scheme": "basik"}, "far": {"scheme": "kerberos"}}}})
    assert (near.message, near.hint) == ('unknown scheme "basik"; did you mean "basic"?', "")
    assert far.hint == f"{', '.join(SCHEMES)} are built in; name others under auth.schemes"


def test_reserved_event_names_are_those_that_the_server_refuses_from_the_wire() -> None:
    assert sockets.RESERVED == RESERVED


def test_an_inherited_fault_is_told_once_and_where_it_is_written() -> None:
    text = "server: {routes: {auth: nosuch}}\nroutes:\n"
    text += "".join(f"- {{method: GET, path: /{name}, handler: a:b, options: {{tags: x}}}}\n" for name in "abc")
    assert [str(problem) for problem in check_text(text, "f", {})[1]] == [
        'f:1:25: HA0311 unknown strategy "nosuch"',
    ]


LOST = [
    ("a misspelt section", {"auht": STRATEGY, "routes": [route("/u", auth="session")]}, ["HA0204"]),
    ("misspelt schemas",
     {"schema": {"A": {}}, **options("POST /u", validate={"payload": {"$ref": "#/schemas/A"}})}, ["HA0204"]),
    ("a schema that is none", schema({"$ref": "#/schemas/A"}, A=3), ["HA0201"]),
    ("a default that is none",
     {"auth": {**STRATEGY, "default": 3}, "routes": [route("/u", auth={"mode": "try"})]}, ["HA0201"]),
    ("a strategy that is none", secured("/u", {"strategy": 3}), ["HA0201"]),
    ("a namespace without its name", sockets_table({"namespace": "/"}, {"namespace": "admin"}), ["HA0205"]),
    ("a variable without a value",
     {"auth": {**STRATEGY, "default": "${NOWHERE}"}, "routes": [route("/u", auth={"mode": "try"})]},
     ["HA0121"]),
]  # fmt: skip


@pytest.mark.parametrize(("manifest", "expected"), [case[1:] for case in LOST], ids=[case[0] for case in LOST])
def test_one_mistake_is_not_reported_again_by_what_depends_on_it(manifest: dict[str, Any], expected: list[str]) -> None:
    assert codes(manifest) == expected


@pytest.mark.parametrize("status", ["204", "205", "304"])
def test_a_status_that_is_sent_without_a_body_has_no_schema(status: str) -> None:
    given = route("/", response={"status": {status: {"type": "object"}, "200": {"type": "object"}}})
    [problem] = problems({"routes": [given]})
    assert (problem.code, problem.message) == (
        "HA0384",
        f"a {status} response has no body to validate",
    )
    assert codes({"routes": [route("/", response={"status": {status: True}})]}) == []


@pytest.mark.parametrize(
    "origin",
    [
        "a.example",
        "https://a.example/",
        "https://a.example/x",
        "*.a.example",
        "https://a b",
        "//a.example",
        "https://a@b",
    ],
)
def test_an_origin_has_a_scheme_and_a_host_and_no_path(origin: str) -> None:
    assert codes({"routes": [route("/", cors={"origin": [origin]})]}) == ["HA0205"]


@pytest.mark.parametrize(
    "origin", ["*", "null", "https://a.example", "http://*.a.example:8080", "http://localhost:*", "app://x"]
)
def test_an_origin_may_be_of_any_scheme(origin: str) -> None:
    assert codes({"routes": [route("/", cors={"origin": [origin]})]}) == []


@pytest.mark.parametrize("origin", ["https://*", "http://*:8080", "*://*", "https://*.*"])
def test_credentials_are_not_for_every_host(origin: str) -> None:
    assert codes({"routes": [route("/", cors={"origin": [origin], "credentials": True})]}) == ["HA0324"]
    assert codes({"routes": [route("/", cors={"origin": ["https://*.a.example"], "credentials": True})]}) == []


@pytest.mark.parametrize("entry", [["a"], {"a": 1}, 5, None])
def test_a_scope_that_is_no_text_is_told_by_its_form(entry: Any) -> None:
    found = problems({"routes": [route("/", auth={"strategies": ["a"], "scope": [entry]})]})
    assert "HA0201" in {problem.code for problem in found}
