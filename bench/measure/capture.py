"""Log capture: how fast a program can write into its logs, and what that costs the supervision in processor time and
memory.

The program writes numbered lines of 100 bytes, either 64 KiB or one line a write.
"""

from __future__ import annotations

import os
import random
import time

import processes
from measure.bench import Bench, say
from measure.stamps import Stamps
from peers import Peer, Service

#: What the program writes at once, by the figure's name.
CHUNKS = {"64k": 65536, "line": 100}
#: At the pace of the slowest peer, and some more.
LIMIT_PER_GIB = 240.0
#: How often memory is looked at.
LOOK = 0.03
SERVICE = Service("service", [])


def run(bench: Bench) -> None:
    for number in range(bench.rounds):
        for chunk in CHUNKS:
            say(f"capture: round {number + 1} of {bench.rounds}, {CHUNKS[chunk]} bytes a write")
            for kind in random.sample(bench.peers, len(bench.peers)):
                folder = bench.folder / f"capture-{number}-{chunk}"
                folder.mkdir(exist_ok=True)
                peer, report = kind(folder), Stamps(folder / f"{kind.name}.report")
                try:
                    one_round(bench, peer, report, chunk)
                except TimeoutError as error:
                    bench.fail(f"capture-{chunk}", peer, str(error))
                finally:
                    peer.stop()
                    processes.end_rest()
                    report.close()
                    for path in peer.log_files(SERVICE):
                        path.unlink(missing_ok=True)


def one_round(bench: Bench, peer: Peer, report: Stamps, chunk: str) -> None:
    # Whole lines, so that what is captured can be compared to the byte.
    size = (bench.options.mib << 20) // 100 * 100
    limit = 30.0 + LIMIT_PER_GIB * size / (1 << 30)
    program, go = bench.programs.emit, peer.folder / "go"
    os.mkfifo(go)
    peer.configure([Service(SERVICE.name, [program, str(go), report.path, str(size), str(CHUNKS[chunk])])])
    peer.start()
    open_go(go)
    own = peer.processes(program)
    before = {pid: processes.cpu_seconds(pid) for pid in own}

    memory: list[int] = []
    end_by = time.monotonic() + limit
    while (written := report.next(LOOK)) is None:
        memory.append(sum(processes.rss(pid) for pid in own))
        if time.monotonic() > end_by:
            raise TimeoutError(f"the program was still writing after {limit:.0f} s")
    while not peer.settled(SERVICE, size):
        if time.monotonic() > end_by:
            raise TimeoutError(f"only {peer.captured(SERVICE)} of {size} bytes reached the logs")
        time.sleep(0.005)
    seconds = (time.monotonic_ns() - written[0]) / 1e9
    cpu = sum(processes.cpu_seconds(pid) - before.get(pid, 0.0) for pid in peer.processes(program))

    bench.add(f"capture-cpu-{chunk}", peer.name, cpu / (size / (1 << 30)))
    bench.add(f"capture-rate-{chunk}", peer.name, size / 1e6 / ((written[1] - written[0]) / 1e9))
    bench.add(f"capture-cores-{chunk}", peer.name, cpu / seconds)
    if len(memory) >= 3:
        # Not the very first: there the program has hardly begun.
        for part, at in (("start", 1), ("middle", len(memory) // 2), ("end", -1)):
            bench.add(f"capture-{part}-{chunk}", peer.name, memory[at] / 1024)
        bench.add(f"capture-peak-{chunk}", peer.name, max(memory) / 1024)
        bench.add(f"capture-growth-{chunk}", peer.name, (memory[-1] - memory[len(memory) // 2]) / 1024)


def open_go(path: os.PathLike[str]) -> None:
    """Lets the program begin, as soon as it waits for that."""
    end_by = time.monotonic() + 20.0
    while time.monotonic() < end_by:
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return
        except OSError:
            time.sleep(0.01)  # the program does not read yet
    raise TimeoutError("the program did not start within 20 s")
