"""Serves any of the applications with the same uvicorn: `python -m servers.serve NAME ROUTES TABLES PORT`.

`NAME-logged` writes uvicorn's access log, as `uvicorn` does by default.
"""

import importlib
import sys
from pathlib import Path

import uvicorn


def main(name: str, routes: str, tables: str, port: str) -> None:
    """Serves `servers.NAME_app` on the loopback address until the process is terminated."""
    module, _, variant = name.partition("-")
    make = importlib.import_module(f"servers.{module}_app").app
    app = make(int(routes), Path(tables), *(["quiet.yaml"] if module == "hapiish" else []))
    is_logged = variant == "logged"
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=is_logged,
        log_level="info" if is_logged else "warning",
        proxy_headers=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
