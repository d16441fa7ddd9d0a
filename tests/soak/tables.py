"""Fuzzes `check` with mutated tables: `scripts/soak tables --count 20000 --seed 1`. `check` must never raise.

The seeds are the tables of the repository, the examples of the guide, and tables that exceed the limits. Each is
mutated several times, as data and as text.
"""

import argparse
import copy
import json
import random
import re
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from hapiish.table import check, report

ROOT = Path(__file__).parent.parent.parent
SECONDS = 20
"""CPU time after which a table is taken for one that never ends; the budget ends any in a few."""

_SNIPPET = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ROUTE = "routes: [{method: GET, path: /, handler: 'a:b'}]\n"
Files = dict[str, str]


class EndlessError(Exception):
    """A table took more time than any may."""


def seeds() -> list[Files]:
    """Tables with the files beside them; the first of each is the table itself."""
    found: list[Files] = [{"routes.yaml": (ROOT / "routes.yaml").read_text()}]
    for place in sorted((ROOT / "tests" / "projects").glob("*/routes.yaml")):
        others = sorted(other for other in place.parent.glob("*.yaml") if other != place)
        try:
            found.append({each.name: each.read_text() for each in (place, *others)})
        except UnicodeDecodeError:
            continue
    for page in ("guide.md", "chat.md"):
        found += [{"routes.yaml": text} for text in _SNIPPET.findall((ROOT / "docs" / page).read_text())]
    return [*found, *exploding()]


def exploding() -> Iterator[Files]:
    """Short tables that stand for endlessly much, unless somebody counts."""

    def levels(count: int, line: str, last: str) -> str:
        each = (f"  p{i}: " + line.replace("NEXT", f"p{i + 1}") for i in range(count))
        return "presets:\n" + "\n".join(each) + f"\n  p{count}: {last}\n"

    def use(what: str) -> str:
        return f"routes: [{{method: GET, path: /, handler: 'a:b', options: {{use: [{what}]}}}}]\n"

    yield {"routes.yaml": levels(25, "{use: [NEXT, NEXT, NEXT]}", "{tags: [a]}") + use("p0")}
    both = "{params: {x: {}}, use: [{NEXT: {x: '${params.x}a'}}, {NEXT: {x: '${params.x}b'}}]}"
    yield {"routes.yaml": levels(12, both, "{params: {x: {}}, tags: ['${params.x}']}") + use("{p0: {x: y}}")}
    twice = "{params: {x: {}}, use: [{NEXT: {x: '${params.x}${params.x}'}}]}"
    yield {"routes.yaml": levels(30, twice, "{params: {x: {}}, tags: ['${params.x}']}") + use("{p0: {x: y}}")}
    uses = "".join(f"  - {{table: routes.yaml, as: a{i}}}\n  - {{table: b.yaml, as: b{i}}}\n" for i in range(12))
    inner = "".join(f"  - {{table: c.yaml, as: c{i}, routes: {{prefix: /c{i}}}}}\n" for i in range(12))
    yield {"routes.yaml": f"plugins:\n{uses}", "b.yaml": f"plugins:\n{inner}", "c.yaml": _ROUTE}
    for value in ("9" * 5000, f"{'9' * 5000}ms", "1e400", "-1", f"'{'9' * 300}d'"):
        yield {"routes.yaml": f"server: {{shutdownTimeout: {value}}}\n{_ROUTE}"}
    for name in ("/dev/zero", "/dev/random", "/proc/self/mem", "/proc/self/pagemap", "/", "nope", "routes.yaml"):
        text = f"info: {{title: '${{file:{name}}}'}}\nplugins: [{{table: '{name}'}}]\n{_ROUTE}"
        yield {"routes.yaml": text}
    refs = "".join(
        f"  A{i}: {{allOf: [{{$ref: '#/schemas/A{i + 1}'}}, {{$ref: '#/schemas/A{i + 1}'}}]}}\n" for i in range(30)
    )
    yield {"routes.yaml": f"schemas:\n{refs}  A30: {{type: integer}}\n{_ROUTE}"}
    tens = "".join(
        f"x-{b}: &{b} [{', '.join(f'*{a}' for _ in range(10))}]\n" for a, b in zip("abcde", "bcdef", strict=True)
    )
    yield {"routes.yaml": f"x-a: &a [1, 2, 3, 4, 5]\n{tens}{_ROUTE}"}
    yield {"routes.yaml": f"params: {{x: {{type: string, pattern: '^(a+)+$', default: {'a' * 40}b}}}}\n{_ROUTE}"}
    path = "".join(f"/{{a{i}}}" for i in range(500))
    yield {"routes.yaml": f"routes: [{{method: GET, path: '{path}', handler: 'a:b'}}]\n"}
    yield {"routes.yaml": "[" * 500}
    yield {"routes.yaml": 'a: "' + "x" * 10_000}
    yield {"routes.yaml": "%" * 5_000 + "\n"}


