"""Warnings of what a table may say and probably does not mean: each at its place, and none for what is right."""
# ruff: noqa: E501 - the tables are shown as they are

import os
import sys
from pathlib import Path
from types import FrameType

import pytest

from hapiish.table import check

JWT = "{scheme: jwt, options: {keys: '${KEY}', verify: {aud: false, iss: false, sub: false}}}"
AUTH = f"auth: {{strategies: {{session: {JWT}}}, default: session}}\n"
ENV = {"KEY": "k" * 32, "URI": "mongodb://joe:secret@db/x"}


def warned(folder: Path, text: str, **files: str) -> list[str]:
    """The warnings as `line:column code`."""
    (folder / "routes.yaml").write_text(text)
    for name, content in files.items():
        place = folder.joinpath(*name.split("__"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.with_suffix(".yaml" if "yaml" in name else ".py").write_text(content)
    _, problems = check(folder / "routes.yaml", ENV, advise=True)
    assert all(each.warning for each in problems), problems
    return [f"{each.mark.line}:{each.mark.column} {each.code}" for each in problems]


def payload(schema: str) -> str:
    return f"routes:\n- method: POST\n  path: /\n  handler: h:a\n  options: {{validate: {{payload: {schema}}}}}\n"


def of_text(schema: str) -> str:
    return payload(f"{{type: object, properties: {{a: {schema}}}}}")


@pytest.mark.parametrize(
    "schema",
    [
        r'{pattern: "^[a-z]+$"}',
        r'{pattern: "[0-9]"}',
        r'{pattern: "^a{2,}$"}',
        r'{pattern: "^a$|b"}',
        r'{pattern: "^a", minLength: 3}',
        r'{anyOf: [{pattern: "^a+$"}]}',
        r'{type: array, items: {pattern: "^a+$"}, maxLength: 3}',
    ],
)
def test_a_pattern_for_texts_of_any_length_is_warned_of(tmp_path: Path, schema: str) -> None:
    assert [each.split()[1] for each in warned(tmp_path, of_text(schema))] == ["HA0502"]


@pytest.mark.parametrize(
    "schema",
    [
        r'{pattern: "^[0-9a-f]{24}$"}',
        r'{pattern: "^(?:[a-z]{1,3}|[0-9]?)$"}',
        r'{pattern: "^(a|b)$"}',
        r'{pattern: "^[a-z]+$", maxLength: 40}',
        r'{pattern: "^[a-z]+$", enum: [a, b]}',
        r'{maxLength: 9, anyOf: [{pattern: "^a+$"}, {pattern: "^b+$"}]}',
        r'{allOf: [{maxLength: 9}], pattern: "^a+$"}',
        r'{maxLength: 9, not: {pattern: "^a+$"}}',
        r'{maxLength: 9, if: {pattern: "^a+$"}, then: true}',
        r'{type: object, patternProperties: {"^a+$": {type: integer}}}',
    ],
)
def test_a_pattern_of_limited_texts_is_right(tmp_path: Path, schema: str) -> None:
    assert warned(tmp_path, of_text(schema)) == []


def test_a_pattern_of_responses_only_is_right_and_one_of_both_directions_is_not(tmp_path: Path) -> None:
    schemas = 'schemas:\n  Out: {pattern: "^a+$"}\n  Both: {pattern: "^a+$"}\n'
    options = '{validate: {payload: {$ref: "#/schemas/Both"}}, response: {schema: {anyOf: [{$ref: "#/schemas/Out"}, {$ref: "#/schemas/Both"}]}}}'
    text = f"{schemas}routes:\n- {{method: POST, path: /, handler: h:a, options: {options}}}\n"
    assert warned(tmp_path, text) == ["3:10 HA0502"]


def test_a_pattern_that_backtracks_is_warned_of_with_a_length_that_its_limit_permits(tmp_path: Path) -> None:
    assert warned(tmp_path, of_text(r'{maxLength: 99, pattern: "^(\\w+\\s?)*\\b$"}')) == ["5:80 HA0503"]
    assert warned(tmp_path, of_text(r'{maxLength: 20, pattern: "^(\\w+\\s?)*\\b$"}')) == []
    quadratic = r'{maxLength: %d, pattern: "(\\w+)@(?!gmail)\\w+\\.com"}'
    assert [each.split()[1] for each in warned(tmp_path, of_text(quadratic % 5000))] == ["HA0503"]
    assert warned(tmp_path, of_text(quadratic % 100)) == []


@pytest.mark.parametrize(
    "pattern", [r"^(a+)+$", r"^(?=.*[A-Z])(?=.*[0-9]).{8,}$", r"^(?!-)[a-z0-9-]{1,63}$", r"^(\\w+)\\s\\1$"]
)
def test_a_pattern_that_the_engine_decides_fast_is_right(tmp_path: Path, pattern: str) -> None:
    assert warned(tmp_path, of_text(f'{{maxLength: 200, pattern: "{pattern}"}}')) == []


@pytest.mark.parametrize(
    "pattern", ["(?i)^abc$", "^[[:alpha:]]$", r"^a\\-b$", r"\\Aabc\\z", "^(?P<n>a)$", "^a++$", r"^\\x{41}$"]
)
def test_a_pattern_that_javascript_refuses_is_warned_of(tmp_path: Path, pattern: str) -> None:
    assert [each.split()[1] for each in warned(tmp_path, of_text(f'{{maxLength: 9, pattern: "{pattern}"}}'))] == [
        "HA0504"
    ]


@pytest.mark.parametrize(
    "pattern", [r"^(?<n>a)\\k<n>$", r"^\\p{Lu}\\u{1F600}[^\\d\\-]\\/$", "^[[]$", "^(?:a|)$", r"^\\cA\\x41[\\b]$"]
)
def test_a_pattern_of_ecmascript_is_right(tmp_path: Path, pattern: str) -> None:
    assert warned(tmp_path, of_text(f'{{maxLength: 9, pattern: "{pattern}"}}')) == []


def test_every_unused_declaration_is_placed_at_its_name(tmp_path: Path) -> None:
    text = (
        f"auth:\n  schemes: {{own: 'h:scheme', other: 'h:scheme'}}\n  strategies:\n    session: {JWT}\n    spare: {JWT}\n"
        "    third: {scheme: other}\n  default: session\n"
        "models:\n  Used: 'm.used:Used'\n  Ghost: 'm.ghost:Ghost'\n"
        "methods:\n  users.load: 'h:load'\n  users.gone: 'h:gone'\n  users.coded: 'h:coded'\n"
        "caches:\n- {name: spare, provider: memory}\n- {name: kept, provider: memory}\n"
        "state:\n  sid: {ttl: 1d}\n  old: {ttl: 1d}\n"
        "kinds: {mine: 'h:kind', yours: 'h:kind'}\n"
        "presets:\n  admin: {tags: [a]}\n  nobody: {tags: [b]}\n  shaped: {params: {a: {type: string}, b: {type: string}}, tags: ['${params.a}']}\n"
        "schemas:\n  A: {$ref: '#/schemas/B'}\n  B: {type: object}\n  C: {items: {$ref: '#/schemas/C'}}\n  D: {type: object}\n"
        "params:\n  unread: {type: string, default: a}\n  read: {type: string, default: b}\n"
        "database: {uri: '${URI}', name: '${params.read}'}\n"
        "routes:\n- {method: GET, path: /, handler: 'users.load(query.id)', options: {use: [admin, {shaped: {a: x, b: y}}]}}\n"
        "- {method: GET, path: /b, handler: {mine: {}}, options: {validate: {query: {$ref: '#/schemas/D'}}}}\n"
    )
    code = (
        "def load(id): ...\ndef gone(id): ...\ndef kind(server, route, options): ...\n"
        "def show(request, h):\n    request.server.methods.users.coded(1)\n"
        "    h.state('sid', request.models.Used.get())\n    request.server.cache(cache='kept')\n"
    )
    found = warned(tmp_path, text, h=code, m__used="class Used: ...\n", m__ghost="class Ghost: ...\n")
    lines = text.splitlines()
    names = [lines[int(line) - 1][int(column) - 1 :] for line, column in (each.split()[0].split(":") for each in found)]
    assert [name.partition(":")[0].partition(",")[0] for name in names] == [
        "own",
        "spare",
        "third",
        "Ghost",
        "users.gone",
        "spare",
        "old",
        "yours",
        "nobody",
        "b",
        "A",
        "B",
        "C",
        "unread",
    ]
    assert {each.split()[1] for each in found} == {"HA0505"}


def test_what_code_of_an_installed_package_may_use_is_not_called_unused(tmp_path: Path) -> None:
    models = "models: {Ghost: 'm.ghost:Ghost'}\nstate: {old: {ttl: 1d}}\n"
    assert warned(tmp_path, models + "routes: [{method: GET, path: /, handler: 'json:dumps'}]\n") == []
    assert len(warned(tmp_path, models + "routes: [{method: GET, path: /, handler: 'h:a'}]\n", h="")) == 2


def test_a_strategy_that_data_of_the_application_names_is_used(tmp_path: Path) -> None:
    auth = f"auth: {{strategies: {{a: {JWT}}}}}\n"
    route = "routes: [{method: GET, path: /, handler: h:a, options: {app: {sign: a}}}]\n"
    assert warned(tmp_path, auth + route) == []


def test_names_that_a_used_table_uses_are_used(tmp_path: Path) -> None:
    text = AUTH + "plugins: [{table: inner.yaml}]\n"
    inner = "routes: [{method: GET, path: /, handler: 'h:a', options: {auth: {strategy: session}}}]\nschemas: {Left: {type: object}}\n"
    (tmp_path / "inner.yaml").write_text(inner)
    (tmp_path / "routes.yaml").write_text(text)
    _, problems = check(tmp_path / "routes.yaml", ENV, advise=True)
    assert [(Path(each.mark.file).name, each.mark.line, each.code) for each in problems] == [
        ("inner.yaml", 2, "HA0505")
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("database: {uri: 'mongodb://joe:hunter2@db/x'}\n", "1:17"),
        ("sockets: {queue: 'redis://:hunter2@cache'}\n", "1:18"),
        (
            "auth: {strategies: {s: {scheme: jwt, options: {keys: nobody guesses this in a hundred years}}}, default: s}\n",
            "1:54",
        ),
        (
            "state: {s: {encoding: iron, password: thirty-two characters or a few more}}\nroutes: [{method: GET, path: /, handler: h:a, options: {app: {n: s}}}]\n",
            "1:39",
        ),
        (
            "routes: [{method: GET, path: /, handler: h:a, options: {app: {github: ghp_abcdefghijklmnopqrstuvwxyz0123456789}}}]\n",
            "1:71",
        ),
        ("routes: [{method: GET, path: /, handler: {proxy: {uri: 'http://a:b@host/'}}}]\n", "1:56"),
    ],
)
def test_a_secret_in_plain_text_is_warned_of_and_not_shown(
    tmp_path: Path, text: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [each for each in warned(tmp_path, text) if "HA0506" in each] == [f"{place} HA0506"]
    from hapiish.cli import main

    main(["check", str(tmp_path / "routes.yaml")])
    out = capsys.readouterr().out
    assert "HA0506" in out
    for secret in ("hunter2", "nobody guesses", "thirty-two characters", "ghp_", "a:b@"):
        assert secret not in out.replace("a:b,", "")


@pytest.mark.parametrize(
    "text",
    [
        "database: {uri: '${URI}'}\n",
        "database: {uri: '${URI}/${KEY:x}'}\n",
        "database: {uri: 'mongodb://db/x'}\n",
        "schemas: {Login: {$id: a, type: object, properties: {password: {type: string, const: abc}}}}\n",
        of_text("{type: string, default: secret}").replace("a:", "password:", 1),
        (
            "params: {keys: {type: object, default: {session: {scheme: jwt, options: {keys: '${KEY}', verify: {aud: false}}}}}}\n"
            "auth: {strategies: '${params.keys}', default: session}\n"
        ),
        "auth: {strategies: {s: {scheme: jwt, options: {keys: an example of a secret of 32 bytes, verify: {aud: false, iss: false, sub: false}}}}, default: s}\n",
    ],
)
def test_what_comes_from_outside_or_is_no_secret_is_right(tmp_path: Path, text: str) -> None:
    assert [each for each in warned(tmp_path, text) if "HA0506" in each] == []


OPEN = "{type: object, properties: {a: {type: object, properties: {b: {type: integer}}}}%s}"


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        (OPEN % "", 2),
        (OPEN % ", additionalProperties: false", 1),
        ("{type: array, items: {properties: {a: {type: integer}}}}", 1),
        ("{$ref: '#/schemas/Open'}", 1),
        ("{type: object}", 0),
        ("{type: object, additionalProperties: {type: integer}}", 0),
        ("{properties: {a: {type: integer}}, additionalProperties: true}", 0),
        ("{allOf: [{properties: {a: {type: integer}}}], unevaluatedProperties: false}", 0),
    ],
)
def test_a_response_to_authenticated_callers_lists_its_properties(tmp_path: Path, schema: str, count: int) -> None:
    schemas = "schemas: {Open: {properties: {a: {type: integer}}}}\n" if "Open" in schema else ""
    routes = "routes: [{method: GET, path: /, handler: h:a, options: {%sresponse: {status: {'200': %s}}}}]\n"
    assert [each.split()[1] for each in warned(tmp_path, AUTH + schemas + routes % ("", schema))] == ["HA0507"] * count
    assert (
        warned(
            tmp_path,
            AUTH.replace(", default: session", "").replace("auth", "auth", 1)
            + "presets: {}\n"
            + schemas
            + routes % ("app: {s: session}, ", schema),
        )
        == []
    )
    closed = routes % ("", schema + "}, options: {stripUnknown: true")
    assert warned(tmp_path, AUTH + schemas + closed) == []


