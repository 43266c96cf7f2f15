"""Many services under one roof: how long until all run, what the supervision costs in memory, what it does when idle.

One peer at a time, in shuffled order, each from nothing.
"""

from __future__ import annotations

import random
import time

import processes
from measure.bench import Bench, say
from measure.stamps import Stamps
from peers import Cat, Loop, Peer, Service

#: Seconds from the first start to the entry of main of the last program.
UP = "up"
#: KiB of the peer's own processes for each service, programs excluded.
MEMORY = "memory"
#: Context switches per second per service with nothing to do: voluntary ones, and all.
IDLE = "idle"
IDLE_ALL = "idle-all"

LIMIT = 60.0
SETTLE = 3.0


def run(bench: Bench) -> None:
    kinds = [kind for kind in bench.peers if kind not in (Cat, Loop) and kind.name != "s6-ready"]
    for number in range(bench.rounds):
        say(f"{bench.options.services} services: round {number + 1} of {bench.rounds}")
        for kind in random.sample(kinds, len(kinds)):
            folder = bench.folder / f"hundred-{number}"
            folder.mkdir(exist_ok=True)
            peer, stamps = kind(folder), Stamps(folder / f"{kind.name}.stamps")
            try:
                one_round(bench, peer, stamps)
            except TimeoutError as error:
                bench.fail("up, memory and idle", peer, str(error))
            finally:
                peer.stop()
                processes.end_rest()
                stamps.close()


def one_round(bench: Bench, peer: Peer, stamps: Stamps) -> None:
    program = bench.programs.stamp
    services = [Service(f"service-{i:03}", [program, stamps.path]) for i in range(bench.options.services)]
    peer.configure(services)
    begun = time.monotonic_ns()
    peer.start()
    bench.add(UP, peer.name, (await_all(stamps, bench.options.services) - begun) / 1e9)
    if not {MEMORY, IDLE} & set(bench.figures):
        return

    time.sleep(SETTLE)
    own = peer.processes(program)
    before = [processes.switches(pid) for pid in own]
    window = time.monotonic()
    time.sleep(bench.options.idle)
    after = [processes.switches(pid) for pid in own]
    window = time.monotonic() - window
    voluntary, involuntary = (sum(b[i] - a[i] for a, b in zip(before, after)) for i in (0, 1))
    bench.add(IDLE, peer.name, voluntary / window / bench.options.services)
    bench.add(IDLE_ALL, peer.name, (voluntary + involuntary) / window / bench.options.services)
    bench.add(MEMORY, peer.name, sum(processes.pss(pid) for pid in peer.processes(program)) / bench.options.services)
    # Every program has said one line: what is measured does capture logs.
    silent = [service.name for service in services if not peer.captured(service)]
    if silent:
        raise TimeoutError(f"no output of {silent[0]} and {len(silent) - 1} others reached the logs")
    if stamps.next(0) is not None:
        raise TimeoutError("a program was started twice")


def await_all(stamps: Stamps, count: int) -> int:
    """The moment at which the last of `count` programs ran."""
    end_by, last = time.monotonic() + LIMIT, 0
    for seen in range(count):
        stamp = stamps.next(end_by - time.monotonic())
        if stamp is None:
            raise TimeoutError(f"only {seen} of {count} programs ran within {LIMIT:.0f} s")
        last = max(last, stamp[0])
    return last
