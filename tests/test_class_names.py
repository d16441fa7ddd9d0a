"""A class name means one thing: no two modules define a public class of the same name."""

import ast
from collections import defaultdict
from pathlib import Path

HOME = Path(__file__).parent.parent / "hapiish"
PAIRS = {"Store"}  # `server.store`, and the protocol of cache stores: both are public


def test_every_class_name_is_defined_once() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for file in HOME.rglob("*.py"):
        if HOME / "options" in file.parents:  # options have the names of what they configure
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(file.relative_to(HOME)))
    assert {name: files for name, files in homes.items() if len(files) > 1 and name not in PAIRS} == {}
