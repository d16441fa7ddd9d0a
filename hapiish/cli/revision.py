"""Reads a table from a file, or from a revision of git as `main:routes.yaml`."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hapiish.cli.refusal import Refusal


@contextmanager
def checked_out(name: str) -> Iterator[tuple[Path, str]]:
    """Yields the file of a table and the folder that is left out of its places, for a file or `REVISION:FILE`.

    The whole tree of a revision is written to a temporary folder, since a table uses files beside it. As in git, FILE
    begins at the root of the repository, `./FILE` at the current folder. Raises Refusal for one that does not exist.
    """
    revision, colon, inner = name.partition(":")
    if Path(name).exists() or not colon:
        yield Path(name), ""
        return
    if not revision or not inner:
        raise Refusal(f'"{name}" is neither a file nor a revision and a file, such as main:routes.yaml')
    git = shutil.which("git")
    if git is None:
        raise Refusal(f'"{name}" is not a file; git, which could read the revision {revision}, is not installed')
    top = _git(git, "rev-parse", "--show-toplevel", why="this folder is not in a git repository")
    commit = _git(
        *(git, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"),
        why=f'git knows no revision "{revision}"',
    )
    inner = str((Path.cwd() / inner).resolve().relative_to(Path(top).resolve())) if inner.startswith("./") else inner
    with TemporaryDirectory(prefix="hapiish-diff-") as folder:
        _extract([git, "-C", top, "archive", "--format=tar", commit], Path(folder))
        file = Path(folder, inner)
        if not file.is_file() or not file.resolve().is_relative_to(Path(folder).resolve()):
            raise Refusal(f"{revision} has no file {inner}")
        yield file, f"{folder}/"


def _git(*command: str, why: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refusal(why)
    return done.stdout.strip()


def _extract(command: list[str], folder: Path) -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            archive.extractall(folder, filter="data")
    if process.returncode:
        raise Refusal(f"git cannot read the revision {command[-1]}")
