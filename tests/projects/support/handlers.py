"""A `handlers` module next to this table, which does not collide with the chat's."""


def me(request, h):
    return request.auth.credentials


def issue(request, h):
    return {"id": request.models.User.issue(request.params["badge"])}