def test_an_open_response_of_many_routes_is_one_warning(tmp_path: Path) -> None:
    rows = "".join(
        f"- {{method: GET, path: /{i}, handler: h:a, options: {{response: {{schema: {{$ref: '#/schemas/O'}}}}}}}}\n"
        for i in range(5)
    )
    assert warned(tmp_path, f"{AUTH}schemas:\n  O: {{properties: {{a: {{type: integer}}}}}}\nroutes:\n{rows}") == [
        "3:6 HA0507"
    ]


def test_get_that_changes_data_is_warned_of(tmp_path: Path) -> None:
    text = (
        "database: {uri: '${URI}'}\nmodels: {M: 'm:M'}\nroutes:\n"
        "- {method: GET, path: '/a/{id}', handler: {model: {name: M, action: delete}}}\n"
        "- {method: GET, path: '/b/{id}', handler: {model: {name: M, action: get}}}\n"
        "- {method: DELETE, path: '/c/{id}', handler: {model: {name: M, action: delete}}}\n"
        "- {method: GET, path: /d, handler: 'h:remove'}\n"
        "- {method: [GET, POST], path: /e, handler: 'h:update'}\n"
        "- {method: GET, path: /f, handler: 'h:delete_form'}\n"
        "- {method: '*', path: /g, handler: 'h:remove'}\n"
    )
    assert warned(tmp_path, text) == ["4:69 HA0508", "7:36 HA0508", "8:44 HA0508", "10:36 HA0508"]