VALUES: list[Any] = [
    *(
        "",
        "\0",
        "a:b",
        "/",
        "${params.a}",
        "${",
        "${HOME}",
        "${file:routes.yaml}",
        "package:",
        "package:os",
        "f(",
        "{a",
    ),
    *("é", "1s", "9" * 400, "{pre.a}", "{{", "#/schemas/A", "#", "/a/:id", "*", "^(a+)+$", "\ud7ff", "x" * 5000, "no"),
    *(None, True, False, 0, -1, 5.5, 10**40, [], {}, [None], {"": None}, [{}], {"add": []}, {"add": ["a:b"]}, [[]]),
    *({"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"use": "p0"}, {"table": "routes.yaml"}, {"plugin": "json"}),
]
WORDS = [
    *(
        "${",
        "}",
        "{",
        "[",
        "]",
        ":",
        ": ",
        "- ",
        "*a",
        "&a ",
        "<<: ",
        "#",
        "%",
        "@",
        "`",
        '"',
        "'",
        "\t",
        "\n",
        "\r",
        "|",
    ),
    *(">", "!", "!!str ", "---\n", "\u00a0", "\u2028", "\u0085", "\ufeff", "0x", "1e999", "~", "?", ",", "\\", "\x07"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all that is in a value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What a path leads to."""
    for step in path:
        value = value[step]
    return value


def as_data(text: str, chance: random.Random) -> str:
    """The table with a few values replaced, moved, renamed or taken out."""
    try:
        tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return as_text(text, chance)
    for _ in range(chance.randint(1, 4)):
        known = list(places(tree))
        if not known or len(known) > 20_000:
            break
        *outer, last = chance.choice(known)
        holder = at(tree, tuple(outer))
        match chance.choice(["value", "value", "move", "rename", "drop", "repeat"]):
            case "value":
                holder[last] = copy.deepcopy(chance.choice(VALUES))
            case "move":
                holder[last] = copy.deepcopy(at(tree, chance.choice(known)))
            case "repeat" if isinstance(holder, list) and len(holder) < 200:
                holder += copy.deepcopy(holder)
            case "rename" if isinstance(holder, dict):
                holder[f"{last}x"] = holder.pop(last)
            case _:
                holder.pop(last)
    return json.dumps(tree, ensure_ascii=False, default=str)


def as_text(text: str, chance: random.Random) -> str:
    """The table with a few characters or lines inserted, taken out, doubled or swapped."""
    for _ in range(chance.randint(1, 5)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice([1, 1, 3, 20, 200]))
        match chance.randint(0, 4):
            case 0:
                text = text[:start] + chance.choice(WORDS) * chance.choice([1, 1, 2, 100]) + text[start:]
            case 1:
                text = text[:start] + text[end:]
            case 2 if len(text) < 200_000:
                text = text[:end] + text[start:end] * chance.choice([1, 2, 20]) + text[end:]
            case 3:
                lines = text.splitlines(keepends=True)
                chance.shuffle(lines)
                text = "".join(lines) if chance.random() < 0.1 else text
            case _:
                text = text[:start] + chance.choice(WORDS) + text[end:]
    return text


def fault(files: Files) -> str | None:
    """What `check` does wrong with a table: an exception, no end, or a problem without a reason or a place."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            Path(folder, name).write_bytes(text.encode("utf-8", "surrogatepass"))
        before = signal.signal(signal.SIGVTALRM, _endless)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            table, problems = check(Path(folder, "routes.yaml"), {"HOME": "/home/somebody", "PORT": "3000"})
            report.as_text(problems)
            report.as_json(problems)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return "".join(traceback.format_exception(error)[-4:])
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
        if (table is None) != any(not problem.warning for problem in problems):
            return "a table without errors, or errors with a table"
        for problem in problems:
            if not problem.message or problem.mark.line < 1 or problem.mark.column < 1:
                return f"a problem without reason or place: {problem!r}"
            if not _is_within(problem.mark.file, problem.mark.line):
                return f"a problem beyond the end of its file: {problem!r}"
    return None


def _endless(number: int, frame: Any) -> None:
    raise EndlessError


def _is_within(file: str, line: int) -> bool:
    place = Path(file)
    text = place.read_bytes() if place.is_file() else b""
    return line <= len(re.split(rb"\r\n|\n|\r|\xc2\x85|\xe2\x80[\xa8\xa9]", text)) + 1


def run(count: int, seed: int, say: Callable[[str], None] = print) -> int:
    """Tries so many tables, the seeds as they are first; how many are treated wrongly."""
    chance = random.Random(seed)
    known = seeds()
    found = 0
    for number in range(count):
        if number < len(known):
            files = known[number]
        else:
            files = dict(chance.choice(known))
            name = chance.choice(list(files)) if chance.random() < 0.2 else "routes.yaml"
            files[name] = (as_data if chance.random() < 0.6 else as_text)(files[name], chance)
        said = fault(files)
        if said is not None:
            found += 1
            kept = Path(tempfile.mkdtemp(prefix="hapiish-soak-"))
            for name, text in files.items():
                (kept / name).write_bytes(text.encode("utf-8", "surrogatepass"))
            say(f"table {number} ({kept}): {said}")
    say(f"{count} tables with the seed {seed}: {found} treated wrongly")
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return 1 if run(options.count, options.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
