"""The scheme `basic`: user name and password in the Authorization header (RFC 7617), judged by the user's function."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, ClassVar

from hapiish import boom
from hapiish.http.auth.verdict import Answer, Authenticated, Unauthenticated
from hapiish.http.request import Request
from hapiish.http.response import Response

OPTIONS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["validate"],
    "additionalProperties": False,
    "properties": {
        "validate": {
            "type": "string",
            "description": "`module:function` called with (request, username, password, h); "
            "returns {isValid, credentials} or {response}.",
        },
        "allowEmptyUsername": {
            "type": "boolean",
            "default": False,
            "description": "Whether the function is asked about an empty user name as well.",
        },
        "unauthorizedAttributes": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Attributes of the challenge in WWW-Authenticate, such as realm.",
        },
    },
}


class BasicScheme:
    """`validate` must be awaitable. Options and messages are those of @hapi/basic."""

    options_schema: ClassVar = OPTIONS_SCHEMA
    references: ClassVar = ("validate",)

    def __init__(self, server: Any, options: Mapping[str, Any]) -> None:
        self._validate = options["validate"]
        self._allow_empty_username = options.get("allowEmptyUsername", False)
        self._attributes = options.get("unauthorizedAttributes") or {}

    async def authenticate(self, request: Request, h: Any) -> Authenticated | Unauthenticated | Response:
        """Asks the user's function. Without such a header the next strategy is tried; a malformed one is a 400."""
        username, password = self._parse(request.header(b"authorization"))
        if not username and not self._allow_empty_username:
            raise self._unauthorized("HTTP authentication header missing username")
        answer = Answer(await self._validate(request, username, password, h))
        if answer.response is not None:
            response: Response = h.response(answer.response)
            return response.takeover()
        if not answer.is_valid:
            return Unauthenticated(self._unauthorized("Bad username or password"), answer.credentials)
        return Authenticated(answer.credentials)

    def _parse(self, header: str | None) -> tuple[str, str]:
        parts = (header or "").split()
        if not parts or parts[0].lower() != "basic":
            raise self._unauthorized(None)
        if len(parts) != 2:
            raise boom.BadRequest("Bad HTTP authentication header format")
        try:
            text = b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode("utf-8", "replace")
        except binascii.Error:
            text = ""
        username, colon, password = text.partition(":")
        if not colon:
            raise boom.BadRequest("Bad header internal syntax")
        return username, password

    def _unauthorized(self, message: str | None) -> boom.Unauthorized:
        return boom.Unauthorized(message, scheme="Basic", attributes=self._attributes, code="unauthorized")
