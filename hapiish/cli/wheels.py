"""Wheels that a new project carries because no package index may have them: hapiish's own and the chat's."""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from hapiish.cli.refusal import Refusal

CHAT: Final = Path(__file__).parent / "templates" / "wheels"
"""The folder of the chat's wheel in an installed hapiish; its build puts the wheel there (scripts/build_hook.py)."""
CHECKOUT: Final = Path(__file__).resolve().parents[2]


def needed(*, chat: bool) -> dict[str, bytes]:
    """Returns the wheels by name: the file that hapiish was installed from, if any, and that of the chat."""
    return own() | (the_chat() if chat else {})


def origin() -> Path | None:
    """Returns the wheel or the folder that pip installed hapiish from; None if that was an index or another host."""
    try:
        url = json.loads(distribution("hapiish").read_text("direct_url.json") or "{}").get("url", "")
    except (PackageNotFoundError, ValueError):
        return None
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def own() -> dict[str, bytes]:
    """Returns the wheel that pip installed hapiish from; nothing if that was an index or a folder."""
    file = origin()
    if file is None or file.suffix != ".whl":
        return {}
    try:
        return {file.name: file.read_bytes()}
    except OSError:
        return {}


def the_chat() -> dict[str, bytes]:
    """Returns the wheel of the chat: the one in hapiish's own wheel; in a checkout, a new one. Raises Refusal."""
    found = {file.name: file.read_bytes() for file in CHAT.glob("hapiish_chat-*.whl")}
    if found:
        return found
    script = CHECKOUT / "scripts" / "package-chat"
    if not script.is_file():
        raise Refusal("this installation of hapiish lacks the chat's wheel; install hapiish from a wheel")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(script), "--to", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refusal(f"{script} fails: {done.stderr.strip()}")
        return {file.name: file.read_bytes() for file in Path(folder).glob("*.whl")}
