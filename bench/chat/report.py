"""Formats results as Markdown: hapiish and the peer by operation, ratios within rounds, as median and quartiles."""

from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

from operations import OPERATIONS, Operation
from servers import BESIDE, SERVERS
from summary import table

Result = dict[str, Any]
Sample = dict[str, Any]
OURS, PEER = "hapiish", "peer"
OTHERS = (*SERVERS[1:], BESIDE)
FULL = 0.95  # above this utilization the core of MongoDB and the client may be the limit
BUSY = 0.9  # a server below this share of its core was not the limit of the rate, or not alone on it


def render(result: Result) -> str:
    """Returns the report; `result` is the JSON that `compare` writes."""
    samples: list[Sample] = result["samples"]
    done = [one for one in OPERATIONS if any(sample["operation"] == one.name for sample in samples)]
    parts = [
        _conditions(result),
        "### Processor time of the server, µs for each operation",
        _comparison(done, samples, "cpu", "{:.0f}", _at_most),
        "### Operations for each second",
        _comparison(done, samples, "rate", "{:,.0f}", _at_least),
        _details(done, samples),
        "\n".join(f"- {one.name}: {one.description}" for one in done),
        _doubts(samples),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def quartiles(values: list[float], form: str) -> str:
    """Formats the median and the quartiles."""
    if not values:
        return "–"
    middle = form.format(median(values))
    if len(values) < 3:
        return middle
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{middle} ({form.format(low)}..{form.format(high)})"


def _conditions(result: Result) -> str:
    facts, settings = result["machine"], result["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"{facts['when']}, {facts['processor']}; the server alone on one core, MongoDB and the client on another; "
        f"{settings['data']}; {settings['rounds']} alternating rounds of {settings['seconds']:g} s, "
        f"{settings['connections']} connections. Median (quartiles); ratios are computed within a round."
        f"\n\n{versions}"
    )


def _at_most(operation: Operation, ratio: float) -> str:
    return _verdict(operation.cpu, "≤", operation.cpu is not None and ratio <= operation.cpu)


def _at_least(operation: Operation, ratio: float) -> str:
    return _verdict(operation.rate, "≥", operation.rate is not None and ratio >= operation.rate)


def _verdict(target: float | None, relation: str, met: bool) -> str:
    return "" if target is None else f"{relation} {target:g} {'met' if met else 'missed'}"


def _comparison(
    done: list[Operation], samples: list[Sample], key: str, form: str, verdict: Callable[[Operation, float], str]
) -> str:
    peers = [name for name in OTHERS if any(sample["server"] == name for sample in samples)]
    rows = []
    for operation in done:
        ours = _values(samples, operation, OURS, key)
        row = [operation.name, quartiles([*ours.values()], form)]
        for name in peers:
            theirs = _values(samples, operation, name, key)
            ratios = [ours[number] / theirs[number] for number in ours if number in theirs]
            row += [quartiles([*theirs.values()], form), quartiles(ratios, "{:.2f}")]
            if name == PEER:
                row.append(verdict(operation, median(ratios)) if ratios else "")
        rows.append(row)
    head = ["operation", OURS]
    for name in peers:
        head += [name, "ratio", *(["target"] if name == PEER else [])]
    return table(head, rows)


def _details(done: list[Operation], samples: list[Sample]) -> str:
    head = ["operation", "server", "p50 ms", "p99 ms", "MongoDB commands", "MongoDB µs", "memory MB"]
    head += ["server busy", "client busy", "MongoDB busy"]
    forms = {"p50": "{:.1f}", "p99": "{:.1f}", "commands": "{:.2f}", "mongod_cpu": "{:.0f}"}
    rows = []
    for operation in done:
        for server in (OURS, *OTHERS):
            own = {key: [*_values(samples, operation, server, key).values()] for key in (*forms, "memory")}
            if not own["p50"]:
                continue
            row = [operation.name, server, *(form.format(median(own[key])) for key, form in forms.items())]
            row.append(f"{median(own['memory']) / 2**20:.0f}")
            busy = ("busy", "client_busy", "mongod_busy")
            row += [f"{median(_values(samples, operation, server, key).values()):.0%}" for key in busy]
            rows.append(row)
    return f"### Latency, MongoDB and utilization of the cores\n\n{table(head, rows)}"


def _doubts(samples: list[Sample]) -> str:
    limited = [one for one in samples if one["client_busy"] + one["mongod_busy"] > FULL and one["busy"] < BUSY]
    if not limited:
        return ""
    names = ", ".join(sorted({f"{one['server']} {one['operation']}" for one in limited}))
    return (
        f"**In {len(limited)} of {len(samples)} samples the core of MongoDB and the client was the limit** ({names}): "
        "their operations/s are a lower bound. Processor time is not affected."
    )


def _values(samples: list[Sample], operation: Operation, server: str, key: str) -> dict[int, float]:
    return {
        one["round"]: float(one[key])
        for one in samples
        if one["server"] == server and one["operation"] == operation.name
    }
