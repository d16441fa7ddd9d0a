"""Error bodies by RFC 9457. A table enables them with:

response: {errors: {body: "hapiish.problem:details", type: application/problem+json}}
"""

from typing import Any

_KNOWN = frozenset({"statusCode", "error", "message", "validation"})


def details(body: dict[str, Any], request: Any) -> dict[str, Any]:
    """Returns `{type, title, status, detail}`; a failed validation adds `errors`, each with `detail` and `pointer`.

    The other keys of hapi's body (`code`, `data`, …) are extension members.
    """
    found: dict[str, Any] = {"type": "about:blank", "title": body["error"], "status": body["statusCode"]}
    if body["message"] != body["error"]:
        found["detail"] = body["message"]
    found.update((key, value) for key, value in body.items() if key not in _KNOWN)
    validation = body.get("validation")
    if validation is not None:
        found["source"] = validation["source"]
        found["errors"] = [{"detail": each["message"], "pointer": f"#{each['path']}"} for each in validation["errors"]]
    return found
