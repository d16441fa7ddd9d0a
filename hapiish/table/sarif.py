"""Formats problems as SARIF 2.1.0 (OASIS), which code scanning services and editors read."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from hapiish.table import report
from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import SUBJECTS, Code

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT: Final = "%SRCROOT%"


def as_sarif(problems: Sequence[Problem], version: str, *, is_complete: bool = True) -> str:
    """Returns a log with one run: a rule per code that occurs, and a result per problem.

    Columns count Unicode code points. The other positions of a problem are related locations. A fingerprint stays the
    same when the line moves. `is_complete` is False if the check found errors that keep it from further ones.
    """
    report.forget_files()
    codes = sorted({str(problem.code) for problem in problems})
    seen: Counter[str] = Counter()
    run = {
        "tool": {
            "driver": {
                "name": "hapiish",
                "semanticVersion": version,
                "shortDescription": {"text": "Checks tables of routes and events."},
                "rules": [_rule(code) for code in Code if code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"uri": f"{Path.cwd().as_uri()}/"}},
        "invocations": [{"executionSuccessful": is_complete}],
        "results": [_result(problem, codes, seen) for problem in problems],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(code: Code) -> dict[str, Any]:
    from hapiish.table.problems.pages import page

    level = "warning" if code.meaning.startswith("Warning:") else "error"
    return {
        "id": str(code),
        "name": "".join(word.title() for word in code.name.split("_")),
        "shortDescription": {"text": code.meaning},
        "fullDescription": {"text": code.meaning},
        "help": {"text": f"{code.meaning}\n\nhapiish check --explain {code}", "markdown": page(code)},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": [SUBJECTS[code[:4]]]},
    }


def _result(problem: Problem, codes: list[str], seen: Counter[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": str(problem.code),
        "ruleIndex": codes.index(str(problem.code)),
        "level": "warning" if problem.warning else "error",
        "message": {"text": f"{problem.message}\n{problem.hint}" if problem.hint else problem.message},
        "locations": [_location(problem.mark, report.pointed(problem))],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(problem, seen)},
    }
    others = [*problem.related, *((mark, "the table is used here") for mark in problem.mark.chain)]
    if others:
        result["relatedLocations"] = [
            {**_location(mark, 1), "id": number, "message": {"text": text}}
            for number, (mark, text) in enumerate(others, 1)
        ]
    return result


def _location(mark: Mark, length: int) -> dict[str, Any]:
    region = {"startLine": mark.line, "startColumn": mark.column, "endColumn": mark.column + length}
    return {"physicalLocation": {"artifactLocation": _artifact(mark.file), "region": region}}


def _artifact(file: str) -> dict[str, str]:
    """The address of a file: relative to the working directory, or absolute if it is outside of it."""
    relative = os.path.relpath(file)
    if relative == ".." or relative.startswith(f"..{os.sep}"):
        return {"uri": Path(os.path.abspath(file)).as_uri()}  # noqa: PTH100 - links are not followed
    return {"uri": quote(Path(relative).as_posix()), "uriBaseId": _ROOT}


def _fingerprint(problem: Problem, seen: Counter[str]) -> str:
    """A hash of the code, the message and the text of the line, and the number of equal ones before."""
    line = report.source_line(problem).strip()
    text = "\0".join([str(problem.code), problem.message, line])
    key = sha256(text.encode()).hexdigest()[:16]
    seen[key] += 1
    return f"{key}:{seen[key]}"
