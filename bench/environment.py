"""The environment of the benchmarks: a venv with the competitors and this repository's hapiish, and Node packages.

It is created at the first call, and again after a change of its requirements. Uses the standard library only, because
it runs before the venv exists.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NoReturn

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
EXTRAS = "auth,chat,compression,limits,mongod,proxy,redis,view"


def enter(script: Path, node: Path | None = None) -> NoReturn:
    """Creates the environment if necessary and executes `script` in the venv, with this folder on the import path.

    `node` is the folder of a package.json, if the script starts a Node server.
    """
    python = _venv(BENCH / ".venv")
    if node is not None and shutil.which("npm"):
        _node_modules(node)
    os.execve(python, [str(python), str(script), *sys.argv[1:]], {**os.environ, "PYTHONPATH": str(BENCH)})


def _venv(folder: Path) -> Path:
    python = folder / "bin" / "python"
    wanted = _digest(BENCH / "requirements.txt", ROOT / "pyproject.toml")
    if _is_made(folder, wanted):
        return python
    print("Setting up bench/.venv", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    requirements = ["-r", str(BENCH / "requirements.txt"), "-e", f"{ROOT}[{EXTRAS}]"]
    subprocess.run([python, "-m", "pip", "install", "-qq", *requirements], check=True)
    (folder / "made-from").write_text(wanted)
    return python


def _node_modules(project: Path) -> None:
    folder = project / "node_modules"
    wanted = _digest(project / "package-lock.json")
    if _is_made(folder, wanted):
        return
    print("Setting up node_modules", file=sys.stderr)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=project, check=True)
    (folder / "made-from").write_text(wanted)


def _is_made(folder: Path, wanted: str) -> bool:
    stamp = folder / "made-from"
    return stamp.exists() and stamp.read_text() == wanted


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files) + sys.version.encode()).hexdigest()
