"""The commands of `hapiish`: one entry per command, with its group, its line of the help and its examples.

The command line imports the module of a called command, `hapiish.cli.NAME`; plugins may not take these names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Group = Literal["serve", "understand", "describe", "develop", "operate"]

GROUPS: Final[Mapping[Group, str]] = {
    "serve": "Serve",
    "understand": "Check and understand",
    "describe": "Describe for others",
    "develop": "Develop",
    "operate": "Operate",
}
"""The headings of the help, in their order."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its group, its line of the help, and its examples, each a call with what it does."""

    group: Group
    help: str
    examples: tuple[tuple[str, str], ...]


COMMANDS: Final[Mapping[str, Command]] = {
    "run": Command(
        "serve",
        "serve a table",
        (
            ("hapiish run", "serve routes.yaml of this folder"),
            ("hapiish run --reload", "the same, and follow every change of the table and its modules"),
            ("hapiish run shop/routes.yaml --port 0 --workers 4", "four processes on any free port"),
        ),
    ),
    "reload": Command(
        "serve",
        "make the running servers of a table serve its new version",
        (
            ("hapiish reload --dry-run", "show what would change, and change nothing"),
            ("hapiish reload --port 3000", "reload the server on this port only"),
        ),
    ),
    "check": Command(
        "understand",
        "report all problems of a table",
        (
            ("hapiish check", "check routes.yaml of this folder, offline"),
            ("hapiish check --import", "also import the handlers, models, schemes and plugins"),
            ("hapiish check --no-env --format github", "in CI, where variables and packages are missing"),
            ("hapiish check --strict --format sarif", "for code scanning; warnings fail"),
            ("hapiish check --explain HA0204", "what a code means: wrong, right, why"),
        ),
    ),
    "routes": Command(
        "understand",
        "list the routes and events of a table",
        (
            ("hapiish routes", "the routes and events, each with the line that declares it"),
            ("hapiish routes shop/routes.yaml --json", "the same for a program"),
            ("hapiish routes --public --path /users", "those below /users that need no authentication"),
            ("hapiish routes --tag admin --format markdown", "a table for a pull request"),
        ),
    ),
    "explain": Command(
        "understand",
        "explain a route or event: its steps, and where each option comes from",
        (
            ("hapiish explain POST /messages/1", "the route that answers this request"),
            ("hapiish explain messages.create shop/routes.yaml", "the route or event with this id, in another table"),
            ("hapiish explain message --namespace /chat --json", "an event of a namespace, for a program"),
        ),
    ),
    "match": Command(
        "understand",
        "show which route answers a request, and why no other one does",
        (
            ("hapiish match GET /messages/1", "the route and its parameters; for a 404, the nearest routes"),
            ("hapiish match GET https://api.example.com/messages/1", "for routes with a vhost"),
            ("hapiish match OPTIONS /messages --origin https://a.example --request-method POST", "a CORS preflight"),
        ),
    ),
    "render": Command(
        "understand",
        "print the table as it is after plugins, groups, presets and variables",
        (
            ("hapiish render", "one table with the complete options of each route, secrets masked"),
            ("hapiish render --variables > flat.yaml", "the same with ${…} kept, a table with the same hash"),
        ),
    ),
    "types": Command(
        "describe",
        "print types: TypeScript for clients, or TypedDicts for handlers",
        (
            ("hapiish types -o web/api.ts", "requests, answers and the event maps of socket.io-client"),
            ("hapiish types --python -o api_types.py", "a type of request for each route and event"),
            ("hapiish types --check web/api.ts", "in CI: fail if the file is not up to date"),
        ),
    ),
    "schema": Command(
        "describe",
        "print the JSON Schema of tables, for editors",
        (("hapiish schema", "print the schema; an editor completes and checks a table with it"),),
    ),
    "test": Command(
        "develop",
        "run the examples of a table on a scratch database",
        (
            ("hapiish test", "run the examples of routes.yaml"),
            ("hapiish test -k messages -x", "only those of messages, up to the first failure"),
            ("hapiish test --junit report.xml", "also write a report for CI"),
            ("hapiish test --contract", "test the OpenAPI document with schemathesis (the extra contract)"),
        ),
    ),
    "new": Command(
        "develop",
        "write a new project that runs, with a test",
        (
            ("hapiish new shop", "a route, a model and a test in the new folder shop"),
            ("hapiish new shop --chat", "a project that uses the chat's table from its package"),
        ),
    ),
    "diff": Command(
        "understand",
        "compare two tables: what breaks clients, what is safe, what is unknown",
        (
            ("hapiish diff main:routes.yaml", "from the table of the branch main to routes.yaml of this folder"),
            ("hapiish diff v1:routes.yaml v2:routes.yaml", "between two revisions of git"),
            ("hapiish diff old.yaml new.yaml --format markdown", "tables for a comment on a pull request"),
            ("hapiish diff main:routes.yaml --fail-on unknown", "in CI: status 1 for anything that is not safe"),
        ),
    ),
    "openapi": Command(
        "describe",
        "write the HTTP routes of a table as OpenAPI 3.1",
        (
            ("hapiish openapi --output openapi.yaml", "write the document; a name that ends with .json is JSON"),
            ("hapiish openapi --output openapi.yaml --check", "in CI: fail if the document is not up to date"),
            ("hapiish openapi --vhost api.example.com", "only the routes that serve this host"),
        ),
    ),
    "asyncapi": Command(
        "describe",
        "write the Socket.IO events of a table as AsyncAPI 3.0",
        (
            ("hapiish asyncapi --output asyncapi.yaml", "write the document; a name that ends with .json is JSON"),
            ("hapiish asyncapi --output asyncapi.yaml --check", "in CI: fail if the document is not up to date"),
        ),
    ),
    "completion": Command(
        "develop",
        "print a script with which a shell completes commands and options",
        (
            (
                "hapiish completion bash",
                'in ~/.bashrc: eval "$(hapiish completion bash)"; for zsh in ~/.zshrc',
            ),
            ("hapiish completion fish", "in ~/.config/fish/config.fish: hapiish completion fish | source"),
        ),
    ),
    "doctor": Command(
        "develop",
        "show what would fail at `hapiish run`, and why",
        (
            ("hapiish doctor", "examine this machine and routes.yaml: Python, packages, MongoDB, Redis, names, port"),
            ("hapiish doctor shop/routes.yaml --json", "the same for a program; status 1 if run would fail"),
        ),
    ),
    "indexes": Command(
        "operate",
        "compare the indexes of the database with those of the models",
        (
            ("hapiish indexes", "list the indexes that are missing, changed or unneeded"),
            ("hapiish indexes --apply", "build the missing indexes"),
        ),
    ),
    "hash": Command(
        "operate",
        "hash a password or an API key for a table",
        (
            ("hapiish hash", "ask for a password and print its hash"),
            ("hapiish hash --key", "the same for an API key, which is long and random"),
        ),
    ),
}
"""The built-in commands, in the order of the help within their groups."""
