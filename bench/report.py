"""From values to tables: medians, spread, ratios, and the bars they are held against."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from measure import Bench
from peers import ALL


@dataclass(frozen=True)
class Column:
    """One figure in a table."""

    figure: str
    heading: str
    digits: int
    #: Whether its ratio to the table's reference stands beside it.
    times: bool = True


@dataclass(frozen=True)
class Table:
    """One row a peer, in the order of the first column."""

    title: str
    #: The peer that ratios refer to.
    reference: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Bar:
    """What Abide promises of one figure of one of its forms: at most `limit`, or `limit` times a peer's."""

    what: str
    peer: str
    figure: str
    unit: str
    limit: float
    times: str | None = None
    at_least: bool = False

    def text(self) -> str:
        sign = "≥" if self.at_least else "≤"
        if self.times:
            return f"no slower than {self.times}" if self.limit == 1 else f"{sign} {self.limit:g} × {self.times}"
        return f"{sign} {self.limit:,g} {self.unit}".rstrip() if self.limit else "none"


@dataclass(frozen=True)
class Sheet:
    """What one command measures and promises."""

    tables: tuple[Table, ...]
    bars: tuple[Bar, ...]
    #: How many rounds make a measurement; fewer are a look.
    rounds: int
    #: Lines of its own between the bars and the tables.
    remarks: Callable[[Bench], list[str]] = lambda bench: []


@dataclass(frozen=True)
class Verdict:
    bar: Bar
    measured: float
    #: Of the figure to the peer's, or to the limit where the bar names no peer. None where that is nothing.
    ratio: float | None

    @property
    def holds(self) -> bool:
        value = self.ratio if self.bar.times else self.measured
        if value is None:
            return False
        return value >= self.bar.limit if self.bar.at_least else value <= self.bar.limit

    def ratio_text(self) -> str:
        return "" if self.ratio is None else f"{self.ratio:.2f} × {self.bar.times or 'the bar'}"


def medians(bench: Bench, figure: str) -> dict[str, float]:
    return {peer: statistics.median(values) for peer, values in bench.values.get(figure, {}).items()}


def ratio(bench: Bench, figure: str, peer: str, reference: str) -> float | None:
    """How many times the reference's figure a peer's is.

    Both took their turns in each round, so the median of the rounds' own ratios is least moved by whatever else the
    machine did meanwhile.
    """
    of = bench.values.get(figure, {})
    one, other = of.get(peer, []), of.get(reference, [])
    if not one or not other or not all(other):
        return None
    if len(one) == len(other):
        return statistics.median(a / b for a, b in zip(one, other))
    return statistics.median(one) / statistics.median(other)


def machine() -> dict[str, object]:
    model = ""
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    load = [round(value, 2) for value in os.getloadavg()]
    return {"processors": os.cpu_count(), "model": model, "kernel": platform.release(), "load": load}


def bars(bench: Bench, sheet: Sheet) -> list[Verdict]:
    """Every bar that this run can judge: those whose figure and reference were both measured."""
    found = []
    for bar in sheet.bars:
        measured = medians(bench, bar.figure).get(bar.peer)
        if measured is None:
            continue
        if bar.times:
            of = ratio(bench, bar.figure, bar.peer, bar.times)
            if of is not None:
                found.append(Verdict(bar, measured, of))
        else:
            found.append(Verdict(bar, measured, measured / bar.limit if bar.limit else None))
    return found


def all_hold(bench: Bench, sheet: Sheet) -> bool:
    return not bench.failures and all(verdict.holds for verdict in bars(bench, sheet))


def unjudged(bench: Bench, sheet: Sheet) -> list[str]:
    """What is missing from the table of bars, in words."""
    judged = [verdict.bar for verdict in bars(bench, sheet)]
    asked = [bar for bar in sheet.bars if bar.figure.partition("-")[0] in bench.figures]
    return [f"{told(bar.what, bench)} ({bar.peer}{f' to {bar.times}' if bar.times else ''})" for bar in asked if bar not in judged]


