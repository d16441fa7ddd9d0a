"""Permissions of every route and event, for callers of eleven standings; a missing rule is a failure."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio
from pymongo import MongoClient

from hapiish import Application, table
from hapiish.testing import inject
from tests.chat.callers import ROUTES, SECRET, connected, serving
from tests.chat.permissions import EVENT_RULES, REFUSED, ROUTE_RULES, STANDINGS, Rule
from tests.chat.standings import Standings, create, restore

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]

_worlds: dict[str, Standings] = {}


class Place:
    """The chat with the users of `standings` in its database."""

    def __init__(self, app: Application, world: Standings, database: Any) -> None:
        self.app = app
        self.world = world
        self.database = database

    async def restored(self) -> None:
        """Restores the database."""
        await asyncio.to_thread(restore, self.world, self.database)


@pytest.fixture
async def place(app: Application, mongo_uri: str) -> AsyncIterator[Place]:
    """The chat whose users the first test of the module makes. Later tests restore them."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        database = client.get_default_database()
        if mongo_uri not in _worlds:
            _worlds[mongo_uri] = await create(app, database)
        yield Place(app, _worlds[mongo_uri], database)


def filled(template: Any, names: dict[str, Any]) -> Any:
    """Returns a template with values in place of names. A text that is a single name becomes its value."""
    if isinstance(template, dict):
        return {key: filled(value, names) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, names) for value in template]
    if isinstance(template, str):
        name = template[1:-1] if template.startswith("{") and template.endswith("}") else None
        return names[name] if name in names else template.format(**names)
    return template


def test_every_route_and_event_has_its_rule() -> None:
    checked = table.load(ROUTES, {"JWT_SECRET": SECRET})
    assert {route.id for route in checked.routes} == {rule.id for rule in ROUTE_RULES}
    assert checked.sockets is not None
    events = {event.id for namespace in checked.sockets.namespaces for event in namespace.events}
    assert events == {rule.id for rule in EVENT_RULES}


@pytest.mark.parametrize("rule", ROUTE_RULES, ids=lambda rule: rule.id)
async def test_a_route_answers_each_standing_with_its_status(place: Place, rule: Rule) -> None:
    method, path = rule.path.split()
    found = {}
    for n, standing in enumerate(STANDINGS):
        await place.restored()
        names, token = place.world.names(standing), place.world.tokens.get(standing)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        payload = filled(rule.payload, names)
        call = {"method": method, "url": path.format(**names), "payload": payload, "headers": headers}
        answer = await inject(place.app, **call, remote_address=f"192.0.2.{n}")
        found[standing] = answer.status_code
    assert found == rule.expected()


@pytest.mark.parametrize("rule", EVENT_RULES, ids=lambda rule: rule.id)
async def test_an_event_answers_each_standing_with_its_status(place: Place, rule: Rule) -> None:
    found = {}
    async with serving(place.app) as url:
        for standing in STANDINGS[1:8]:
            await place.restored()
            async with connected(url, place.world.tokens[standing]) as device:
                ack = await device.send(rule.path, filled(rule.payload, place.world.names(standing)))
            found[standing] = 200 if ack["ok"] else ack["error"]["statusCode"]
    assert REFUSED | found == rule.expected()


@pytest.mark.parametrize("standing", REFUSED)
async def test_a_socket_is_refused_without_an_account(place: Place, standing: str) -> None:
    await place.restored()
    async with serving(place.app) as url:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(url, place.world.tokens.get(standing)):
                pass


@pytest.mark.parametrize("rule", EVENT_RULES, ids=lambda rule: rule.id)
async def test_a_socket_that_is_connected_loses_an_event_with_its_account(place: Place, rule: Rule) -> None:
    """Another process revokes the session or bans the account, and its disconnection of the socket is lost."""
    found = {}
    async with serving(place.app) as url:
        for standing in ("revoked", "banned"):
            await place.restored()
            await asyncio.to_thread(place.world.admit, standing, place.database)
            async with connected(url, place.world.tokens[standing]) as device:
                await place.restored()
                ack = await device.send(rule.path, filled(rule.payload, place.world.names(standing)))
            found[standing] = 200 if ack["ok"] else ack["error"]["statusCode"]
    assert found == {standing: REFUSED[standing] for standing in found}
