"""Options that work in one process, in tables that several processes serve, with their locations."""

from pathlib import Path

import pytest

from hapiish.table import check, check_text

REDIS = "redis://127.0.0.1:6379/0"


def problems(text: str, workers: int = 1, **env: str) -> list[str]:
    _, found = check_text(text, "f", env, workers=workers)
    return [f"{each}; {each.hint}" for each in found]


LIMIT = 'routes:\n- {method: GET, path: /, handler: "a:b", options: {limit: 5/second}}\n'
QUEUE = f"sockets: {{queue: '{REDIS}'}}\n"
SEVERAL = '"sockets.queue" means several'
CSRF = "routes:\n- {method: POST, path: /, handler: 'a:b', options: {csrf: true}}\n"
SESSION = f"session:\n  cookieOptions: {{password: {'x' * 32}}}\n"
ON_REDIS = f"caches: [{{name: r, provider: redis, options: {{url: '{REDIS}'}}}}, {{name: m, provider: memory}}]\n"
METHOD = "methods:\n  a.b: {method: 'a:b', cache: {shared: true, expiresIn: 1s, generateTimeout: 1s}}\n"
PRESENCE = "sockets:\n  presence: {by: credentials.id}\n"
EVENT = (
    "sockets:\n  queue: " + REDIS + "\n  namespaces:\n  - namespace: /\n    limit: 5/second\n"
    "    events: [{event: a, handler: 'a:b'}, {event: b, handler: 'a:b', options: {limit: false}}]\n"
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (QUEUE + LIMIT, f"3:52: HA0347 limits count in the memory of each process, and {SEVERAL}; set server."),
        (
            QUEUE + LIMIT + "server:\n  limit: {store: ''}\n",
            f"5:11: HA0347 limits count in the memory of each process, and {SEVERAL}; set server.limit.store",
        ),
        (EVENT, f"5:5: HA0347 limits count in the memory of each process, and {SEVERAL}"),
        (
            QUEUE + "caches:\n- {name: c, provider: memory, shared: true}\n",
            f"3:31: HA0347 the cache is in the memory of each process, and {SEVERAL}; use provider: redis",
        ),
        (
            QUEUE + "caches:\n- {provider: redis, options: {url: ''}, shared: true}\n",
            f"3:41: HA0347 the cache is in the memory of each process, and {SEVERAL}; use provider: redis",
        ),
        (QUEUE + METHOD, f"3:32: HA0347 the cache is in the memory of each process, and {SEVERAL}"),
        (
            f"sockets:\n  queue: {REDIS}\n  transports: [websocket, polling]\n",
            f"3:27: HA0347 polling needs one process for all requests of a client, and {SEVERAL}; remove polling, or ",
        ),
        (QUEUE + SESSION, f"2:1: HA0347 sessions are in the memory of each process, and {SEVERAL}; name a cache in"),
        (
            QUEUE + ON_REDIS + SESSION + "  cache: {cache: m}\n",
            f"5:11: HA0347 sessions are in the memory of each process, and {SEVERAL}",
        ),
        (QUEUE + CSRF, f"3:53: HA0347 csrf tokens are signed with a secret of each process, and {SEVERAL}; set csrf."),
    ],
)  # fmt: skip
def test_with_a_queue_an_option_that_works_in_one_process_is_refused(text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(f"f:{problem}")


@pytest.mark.parametrize(
    "text",
    [
        LIMIT + f"server: {{limit: {{store: '{REDIS}'}}}}\n",
        LIMIT.replace("5/second", "false"),
        "caches:\n- {name: c, provider: memory}\n",
        "caches:\n- {name: c, provider: 'a:b', shared: true}\n",
        "caches:\n- {name: c, provider: redis, options: {url: '" + REDIS + "'}, shared: true}\n",
        METHOD.replace("shared: true, ", ""),
        METHOD.replace("shared: true", "shared: true, cache: r") + ON_REDIS,
        SESSION + "  cache: {cache: r}\n" + ON_REDIS,
        CSRF.replace("true", f"{{password: {'x' * 32}}}"),
    ],
)
def test_what_several_processes_share_is_accepted(text: str) -> None:
    assert problems(QUEUE + text) == []
    assert problems("sockets: {queue: ''}\n" + text) == []


@pytest.mark.parametrize("text", [LIMIT, METHOD, SESSION, CSRF, "sockets: {transports: [polling]}\n"])
def test_one_process_may_keep_everything_in_memory(text: str) -> None:
    assert problems(text) == []


def test_polling_is_accepted_behind_a_balancer_with_affinity_but_never_with_workers() -> None:
    text = f"sockets:\n  queue: {REDIS}\n  affinity: true\n  transports: [polling]\n"
    assert problems(text) == []
    (found,) = problems(text, workers=2)
    assert found.startswith("f:4:16: HA0347 polling needs one process for all requests of a client, and --workers 2 ")
    assert "workers share one port" in found


def test_workers_need_what_a_queue_needs() -> None:
    (found,) = problems(LIMIT, workers=4)
    assert found.startswith("f:2:52: HA0347 limits count in the memory of each process, and --workers 4 starts several")
    (found,) = problems("sockets:\n  namespaces: [{namespace: /}]\n", workers=2)
    assert found.startswith(
        "f:1:1: HA0347 sockets work in one process, and --workers 2 starts several; set sockets.que"
    )
    (found,) = problems("sockets:\n  queue: ''\n", workers=2)
    assert found.startswith("f:2:3: HA0347 sockets work in one process")


def test_workers_of_one_run_share_the_secret_of_csrf_tokens() -> None:
    assert problems(CSRF, workers=2) == []


def test_presence_of_several_processes_needs_a_redis() -> None:
    assert problems(PRESENCE) == []
    assert problems(PRESENCE + f"  queue: {REDIS}\n") == []
    found = problems(PRESENCE, workers=2)
    assert [each.partition(" is in")[0] for each in found[1:]] == ["f:2:3: HA0347 presence"]
    (problem,) = problems(PRESENCE + "  queue: kafka://127.0.0.1:9092\n")
    assert problem.startswith(f"f:2:3: HA0347 presence is in the memory of each process without a Redis, and {SEVERAL}")


def test_the_queue_may_have_settings() -> None:
    (found,) = problems(f"sockets: {{queue: {{url: '{REDIS}', partition: p}}}}\n" + LIMIT)
    assert found.startswith("f:3:52: HA0347 limits count")
    assert problems("sockets: {queue: {url: '', partition: p}}\n" + LIMIT) == []


def test_a_used_table_is_checked_as_well(tmp_path: Path) -> None:
    (tmp_path / "used.yaml").write_text("hapiish: 1\n" + LIMIT)
    text = f"{QUEUE}plugins: [{{table: ./used.yaml, routes: {{prefix: /used}}}}]\n"
    _, found = check_text(text, str(tmp_path / "routes.yaml"), {})
    assert [(Path(each.mark.file).name, each.mark.line, each.code) for each in found] == [("used.yaml", 3, "HA0347")]


def test_one_table_serves_with_and_without_redis() -> None:
    text = (
        f"server: {{limit: {{store: '${{REDIS_URL:}}'}}}}\nsockets: {{queue: '${{REDIS_URL:}}'}}\n"
        f"caches: [{{name: r, provider: redis, shared: true, options: {{url: '${{REDIS_URL:}}'}}}}]\n"
        f"{SESSION}  cache: {{cache: r}}\n{LIMIT}"
    )
    assert problems(text) == []
    assert problems(text, REDIS_URL=REDIS) == []
    assert len(problems(text, workers=2)) == 4  # Redis is missing: limits, sockets, the cache, sessions


@pytest.mark.parametrize(("redis", "workers", "count"), [("", 1, 0), (REDIS, 1, 0), (REDIS, 2, 0), ("", 2, 3)])
def test_the_table_of_the_chat_serves_with_and_without_redis(redis: str, workers: int, count: int) -> None:
    file = Path(__file__).parent.parent.parent / "routes.yaml"
    _, found = check(file, {"JWT_SECRET": "x" * 32, "REDIS_URL": redis}, workers=workers)
    assert [each.code for each in found] == ["HA0347"] * count
