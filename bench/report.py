"""From values to tables: medians, spread, ratios, and the bars they are held against."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass

from measure import Bench
from peers import ALL, Loop


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
    "idle": Figure("Idle: voluntary context switches (wake-ups) per second per service, {n} services", "supervisord", 4),
    "idle-all": Figure("Idle: all context switches per second per service, {n} services", "supervisord", 4),
    "logs-rate-64k": Figure("Log capture, 64 KiB writes, MB/s", "cat", 0),
    "logs-cpu-64k": Figure("Log capture, 64 KiB writes, CPU s/GB", "cat", 2),
    "logs-rate-line": Figure("Log capture, one 100-byte line a write, MB/s", "cat", 0),
    "logs-cpu-line": Figure("Log capture, one 100-byte line a write, CPU s/GB", "cat", 2),
}


@dataclass(frozen=True)
class Bar:
    """What Abide promises of one figure of one of its forms: at most `limit`, or `limit` times a peer's median."""

    what: str
    peer: str
    figure: str
    unit: str
    limit: float
    times: str | None = None

    def text(self) -> str:
        if self.times:
            return f"≤ {self.limit:g} × {self.times}" if self.limit != 1 else f"no slower than {self.times}"
        return f"≤ {self.limit:g} {self.unit}" if self.limit else "none"


RESTART = "restart, SIGKILL of the program to the next, delay 0"
MEMORY = "memory per service, {n} services, programs excluded, logs captured"
IDLE = "wake-ups per second per service when no probe is due"
UP = "{n} services up"
BARS = (
    Bar(RESTART, "abide-supervisor", "restart", "ms", 0.8, "runit"),
    Bar(RESTART, "abide-up", "restart", "ms", 0.8, "runit"),
    Bar(MEMORY, "abide-supervisor", "memory", "KiB", 400),
    Bar(MEMORY, "abide-up", "memory", "KiB", 85),
    Bar(IDLE, "abide-supervisor", "idle", "/s", 0),
    Bar(IDLE, "abide-up", "idle", "/s", 0),
    Bar(UP, "abide-supervisor", "up", "s", 1, "s6"),
    Bar(UP, "abide-up", "up", "s", 1, "s6"),
)


@dataclass(frozen=True)
class Verdict:
    bar: Bar
    measured: float
    #: What is allowed, in the unit of the bar.
    allowed: float
    #: What the bar refers to: the peer's median, or the limit itself.
    base: float

    @property
    def holds(self) -> bool:
        return self.measured <= self.allowed

    def ratio(self) -> str:
        return f"{self.measured / self.base:.2f} × {self.bar.times or 'the bar'}" if self.base else ""


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
        "bars": [
            {
                "what": verdict.bar.what.format(n=bench.services),
                "peer": verdict.bar.peer,
                "bar": verdict.bar.text(),
                "measured": verdict.measured,
                "allowed": verdict.allowed,
                "holds": verdict.holds,
            }
            for verdict in bars(bench)
        ],
    }


def bars(bench: Bench) -> list[Verdict]:
    """Every bar that this run can judge: those whose figure and reference were both measured."""
    found = []
    for bar in BARS:
        of = medians(bench, bar.figure)
        base = of.get(bar.times) if bar.times else bar.limit
        if bar.peer in of and base is not None:
            found.append(Verdict(bar, of[bar.peer], bar.limit * base if bar.times else bar.limit, base))
    return found


def unjudged(bench: Bench) -> list[str]:
    """What is missing from the table of bars, in words."""
    judged = [verdict.bar for verdict in bars(bench)]
    return [f"{bar.what.format(n=bench.services)}: {bar.peer}" for bar in BARS if bar not in judged]


def distance(bench: Bench) -> str | None:
    """How far every restart is from the least that one can cost."""
    of = medians(bench, "restart")
    if not (floor := of.get(Loop.name)):
        return None
    others = sorted((value, peer) for peer, value in of.items() if peer != Loop.name)
    told = ", ".join(f"{peer} +{value - floor:.2f} ms ({value / floor:.2f} ×)" for value, peer in others)
    return f"Above a bare fork + exec + wait loop, which takes {floor:.2f} ms to restart: {told}."


def as_markdown(bench: Bench, started: dict[str, object]) -> str:
    out = [
        f"Measured in one run on {started['processors']} × {started['model'] or 'processor of unknown model'}, "
        f"Linux {started['kernel']}, load {started['load'][0]}; medians, in brackets the 10th to 90th percentile.",
        "",
    ]
    if judged := bars(bench):
        out += ["| what | measured | bar | figure | ratio | holds |", "|---|---|---|---|---|---|"]
        for verdict in judged:
            bar, holds = verdict.bar, "yes" if verdict.holds else "**no**"
            cells = (bar.what.format(n=bench.services), bar.peer, bar.text(), f"{verdict.measured:.3g} {bar.unit}", verdict.ratio(), holds)
            out.append(f"| {' | '.join(cells)} |")
        out.append("")
    if missing := unjudged(bench):
        out += [f"Not judged in this run: {'; '.join(missing)}.", ""]
    if told := distance(bench):
        out += [told, ""]
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
