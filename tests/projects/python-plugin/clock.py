"""A plugin that is a module with a name and `register`."""

name = "clock"
version = "2.1.0"

started = []


async def start(server):
    started.append("clock")


async def show(request, h):
    return {"tick": request.server.plugins["clock"].tick, "order": started}


def register(server, options):
    server.ext("onPreStart", start)
    server.expose("tick", 42)
    server.expose("started", started)