def test_namespaces_that_are_or_look_like_patterns_are_warned_of(tmp_path: Path) -> None:
    text = (
        "sockets:\n  namespaces:\n"
        "  - {namespace: '/room-{id}'}\n"
        "  - {namespace: '/hall-{id}', validate: {params: {type: object, properties: {id: {type: string, maxLength: 9}}}}}\n"
        "  - {namespace: '/chat-:id'}\n  - {namespace: '/news/[0-9]'}\n  - {namespace: /plain.name-1_a}\n"
        "  - {namespace: /all, events: [{event: '*', handler: 'h:a'}, {event: a, handler: 'h:a'}]}\n"
    )
    assert warned(tmp_path, text) == ["3:17 HA0509", "5:17 HA0509", "6:17 HA0509", "8:40 HA0510"]


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        ("{type: integer, minimum: 5, maximum: 3}", 1),
        ("{type: string, minLength: 5, maxLength: 3}", 1),
        ("{type: object, required: [b], properties: {a: {}}, additionalProperties: false}", 1),
        ("{type: object, required: [emial], properties: {email: {type: string}}}", 1),
        ("{type: object, required: [other], properties: {email: {type: string}}}", 0),
        ("{type: object, required: [a, b], properties: {a: {type: string}, b: {type: string}}}", 0),
        ("{type: object, required: [id, ids], properties: {ids: {type: string}}}", 0),
        ("{type: integer, minimum: 3, maximum: 3}", 0),
    ],
)
def test_a_schema_that_no_value_matches_is_warned_of(tmp_path: Path, schema: str, count: int) -> None:
    assert [each.split()[1] for each in warned(tmp_path, payload(schema))] == ["HA0511"] * count


