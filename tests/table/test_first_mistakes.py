"""Mistakes of beginners and of users of other frameworks: one problem for one cause, with the correct form."""

from pathlib import Path

import pytest

from hapiish.table import check, check_text
from hapiish.table.problems import Problem

ROUTE = '{method: GET, path: /a, handler: "h:a"'
PAYLOAD = (
    'schemas: {User: {type: object}}\nroutes: [{method: POST, path: /a, handler: "h:a", options: {validate: {payload: '
)

CASES = [
    ('routes: [{method: ANY, path: /a, handler: "h:a"}]', "1:19", 'did you mean "*"?'),
    ('routes: [{method: all, path: /a, handler: "h:a"}]', "1:19", 'did you mean "*"?'),
    ('routes: [{method: get/post, path: /a, handler: "h:a"}]', "1:19", "write [get, post]"),
    ('routes: [{method: "GET, POST", path: /a, handler: "h:a"}]', "1:19", "write [GET, POST]"),
    ('routes: [{method: GET, path: "http://localhost/a", handler: "h:a"}]', "1:30", 'write "/a"'),
    ('routes: [{method: GET, url: /a, handler: "h:a"}]', "1:24", 'did you mean "path"?'),
    ('routes: [{verb: GET, path: /a, handler: "h:a"}]', "1:11", 'did you mean "method"?'),
    ("routes: [{method: GET, path: /a, controller: 'h:a'}]", "1:34", 'did you mean "handler"?'),
    (f"routes: [{ROUTE}, config: {{auth: false}}}}]", "1:50", 'did you mean "options"?'),
    ('routes: [{method: POST, path: /a, handler: "h:a", options: {validate: {body: {}}}}]', "1:72", '"payload"?'),
    (f"routes: [{ROUTE}, options: {{limit: {{max: 5, window: 1m}}}}}}]", "1:76", 'did you mean "duration"?'),
    ("sockets: {namespaces: [{namespace: /, events: [{name: m, handler: 'h:a'}]}]}\nroutes: []", "1:49", '"event"?'),
    ("plugins: [{name: hapiish.plugins.docs}]\nroutes: []", "1:12", 'did you mean "plugin"?'),
    ("plugins: [docs]\nroutes: []", "1:11", 'write {plugin: "docs"} for a Python plugin'),
    (f"routes: [{ROUTE}, options: {{response: {{200: {{}}}}}}}}]", "1:71", 'it belongs under "status"'),
    ("routes: [{method: GET, path: /a, handler: {dir: public}}]", "1:44", 'did you mean "directory"?'),
    ('routes: [{method: GET, path: /a, handler: {proxy: "http://b"}}]', "1:51", 'write {uri: "http://b"}'),
    ("auth: {strategy: {s: {scheme: jwt}}}\nroutes: []", "1:8", 'did you mean "strategies"?'),
    ("/a: {get: h}", "1:1", "write it as an entry of routes: {method: GET, path: /a, handler: …}"),
    ("routes:\n- method:GET\n  path:/a\n", "2:3", 'write a space after each ":"'),
    ("schemas:\n- User: {type: object}\nroutes: []", "2:1", 'write its entries without "- "'),
    ("routes: [{method: GET, path: /a, handler: handlers.users.show}]", "1:43", 'write "handlers.users:show"'),
    ("routes: [{method: GET, path: /a, handler: 'handlers/users:show'}]", "1:43", 'write "handlers.users:show"'),
    ("routes: [{method: GET, path: /a, handler: 'handlers.users:show()'}]", "1:43", 'write "handlers.users:show"'),
    ("models: {User: models.user.User}\nroutes: []", "1:16", 'write "models.user:User"'),
    (f"routes: [{ROUTE}, options: {{auth: yes}}}}]", "1:66", "name a strategy"),
    (f"routes: [{ROUTE}, options: {{auth: true}}}}]", "1:66", "name a strategy"),
    (f"routes: [{ROUTE}, options: {{auth: off}}}}]", "1:66", "write false"),
    (f"routes: [{ROUTE}, options: {{auth: none}}}}]", "1:66", "write false for no authentication"),
    (f'routes: [{ROUTE}, options: {{auth: "false"}}}}]', "1:66", "write false without quotes"),
    ("database: {uri: 'postgres://localhost/x'}\nroutes: []", "1:17", "mongodb://"),
    ("database: mongodb://localhost/x\nroutes: []", "1:11", 'write {uri: "mongodb://localhost/x"}'),
    *(
        (f"{PAYLOAD}{{$ref: '{wrong}'}}}}}}}}]", "2:88", 'write "#/schemas/User"')
        for wrong in ("User", "#User", "schemas/User", "/schemas/User", "User.json", "#/definitions/User")
    ),
    (PAYLOAD + "{ref: '#/schemas/User'}}}}]", "2:82", 'did you mean "$ref"?'),
    (PAYLOAD + "'#/schemas/User'}}}]", "2:81", 'write {$ref: "#/schemas/User"}'),
    (PAYLOAD + "User}}}]", "2:81", 'write {$ref: "#/schemas/User"}'),
    ("schemas:\n  A:\n    $ref: #/schemas/B\nroutes: []", "3:5", 'an unquoted "#" begins a comment'),
    ("schemas: {A: {properties: {a: int}}}\nroutes: []", "1:31", "write {type: integer}"),
    ("schemas: {A: {type: dict}}\nroutes: []", "1:21", "write object"),
    ("schemas: {A: {required: name}}\nroutes: []", "1:25", 'write ["name"]'),
    ("schemas: {A: {properties: {a: {required: true}}}}\nroutes: []", "1:42", 'beside "properties"'),
    ("routes:\n  - method: GET\n\tpath: /a\n", "3:1", "indent with spaces"),
    ("params: {n: {default: " + "9" * 5000 + "}}\nserver: {port: '${params.n}'}\nroutes: []", "1:23", "too large"),
]


def told(problem: Problem) -> tuple[str, str]:
    return f"{problem.mark.line}:{problem.mark.column}", f"{problem.message}; {problem.hint}"


@pytest.mark.parametrize(("text", "at", "said"), CASES, ids=[f"{n} {case[0][:40]}" for n, case in enumerate(CASES)])
def test_a_common_mistake_is_one_problem_that_says_what_to_write(text: str, at: str, said: str) -> None:
    _, problems = check_text(text, "routes.yaml", {})
    assert len(problems) == 1, [told(each) for each in problems]
    place, words = told(problems[0])
    assert place == at
    assert said in words


@pytest.mark.parametrize("uri", ["", "memory:", "mongodb://localhost", "mongodb+srv://db.example/x", "${URI:}"])
def test_what_a_database_can_be_is_valid(uri: str) -> None:
    assert check_text(f'database: {{uri: "{uri}"}}\nroutes: []\n', "routes.yaml", {})[1] == []


def test_a_table_that_is_a_link_to_itself_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    table = tmp_path / "routes.yaml"
    table.write_text("plugins: [{table: loop.yaml}]\nroutes: []\n")
    ((place, words),) = map(told, check(table, {})[1])
    assert place == "1:19"
    assert "cannot be read" in words


def test_a_long_path_is_not_repeated_in_its_problem() -> None:
    (problem,) = check_text(f'routes: [{{method: GET, path: "/{"{a}-" * 5000}", handler: "h:a"}}]', "routes.yaml", {})[
        1
    ]
    assert len(problem.message) < 300
