"""A client of yaml-language-server over standard input and output, like an editor (Language Server Protocol)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests import javascript

SERVER = "node_modules/yaml-language-server/bin/yaml-language-server"


class Editor:
    """An editor with an open file; a text may have one `|`, the position of the cursor."""

    def __init__(self, process: asyncio.subprocess.Process, settings: dict[str, Any]) -> None:
        self.process = process
        self.settings = settings
        self.uri = ""
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._diagnostics: asyncio.Queue[list[dict[str, Any]]] = asyncio.Queue()

    async def open(self, file: Path, text: str) -> tuple[int, int]:
        """Opens a file, and returns the line and character of the cursor."""
        before, _, after = text.partition("|") if "|" in text else (text, "", "")
        self.uri = file.as_uri()
        document = {"uri": self.uri, "languageId": "yaml", "version": 1, "text": before + after}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return before.count("\n"), len(before.rpartition("\n")[2])

    async def diagnostics(self) -> list[str]:
        """The next diagnostics of the file as `line:column message`, counted from 1."""
        found = await asyncio.wait_for(self._diagnostics.get(), 60)
        places = [(each["range"]["start"]["line"] + 1, each["range"]["start"]["character"] + 1) for each in found]
        return [f"{line}:{column} {each['message']}" for (line, column), each in zip(places, found, strict=True)]

    async def completions(self, file: Path, text: str) -> list[str]:
        """The labels that the server offers at the cursor."""
        answer = await self._at("textDocument/completion", file, text)
        return [item["label"] for item in answer["items"]]

    async def hover(self, file: Path, text: str) -> str:
        """The text that the server shows at the cursor."""
        answer = await self._at("textDocument/hover", file, text)
        return str(answer["contents"]["value"]) if answer else ""

    async def _at(self, method: str, file: Path, text: str) -> Any:
        line, character = await self.open(file, text)
        await self.diagnostics()  # the server knows the schema by then
        position = {"line": line, "character": character}
        return await self.ask(method, {"textDocument": {"uri": self.uri}, "position": position})

    async def ask(self, method: str, params: Any) -> Any:
        """Sends a request and returns the result of its response."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        self._send({"id": self._number, "method": method, "params": params})
        return await asyncio.wait_for(answer, 60)

    def tell(self, method: str, params: Any) -> None:
        """Sends a notification."""
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def listen(self) -> None:
        """Reads the messages of the server until it ends."""
        assert self.process.stdout is not None
        while header := await self.process.stdout.readline():
            length = int(header.partition(b":")[2])
            while (await self.process.stdout.readline()).strip():
                pass
            self._receive(json.loads(await self.process.stdout.readexactly(length)))

    def _receive(self, message: dict[str, Any]) -> None:
        match message:
            case {"id": number, "method": "workspace/configuration", "params": {"items": items}}:
                self._send({"id": number, "result": [self.settings.get(item["section"]) for item in items]})
            case {"id": number, "method": _}:
                self._send({"id": number, "result": None})
            case {"method": "textDocument/publishDiagnostics", "params": {"uri": self.uri, "diagnostics": found}}:
                self._diagnostics.put_nowait(found)
            case {"id": number, "error": error}:
                self._answers.pop(number).set_exception(RuntimeError(str(error)))
            case {"id": number, "result": result}:
                self._answers.pop(number).set_result(result)


@contextlib.asynccontextmanager
async def editor(folder: Path, settings: dict[str, Any]) -> AsyncIterator[Editor]:
    """Starts a server for a folder, with the settings of an editor (`yaml.*`)."""
    await asyncio.to_thread(javascript.install)
    pipe, devnull = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        javascript.NODE, SERVER, "--stdio", cwd=javascript.FOLDER, stdin=pipe, stdout=pipe, stderr=devnull
    )
    assert process.stdin is not None
    client = Editor(process, {"yaml": settings})
    listening = asyncio.create_task(client.listen())
    try:
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {"hover": {"contentFormat": ["markdown"]}},
        }
        root = {"rootUri": folder.as_uri(), "processId": None, "capabilities": capabilities}
        await client.ask("initialize", root)
        client.tell("initialized", {})
        yield client
    finally:
        process.kill()
        with contextlib.suppress(asyncio.IncompleteReadError):
            await listening
        process.stdin.close()
        await process.wait()
