"""Beside this table there are `handlers` too, as there are in the chat."""


def me(request, h):
    return request.auth.credentials


def issue(request, h):
    return {"id": request.models.User.issue(request.params["badge"])}
