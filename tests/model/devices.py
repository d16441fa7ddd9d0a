"""The node process that runs all devices: the client core, driven by lines of JSON (tests/js/model.mjs)."""

import asyncio
import itertools
import json
from typing import Any

from tests import javascript

LONGEST = 64 * 1024 * 1024  # bytes of a line, which has the whole state of a device


class Devices:
    """Operations on devices by name. An operation that fails returns `{ok: False, code, text}`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls) -> "Devices":
        """Starts node."""
        return cls(await javascript.start("model.mjs", stdin=javascript.PIPE, limit=LONGEST))

    async def do(self, operation: str, device: str | None = None, **given: Any) -> dict[str, Any]:
        """Returns the result of an operation."""
        number = next(self._ids)
        result: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = result
        assert self._process.stdin is not None
        line = json.dumps({"id": number, "do": operation, "device": device, **given})
        self._process.stdin.write(f"{line}\n".encode())
        return await result

    async def stop(self) -> None:
        """Ends node; raises RuntimeError with its error output."""
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._process.stdin.close()
        errors = (await self._process.stderr.read()).decode()
        await self._process.wait()
        await self._reading
        if errors:
            raise RuntimeError(errors[-4000:])

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            self._waiting.pop(answer.pop("id")).set_result(answer)
        for result in self._waiting.values():
            if not result.done():
                result.set_exception(RuntimeError("node has ended"))
