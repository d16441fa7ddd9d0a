"""Describes the change of a keyword of a schema for people."""

import json
from collections.abc import Mapping
from typing import Any


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def described(keyword: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Describes the change of a keyword for people."""
    before, after = old.get(keyword), new.get(keyword)
    if keyword == "enum" and isinstance(before, list) and isinstance(after, list):
        gone, more = [each for each in before if each not in after], [each for each in after if each not in before]
        parts = [f"without {_text(gone)}"] if gone else []
        return f"enum: {', '.join([*parts, *([f'with {_text(more)}'] if more else [])])}"
    if keyword != "type" and (isinstance(before, dict | list) or isinstance(after, dict | list)):
        return (
            f"{keyword} is new"
            if keyword not in old
            else f"{keyword} is gone"
            if keyword not in new
            else f"{keyword} differs"
        )
    if keyword not in old:
        return f"{keyword} {_text(after)} is new"
    if keyword not in new:
        return f"{keyword} {_text(before)} is gone"
    return f"{keyword} {_text(before)} becomes {_text(after)}"
