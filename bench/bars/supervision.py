"""The figures of `bench/run` and their bars."""

from __future__ import annotations

from measure import Bench
from peers import Loop
from report import Bar, Column, Sheet, Table, medians

TABLES = (
    Table("Restart latency", "runit", (Column("restart", "SIGKILL of the program to main of the next, ms", 2),)),
    Table("{services} services up", "s6", (Column("up", "s", 3),)),
    Table("Memory per service, {services} services, programs excluded", "s6", (Column("memory", "PSS, KiB", 0),)),
    Table(
        "Idle, {services} services",
        "supervisord",
        (
            Column("idle", "voluntary context switches (wake-ups) per second per service", 4),
            Column("idle-all", "all context switches", 4),
        ),
    ),
)

RESTART = "restart, SIGKILL of the program to the next, delay 0"
MEMORY = "memory per service, {services} services, programs excluded, logs captured"
IDLE = "wake-ups per second per service when no probe is due"
UP = "{services} services up"
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


def distance(bench: Bench) -> list[str]:
    """How far every restart is from the least that one can cost."""
    of = medians(bench, "restart")
    if not (floor := of.get(Loop.name)):
        return []
    others = sorted((value, peer) for peer, value in of.items() if peer != Loop.name)
    named = ", ".join(f"{peer} +{value - floor:.2f} ms ({value / floor:.2f} ×)" for value, peer in others)
    return [f"Above a bare fork + exec + wait loop, which takes {floor:.2f} ms to restart: {named}.", ""]


SHEET = Sheet(TABLES, BARS, rounds=9, remarks=distance)
