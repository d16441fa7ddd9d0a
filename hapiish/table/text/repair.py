"""Converts a YAML syntax error into a problem and, if the intent is clear, repairs the text.

The repaired text is parsed again only to find further problems; it is never served or written. Positions on other
lines do not change.
"""

import re
import unicodedata
from typing import Final

import yaml

from hapiish.table.problems import Mark, Problem
from hapiish.table.problems.codes import Code

TAB: Final = "a tab in the indentation"
INVISIBLE: Final = re.compile("[\u0085\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_CONTROL: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BRACES: Final = r"\{[\w*?]*\}"
_WORD: Final = re.compile(rf"(?:[^\s,{{}}\[\]\"']|{_BRACES})+")
_FLOW_WORD: Final = re.compile(rf"(?:[^\s,{{}}\[\]]|{_BRACES})+")
_TIGHT: Final = re.compile(r"[\s-]*([A-Za-z_]\w*:)((?!//)[^\s:]\S*)\s*$")
"""A line such as `method:GET`, without the space that makes it a key and a value."""
_COMMENT: Final = re.compile(r"\s#")

Repair = tuple[Problem, str | None]


def invisible(character: str, mark: Mark, offset: int) -> Problem:
    """The problem of an invisible `character`, `offset` columns after `mark`."""
    name = unicodedata.name(character, "control character").lower()
    message = f"an invisible character, U+{ord(character):04X} ({name})"
    hint = "replace it with an ordinary space or remove it; quote the text to keep it"
    return Problem(Mark(mark.file, mark.line, mark.column + offset), Code.INVISIBLE, message, hint)


def repair_text(error: yaml.YAMLError, text: str, file: str) -> Repair:
    """Returns the problem of `error`, and the repaired text, or None if the intent is unclear."""
    return _SyntaxError(error, text, file).repaired()


class _SyntaxError:
    def __init__(self, error: yaml.YAMLError, text: str, file: str) -> None:
        self.error = error
        self.text = text
        self.file = file
        self.lines = [*text.splitlines(keepends=True), ""]
        self.problem = str(getattr(error, "problem", None) or "")
        self.context = str(getattr(error, "context", None) or "")
        at = getattr(error, "problem_mark", None)
        self.at: tuple[int, int] = (at.line, at.column) if at else (0, 0)
        context_at = getattr(error, "context_mark", None)
        self.context_at: tuple[int, int] = (context_at.line, context_at.column) if context_at else self.at

    def repaired(self) -> Repair:
        if isinstance(self.error, yaml.reader.ReaderError):
            return self.control()
        for attempt in (self.hidden, self.tab, self.indicator, self.colon, self.braces, self.escape, self.quote):
            found = attempt()
            if found is not None:
                return found
        return self.other()

    def control(self) -> Repair:
        found = _CONTROL.search(self.text)
        if found is None:
            return self.fault((0, 0), str(self.error)), None
        before = self.text[: found.start()].splitlines(keepends=True) or [""]
        line = len(before) - 1 + before[-1].endswith(("\n", "\r"))
        column = 0 if before[-1].endswith(("\n", "\r")) else len(before[-1])
        return invisible(found[0], self.mark((line, column)), 0), self.text.replace(found[0], " ")

    def hidden(self) -> Repair | None:
        for line in (self.at[0], self.at[0] - 1, self.context_at[0]):
            found = INVISIBLE.search(self.lines[line]) if 0 <= line < len(self.lines) else None
            if found is not None:
                return invisible(found[0], self.mark((line, 0)), found.start()), self.replaced(line, found.span(), " ")
        return None

    def tab(self) -> Repair | None:
        line = self.lines[self.at[0]]
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" not in indent or self.at[1] > len(indent):
            return None
        above = next((text for text in reversed(self.lines[: self.at[0]]) if text.strip()), "")
        width = len(above) - len(above.lstrip()) + (2 if above.rstrip().endswith(":") else 0)
        fault = self.fault((self.at[0], indent.index("\t")), TAB, "indent with spaces")
        return fault, self.replaced(self.at[0], (0, len(indent)), " " * width)

    def indicator(self) -> Repair | None:
        """`method: *`, `path: @x`: an indicator character at the start of unquoted text."""
        start = self.context_at if self.context == "while scanning an alias" else self.at
        line = self.lines[start[0]]
        sign = line[start[1] : start[1] + 1]
        if sign == "" or sign not in "*@%`":
            return None
        end = self.end_of_text(line, start[1])
        word = line[start[1] : end]
        fault = self.fault(start, f'unquoted text cannot start with "{sign}"', f'quote it: "{word}"')
        return fault, self.quoted(start[0], (start[1], end))

    def colon(self) -> Repair | None:
        """`description: Note: this`: a colon inside an unquoted value."""
        if not self.problem.startswith("mapping values are not allowed"):
            return None
        line = self.lines[self.at[0]]
        first = re.search(r":\s+", line)
        if first is None or first.start() >= self.at[1]:
            above = self.at[0] - 1
            tight = _TIGHT.match(self.lines[above]) if above >= 0 else None
            if tight is not None:
                start, end = tight.span(1)
                fault = self.fault((above, start), 'a space is missing after ":"', f'write "{tight[1]} {tight[2]}"')
                return fault, self.replaced(above, (end, end), " ")
            hint = 'check the indentation, and that the line above ends with ":"'
            return self.fault(self.at, "a mapping is not allowed here", hint), None
        end = self.end_of_text(line, first.end())
        value = line[first.end() : end]
        if value.startswith(("'", '"', "{", "[")):
            return self.fault(self.at, "a mapping is not allowed here", "check the quotes and brackets before it"), None
        fault = self.fault(self.at, 'unquoted text cannot contain ": "', f'quote it: "{value}"')
        return fault, self.quoted(self.at[0], (first.end(), end))

    def braces(self) -> Repair | None:
        """`{path: /users/{id}}` and `path: {id}/x`: unquoted path parameters, which YAML reads as mappings."""
        line = self.lines[self.at[0]]
        for word in _WORD.finditer(line):
            if word.start() <= self.at[1] <= word.end() and "{" in word[0]:
                fault = self.fault(
                    (self.at[0], word.start()), 'text with "{" must be quoted here', f'quote it: "{word[0]}"'
                )
                return fault, self.quoted(self.at[0], word.span())
        return None

    def escape(self) -> Repair | None:
        if "unknown escape character" not in self.problem:
            return None
        row, column = self.at
        line = self.lines[row]
        if line[column : column + 1] != "\\":
            column -= 1
        message = f'"{line[column : column + 2]}" is not an escape sequence in double quotes'
        hint = "use single quotes, where a backslash is literal"
        return self.fault((row, column), message, hint), self.replaced(row, (column, column + 1), "\\\\")

    def quote(self) -> Repair | None:
        if "quoted scalar" in self.context and "unexpected end" in self.problem:
            return self.fault(self.context_at, "unclosed quote, opened here"), None
        if "simple key" in self.context and "expected ':'" in self.problem:
            row = self.context_at[0]
            line = self.lines[row]
            end = self.end_of_text(line, self.context_at[1])
            word = line[self.context_at[1] : end]
            key, _, value = word.partition(" ")
            hint = f'write "{key}: {value}"' if value else ""
            fault = self.fault(self.context_at, f'missing ":" after the key "{key}"', hint)
            end = self.context_at[1] + len(key)
            return fault, self.replaced(row, (end, end), ":") if '"' not in word else None
        return None

    def other(self) -> Repair:
        closing = {"while parsing a flow sequence": ("[", "]"), "while parsing a flow mapping": ("{", "}")}
        if self.context in closing:
            opened, closed = closing[self.context]
            related = ((self.mark(self.context_at), f'the "{opened}" is here'),)
            return self.fault(self.at, f'expected "," or "{closed}"', related=related), None
        if "entries are not allowed" in self.problem:
            hint = "put it on a line of its own below the key, or write [a, b]"
            return self.fault(self.at, "a list is not allowed here", hint), None
        hint = "check the indentation" if "expected" in self.problem else ""
        return self.fault(self.at, f"YAML syntax error: {self.problem}", hint), None

    def end_of_text(self, line: str, start: int) -> int:
        """The probable end of the unquoted text at `start`."""
        before = line[:start]
        if before.count("{") + before.count("[") > before.count("}") + before.count("]"):
            word = _FLOW_WORD.match(line, start)
            return word.end() if word else start + 1
        return start + len(_COMMENT.split(line[start:].rstrip("\r\n"), 1)[0].rstrip())

    def quoted(self, line: int, span: tuple[int, int]) -> str:
        word = self.lines[line][slice(*span)].replace("'", "''")
        return self.replaced(line, span, f"'{word}'")

    def replaced(self, line: int, span: tuple[int, int], by: str) -> str:
        old = self.lines[line]
        return "".join([*self.lines[:line], old[: span[0]], by, old[span[1] :], *self.lines[line + 1 :]])

    def fault(
        self, at: tuple[int, int], message: str, hint: str = "", related: tuple[tuple[Mark, str], ...] = ()
    ) -> Problem:
        return Problem(self.mark(at), Code.SYNTAX, message, hint, related)

    def mark(self, at: tuple[int, int]) -> Mark:
        return Mark(self.file, at[0] + 1, at[1] + 1)
