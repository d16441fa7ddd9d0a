"""Modules next to a table: each table has its own, independent of the import order."""

import importlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hapiish
from hapiish import create_app
from hapiish.cli import main
from hapiish.http.inject import inject
from hapiish.modules import Folder
from hapiish.resolve import ResolveError, forget, resolve

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below the test's folder."""

    def written(name: str, text: str) -> Path:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    return written


IMPORTS = {
    "from": "from mo_models.thing import NAME\n\ndef name(request, h):\n    return NAME\n",
    "as": "import mo_models.thing as t\n\ndef name(request, h):\n    return t.NAME\n",
    "whole": "import mo_models.thing\n\ndef name(request, h):\n    return mo_models.thing.NAME\n",
    "module": "from mo_models import thing\n\ndef name(request, h):\n    return thing.NAME\n",
    "later": "def name(request, h):\n    from mo_models.thing import NAME\n    return NAME\n",
    "importlib": "import importlib\n\ndef name(request, h):\n"
    "    return importlib.import_module('mo_models.thing').NAME\n",
    "import_module": "from importlib import import_module\n\nt = import_module('mo_models.thing')\n\n"
    "def name(request, h):\n    return t.NAME\n",
    "dunder": "def name(request, h):\n    return __import__('mo_models.thing').thing.NAME\n",
    "indirect": "from mo_handlers.deep.er.most import NAME\n\ndef name(request, h):\n    return NAME\n",
}
TABLE = "routes: [{method: GET, path: /name, handler: 'mo_handlers.x:name'}]\n"


