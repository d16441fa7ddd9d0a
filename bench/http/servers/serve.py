"""Serves any of the applications with the same uvicorn: `python -m servers.serve NAME ROUTES TABLES PORT`.

`hapiish` is served as by `hapiish run`: with its access log, its HTTP protocol class, and the table frozen out of
garbage collection. `hapiish-quiet` is the same without the access log, which no other server writes. `hapiish-features`
serves a table whose other routes use many options. `hapiish-uvicorn` has the settings of all other servers.
"""

import gc
import importlib
import sys
from pathlib import Path
from typing import Any

import uvicorn

HAPIISH_TABLES = {"": "routes.yaml", "quiet": "quiet.yaml", "features": "features.yaml", "uvicorn": "quiet.yaml"}


def main(name: str, routes: str, tables: str, port: str) -> None:
    """Serves `servers.NAME_app` on the loopback address until the process is terminated."""
    module, _, under = name.partition("-")
    make = importlib.import_module(f"servers.{module}_app").app
    app = make(int(routes), Path(tables), *([HAPIISH_TABLES[under]] if module == "hapiish" else []))
    http: Any = "httptools"
    log_config: Any = uvicorn.config.LOGGING_CONFIG
    if module == "hapiish" and under != "uvicorn":
        from hapiish.cli import logs
        from hapiish.http.serving.protocol import HttpProtocol

        http = HttpProtocol
        log_config = logs.config()
        gc.collect()
        gc.freeze()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http=http,
        ws="none",
        access_log=False,
        log_level="warning",
        log_config=log_config,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
