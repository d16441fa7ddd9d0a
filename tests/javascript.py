"""Runs scripts of tests/js with node (`$NODE`, else the one on PATH); installs missing client packages."""

import asyncio
import fcntl
import json
import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent / "js"
TSC = (
    *("--strict", "--noEmit", "--module", "esnext", "--moduleResolution", "bundler"),
    *("--target", "es2022", "--lib", "es2022,dom"),
)
"""The options of the TypeScript compiler."""

NODE = os.environ.get("NODE", "node")
PIPE = asyncio.subprocess.PIPE


async def start(
    script: str, *arguments: str, stdin: int | None = None, limit: int = 2**16
) -> asyncio.subprocess.Process:
    """The process of a script; `limit` is the length of its longest line."""
    await asyncio.to_thread(install)
    return await asyncio.create_subprocess_exec(
        NODE, script, *arguments, cwd=FOLDER, stdin=stdin, stdout=PIPE, stderr=PIPE, limit=limit
    )


async def run(script: str, *arguments: str, limit: float = 180) -> str:
    """What a script prints; fails with what it complained about when it ends badly or takes over `limit` seconds."""
    process = await start(script, *arguments)
    output, errors = await asyncio.wait_for(process.communicate(), limit)
    assert process.returncode == 0, (output + errors).decode()
    return output.decode()


def install() -> None:
    """Installs the packages of the lock file that are missing."""
    with (FOLDER / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of one run come here together
        packages = json.loads(lock.read())["packages"]
        if not all((FOLDER / name).exists() for name in packages):
            subprocess.run(["npm", "ci", "--silent"], cwd=FOLDER, check=True, stdin=subprocess.DEVNULL)
