"""Resources and the kind `model` in a table: their expansion, and problems with locations."""

from pathlib import Path

import pytest

from hapiish.options import Kind
from hapiish.table import check

HEAD = "models: {Todo: a:b}\nauth: {strategies: {s: {scheme: basic, options: {validate: a:b}}}}\nroutes:\n"


def said(tmp_path: Path, text: str, database: str = "\ndatabase: {}") -> list[str]:
    (tmp_path / "routes.yaml").write_text(HEAD + text + database)
    table, problems = check(tmp_path / "routes.yaml")
    assert (table is None) == any(not problem.warning for problem in problems)
    return [f"{each.mark.line}:{each.mark.column} {each.code} {each.message}" for each in problems]


WRONG = [
    (
        "- {resource: t, method: GET, id: x, path: /t, handler: {model: Todo}}",
        [
            '4:17 HA0395 "method" is not allowed on a resource: each of its routes has its own',
            '4:30 HA0395 "id" is not allowed on a resource: each of its routes has its own',
        ],
    ),
    ("- {resource: t, path: /t, handler: a:b}", ["4:36 HA0395 a resource needs a model handler"]),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, action: list}}}",
        ["4:57 HA0395 a resource serves all actions"],
    ),
    (
        "- {method: GET, path: /t, handler: a:b, actions: {list: false}}",
        ['4:41 HA0395 "actions" is only allowed on a resource'],
    ),
    (
        "- {resource: t, path: /t, handler: {model: Todos}}",
        ['4:44 HA0396 unknown model "Todos"; did you mean "Todo"?'],
    ),
    (
        "- {method: GET, path: /t, handler: {model: Todo}}",
        ['4:44 HA0396 a model handler needs an "action"'],
    ),
    (
        "- {method: GET, path: '/t/{id}', handler: {model: {name: Todo, action: get, filters: [a]}}}",
        ['4:77 HA0396 "filters" has no effect for the action "get"'],
    ),
    (
        "- {method: GET, path: /t, handler: {model: {name: Todo, action: list, limit: 200}}}",
        ['4:78 HA0396 "limit" (200) is greater than "maxLimit" (100)'],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, owner: credentials.id}}}",
        ["4:64 HA0397 the documents depend on the caller, but this route has no authentication"],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, owner: params.id}}}",
        ['4:64 HA0205 "owner" must be a path such as "credentials.id"'],
    ),
    (
        (
            "- resource: t\n  path: /t\n  handler: {model: {name: Todo, owner: credentials.id}}\n"
            "  options: {auth: s}\n  actions: {list: {options: {auth: false}}}"
        ),
        ["6:40 HA0397 the documents depend on the caller, but this route has no authentication"],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, where: {a: '{credentials.id}'}}}}",
        ["4:68 HA0397 the documents depend on the caller, but this route has no authentication"],
    ),
    (
        "- {resource: t, path: '/t/{iD}/s', handler: {model: {name: Todo, where: {a: 'u-{params.ID}'}}}}",
        ['4:77 HA0327 "GET /t/{iD}/s" has no parameter "ID"; did you mean "iD"?'],
    ),
    (
        "- {resource: t, path: '/t/{slug}', handler: {model: {name: Todo, where: {a: '{param.slug}'}}}}",
        ['4:77 HA0327 "GET /t/{slug}" has no "{param.slug}"; did you mean "params"?'],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, where: {a: '{credentials.sub'}}}, options: {auth: s}}",
        ['4:68 HA0327 "{credentials.sub" has a "{" without its counterpart; a literal brace is "{{"'],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, where: {a: '{credential.sub}'}}}, options: {auth: s}}",
        ['4:68 HA0327 "GET /t" has no "{credential.sub}"; did you mean "credentials"?'],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, where: {a: '{pre.article.id}'}}}}",
        ['4:68 HA0327 no step of "GET /t" assigns "article"'],
    ),
    (
        "- {method: GET, path: /t, handler: {model: {name: Todo, action: list, where: {a: '{payload.a}'}}}}",
        ['4:82 HA0327 "GET /t" has no "{payload.a}"'],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, where: {a: 'x-{credentials.id}'}}}}",
        ["4:68 HA0397 the documents depend on the caller, but this route has no authentication"],
    ),
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, filters: {a: [like]}}}}",
        ['4:71 HA0202 "a[0]" must be "eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "prefix"'],
    ),
    (
        (
            "- resource: t\n  path: /t\n  handler: {model: Todo}\n"
            "- {method: DELETE, path: '/t/{name}', id: t.list, handler: a:b}"
        ),
        [
            '7:26 HA0302 "DELETE /t/{name}" answers the same requests as "DELETE /t/{id}"',
            '7:43 HA0305 the id "t.list" is already used by "GET /t"',
        ],
    ),
    (
        "- {resource: t, path: /t, handler: {model: Todo}, options: {validate: {query: {typo: object, type: 5}}}}",
        ['4:100 HA0331 "type" must be '],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_what_is_wrong_with_a_resource_is_told_at_its_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    found = said(tmp_path, text)
    assert len(found) == len(expected), found
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


FITTING = [
    "- {resource: t, path: '/t/{a}', handler: {model: {name: Todo, where: {x: '{params.a}/{query.b}', y: 'a{{b}}'}}}}",
    (
        "- {resource: t, path: /t, handler: {model: {name: Todo, where: {x: '{pre.article.id}'}}},\n"
        "   options: {pre: [{method: a:b, assign: article}]}}"
    ),
    "- {resource: t, path: /t, handler: {model: {name: Todo, where: {x: '{state.a}{headers.x-b}{artifacts.c}'}}}, options: {auth: s}}",  # noqa: E501
]


@pytest.mark.parametrize("text", FITTING)
def test_a_template_reads_what_the_request_has(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, text) == []


@pytest.mark.parametrize("database", ["", "\ndatabase: null"])
def test_a_model_without_a_database_is_told_once(tmp_path: Path, database: str) -> None:
    text = "- {resource: t, path: /t, handler: {model: Todo}}\n- {resource: u, path: /u, handler: {model: Todo}}"
    assert said(tmp_path, text, database) == ["4:44 HA0396 a model handler needs a database"]


def test_a_resource_stands_for_six_routes(tmp_path: Path) -> None:
    text = """\
- resource: todos
  path: /todos
  vhost: a.example.com
  handler: {model: {name: Todo, lookup: slug}}
  options: {tags: [x], payload: {maxBytes: 5KB}, auth: s}
  actions:
    list: {id: all, options: {tags: [y], auth: false}}
    delete: false
    update: {handler: "handlers.todos:update"}
"""
    (tmp_path / "routes.yaml").write_text(HEAD + text + "\ndatabase: {}")
    table, problems = check(tmp_path / "routes.yaml")
    assert table is not None
    assert problems == []
    found = [
        (route.method, route.path, route.id, str(route.handler), route.options.tags, route.mark.line)
        for route in table.routes
    ]
    assert found == [
        ("GET", "/todos", "all", "{model: Todo.list}", ("y",), 10),
        ("POST", "/todos", "todos.create", "{model: Todo.create}", ("x",), 4),
        ("GET", "/todos/{slug}", "todos.get", "{model: Todo.get}", ("x",), 4),
        ("PUT", "/todos/{slug}", "todos.replace", "{model: Todo.replace}", ("x",), 4),
        ("PATCH", "/todos/{slug}", "todos.update", "handlers.todos:update", ("x",), 12),
    ]
    assert {route.vhost for route in table.routes} == {"a.example.com"}
    assert [route.options.auth is None for route in table.routes] == [True, False, False, False, False]
    assert [route.options.payload.max_bytes for route in table.routes] == [1048576, 5120, 1048576, 5120, 5120]
    assert "handlers.todos:update" in table.names
    kinds = [route.handler for route in table.routes if isinstance(route.handler, Kind)]
    assert [kind.options.action for kind in kinds] == ["list", "create", "get", "replace"]


def test_a_resource_may_stand_in_a_group_and_in_a_table_that_is_used(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "routes.yaml").write_text(
        "models: {Todo: a:b}\nroutes: [{resource: todos, path: /, handler: {model: Todo}, actions: {list: false}}]"
    )
    (tmp_path / "routes.yaml").write_text(
        "database: {}\nmodels: {Todo: c:d}\n"
        "presets: {quiet: {tags: [quiet]}}\n"
        "plugins: [{table: inner/routes.yaml, as: inner, routes: {prefix: /in}, "
        "override: {todos.delete: {options: {tags: [over]}}}}]\n"
        "groups:\n"
        "  - prefix: /out\n"
        "    options: {payload: {maxBytes: 1KB}}\n"
        "    routes: [{resource: todos, path: /todos, handler: {model: Todo}, options: {use: [quiet]}}]\n"
    )
    table, problems = check(tmp_path / "routes.yaml")
    assert problems == []
    assert table is not None
    found = [(route.method, route.path, route.id, route.options.tags) for route in table.routes]
    assert found == [
        ("GET", "/out/todos", "todos.list", ("quiet",)),
        ("POST", "/out/todos", "todos.create", ("quiet",)),
        ("GET", "/out/todos/{id}", "todos.get", ("quiet",)),
        ("PUT", "/out/todos/{id}", "todos.replace", ("quiet",)),
        ("PATCH", "/out/todos/{id}", "todos.update", ("quiet",)),
        ("DELETE", "/out/todos/{id}", "todos.delete", ("quiet",)),
        ("POST", "/in", "inner.todos.create", ()),
        ("GET", "/in/{id}", "inner.todos.get", ()),
        ("PUT", "/in/{id}", "inner.todos.replace", ()),
        ("PATCH", "/in/{id}", "inner.todos.update", ()),
        ("DELETE", "/in/{id}", "inner.todos.delete", ("over",)),
    ]
    realms = [route.handler.realm for route in table.routes if isinstance(route.handler, Kind)]
    assert realms == [0] * 6 + [1] * 5
