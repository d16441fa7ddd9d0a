"""A plugin that is an object, with an example of every registration."""

from hapiish import boom


class Metrics:
    name = "metrics"
    version = "1.0.0"
    dependencies = {"clock": ">=2,<3"}
    requirements = {"hapiish": ">=0.1", "python": ">=3.11"}
    options_schema = {
        "type": "object",
        "required": ["secret"],
        "properties": {"secret": {"type": "string"}, "unit": {"enum": ["ms", "s"]}},
        "additionalProperties": False,
    }

    def register(self, server, options):
        counts = {"requests": 0}

        class Password:
            def __init__(self, server, given):
                self.user = given["user"]

            async def authenticate(self, request, h):
                if request.headers.get("password") != options["secret"]:
                    raise boom.Unauthorized(None, scheme="Password")
                return h.authenticated(credentials={"user": self.user})

        def counted(server, route, given):
            async def handler(request, h):
                user = request.auth.credentials["user"]
                return {"count": given["start"] + counts["requests"], "user": user}

            return handler

        async def count(request, h):
            counts["requests"] += 1
            return h.continue_

        def show(request, h):
            return {"requests": counts["requests"], "unit": options.get("unit", "s")}

        async def report(server, arguments):
            print(f"requests: {counts['requests']}", *arguments)
            return 3

        async def ready(server):
            server.plugins["clock"].started.append("metrics")

        server.auth.scheme("password", Password)
        server.kind("counted", counted, defaults={"cache": {"expiresIn": "60s"}})
        server.method("metrics.add", add)
        server.ext("onPreHandler", count)
        server.schema("Page", {"type": "object", "properties": {"page": {"type": "integer", "default": 1}}})
        server.route(
            {
                "method": "GET",
                "path": "/",
                "id": "metrics.show",
                "handler": show,
                "options": {"validate": {"query": {"$ref": "#/schemas/Page"}}, "plugins": {"metrics": {"quiet": True}}},
            }
        )
        server.command("report", report)
        server.dependency("clock", ready)


async def add(a, b):
    return int(a) + b


plugin = Metrics()
