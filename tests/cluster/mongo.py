"""A MongoDB replica set of three members on the loopback."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from hapiish.store import local
from tests.cluster.processes import PATIENCE, Process, Reaper, free_port

NAME = "cluster"
# A failed primary is noticed within about two seconds instead of ten: an election is then part of a short test.
ELECTION = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500, "heartbeatTimeoutSecs": 2}


class ReplicaSet:
    """Three mongods; `uri(database)` names all of them."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        self.members: dict[str, Process] = {}
        for number in (1, 2, 3):
            port = free_port()
            data = folder / f"mongod-{number}"
            data.mkdir()
            command = [
                str(local.find()),
                *("--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
                *("--replSet", NAME, "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25"),
                *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=16MB)"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            ]
            address = f"127.0.0.1:{port}"
            self.members[address] = Process(
                f"mongod-{number}", command, folder, reaper, ready=partial(_answers, address)
            )

    def uri(self, database: str) -> str:
        """Returns the URI of a database."""
        return f"mongodb://{','.join(self.members)}/{database}?replicaSet={NAME}"

    def start(self) -> None:
        """Starts the members, initiates the set, and waits until one is primary and the others follow it."""
        for member in self.members.values():
            member.spawn()
        for member in self.members.values():
            member.wait_until_ready()
        members = [{"_id": number, "host": address} for number, address in enumerate(self.members)]
        config = {"_id": NAME, "members": members, "settings": ELECTION}
        with _client(next(iter(self.members))) as client:
            client.admin.command("replSetInitiate", config)
        self.wait_until_complete()

    def stop(self) -> None:
        """Ends all members at once: their data is thrown away."""
        for member in self.members.values():
            member.kill()

    def primary(self) -> str:
        """Returns the address of the primary once there is one."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for address, member in self.members.items():
                if member.is_running and (_hello(address) or {}).get("isWritablePrimary"):
                    return address
            time.sleep(0.05)
        raise RuntimeError("the replica set has no primary")

    def step_down(self) -> str:
        """Makes the primary step down; returns the address of the next one."""
        before = self.primary()
        with _client(before) as client:
            client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
        return self._other_than(before)

    def kill_primary(self) -> str:
        """Ends the primary by kill -9; returns the address of the next one. `restart` brings the member back."""
        before = self.primary()
        self.members[before].kill()
        return self._other_than(before)

    def restart(self) -> None:
        """Starts the members that have ended, and waits until the set is complete."""
        for member in self.members.values():
            if not member.is_running:
                member.start()
        self.wait_until_complete()

    def wait_until_complete(self) -> None:
        """Returns when one member is primary and the others are secondaries."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            states = [_hello(address) or {} for address in self.members]
            primaries = sum(bool(state.get("isWritablePrimary")) for state in states)
            if primaries == 1 and sum(bool(state.get("secondary")) for state in states) == len(states) - 1:
                return
            time.sleep(0.05)
        raise RuntimeError("the replica set is not complete")

    def _other_than(self, before: str) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if (now := self.primary()) != before:
                return now
            time.sleep(0.05)
        raise RuntimeError("no other member has become primary")


def _client(address: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(f"mongodb://{address}/?directConnection=true", serverSelectionTimeoutMS=2000)


def _answers(address: str) -> bool:
    return _hello(address) is not None


def _hello(address: str) -> dict[str, Any] | None:
    with MongoClient[dict[str, Any]](
        f"mongodb://{address}/?directConnection=true", serverSelectionTimeoutMS=250, socketTimeoutMS=1000, maxPoolSize=1
    ) as client:
        try:
            answer: dict[str, Any] = client.admin.command("hello")
        except PyMongoError:
            return None
        return answer
