"""Generates a table of many routes, as a team would write it, and the module of its handlers.

Each group is a resource with ten routes. Routes have an id, a description, tags, validated inputs and responses, and
most require authentication. Uses the standard library only.
"""

from pathlib import Path

HEAD = """\
hapiish: 1
info: {title: Startup, version: 1.0.0}
server:
  routes: {security: true}
auth:
  strategies: {session: {scheme: jwt, options: {keys: 0123456789abcdef0123456789abcdef}}}
  default: session
schemas:
  Id: {type: string, pattern: "^[0-9a-f]{24}$"}
  Item:
    type: object
    properties: {id: {$ref: "#/schemas/Id"}, name: {type: string, maxLength: 80}, count: {type: integer, minimum: 0}}
    required: [id, name]
presets:
  list: {response: {sample: 0}, tags: [list]}
groups:
"""

GROUP = """\
  - prefix: /area{number}
    options: {{tags: [area{number}]}}
    routes:
"""

PARAMS = """\
          params:
            type: object
            properties: {id: {$ref: "#/schemas/Id"}}
            required: [id]
"""
QUERY = """\
          query:
            type: object
            properties:
              limit: {{type: integer, minimum: 1, maximum: 100, default: {limit}}}
              q: {{type: string, maxLength: 64}}
"""
PAYLOAD = """\
          payload:
            type: object
            properties:
              name: {{type: string, minLength: 1, maxLength: {length}}}
              count: {{type: integer, minimum: 0, default: 0}}
            required: [name]
            additionalProperties: false
"""

ROUTES = [
    ("GET", "", "list"),
    ("POST", "", "create"),
    ("GET", "/{id}", "read"),
    ("PUT", "/{id}", "replace"),
    ("DELETE", "/{id}", "remove"),
    ("GET", "/{id}/parts", "parts"),
    ("POST", "/{id}/parts", "add"),
    ("GET", "/{id}/history", "history"),
    ("POST", "/{id}/close", "close"),
    ("GET", "/public", "public"),
]


def route(number: int) -> str:
    """Returns the text of one route."""
    group, place = divmod(number, len(ROUTES))
    method, path, name = ROUTES[place]
    lines = [
        f"      - method: {method}\n",
        f"        path: {path or '/'}\n",
        f"        id: area{group}.{name}\n",
        f"        handler: handlers:{name}\n",
        "        options:\n",
        f"          description: {name.capitalize()} of area {group}\n",
    ]
    if name == "public":
        return "".join([*lines, "          auth: false\n"])
    if name in ("list", "parts"):
        lines.append("          use: [list]\n")
    lines.append("          validate:\n")
    if "{id}" in path:
        lines.append(_indented(PARAMS))
    if method == "GET":
        lines.append(_indented(QUERY.format(limit=10 + group % 10)))
    elif method != "DELETE":
        lines.append(_indented(PAYLOAD.format(length=100 + group % 50)))
    if name in ("create", "read", "replace"):
        status = "201" if name == "create" else "200"
        lines.append(f'          response: {{status: {{"{status}": {{$ref: "#/schemas/Item"}}}}}}\n')
    return "".join(lines)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def write(folder: Path, routes: int) -> Path:
    """Writes `routes.yaml` and `handlers.py` to `folder`; returns the path of the table."""
    text = [HEAD]
    for number in range(routes):
        if number % len(ROUTES) == 0:
            text.append(GROUP.format(number=number // len(ROUTES)))
        text.append(route(number))
    file = folder / "routes.yaml"
    file.write_text("".join(text))
    names = sorted({name for _, _, name in ROUTES})
    (folder / "handlers.py").write_text(
        "".join(f"async def {name}(request, h):\n    return {{}}\n\n\n" for name in names)
    )
    return file
