"""The plan of a run by a seed: users with devices, their operations, and faults of networks and servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

WEIGHTS = {
    "send": 40,
    "edit": 8,
    "remove": 4,
    "react": 8,
    "read": 8,
    "unread": 2,
    "draft": 3,
    "mute": 2,
    "typing": 2,
    "pin": 2,
    "stream": 2,
    "block": 2,
    "reenter": 1,
    "direct": 1,
    "group": 2,
    "invite": 4,
    "expel": 2,
    "leave": 1,
    "rename": 2,
    "older": 2,
    "hide": 2,
    "background": 3,
    "foreground": 4,
    "crash": 2,
    "cut": 4,
    "shut": 2,
    "stall": 1,
    "open": 4,
    "repeat": 2,
    "race": 2,
    "probe": 2,
    "forge": 2,
}
"""The relative frequency of each step."""

OF_NETWORK = ("cut", "shut", "stall", "open")
OF_CALLERS = ("repeat", "race", "probe", "forge")
TEXTS = ("ok", "привет", "👩‍👩‍👧 ok", "שלום", "a\nb", "x" * 500, " spaces ", "e\u0301", "<b>&amp;</b>")
EMOJIS = ("👍", "❤️", "😂")
KILL, RESTART = 40, 90  # steps between two kills, and between two orderly restarts, of a worker


@dataclass(frozen=True)
class Step:
    """A step. `given` has numbers from 0 to 1, which choose the objects of the step."""

    number: int
    kind: str
    device: str
    given: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """All parameters of a run. Only the times of its operations are not determined."""

    seed: int
    steps: int
    users: int = 5
    devices: int = 2

    def names(self) -> list[list[str]]:
        """The devices of each user."""
        return [[f"user {user} device {device}" for device in range(self.devices)] for user in range(self.users)]

    def __iter__(self) -> Iterator[Step]:
        random = Random(self.seed)
        names = [name for user in self.names() for name in user]
        for number in range(1, self.steps + 1):
            if number % RESTART == 0:
                yield Step(number, "restart", "", {"at": random.random()})
            elif number % KILL == 0:
                yield Step(number, "kill", "", {"at": random.random()})
            else:
                (kind,) = random.choices(list(WEIGHTS), list(WEIGHTS.values()))
                yield Step(number, kind, random.choice(names), self._given(kind, number, random))

    def _given(self, kind: str, number: int, random: Random) -> dict[str, Any]:
        """Returns random numbers for the parameters of a step. Each kind of step uses some of them."""
        others = random.sample(range(self.users), 3)
        is_empty = kind == "draft" and random.random() < 0.4
        return {
            "at": random.random(),
            "which": random.random(),
            "text": "" if is_empty else f"{number} {random.choice(TEXTS)}",
            "reply": random.random() if random.random() < 0.15 else None,
            "scope": random.choice(("me", "all")),
            "emoji": random.choice(EMOJIS),
            "on": random.random() < (0.3 if kind == "block" else 0.7),
            "until": random.choice((None, "2099-01-01T00:00:00.000Z")),
            "title": f"group {number}",
            "members": others[:2],
            "history": random.choice(("all", "joined")),
            "friend": others[0],
            "role": random.choice((None, "member", "admin")),
        }
