"""Envelopes of bodies: {"article": …}, {"articles": […]}, and {"errors": {…}} for every error."""

from hapiish import boom


def unwrap(request, h):
    """The payload {"article": {…}} becomes what is in it."""
    key = request.route.settings.plugins["envelope"]
    if request.payload is not None:
        if not isinstance(request.payload, dict) or not isinstance(request.payload.get(key), dict):
            raise boom.BadData(data={key: ["is required"]})
        request.payload = request.payload[key]
    return h.continue_


def wrap(request, h):
    """What is answered comes into its envelope, and a page of a resource into the plural."""
    key, response = request.route.settings.plugins["envelope"], request.response
    if response.source is not None:
        page = response.source.get("items")
        response.source = {key: response.source} if page is None else {f"{key}s": page}
    return h.continue_


def taken(request, h):
    """What another document has already is a fault of the input like others, and no 409."""
    error = request.response.error
    if isinstance(error, boom.Conflict) and error.code == "not_unique":
        raise boom.BadData(data={key: ["has already been taken"] for key in error.data["fields"]})
    return h.continue_


def errors(body, request):
    """{"errors": {"title": ["is required"]}}, or {"errors": {"body": ["Not Found"]}}."""
    found = dict(body.get("data") or {})
    for each in body.get("validation", {}).get("errors", []):
        found.setdefault(each["path"].rpartition("/")[2] or "body", []).append(each["message"])
    return {"errors": found or {"body": [body["message"]]}}