def test_a_scope_that_requires_and_forbids_the_same_is_warned_of(tmp_path: Path) -> None:
    route = "routes: [{method: GET, path: /, handler: h:a, options: {auth: {scope: %s}}}]\n"
    assert warned(tmp_path, AUTH + route % "['+a', '!a']") == ["2:63 HA0501"]
    assert warned(tmp_path, AUTH + route % "[a, '!a']") == ["2:63 HA0501"]
    assert warned(tmp_path, AUTH + route % "[a, b, '!a']") == []


@pytest.mark.parametrize(
    "text",
    [
        "x-hapiish-ignore: [HA0502, HA0505]\nschemas:\n  A: {pattern: '^a+$'}\n",
        "schemas:\n  A: {pattern: '^a+$', x-hapiish-ignore: [HA0502, HA0505]}\n",
        "schemas:\n  A: {properties: {b: {pattern: '^a+$', x-hapiish-ignore: HA0502}}, x-hapiish-ignore: HA0505}\n",
    ],
)
def test_a_warning_can_be_silenced_where_it_is(tmp_path: Path, text: str) -> None:
    assert warned(tmp_path, text) == []
    assert warned(tmp_path, text + "presets: {left: {tags: [a]}}\n") == (
        [] if text.startswith("x-") else [f"{text.count(chr(10)) + 1}:11 HA0505"]
    )


