"""From values to tables: medians, spread, ratios, and the bars they are held against."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass
from typing import Callable

from measure import Bench
from peers import ALL


@dataclass(frozen=True)
class Figure:
    title: str
    #: The peer that ratios refer to.
    reference: str
    digits: int


FIGURES = {
    "restart": Figure("Restart latency: SIGKILL of the program to main of the next, ms", "runit", 2),
    "memory": Figure("Memory per service, {n} services, programs excluded, PSS KiB", "s6", 0),
    "up": Figure("{n} services up, s", "s6", 3),
    "idle": Figure("Idle: voluntary context switches per second per service, {n} services", "supervisord", 4),
    "idle-all": Figure("Idle: all context switches per second per service, {n} services", "supervisord", 4),
    "logs-rate-64k": Figure("Log capture, 64 KiB writes, MB/s", "cat", 0),
    "logs-cpu-64k": Figure("Log capture, 64 KiB writes, CPU s/GB", "cat", 2),
    "logs-rate-line": Figure("Log capture, one 100-byte line a write, MB/s", "cat", 0),
    "logs-cpu-line": Figure("Log capture, one 100-byte line a write, CPU s/GB", "cat", 2),
}


@dataclass(frozen=True)
class Bar:
    text: str
    figure: str
    peer: str
    limit: Callable[[dict[str, float]], float | None]


#: What Abide promises. A limit that needs a peer which was not measured is None.
BARS = (
    Bar("restart latency ≤ 0.8 × runit, ms", "restart", "abide-supervisor", lambda of: 0.8 * of["runit"] if "runit" in of else None),
    Bar("restart latency under `abide up` ≤ 0.8 × runit, ms", "restart", "abide-up", lambda of: 0.8 * of["runit"] if "runit" in of else None),
    Bar("memory, each under its own supervisor ≤ 400 KiB", "memory", "abide-supervisor", lambda _: 400.0),
    Bar("memory under one `abide up` ≤ 85 KiB", "memory", "abide-up", lambda _: 85.0),
    Bar("idle: no wake-ups, per second per service", "idle", "abide-supervisor", lambda _: 0.0),
    Bar("idle under `abide up`: no wake-ups, per second per service", "idle", "abide-up", lambda _: 0.0),
    Bar("all services up, own supervisors, no slower than s6, s", "up", "abide-supervisor", lambda of: of.get("s6")),
    Bar("all services up, `abide up`, no slower than s6, s", "up", "abide-up", lambda of: of.get("s6")),
)


def medians(bench: Bench, figure: str) -> dict[str, float]:
    return {peer: statistics.median(values) for peer, values in bench.values.get(figure, {}).items()}


def machine() -> dict[str, object]:
    model = ""
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    load = [round(value, 2) for value in os.getloadavg()]
    return {"processors": os.cpu_count(), "model": model, "kernel": platform.release(), "load": load}


def as_json(bench: Bench, started: dict[str, object]) -> dict[str, object]:
    figures = {
        name: {
            peer: {"median": statistics.median(values), "values": [round(value, 6) for value in values]}
            for peer, values in by_peer.items()
        }
        for name, by_peer in bench.values.items()
    }
    return {
        "schema": "abide.bench/1",
        "machine": {"started": started, "ended": machine()},
        "rounds": bench.rounds,
        "services": bench.services,
        "figures": figures,
        "failures": bench.failures,
        "bars": [{"what": bar.text, "value": value, "limit": limit, "holds": holds} for bar, value, limit, holds in bars(bench)],
    }


def bars(bench: Bench) -> list[tuple[Bar, float, float, bool]]:
    """Every bar that this run can judge."""
    found = []
    for bar in BARS:
        of = medians(bench, bar.figure)
        limit = bar.limit(of)
        if bar.peer in of and limit is not None:
            found.append((bar, of[bar.peer], limit, of[bar.peer] <= limit))
    return found


def as_markdown(bench: Bench, started: dict[str, object]) -> str:
    out = [
        f"Measured in one run on {started['processors']} × {started['model'] or 'processor of unknown model'}, "
        f"Linux {started['kernel']}, load {started['load'][0]}; medians, in brackets the 10th to 90th percentile.",
        "",
    ]
    if judged := bars(bench):
        out += ["| bar | measured | limit | holds |", "|---|---|---|---|"]
        out += [f"| {bar.text} | {value:.3g} | {limit:.3g} | {'yes' if holds else '**no**'} |" for bar, value, limit, holds in judged]
        out.append("")
    for name, figure in FIGURES.items():
        if name in bench.values:
            out += table(bench, name, figure)
    for name, by_peer in bench.failures.items():
        out += [f"- {name}: {peer} failed: {why}" for peer, why in by_peer.items()]
    named = {peer for by_peer in bench.values.values() for peer in by_peer}
    out += [f"- `{kind.name}`: {kind.about}" for kind in ALL if kind.name in named]
    return "\n".join(out) + "\n"


def table(bench: Bench, name: str, figure: Figure) -> list[str]:
    of = medians(bench, name)
    base = of.get(figure.reference)
    counts = {len(values) for values in bench.values[name].values()}
    title = figure.title.format(n=bench.services)
    out = [f"| {title} (n = {min(counts)}) | median | | × {figure.reference} |", "|---|---|---|---|"]
    for peer in sorted(of, key=of.get):
        values = sorted(bench.values[name][peer])
        low, high = values[len(values) // 10], values[len(values) * 9 // 10]
        ratio = f"{of[peer] / base:.2f}" if base else ""
        d = figure.digits
        out.append(f"| {peer} | {of[peer]:.{d}f} | ({low:.{d}f}–{high:.{d}f}) | {ratio} |")
    return [*out, ""]
