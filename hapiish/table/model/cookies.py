"""Declared cookies (`state:`)."""

from dataclasses import dataclass
from typing import Literal

from hapiish.table.model.values import NOWHERE, Duration, Json, Seconds
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Iron:
    """How long a sealed value is valid (None: for ever), and by how much clocks may differ."""

    ttl: Duration | None = None
    timestamp_skew_sec: Seconds = Seconds(60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    password: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """A declared cookie (RFC 6265); `ttl` None makes a session cookie.

    Passwords are a text, or texts by id. `auto_value` is the value, or `{method: module:attribute}`.
    """

    ttl: Duration | None = None
    is_secure: bool = True
    is_http_only: bool = True
    is_same_site: Literal["Strict", "Lax", "None", False] = "Strict"
    is_partitioned: bool = False
    path: str | None = None
    domain: str | None = None
    encoding: Literal["none", "base64", "base64json", "form", "iron"] = "none"
    password: Json = None
    iron: Iron = Iron()
    sign: Sign | None = None
    strict_header: bool = True
    ignore_errors: bool = False
    clear_invalid: bool = False
    auto_value: Json = None
    contextualize: str | None = None
    pass_through: bool | None = None
    mark: Mark = NOWHERE
