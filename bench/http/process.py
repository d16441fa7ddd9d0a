"""The process of a server, with its start time."""

import http.client
import sys
import time
from pathlib import Path

from pinned import Pinned, StartError, free_port

HERE = Path(__file__).parent
RUN_TABLES = {"hapiish": "routes.yaml", "hapiish-quiet": "quiet.yaml", "hapiish-features": "features.yaml"}
"""The servers that `hapiish run` serves, and their tables."""


class StartTimeout(Exception):
    """Raised if the server does not respond within the limit."""


class Server(Pinned):
    """The server `name` with `routes` routes; `tables` is the folder with the generated files."""

    def __init__(self, name: str, routes: int, tables: Path, core: int) -> None:
        port = free_port()
        if name in RUN_TABLES:
            command = [sys.executable, "-m", "hapiish", "run", str(tables / RUN_TABLES[name]), "--port", str(port)]
        elif name == "hapi":
            command = ["node", str(HERE / "node" / "server.js"), str(routes), str(tables), str(port)]
        else:
            command = [sys.executable, "-m", "servers.serve", name, str(routes), str(tables), str(port)]
        super().__init__(command, port, core, HERE, {})

    def await_first_answer(self, target: str, limit: float) -> float:
        """Returns the seconds from process start to the first 200 of `target`."""
        end = self.started + limit
        while (left := end - time.perf_counter()) > 0:
            self.must_run()
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=left)
            try:
                connection.request("GET", target)
                status = connection.getresponse().status
            except TimeoutError:
                break
            except OSError:
                time.sleep(0.002)
                continue
            finally:
                connection.close()
            if status == 200:
                return time.perf_counter() - self.started
            raise StartError(f"the first answer has status {status}\n{self.printed()}")
        raise StartTimeout
