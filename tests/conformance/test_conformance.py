"""Replays recorded responses of hapi (README.md) against hapiish; each manifest is written as a table."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish import TableError, create_app
from hapiish.testing import inject

HERE = Path(__file__).parent

DECIDED: dict[str, dict[str, Any]] = {
    # A Host is compared without regard to case (RFC 9110 §4.2.3, docs/differences.md); hapi minds it.
    '{"url": "/a/q", "headers": {"host": "OTHER.example:8000"}}': {
        "status": 200,
        "json": {"route": "/a/{p?}", "method": "get", "params": {"p": "q"}},
    },
}
"""What hapiish answers better on purpose where the recording does not say so."""

FILES = ("routing", "responses", "requests", "access")
CASES = [(name, case) for name in FILES for case in json.loads((HERE / f"{name}.json").read_text())]
PLAYED = [pytest.param(case, id=f"{name}/{case['name']}") for name, case in CASES]
IGNORED = {"content-length", "accept-ranges"}


@pytest.mark.anyio
@pytest.mark.parametrize("case", PLAYED)
async def test_hapiish_answers_what_hapi_answers(case: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(HERE / "kit.py", tmp_path)
    table = tmp_path / "routes.yaml"
    table.write_text(yaml.safe_dump(case["manifest"]))
    if "error" in case:
        with pytest.raises(TableError):
            create_app(table, env={})
        return
    app = create_app(table, env={})
    wrong = []
    for result in case["results"]:
        response = await inject(app, **result["request"])
        wrong += differences(result, response)
    assert not wrong, "\n".join(wrong)


def differences(result: dict[str, Any], response: Any) -> list[str]:
    """What distinguishes the answer from the recorded one, or from `ours` where we mean to be better."""
    about = json.dumps(result["request"])
    expected: dict[str, Any] = DECIDED.get(about) or result.get("ours") or result
    found = []
    if response.status_code != expected["status"]:
        found.append(f"{about}: status {response.status_code}, not {expected['status']}")
    for name, value in expected.get("headers", {}).items():
        if name in IGNORED or (name == "vary" and value == "accept-encoding"):
            continue
        if header(name, response.headers.get(name)) != header(name, value):
            found.append(f"{about}: {name} is {response.headers.get(name)!r}, not {value!r}")
    if "json" in expected:
        body, wanted = comparable(response.json), comparable(expected["json"])
        if body != wanted:
            found.append(f"{about}: body {body!r}, not {wanted!r}")
    if "body" in expected and response.text != expected["body"]:
        found.append(f"{about}: body {response.payload!r}, not {expected['body']!r}")
    return found


def comparable(body: Any) -> Any:
    """A body as it is, of an error the three keys that hapi promises."""
    if isinstance(body, dict) and "statusCode" in body:
        return {key: body.get(key) for key in ("statusCode", "error", "message")}
    return body


def header(name: str, value: Any) -> Any:
    """A header's value, comparable: lists as sets, a cookie's changing date left out."""
    if name == "set-cookie":
        lines = [value] if isinstance(value, str) else value or []
        return sorted(
            ";".join(part for part in line.split(";") if "Max-Age=0" in line or "Expires" not in part) for line in lines
        )
    if value is None:
        return None
    return frozenset(part.strip() for part in str(value).split(","))