def test_the_older_warnings_can_be_silenced_too_and_errors_cannot(tmp_path: Path) -> None:
    routes = (
        "routes:\n- {method: GET, path: '/{a}.{b}', handler: h:a}\n- {method: GET, path: '/x.{b}', handler: h:b%s}\n"
    )
    assert warned(tmp_path, routes % "") == ["3:23 HA0307"]
    assert warned(tmp_path, routes % ", x-hapiish-ignore: [HA0307]") == []
    (tmp_path / "routes.yaml").write_text("x-hapiish-ignore: [HA0204]\nroutez: 1\n")
    _, problems = check(tmp_path / "routes.yaml", ENV, advise=True)
    assert [each.code for each in problems] == ["HA0204"]


def test_an_entry_of_plugins_silences_the_table_that_it_uses(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text("schemas: {Left: {type: object}}\n")
    text = "plugins: [{table: inner.yaml%s}]\n"
    assert warned(tmp_path, text % "") == ["1:11 HA0505"]
    assert warned(tmp_path, text % ", x-hapiish-ignore: [HA0505]") == []


def test_a_code_that_does_not_exist_cannot_be_silenced(tmp_path: Path) -> None:
    assert warned(tmp_path, "x-hapiish-ignore: [HA9999]\n") == ["1:19 HA0512"]


def test_a_server_does_not_look_for_them(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("schemas: {A: {type: object}}\n")
    assert check(tmp_path / "routes.yaml", {})[1] == []


def test_what_a_mistake_hides_is_not_called_unused(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(
        "schemas:\n  A: {type: object}\n  B: {type: object}\nroutes:\n- method: POST\n  path: /\n  handler: h:a\n"
        "  options:\n    validat: {payload: {$ref: '#/schemas/A'}}\n"
    )
    _, problems = check(tmp_path / "routes.yaml", {}, advise=True)
    assert [(each.mark.line, each.code) for each in problems] == [(3, "HA0505"), (9, "HA0204")]


@pytest.mark.parametrize(
    ("winner", "lost"),
    [
        ("/{name}.{ext}", "/logo.{ext}"),
        ("/{name}.{ext}/{page?}", "/logo.{ext}"),
        ("/{name}.{ext}/{page}", "/logo.{ext}/start"),
        ("/{name}.{ext}/{page}", "/{name}.html/a{b}"),
        ("/{name}.{ext}/{rest*}", "/logo.{ext}/{page}/edit"),
        ("/{name}.{ext}/{pair*2}", "/logo.{ext}/a/{page}"),
        ("/{name}.{ext}/a{page?}", "/logo.{ext}/a"),
        ("/x/{name}.{ext}/{page}", "/x/logo.{ext}/{page}"),
    ],
)
def test_a_route_that_another_one_always_precedes_is_warned_of(tmp_path: Path, winner: str, lost: str) -> None:
    rows = "".join(f"- {{method: GET, path: '{path}', handler: h:a}}\n" for path in (winner, lost))
    assert warned(tmp_path, f"routes:\n{rows}") == ["3:23 HA0307"]


@pytest.mark.parametrize(
    ("other", "path"),
    [
        ("/{name}.{ext}/{page}", "/logo.{ext}"),
        ("/{name}.{ext}/start", "/logo.{ext}/{page}"),
        ("/{name}.{ext}/a{b}", "/logo.{ext}/{page}"),
        ("/{name}.{ext}", "/logo.{ext}/{page}"),
        ("/{name}.{ext}/{page}", "/logo.{ext}/{rest*}"),
        ("/{name}.{ext}/{page}", "/logo.{ext}/"),
        ("/y/{name}.{ext}", "/x/logo.{ext}"),
        ("/{name}", "/logo"),
        ("/{rest*}", "/{name}"),
    ],
)
def test_a_route_that_answers_some_requests_is_right(tmp_path: Path, other: str, path: str) -> None:
    rows = "".join(f"- {{method: GET, path: '{each}', handler: h:a}}\n" for each in (other, path))
    assert warned(tmp_path, f"routes:\n{rows}") == []


def test_the_work_of_the_warnings_grows_with_the_table(tmp_path: Path) -> None:
    """Twice the routes and schemas are about twice the calls of functions."""

    def calls(count: int) -> int:
        schemas = "".join(
            f"  S{i}: {{type: object, properties: {{a: {{type: string, pattern: '^[a-z{i}]+$', maxLength: 9}}}}}}\n"
            for i in range(count)
        )
        rows = "".join(
            f"- {{method: POST, path: '/r{i}/{{id}}', handler: 'h:f{i}', options: {{use: p{i}, validate: "
            f"{{payload: {{$ref: '#/schemas/S{i}'}}}}, response: {{schema: {{$ref: '#/schemas/S{i}'}}}}}}}}\n"
            for i in range(count)
        )
        presets = "".join(f"  p{i}: {{tags: [t]}}\n" for i in range(count))
        (tmp_path / "routes.yaml").write_text(f"{AUTH}schemas:\n{schemas}presets:\n{presets}routes:\n{rows}")
        made = 0

        def count_call(frame: FrameType, event: str, argument: object) -> None:
            nonlocal made
            made += event == "call" and f"{os.sep}advice{os.sep}" in frame.f_code.co_filename

        sys.setprofile(count_call)
        try:
            check(tmp_path / "routes.yaml", ENV, advise=True)
        finally:
            sys.setprofile(None)
        return made

    small, large = calls(40), calls(80)
    assert small > 100
    assert large < 2.5 * small
