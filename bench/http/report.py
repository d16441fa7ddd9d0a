"""Formats results as Markdown: a table for each number of routes; ratios within rounds, as median and range."""

from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

from summary import spread, table

Result = dict[str, Any]
Sample = dict[str, Any]
REFERENCES = ("starlette", "hapi")
TARGETS = (("hapiish", "starlette", 1.4), ("hapiish-uvicorn", "starlette", 1.25), ("hapiish", "hapi", 2.0))
BUSY = 0.9  # lower utilization: the server shared its core, or was not the bottleneck


def render(result: Result) -> str:
    """Returns the report; `result` is the JSON that `compare` writes."""
    samples: list[Sample] = result["samples"]
    sizes = sorted({sample["routes"] for sample in samples} | {one["routes"] for one in result["missing"]})
    parts = [_conditions(result)]
    parts += [_size(result, routes) for routes in sizes]
    if len(sizes) > 1:
        parts.append(_growth(samples, sizes))
    parts += [_targets(samples, sizes), _doubts(samples, result["missing"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _conditions(result: Result) -> str:
    machine, settings = result["machine"], result["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"{machine['when']}, {machine['processor']}, server and client pinned to a core each; {settings['rounds']} "
        f"interleaved rounds of {settings['seconds']:g} s, {settings['connections']} connections. Median (min..max); "
        f"ratios are computed within a round.\n\n{versions}"
    )


def _size(result: Result, routes: int) -> str:
    samples = [sample for sample in result["samples"] if sample["routes"] == routes]
    servers = _names(samples)
    references = [name for name in REFERENCES if name in servers]
    ratios = [f"× {name}" for name in references]
    head = ["server", "GET/s", *ratios, "CPU µs", "POST/s", *ratios, "CPU µs", "start s", "memory MB"]
    rows = []
    for server in servers:
        own = [sample for sample in samples if sample["server"] == server]
        row = [server]
        for kind in ("get", "post"):
            row.append(spread((_speed(sample, kind) for sample in own), "{:,.0f}"))
            row += [
                "1" if name == server else spread(_ratios(samples, server, name, kind), "{:.2f}") for name in references
            ]
            row.append(f"{median(_cpu(sample, kind) for sample in own):.0f}")
        row.append(spread((sample["start"] for sample in own), "{:.2f}"))
        row.append(f"{median(sample['memory'] for sample in own) / 2**20:.0f}")
        rows.append(row)
    reasons = {one["server"]: one["why"] for one in result["missing"] if one["routes"] == routes}
    for server, why in reasons.items():
        if server not in servers:
            rows.append([server, why.strip().splitlines()[-1], *[""] * (len(head) - 2)])
    return f"### {routes:,} routes\n\n{table(head, rows)}"


def _growth(samples: list[Sample], sizes: list[int]) -> str:
    head = ["server", *(f"{kind}, {size:,} routes" for kind in ("GET", "POST") for size in sizes[1:])]
    rows = []
    for server in _names(samples):
        row = [server]
        for kind in ("get", "post"):
            row += [spread(_growths(samples, server, kind, sizes[0], size), "{:.2f}") for size in sizes[1:]]
        rows.append(row)
    return f"### Speed relative to the same server with {sizes[0]:,} routes\n\n{table(head, rows)}"


def _targets(samples: list[Sample], sizes: list[int]) -> str:
    smallest = [sample for sample in samples if sample["routes"] == sizes[0]]
    lines = []
    for kind in ("get", "post"):
        for server, reference, target in TARGETS:
            reached = _ratios(smallest, server, reference, kind)
            lines += _verdict(f"{kind.upper()} of {server} relative to {reference}", reached, target)
        reached = _ratios(smallest, "hapiish-features", "hapiish", kind)
        lines += _verdict(f"{kind.upper()} with options on other routes, relative to none", reached, 0.95)
        reached = _growths(samples, "hapiish", kind, sizes[0], sizes[-1]) if len(sizes) > 1 else []
        lines += _verdict(f"{kind.upper()} with {sizes[-1]:,} routes, relative to {sizes[0]:,}", reached, 0.95)
    return "### Targets of hapiish\n\n" + "\n".join(lines) if lines else ""


def _verdict(what: str, reached: list[float], target: float) -> list[str]:
    if not reached:
        return []
    verdict = "met" if median(reached) >= target else "missed"
    return [f"- {verdict}: {what}: {spread(reached, '{:.2f}')}, target {target:g}"]


def _doubts(samples: list[Sample], missing: list[dict[str, Any]]) -> str:
    loads = [(load, sample, kind) for sample in samples for kind, load in sample["loads"].items()]
    if not loads:
        return ""
    busiest, sample, kind = max(loads, key=lambda one: one[0]["client_cpu"])
    lines = [f"The client was busy for at most {busiest['client_cpu']:.0%} of the time ({sample['server']}, {kind})."]
    disturbed = sum(load["server_cpu"] < BUSY for load, _, _ in loads)
    if disturbed:
        lines.append(
            f"**In {disturbed} of {len(loads)} loads the server had less than {BUSY:.0%} of its core**: "
            "other processes used it, or the client was the bottleneck. The ratios and targets above are unreliable."
        )
    if missing:
        lines.append(f"Samples missing: {len(missing)}.")
    return " ".join(lines)


def _names(samples: Iterable[Sample]) -> list[str]:
    return list(dict.fromkeys(sample["server"] for sample in samples))


def _speed(sample: Sample, kind: str) -> float:
    return float(sample["loads"][kind]["requests_per_second"])


def _cpu(sample: Sample, kind: str) -> float:
    """Returns the microseconds of the server's core for each request."""
    load = sample["loads"][kind]
    return 1e6 * float(load["server_cpu"]) / float(load["requests_per_second"])


def _ratios(samples: list[Sample], server: str, reference: str, kind: str) -> list[float]:
    return _paired(samples, lambda one: one["server"] == server, lambda one: one["server"] == reference, kind)


def _growths(samples: list[Sample], server: str, kind: str, smallest: int, size: int) -> list[float]:
    own = [sample for sample in samples if sample["server"] == server]
    return _paired(own, lambda one: one["routes"] == size, lambda one: one["routes"] == smallest, kind)


def _paired(
    samples: list[Sample], above: Callable[[Sample], bool], below: Callable[[Sample], bool], kind: str
) -> list[float]:
    references = {sample["round"]: _speed(sample, kind) for sample in samples if below(sample)}
    return [
        _speed(sample, kind) / references[sample["round"]]
        for sample in samples
        if above(sample) and sample["round"] in references
    ]