def told(text: str, bench: Bench) -> str:
    """A title with the numbers of this run in it."""
    return text.format(**vars(bench.options))


def as_json(bench: Bench, sheet: Sheet, started: dict[str, object]) -> dict[str, object]:
    figures = {
        name: {
            peer: {"median": statistics.median(values), "values": [round(value, 6) for value in values]}
            for peer, values in by_peer.items()
        }
        for name, by_peer in bench.values.items()
    }
    return {
        "schema": "abide.bench/2",
        "machine": {"started": started, "ended": machine()},
        "rounds": bench.rounds,
        "options": {name: value if isinstance(value, (int, float)) else str(value) for name, value in vars(bench.options).items()},
        "figures": figures,
        "failures": bench.failures,
        "bars": [
            {
                "what": told(verdict.bar.what, bench),
                "peer": verdict.bar.peer,
                "bar": verdict.bar.text(),
                "measured": verdict.measured,
                "ratio": verdict.ratio,
                "holds": verdict.holds,
            }
            for verdict in bars(bench, sheet)
        ],
    }


def as_markdown(bench: Bench, sheet: Sheet, started: dict[str, object]) -> str:
    out = [
        f"Measured in one run on {started['processors']} × {started['model'] or 'processor of unknown model'}, "
        f"Linux {started['kernel']}, load {started['load'][0]} before and {machine()['load'][0]} after; "
        "medians, in brackets the 10th to 90th percentile; a ratio is the median of the rounds' own.",
        "",
    ]
    if judged := bars(bench, sheet):
        out += ["| what | measured | bar | figure | ratio | holds |", "|---|---|---|---|---|---|"]
        for verdict in judged:
            bar, holds = verdict.bar, "yes" if verdict.holds else "**no**"
            figure = f"{shown(verdict.measured)} {bar.unit}".rstrip()
            cells = (told(bar.what, bench), bar.peer, bar.text(), figure, verdict.ratio_text(), holds)
            out.append(f"| {' | '.join(cells)} |")
        out.append("")
    if missing := unjudged(bench, sheet):
        out += [f"Not judged in this run: {'; '.join(missing)}.", ""]
    out += sheet.remarks(bench)
    for one in sheet.tables:
        if one.columns[0].figure in bench.values:
            out += table(bench, one)
    for name, by_peer in bench.failures.items():
        out += [f"- {name}: {peer} failed: {why}" for peer, why in by_peer.items()]
    named = {peer for by_peer in bench.values.values() for peer in by_peer}
    out += [f"- `{kind.name}`: {kind.about}" for kind in ALL if kind.name in named]
    return "\n".join(out) + "\n"


def shown(value: float) -> str:
    """Three digits, and never as a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(bench: Bench, of: Table) -> list[str]:
    columns = [column for column in of.columns if column.figure in bench.values]
    first = medians(bench, columns[0].figure)
    rounds = min(len(values) for values in bench.values[columns[0].figure].values())
    head = [f"{told(of.title, bench)} (n = {rounds})"]
    for column in columns:
        head += [column.heading, f"× {of.reference}"] if column.times else [column.heading]
    out = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for peer in sorted(first, key=first.get):
        row = [peer]
        for column in columns:
            row += cells(bench, column, peer, of.reference)
        out.append(f"| {' | '.join(row)} |")
    return [*out, ""]


def cells(bench: Bench, column: Column, peer: str, reference: str) -> list[str]:
    """The median, its spread, and where it is asked for the ratio."""
    values, d = sorted(bench.values[column.figure].get(peer, [])), column.digits
    if not values:
        return ["", ""] if column.times else [""]
    low, high = values[len(values) // 10], values[len(values) * 9 // 10]
    text = f"{statistics.median(values):.{d}f} ({low:.{d}f}–{high:.{d}f})"
    if not column.times:
        return [text]
    times = ratio(bench, column.figure, peer, reference)
    return [text, "" if times is None else f"{times:.2f}"]
