"""`hapiish NAME [TABLE] …`: runs a command of a plugin while the table's server runs."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hapiish.cli.check import summary
from hapiish.cli.opening import show
from hapiish.cli.refusal import Refusal
from hapiish.table import check
from hapiish.table.form.wording import did_you_mean

DEFAULT = "routes.yaml"


def main(name: str, arguments: Sequence[str]) -> int | None:
    """Runs the command of a plugin. Returns its exit status, None without a table or Python plugins.

    `arguments` may begin with the file of the table.
    """
    file, rest = DEFAULT, list(arguments)
    if rest and rest[0].endswith((".yaml", ".yml")):
        file, *rest = rest
    if not Path(file).is_file():
        return None
    try:
        return _call(file, name, rest)
    except Refusal as error:
        print(f"hapiish: {error}", file=sys.stderr)
        return 1


def _call(file: str, name: str, arguments: list[str]) -> int | None:
    from hapiish.plugins import Plugins

    plugins = Plugins()
    table, problems = check(file, register=plugins)
    if not plugins.were_asked:
        return None
    show(problems)
    if table is None:
        raise Refusal(summary(file, table, problems))
    commands = plugins.commands
    if name not in commands:
        raise Refusal(f'no plugin of {file} has a command "{name}"{did_you_mean(name, commands)}')
    from hapiish.app import Application
    from hapiish.cli.database import local_database

    with local_database(table) as uri:
        app = Application(table, env=None, database_uri=uri, watch=False)
        return asyncio.run(_run(app, commands[name], arguments))


async def _run(app: Any, function: Any, arguments: list[str]) -> int:
    from hapiish.http.exchange.route import caller

    async with app.router.lifespan_context(app):
        status = await caller(function, app.server.pool.call)(app.server, arguments)
    return status if isinstance(status, int) else 0
