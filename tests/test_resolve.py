import sys
from pathlib import Path

import pytest

from hapiish.resolve import ResolveError, forget, resolve


def package(folder: Path, name: str, **modules: str) -> str:
    place = folder / name
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    for module, text in modules.items():
        (place / f"{module}.py").write_text(text)
    return str(folder)


def test_a_name_is_looked_up_beside_the_table_first(tmp_path: Path) -> None:
    folder = package(tmp_path, "rs_first", things="def make():\n    return 'beside'\n")
    assert resolve("rs_first.things:make", folder)() == "beside"


def test_an_installed_module_is_found_when_none_is_beside_the_table(tmp_path: Path) -> None:
    assert resolve("json:dumps", str(tmp_path))([]) == "[]"


def test_an_attribute_may_be_inside_a_class() -> None:
    assert resolve("pathlib:Path.cwd")() == Path.cwd()


def test_two_folders_with_the_same_package_never_collide(tmp_path: Path) -> None:
    one = package(tmp_path / "one", "rs_same", a="from .b import word\n", b="word = 1\n")
    two = package(tmp_path / "two", "rs_same", a="from .b import word\n", b="word = 2\n")
    assert (resolve("rs_same.a:word", one), resolve("rs_same.a:word", two)) == (1, 2)
    assert (resolve("rs_same.a:word", two), resolve("rs_same.a:word", one)) == (2, 1)


def test_a_folder_that_is_no_package_yet_serves_as_one(tmp_path: Path) -> None:
    for folder, word in (("x", 1), ("y", 2)):
        (tmp_path / folder / "rs_plain").mkdir(parents=True)
        (tmp_path / folder / "rs_plain" / "a.py").write_text(f"word = {word}\n")
    assert [resolve("rs_plain.a:word", str(tmp_path / folder)) for folder in "xy"] == [1, 2]


def test_a_missing_module_is_told_from_a_missing_attribute(tmp_path: Path) -> None:
    folder = package(tmp_path, "rs_missing", a="def create():\n    pass\n")
    with pytest.raises(ResolveError, match=r'no module named "rs_missing\.b"'):
        resolve("rs_missing.b:create", folder)
    with pytest.raises(ResolveError, match='has no "creat"; did you mean "create"'):
        resolve("rs_missing.a:creat", folder)


@pytest.mark.parametrize("text", ["1 / 0\n", "import surely_not_installed\n"])
def test_a_module_that_fails_keeps_its_own_exception(tmp_path: Path, text: str) -> None:
    folder = package(tmp_path, f"rs_fails{len(text)}", a=text)
    with pytest.raises(ResolveError, match=r"failed while it was imported at .*a\.py:1") as caught:
        resolve(f"rs_fails{len(text)}.a:x", folder)
    assert caught.value.__cause__ is not None


def test_what_was_forgotten_is_read_anew(tmp_path: Path) -> None:
    folder = package(tmp_path, "rs_again", a="word = 'old'\n")
    assert resolve("rs_again.a:word", folder) == "old"
    (tmp_path / "rs_again" / "a.py").write_text("word = 'newer'\n")
    old = forget(folder)
    assert resolve("rs_again.a:word", folder) == "newer"
    forget(folder)
    sys.modules.update(old)
    assert resolve("rs_again.a:word", folder) == "old"


def test_modules_keep_their_name_when_they_are_read_anew_beside_a_namesake(tmp_path: Path) -> None:
    ours = package(tmp_path / "ours", "rs_named", a="word = 'ours'\n")
    theirs = package(tmp_path / "theirs", "rs_named", a="word = 'theirs'\n")
    assert resolve("rs_named.a:word", ours) == "ours"
    assert resolve("rs_named.a:word", theirs) == "theirs"
    assert sys.path.index(theirs) < sys.path.index(ours)
    forget(ours)
    assert resolve("rs_named.a:word", ours) == "ours"
    assert sys.modules["rs_named.a"].__file__ == str(Path(ours) / "rs_named" / "a.py")
    assert resolve("rs_named.a:word", theirs) == "theirs"


def test_a_module_further_down_does_not_stand_in_for_the_one_beside_the_table(tmp_path: Path) -> None:
    inner = package(tmp_path / "inner", "rs_down", a="word = 'inner'\n")
    outer = package(tmp_path, "rs_down", a="word = 'outer'\n", b="word = 'outer'\n")
    assert resolve("rs_down.a:word", inner) == "inner"
    assert (resolve("rs_down.a:word", outer), resolve("rs_down.b:word", outer)) == ("outer", "outer")


def test_a_package_is_searched_before_what_is_installed_and_nothing_beside_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = package(tmp_path / "site" / "rs_packed", "things", a="word = 'in the package'\n")
    package(tmp_path / "site" / "rs_packed", "sub")
    package(tmp_path, "rs_beside", a="word = 1\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert resolve("things.a:word", folder, "rs_packed") == "in the package"
    assert resolve("json:dumps", folder, "rs_packed")([]) == "[]"
    with pytest.raises(ResolveError, match=r'no module named "rs_packed\.things\.b"'):
        resolve("things.b:word", folder, "rs_packed")
    with pytest.raises(ResolveError, match='no module named "rs_beside"'):
        resolve("rs_beside.a:word", folder, "rs_packed")
    assert "rs_packed.things.a" in forget(folder)
    assert "json" in sys.modules