def tables(write: Write, text: str, *, packages: bool) -> Path:
    """A table that uses two others; all three have the same folders."""
    for folder in ("", "one/", "two/"):
        name = folder.strip("/") or "root"
        write(f"{folder}mo_handlers/x.py", text)
        write(f"{folder}mo_handlers/deep/er/most.py", "from mo_models.thing import NAME\n")
        write(f"{folder}mo_models/thing.py", f"NAME = '{name}'\n")
        if packages:
            for inner in ("mo_handlers", "mo_handlers/deep", "mo_handlers/deep/er", "mo_models"):
                write(f"{folder}{inner}/__init__.py", "")
        if folder:
            write(f"{folder}routes.yaml", TABLE)
    uses = "".join(f"  - {{table: {name}/routes.yaml, routes: {{prefix: /{name}}}}}\n" for name in ("one", "two"))
    again = "  - {table: two/routes.yaml, as: again, routes: {prefix: /again}}\n"
    return write("routes.yaml", f"plugins:\n{uses}{again}{TABLE}")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes out what other tests have imported, and where they have found it."""
    monkeypatch.setattr(sys, "path", [place for place in sys.path if "pytest-" not in place])
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mo_handlers", "mo_models")]:
        del sys.modules[name]


@pytest.mark.parametrize("packages", [True, False])
@pytest.mark.parametrize("how", IMPORTS)
@pytest.mark.anyio
async def test_an_import_of_a_tables_own_folder_finds_its_own(write: Write, how: str, packages: bool) -> None:
    app = create_app(tables(write, IMPORTS[how], packages=packages), env={})
    answers = [(await inject(app, url=f"{at}/name")).text for at in ("", "/one", "/two", "/again", "/one", "")]
    assert answers == ["root", "one", "two", "two", "one", "root"]


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_the_order_in_which_tables_are_imported_does_not_matter(tmp_path: Path, write: Write, order: list[str]) -> None:
    tables(write, IMPORTS["from"], packages=True)
    found = {name: resolve("mo_handlers.x:NAME", str(tmp_path / name), root=str(tmp_path)) for name in order}
    assert found == {"one": "one", "two": "two"}
    assert resolve("mo_handlers.x:NAME", str(tmp_path)) == "root"


def test_a_table_without_such_a_folder_does_not_get_that_of_another(tmp_path: Path, write: Write) -> None:
    write("one/mo_models/thing.py", "NAME = 'one'\n")
    write("two/mo_handlers/x.py", IMPORTS["from"])
    root = str(tmp_path)
    assert resolve("mo_models.thing:NAME", str(tmp_path / "one"), root=root) == "one"
    with pytest.raises(ResolveError, match="No module named 'mo_models'"):
        resolve("mo_handlers.x:NAME", str(tmp_path / "two"), root=root)


def test_a_module_of_the_project_is_shared_by_the_tables_that_it_uses(tmp_path: Path, write: Write) -> None:
    write("mo_shared.py", "NAME = 'shared'\n")
    write("mo_handlers/a.py", "from mo_shared import NAME\n")
    write("one/mo_handlers/x.py", "from mo_shared import NAME\n")
    assert resolve("mo_handlers.a:NAME", str(tmp_path)) == "shared"
    assert resolve("mo_handlers.x:NAME", str(tmp_path / "one"), root=str(tmp_path)) == "shared"


def test_what_is_missing_is_told_by_the_name_that_was_written(tmp_path: Path, write: Write) -> None:
    write("one/mo_models/__init__.py", "")
    write("one/mo_handlers/x.py", "from mo_models.nope import NAME\n")
    with pytest.raises(ResolveError, match=r"x\.py:1: ModuleNotFoundError: No module named 'mo_models\.nope'"):
        resolve("mo_handlers.x:NAME", str(tmp_path / "one"), root=str(tmp_path))


def test_a_folder_without_modules_does_not_hide_a_library(tmp_path: Path, write: Write) -> None:
    write("redis/redis.conf", "")
    write("json/a.json", "{}")
    write(
        "mo_handlers/x.py",
        "import json\nfrom redis import Redis\nimport redis.asyncio as a\n\nFOUND = (json.dumps, Redis, a.Redis)\n",
    )
    from json import dumps

    import redis.asyncio

    assert resolve("mo_handlers.x:FOUND", str(tmp_path)) == (dumps, redis.Redis, redis.asyncio.Redis)


def test_a_folder_that_is_no_package_comes_before_a_package_elsewhere(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("elsewhere/mo_handlers/__init__.py", "")
    write("elsewhere/mo_handlers/helper.py", "NAME = 'elsewhere'\n")
    write("project/mo_handlers/x.py", "from mo_handlers.helper import NAME\n")
    write("project/mo_handlers/helper.py", "NAME = 'project'\n")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    assert resolve("mo_handlers.x:NAME", str(tmp_path / "project")) == "project"


def test_modules_that_are_read_anew_import_anew(tmp_path: Path, write: Write) -> None:
    tables(write, IMPORTS["from"], packages=True)
    one, root = str(tmp_path / "one"), str(tmp_path)
    assert resolve("mo_handlers.x:NAME", one, root=root) == "one"
    write("one/mo_models/thing.py", "NAME = 'changed'\n")
    forget(one)
    assert resolve("mo_handlers.x:NAME", one, root=root) == "changed"


def test_objects_of_a_used_tables_classes_can_be_pickled(tmp_path: Path, write: Write) -> None:
    for name in ("one", "two"):
        write(f"{name}/mo_models/thing.py", f"class Thing:\n    name = '{name}'\n")
    found = [resolve("mo_models.thing:Thing", str(tmp_path / name), root=str(tmp_path)) for name in ("one", "two")]
    assert [pickle.loads(pickle.dumps(each())).name for each in found] == ["one", "two"]


def test_check_and_run_judge_alike(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    table = tables(write, IMPORTS["from"], packages=True)
    assert main(["check", "--import", str(table)]) == 0
    write("two/mo_models/thing.py", "OTHER = 1\n")
    for name in [name for name in sys.modules if "mo_models" in name or "mo_handlers" in name]:
        del sys.modules[name]
    assert main(["check", "--import", str(table)]) == 1
    assert "cannot import name 'NAME'" in capsys.readouterr().out


def test_a_package_that_takes_another_tables_module_for_its_own_is_refused(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("mo_models/thing.py", "NAME = 'root'\n")
    write("site/mo_package/__init__.py", "")
    write("site/mo_package/mo_models/thing.py", "NAME = 'package'\n")
    write("site/mo_package/mo_handlers/x.py", IMPORTS["from"])
    write("site/mo_package/mo_handlers/y.py", "from mo_package.mo_models.thing import NAME\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    assert resolve("mo_models.thing:NAME", str(tmp_path)) == "root"
    package = str(tmp_path / "site" / "mo_package")
    with pytest.raises(ResolveError, match=r'write "mo_package\.mo_models\.thing", or a relative import'):
        resolve("mo_handlers.x:NAME", package, "mo_package")
    assert resolve("mo_handlers.y:NAME", package, "mo_package") == "package"


def test_an_installed_hapiish_brings_nothing_but_itself(tmp_path: Path) -> None:
    """The editable install of this repository, whose `handlers` and `models` are the chat's."""
    code = "import importlib.util as u; print([u.find_spec(n) is not None for n in ('hapiish', 'handlers', 'models')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, False, False]"


def test_the_framework_beside_a_table_is_none_of_the_tables_modules() -> None:
    checkout = Folder(Path(hapiish.__file__).parent.parent)
    assert checkout.own("handlers.accounts") is not None
    assert checkout.own("hapiish.health") is None  # else a reload would import the framework a second time
