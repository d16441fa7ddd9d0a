"""Parts of all reports: medians with their range, Markdown tables, machine and versions, and their files."""

import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def spread(values: Iterable[float], form: str) -> str:
    """Formats median and range as Markdown."""
    found = sorted(values)
    if not found:
        return "–"
    middle = form.format(median(found))
    return middle if len(found) == 1 else f"{middle} ({form.format(found[0])}..{form.format(found[-1])})"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Formats a Markdown table; all columns except the first are right-aligned."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def machine() -> dict[str, Any]:
    """Returns date, processor, cores and operating system."""
    facts = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    models = [value.strip() for name, _, value in facts if name.strip() == "model name"]
    return {
        "when": time.strftime("%Y-%m-%d"),
        "processor": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }


def versions(packages: Iterable[str], node: Path, node_packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of Python, `packages`, Node, and the installed `node_packages` in the folder `node`."""
    found = {name: metadata.version(name) for name in packages}
    found["python"] = platform.python_version()
    for name in node_packages:
        manifest = node / "node_modules" / name / "package.json"
        if manifest.exists():
            found[name] = json.loads(manifest.read_text())["version"]
    if shutil.which("node"):
        found["node"] = subprocess.check_output(["node", "--version"], text=True).strip().removeprefix("v")
    return found


def publish(name: str, report: str, result: dict[str, Any] | None = None) -> None:
    """Prints a report and writes it to `results/NAME.md`, and its settings and samples to `results/NAME.json`."""
    RESULTS.mkdir(exist_ok=True)
    if result is not None:
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1))
    (RESULTS / f"{name}.md").write_text(f"{report.rstrip()}\n")
    print(report.rstrip())
