"""Serves any of the applications with one and the same uvicorn: `python -m servers.serve NAME ROUTES TABLES PORT`."""

import importlib
import sys
from pathlib import Path

import uvicorn


def main(name: str, routes: str, tables: str, port: str) -> None:
    """Serve `servers.NAME_app` on the loopback address until the process is told to end."""
    app = importlib.import_module(f"servers.{name}_app").app(int(routes), Path(tables))
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
