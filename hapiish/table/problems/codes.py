"""The codes of all problems and their meanings; `docs/problems.md` is generated from them.

A code never changes its meaning; an unused code is removed and not recycled.
"""

from enum import StrEnum
from typing import Self

SUBJECTS = {
    "HA01": "Reading the file",
    "HA02": "Keys, types and values",
    "HA03": "References and contradictions",
    "HA04": "Imports, packages and the database",
    "HA05": "Warnings of what is allowed, and probably not meant",
}


class Code(StrEnum):
    """The code as text; `meaning` is its line in the documentation."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    SYNTAX = "HA0101", "A YAML syntax error; the rest of the file may be unchecked."
    DUPLICATE_KEY = "HA0102", "A mapping has the same key twice."
    KEY_NOT_TEXT = "HA0103", "A key is a list, a mapping or an alias; keys must be text."
    TAG = "HA0104", "A tag other than !!str, !!int, !!float, !!bool and !!null, or a value that its tag does not allow."
    LEADING_ZERO = "HA0105", "An unquoted number starts with 0, which YAML versions read differently."
    NOT_JSON = "HA0106", "A number that JSON cannot represent: infinity, NaN, or too many digits."
    TOO_DEEP = "HA0107", "More than 64 levels of nesting."
    TOO_MANY_NODES = "HA0108", "The aliases (`*name`) expand to more than 100,000 values."
    UNKNOWN_ALIAS = "HA0109", "An undefined alias (`*name`): no anchor (`&name`) above it."
    RECURSIVE_ALIAS = "HA0110", "A recursive alias: it is inside the value of its own anchor."
    SEVERAL_DOCUMENTS = "HA0111", "More than one YAML document (`---`) in the file."
    INVISIBLE = "HA0112", "An invisible character, such as a no-break space, in unquoted text or in a key."
    MERGE_KEY = "HA0113", "A merge key (`<<`) whose value is neither a mapping nor a list of mappings."
    UNREADABLE = "HA0114", "The file is missing, unreadable, or not UTF-8 text."
    BUDGET = (
        "HA0116",
        "The expanded table exceeds a limit: 16 MB of text, 1,000,000 values, 250 tables, 16 levels of nested tables.",
    )
    SCHEMA_WEIGHT = "HA0117", "A JSON Schema that is evaluated more than 10,000 times for one value."
    VARIABLE_MISSING = "HA0121", "An environment variable is not set (or empty) and has no default."
    VARIABLE_FORM = "HA0122", "A `${…}` in none of the forms NAME, NAME:default, NAME:?message, file:path, params.name."
    SECRET_FILE = "HA0123", "The file that a `${file:…}` names cannot be read."

    TYPE = "HA0201", "A value of the wrong type, such as text instead of a number."
    VALUE = "HA0202", "A value that is not one of the allowed values."
    MISSING = "HA0203", "A required key is missing."
    UNKNOWN = "HA0204", "An unknown key."
    TEXT_FORM = "HA0205", "Text in the wrong format: a duration, a function's name, a hostname."
    RANGE = "HA0206", "A number that is too small or too large."
    LENGTH = "HA0207", "Too few or too many entries or characters, or a duplicate entry."
    NAME_FORM = "HA0208", "A name (as a key) in the wrong format."

    PATH = "HA0301", "An invalid path: not in hapi's path syntax."
    PATH_CONFLICT = "HA0302", "Conflicting routes: the same method and host, and paths that match the same requests."
    TRAILING_SLASH = (
        "HA0303",
        "A path ends with a slash, which `server.router.stripTrailingSlash` removes from requests.",
    )
    HEAD = "HA0304", "HEAD is answered by the GET route and cannot be declared."
    DUPLICATE_ID = "HA0305", "Two routes or events share an id."
    ID_ON_SEVERAL = "HA0306", "An id on a route with several methods, each of which is a route."
    SHADOWED = (
        "HA0307",
        "Warning: a shadowed path, such as `/logo.{ext}` beside `/{name}.{ext}`, which takes precedence.",
    )
    UNKNOWN_STRATEGY = "HA0311", "An unknown authentication strategy: not declared under `auth.strategies`."
    UNKNOWN_SCHEME = "HA0312", "An unknown authentication scheme: neither built in nor declared under `auth.schemes`."
    NO_STRATEGY = "HA0313", "Authentication without a strategy, and `auth.default` is not set."
    EXCLUSIVE = "HA0314", "Two options that exclude each other."
    SCOPE_TEMPLATE = (
        "HA0315",
        "A scope template that is malformed, or refers to a value that requests of the route do not have.",
    )
    EVENT_AUTH = "HA0316", "An event requires another strategy than its namespace's, which authenticates the handshake."
    GET_PAYLOAD = "HA0321", "Options for a request body on a GET route, which has none."
    PARAMS = (
        "HA0322",
        "`validate.params` names a parameter that the path lacks, or `validate.headers` a name in uppercase.",
    )
    UNPARSED = "HA0323", "Validation of an input that is not parsed."
    CORS_ORIGIN = "HA0324", "`cors.origin` mixes `*` with other origins, or allows credentials from any origin."
    PARTITIONED = "HA0325", "A partitioned cookie that is not Secure with SameSite=None."
    UNKNOWN_KIND = "HA0326", "An unknown kind of handler: neither built in nor declared under `kinds`."
    TEMPLATE = (
        "HA0327",
        "A template such as `{params.id}` that is malformed, or refers to a value that requests do not have.",
    )
    SCHEMA = "HA0331", "An invalid JSON Schema (2020-12)."
    SCHEMA_REF = "HA0332", "An unresolved `$ref`: its target does not exist."
    SCHEMA_REMOTE = "HA0333", "A `$ref` to a schema outside of the table, or a `$schema` other than 2020-12."
    SCHEMA_PATTERN = "HA0334", "A `pattern` that is not a valid ECMAScript regular expression, or is too large."
    SCHEMA_KEYWORD = (
        "HA0335",
        "A JSON Schema without any keyword, or with a misspelled keyword or format, which is ignored.",
    )
    SCHEMA_VALUE = (
        "HA0338",
        "A `default` that does not match its own schema. Warning: an entry of `examples` that does not.",
    )
    SCHEMA_ID = "HA0339", "Two schemas with the same `$id`, or dynamic references with too many dynamic scopes."
    DUPLICATE_EVENT = "HA0341", "A namespace, or an event of a namespace, is declared twice."
    RESERVED_EVENT = "HA0342", "An event name that Socket.IO reserves."
    SOCKETS_PATH = "HA0343", "A route at or below `sockets.path`, where Socket.IO answers."
    NAMESPACE_NAME = "HA0344", "A namespace name that no client can request, or with invalid path parameters."
    EVENT_NAME_PATTERN = "HA0345", "An event name that looks like a pattern; the only pattern is `*` alone."
    NAMESPACE_OPTION = "HA0346", "A namespace sets an option twice: directly and under `options`."
    PROCESSES = (
        "HA0347",
        "An option that works in one process, in a table that several processes serve (`sockets.queue`, `--workers`).",
    )
    UNKNOWN_PRESET = "HA0351", "An unknown preset: not declared under `presets`."
    PRESET_CYCLE = "HA0352", "Circular use of presets."
    PREFIX = "HA0353", "An invalid prefix: not in hapi's path syntax."
    PARAM_MISSING = "HA0354", "A required parameter without a value."
    PARAM_UNKNOWN = "HA0355", "An unknown parameter: not declared under `params`."
    PARAM_VALUE = "HA0356", "A parameter's value that does not match its declaration."
    PARAM_DECLARATION = "HA0357", "A parameter's declaration that is not a valid JSON Schema (2020-12)."
    TABLE_MISSING = "HA0358", "A used table that cannot be found or read."
    TABLE_CYCLE = "HA0359", "Circular use of tables."
    UNKNOWN_OVERRIDE = (
        "HA0360",
        "An override of an unknown route or event, or of an event with an option for routes only.",
    )
    PLUGIN_FORM = "HA0361", "An entry of `plugins` that is not exactly one of a table and a Python plugin."
    DUPLICATE_COOKIE = "HA0362", "Two tables declare the same cookie differently; all tables share their cookies."
    SOCKET_PREFIX = "HA0363", "A table with sockets under a prefix with parameters."
    DUPLICATE_NAME = "HA0364", "A duplicate name: of used tables, or of what a table and its plugins declare."
    CACHE = "HA0365", "An unknown or duplicate cache, or a cache policy with contradictory options."
    CALL = "HA0366", "A malformed call of a server method, or a call of a method that `methods` does not declare."
    CALL_ARGUMENT = "HA0367", "An argument of a server method call that requests of the route do not have."
    PLUGIN_DEPENDENCY = "HA0368", "A plugin's dependency that is missing, of another version, or circular."
    DUPLICATE_PLUGIN = "HA0369", "A plugin that is registered twice without allowing it."
    EXT_ORDER = "HA0371", "A circular order of extension functions: `before` and `after` contradict each other."
    LOAD = "HA0372", "Limits under `server.load` without `sampleInterval`: nothing is measured."
    PROXY = "HA0373", "A trusted proxy that is not an IP address or network."
    EVENT_NAME = "HA0374", "A listener for an undeclared server event or channel."
    UPLOADS = "HA0375", "`payload.uploads` is not a writable folder."
    METHOD = "HA0376", "A misspelled HTTP method."
    REPLACED = (
        "HA0377",
        "Warning: a `pre` replaces inherited steps that assign values, or, on an event, any step of its namespace.",
    )
    EXAMPLE = "HA0378", "An example that refers to what the table does not have: a parameter, an emit, another example."

    ENCODING = "HA0381", "Settings for a content coding that `server.compression` does not offer."
    DIRECTORY_PATH = "HA0382", "A directory handler's path without a parameter for the file name at its end."
    FILE = "HA0383", "Contradictory options of a file handler."
    RESPONSE_STATUS = "HA0384", "A response schema for a status that has no body."
    COOKIE = "HA0385", "A duplicate cookie, or contradictory settings: encoding, password, `autoValue`."
    PAYLOAD_AUTH = (
        "HA0386",
        "Payload authentication with a strategy that does not support it, or without one that it requires.",
    )
    HANDSHAKE = "HA0387", "A namespace with a strategy that cannot authenticate a Socket.IO handshake."
    STRATEGY = "HA0388", "Options of a strategy that are missing or contradictory, or would accept any caller."
    LIMIT = "HA0391", "A rate limit with contradictory settings, or with other settings than a limit of the same name."
    LIMIT_BY = "HA0392", "A rate limit by a value that requests of the route do not have."
    CSRF = "HA0393", "`csrf` where its token can never arrive: cookies or bodies are not parsed."
    CSP = "HA0394", "Contradictory sources in a `csp` directive."
    RESOURCE = "HA0395", "A `resource` with missing or unexpected keys."
    MODEL = "HA0396", "A `model` handler with an unknown model, or with contradictory options."
    OWNER = "HA0397", "Documents that depend on the caller (`owner`, `where`) behind a route without authentication."
    PROXIED = "HA0398", "Proxy targets: missing, ambiguous or client-controlled; or a proxy that parses request bodies."
    VIEWS = "HA0399", "Templates that are missing or invalid, or contradictory options of `views`."

    IMPORT = "HA0401", "A `module:attribute` that cannot be imported (`check --import`)."
    NOT_CALLABLE = "HA0402", "A `module:attribute` that is not a function where a function is required."
    STRATEGY_OPTIONS = "HA0403", "Options that the strategy's scheme rejects."
    NO_DATABASE = "HA0404", "Models need a database, and `database.uri` is empty."
    EXTRA = "HA0405", "An option needs a package that is not installed; an extra of hapiish installs it."
    PLUGIN = "HA0406", "A plugin that is invalid or raises an error, or rejects its options or this version of hapiish."
    KIND_OPTIONS = "HA0407", "Options that the kind of a handler rejects."

    UNREACHABLE = "HA0501", "Warning: a route that no caller may use: its scope requires and forbids the same value."
    UNBOUNDED_PATTERN = "HA0502", "Warning: a `pattern` for texts of any length from clients, without `maxLength`."
    COSTLY_PATTERN = "HA0503", "Warning: a `pattern` that backtracks too much for some texts, which are then refused."
    FOREIGN_PATTERN = (
        "HA0504",
        "Warning: a `pattern` that is not ECMAScript, so that other readers differ from hapiish.",
    )
    UNUSED = "HA0505", "Warning: a declaration that nothing uses, such as a schema, a preset, a strategy or a model."
    PLAIN_SECRET = "HA0506", "Warning: a password, a key or a URL with a login in the plain text of the file."
    OPEN_RESPONSE = "HA0507", "Warning: a response of a route with authentication that accepts unlisted properties."
    CHANGING_GET = "HA0508", "Warning: a GET route that changes data."
    NAMESPACE_PATTERN = (
        "HA0509",
        "Warning: a namespace whose name is a pattern without validation, or only looks like one.",
    )
    CATCH_ALL = "HA0510", "Warning: an event called `*`, which handles every undeclared event."
    CONTRADICTION = (
        "HA0511",
        "Warning: a JSON Schema that no value matches, or that requires a property it does not list.",
    )
    IGNORE = "HA0512", "Warning: `x-hapiish-ignore` names something that is not a code."


def page(folder: str = "problems") -> str:
    """The text of `docs/problems.md`, which links the pages in `folder`."""
    lines = [
        "# Problems",
        "",
        "The problems of a table that `hapiish check` and `hapiish run` report, by code. Codes are stable. The",
        "page of a code shows what is wrong, what is right, and why; `hapiish check --explain HA0204` prints it.",
        "Generated by `hapiish check --codes docs`.",
        "",
        "The exit status of `hapiish check` is 0 for a table without errors, 1 for one with errors, and 2 for a",
        "wrong use of the command. Warnings do not change it, unless `--strict` is set. `x-hapiish-ignore:",
        "[HA0505]` silences a warning about the mapping that has the key and about everything in it; in an entry",
        "of `plugins`, about the table that it uses; at the top of a file, about all of the file. `--ignore",
        "HA0502,HA0505` silences warnings for one call. An error cannot be silenced.",
    ]
    for prefix, subject in SUBJECTS.items():
        lines += ["", f"## {subject}", "", "| code | meaning |", "| --- | --- |"]
        lines += [f"| [{code}]({folder}/{code}.md) | {code.meaning} |" for code in Code if code.startswith(prefix)]
    return "\n".join(lines) + "\n"
