"""Every problem a table can have: a stable code and what it means, the source of `docs/problems.md`.

A code is never given a second meaning; one that is no longer used is removed, not recycled.
"""

from enum import StrEnum
from typing import Self

SUBJECTS = {
    "HA01": "Reading the file",
    "HA02": "The form of the file",
    "HA03": "What does not fit together",
    "HA04": "What the table needs around it",
}


class Code(StrEnum):
    """The code as text, with `meaning` in one line for the documentation."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    SYNTAX = "HA0101", "The text is not YAML; what follows the place may not have been checked."
    DUPLICATE_KEY = "HA0102", "A mapping has the same key twice."
    KEY_NOT_TEXT = "HA0103", "A key is a list, a mapping or an alias; keys are text."
    TAG = "HA0104", "A tag other than !!str, !!int, !!float, !!bool and !!null, or a value that its tag does not allow."
    LEADING_ZERO = "HA0105", "An unquoted number starts with 0, which YAML versions read differently."
    NOT_JSON = "HA0106", "A number that JSON cannot carry: infinity, not-a-number, or too long."
    TOO_DEEP = "HA0107", "More than 64 levels of nesting."
    TOO_MANY_NODES = "HA0108", "The aliases (`*name`) stand for more than 100,000 values."
    UNKNOWN_ALIAS = "HA0109", "An alias (`*name`) without an anchor (`&name`) above it."
    RECURSIVE_ALIAS = "HA0110", "An alias inside the value that its own anchor names."
    SEVERAL_DOCUMENTS = "HA0111", "More than one YAML document (`---`) in the file."
    INVISIBLE = "HA0112", "An invisible character, such as a no-break space, in unquoted text or in a key."
    MERGE_KEY = "HA0113", "`<<` takes a mapping or a list of mappings."
    UNREADABLE = "HA0114", "The file is missing, unreadable, or not text in UTF-8."
    BUDGET = (
        "HA0116",
        "The expanded table exceeds a limit: 16 MB of text, 1,000,000 values, 250 tables, 16 levels of nested tables.",
    )
    SCHEMA_WEIGHT = "HA0117", "A JSON Schema that validates one value more than 10,000 times."
    VARIABLE_MISSING = "HA0121", "An environment variable is not set (or empty) and has no default."
    VARIABLE_FORM = "HA0122", "A `${…}` is not of one of the forms NAME, NAME:default, NAME:?message, file:path."
    SECRET_FILE = "HA0123", "The file that a `${file:…}` names cannot be read."

    TYPE = "HA0201", "A value of the wrong kind: text where a number is wanted, and so on."
    VALUE = "HA0202", "A value that is not among the ones allowed."
    MISSING = "HA0203", "A key that must be there is not."
    UNKNOWN = "HA0204", "A key that does not exist at this place."
    TEXT_FORM = "HA0205", "A text that is not in the form wanted: a duration, a handler's name, a hostname."
    RANGE = "HA0206", "A number that is too small or too large."
    LENGTH = "HA0207", "Too few or too many entries, or an entry twice."
    NAME_FORM = "HA0208", "A key that names something is not in the form of such a name."

    PATH = "HA0301", "A path that is not in hapi's path syntax."
    PATH_CONFLICT = "HA0302", "Two routes of one method and host match the same requests."
    TRAILING_SLASH = (
        "HA0303",
        "A path ends with a slash, which `server.router.stripTrailingSlash` removes from requests.",
    )
    HEAD = "HA0304", "HEAD is answered by the GET route and cannot be declared."
    DUPLICATE_ID = "HA0305", "Two routes or events share an id."
    ID_ON_SEVERAL = "HA0306", "An id on a route with several methods, which are several routes."
    SHADOWED = "HA0307", "Warning: a mixed segment such as `{name}.{ext}` is preferred to the literal it covers."
    UNKNOWN_STRATEGY = "HA0311", "An authentication strategy that `auth.strategies` does not have."
    UNKNOWN_SCHEME = "HA0312", "An authentication scheme that is neither built in nor in `auth.schemes`."
    NO_STRATEGY = "HA0313", "Authentication is configured without a strategy, and there is no default one."
    EXCLUSIVE = "HA0314", "Two options that exclude each other."
    SCOPE_TEMPLATE = "HA0315", "A scope refers to a value that requests of this route never have."
    EVENT_AUTH = "HA0316", "An event asks for another strategy than its namespace, which the handshake has settled."
    GET_PAYLOAD = "HA0321", "Options for a request body on a GET route, which has none."
    PARAMS = (
        "HA0322",
        "`validate.params` names a parameter that the path lacks, or `validate.headers` a name with capital letters.",
    )
    UNPARSED = "HA0323", "An input is validated that is not parsed."
    CORS_ORIGIN = "HA0324", "`cors.origin` mixes `*` with others, or lets any origin send credentials."
    PARTITIONED = "HA0325", "A partitioned cookie that is not Secure with SameSite=None."
    UNKNOWN_KIND = "HA0326", "A kind of handler that is neither built in nor in `kinds`."
    TEMPLATE = "HA0327", "A template such as `{params.id}` that is malformed, or names a value that no request has."
    SCHEMA = "HA0331", "A JSON Schema that is not valid by its own rules (2020-12)."
    SCHEMA_REF = "HA0332", "A `$ref` that leads nowhere."
    SCHEMA_REMOTE = "HA0333", "A `$ref` that points outside of the table, or a `$schema` other than 2020-12."
    SCHEMA_PATTERN = "HA0334", "A `pattern` that is not an ECMAScript regular expression, or is too large."
    SCHEMA_KEYWORD = "HA0335", "A JSON Schema with no keyword at all, or with a word that is nearly one and ignored."
    SCHEMA_VALUE = "HA0338", "A `default` that is invalid by its own schema. Warning: an invalid entry of `examples`."
    SCHEMA_ID = "HA0339", "Two schemas with the same `$id`, or dynamic references through too many scopes."
    DUPLICATE_EVENT = "HA0341", "A namespace, or an event of a namespace, is declared twice."
    RESERVED_EVENT = "HA0342", "An event name that Socket.IO keeps for itself."
    SOCKETS_PATH = "HA0343", "A route answers paths below `sockets.path`."
    NAMESPACE_NAME = (
        "HA0344",
        "A namespace's name that no client can request, or whose parameters are not in hapi's syntax.",
    )
    EVENT_NAME_PATTERN = "HA0345", "An event's name that looks like a pattern; the only pattern is `*` alone."
    NAMESPACE_OPTION = "HA0346", "A namespace sets an option twice: directly and under `options`."
    UNKNOWN_PRESET = "HA0351", "A preset that `presets` does not have."
    PRESET_CYCLE = "HA0352", "Presets that use each other in a circle."
    PREFIX = "HA0353", "A prefix that is not in hapi's path syntax."
    PARAM_MISSING = "HA0354", "A parameter without a default that nobody gives a value."
    PARAM_UNKNOWN = "HA0355", "A parameter that is not declared under `params`."
    PARAM_VALUE = "HA0356", "A value that the declaration of its parameter refuses."
    PARAM_DECLARATION = "HA0357", "A parameter whose declaration is not a JSON Schema (2020-12)."
    TABLE_MISSING = "HA0358", "A table that is used cannot be found or read."
    TABLE_CYCLE = "HA0359", "Tables that use each other in a circle."
    UNKNOWN_OVERRIDE = (
        "HA0360",
        "An override of what the used table does not have, or that does not fit it.",
    )
    PLUGIN_FORM = "HA0361", "An entry of `plugins` is either a table or a Python plugin."
    DUPLICATE_COOKIE = "HA0362", "Two tables declare a cookie of one name differently; cookies are the server's."
    SOCKET_PREFIX = (
        "HA0363",
        "A table with sockets is used under a prefix with parameters; a namespace has none.",
    )
    DUPLICATE_NAME = "HA0364", "A name that is taken: by another used table, or by what a plugin and its table declare."
    CACHE = "HA0365", "A cache that is declared twice or by nobody, or a cache policy that contradicts itself."
    CALL = "HA0366", "A call of a server method that is malformed, or of a method that `methods` does not have."
    CALL_ARGUMENT = "HA0367", "A call of a server method with something that requests of this route never have."
    PLUGIN_DEPENDENCY = "HA0368", "A plugin that another one needs is missing, of another version, or in a circle."
    DUPLICATE_PLUGIN = "HA0369", "A plugin that is registered twice, and is not made for that."
    EXT_ORDER = "HA0371", "Extension functions of one point whose `before` and `after` contradict each other."
    LOAD = "HA0372", "Limits of `server.load` without an interval in which it is measured."
    PROXY = "HA0373", "A trusted proxy that is neither an address nor a network."
    EVENT_NAME = "HA0374", "Listeners to an event, or to a channel of it, that there is not."
    UPLOADS = "HA0375", "`payload.uploads` is not a folder that can be written to."
    METHOD = "HA0376", "A method that is probably a misspelled HTTP method."
    REPLACED = (
        "HA0377",
        "Warning: a `pre` replaces inherited steps that assign values, or, on an event, any step of its namespace.",
    )
    ENCODING = "HA0381", "Settings for a content coding that `server.compression` does not offer."
    DIRECTORY_PATH = "HA0382", "The path of a route with a directory does not end with a parameter."
    FILE = "HA0383", "Options of a file that contradict each other."
    RESPONSE_STATUS = "HA0384", "A response schema for a status that has no body."
    COOKIE = "HA0385", "A cookie whose encoding, password and value do not fit together, or that is declared twice."
    PAYLOAD_AUTH = "HA0386", "Payload authentication that no strategy can give, or that one would not do without."
    HANDSHAKE = "HA0387", "A namespace asks for a strategy that cannot judge the handshake of a socket."
    STRATEGY = "HA0388", "Options of a strategy that need each other, or that let nobody judge the caller."
    LIMIT = "HA0391", "A limit whose settings contradict each other, or those of another limit of its name."
    LIMIT_BY = "HA0392", "A limit by a value that requests of this route never have."
    CSRF = "HA0393", "`csrf` where its token can never arrive."
    CSP = "HA0394", "Sources of a `csp` directive that contradict each other."
    RESOURCE = "HA0395", "A `resource` that says too much or too little."
    MODEL = "HA0396", "A handler of the kind `model` that names no model, or options that do not go together."
    OWNER = "HA0397", "Documents with an owner behind a route that does not ask for credentials."
    PROXIED = "HA0398", "A handler of the kind `proxy` that does not say where requests go, or would not pass them on."
    VIEWS = "HA0399", "Templates that are not there or cannot be used, or `views` that contradict themselves."

    IMPORT = "HA0401", "A `module:attribute` that cannot be imported (`check --import`)."
    NOT_CALLABLE = "HA0402", "A `module:attribute` that is not a function where one is wanted."
    STRATEGY_OPTIONS = "HA0403", "Options that the strategy's scheme refuses."
    NO_DATABASE = "HA0404", "Models are wanted from a database, and `database.uri` is empty."
    EXTRA = "HA0405", "An option needs a package that an extra of hapiish brings."
    PLUGIN = "HA0406", "A plugin that is none, that refuses its options or this hapiish, or that fails."
    KIND_OPTIONS = "HA0407", "Options that the kind of a handler refuses."


def page() -> str:
    """`docs/problems.md` as text."""
    lines = [
        "# Problems",
        "",
        "What `hapiish check` and `hapiish run` may find wrong with a table, by code. Codes are stable.",
        "Written by `hapiish check --codes`.",
    ]
    for prefix, subject in SUBJECTS.items():
        lines += ["", f"## {subject}", "", "| code | meaning |", "| --- | --- |"]
        lines += [f"| {code} | {code.meaning} |" for code in Code if code.startswith(prefix)]
    return "\n".join(lines) + "\n"
