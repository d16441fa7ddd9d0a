"""The guarantees of the chat, and the run of a plan against servers of its own."""

from collections import Counter

from pymongo import MongoClient

from tests.model.plan import Plan
from tests.model.run import Run
from tests.model.servers import Servers
from tests.redis_server import RedisServer

GUARANTEES = {
    "G1": "an acknowledged message is stored, and is in every later page and catch-up",
    "G2": "a message that is sent several times is stored once, and every acknowledgement has the stored message",
    "G3": "the numbers of a conversation are 1, 2, 3 … without a gap or a repetition",
    "G4": "a reader of pages misses nothing and sees what is stored",
    "G5": "two users have one conversation",
    "G6": "a user who is not a member cannot read or write, gets no event, and cannot learn that a conversation exists",
    "G7": "the caller is the token's user, also if a payload names another one",
    "G8": "after every disconnection, a device has the state that a new device reads",
    "G9": "a client that does not read takes a bounded amount of memory, and is disconnected with a reason",
}


async def run_plan(
    plan: Plan, workers: int, mongo_uri: str, redis: RedisServer
) -> tuple[dict[str, list[str]], Counter[str]]:
    """Returns the faults by guarantee, and the numbers of events by name. The database is dropped at the end."""
    try:
        with Servers(workers, mongo_uri, redis) as servers:
            return await Run(plan, servers, mongo_uri).go()
    finally:
        with MongoClient[dict[str, object]](mongo_uri) as client:
            client.drop_database(client.get_default_database().name)
