"""Settings that a reload cannot change."""

from typing import Any

from hapiish.reload import needs_restart, start_settings
from hapiish.table import check_text

TEXT = """
database: {uri: "mongodb://h/x"}
server: {tls: {key: a, cert: b}, head: {timeout: 5s}}
sockets: {queue: {url: "redis://h"}, presence: {by: credentials.id, onChange: "a:b"}, namespaces: [{namespace: /}]}
routes: [{method: GET, path: /, handler: "a:b"}]
"""


def loaded(text: str) -> Any:
    table, problems = check_text(f"hapiish: 1\n{text}", "f", {})
    assert problems == []
    return table


def test_settings_that_have_moved_to_another_line_need_no_restart() -> None:
    assert needs_restart(start_settings(loaded(TEXT)), loaded("\n\n" + TEXT)) == []


def test_settings_that_are_read_at_the_start_need_a_restart() -> None:
    started = start_settings(loaded(TEXT))
    changed = TEXT.replace("h/x", "h/y").replace("redis://h", "redis://i").replace("cert: b", "cert: c")
    assert needs_restart(started, loaded(changed)) == ["database", "the transport of sockets", "server.tls"]
    assert needs_restart(started, loaded(TEXT.replace("a:b", "a:c"))) == []
