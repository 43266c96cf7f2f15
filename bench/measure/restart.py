"""Restart latency: from SIGKILL of the program to the entry of main of the next one, with no delay configured.

All peers run at the same time, each with one program, and take turns in shuffled order: whatever the machine does
meanwhile hits all alike.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Callable

import processes
from measure.bench import Bench, say
from measure.stamps import Stamps
from peers import Cat, Peer, Service

FIGURE = "restart"
#: runit waits out the first second of a program's life; nobody is measured inside it.
UPTIME = 1.5
LIMIT = 20.0
#: A kill is cheap and its time wide of spread, so there are more of them than rounds.
KILLS_A_ROUND = 9


class Subject:
    """A peer with one program under it."""

    def __init__(self, bench: Bench, kind: type[Peer]) -> None:
        self.peer = kind(bench.folder)
        self.stamps = Stamps(bench.folder / f"{kind.name}.stamps")
        self.peer.configure([Service("service", [bench.programs.stamp, self.stamps.path])])

    def start(self) -> None:
        self.peer.start()
        self.await_program()

    def await_program(self) -> None:
        stamp = self.stamps.next(LIMIT)
        if stamp is None:
            raise TimeoutError(f"no program ran within {LIMIT:.0f} s")
        self.started, self.pid = stamp

    def restart(self) -> float:
        """Kills the program; milliseconds until the next one runs."""
        time.sleep(max(0.0, UPTIME - (time.monotonic_ns() - self.started) / 1e9))
        killed = time.monotonic_ns()
        os.kill(self.pid, signal.SIGKILL)
        self.await_program()
        return (self.started - killed) / 1e6

    def end(self) -> None:
        self.peer.stop()
        self.stamps.close()


def run(bench: Bench) -> None:
    subjects: list[Subject] = []

    def attempt(step: Callable[[Subject], None], subject: Subject) -> None:
        """A peer that fails leaves the round; the others go on."""
        try:
            step(subject)
        except (TimeoutError, ProcessLookupError) as error:
            bench.fail(FIGURE, subject.peer, str(error))
            subjects.remove(subject)
            subject.end()

    try:
        for kind in bench.peers:
            if kind is not Cat:
                subjects.append(Subject(bench, kind))
        for subject in list(subjects):
            attempt(Subject.start, subject)
        for number in range(bench.rounds * KILLS_A_ROUND):
            if number % KILLS_A_ROUND == 0:
                say(f"restart: round {number // KILLS_A_ROUND + 1} of {bench.rounds}")
            for subject in random.sample(subjects, len(subjects)):
                attempt(lambda subject: bench.add(FIGURE, subject.peer.name, subject.restart()), subject)
    finally:
        for subject in subjects:
            subject.end()
        processes.end_rest()
