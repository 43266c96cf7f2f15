"""What one run of the benchmark was asked for, and what it found."""

from __future__ import annotations

import argparse
import pathlib
import sys
from dataclasses import dataclass, field

from peers import Peer
from programs import Programs


@dataclass
class Bench:
    #: Of this run alone; everything in it goes at the end.
    folder: pathlib.Path
    programs: Programs
    peers: list[type[Peer]]
    #: The figures that were asked for; a way of measuring that yields more than those keeps the others to itself.
    figures: list[str]
    rounds: int
    #: What the command line says beyond that, by the names of its options.
    options: argparse.Namespace
    #: figure → peer → one value a round
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    #: figure → peer → why there is none
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, figure: str, peer: str, value: float) -> None:
        if figure.partition("-")[0] in self.figures:
            self.values.setdefault(figure, {}).setdefault(peer, []).append(value)

    def fail(self, figure: str, peer: Peer, why: str) -> None:
        said = peer.complaint().strip()
        self.failures.setdefault(figure, {})[peer.name] = f"{why}{'; it said: ' + said if said else ''}"
        say(f"{peer.name}: {why}")


def say(text: str) -> None:
    """Progress: to stderr, so that stdout is the report alone."""
    print(text, file=sys.stderr, flush=True)
