"""Log capture: how fast a program can write into its logs, and what that costs the supervision in processor time.

The program writes numbered lines of 100 bytes, either 64 KiB or one line a write.
"""

from __future__ import annotations

import os
import random
import time

import processes
from measure.bench import Bench, say
from measure.stamps import Stamps
from peers import Loop, Peer, Service

#: What the program writes at once, by the figure's name.
CHUNKS = {"64k": 65536, "line": 100}
#: Lines written one by one cost so much everywhere that fewer of them do.
SHARE = {"64k": 1.0, "line": 0.25}
LIMIT = 120.0
SERVICE = Service("service", [])


def run(bench: Bench) -> None:
    kinds = [kind for kind in bench.peers if kind is not Loop and kind.name != "s6-ready"]
    for number in range(bench.rounds):
        say(f"logs: round {number + 1} of {bench.rounds}")
        for chunk in CHUNKS:
            for kind in random.sample(kinds, len(kinds)):
                folder = bench.folder / f"logs-{number}-{chunk}"
                folder.mkdir(exist_ok=True)
                peer, report = kind(folder), Stamps(folder / f"{kind.name}.report")
                try:
                    one_round(bench, peer, report, chunk)
                except TimeoutError as error:
                    bench.fail(f"logs-rate-{chunk}", peer, str(error))
                finally:
                    peer.stop()
                    processes.end_rest()
                    report.close()
                    for path in peer.log_files(SERVICE):
                        path.unlink(missing_ok=True)


def one_round(bench: Bench, peer: Peer, report: Stamps, chunk: str) -> None:
    # Whole lines, so that what is captured can be compared to the byte.
    size = int(bench.log_bytes * SHARE[chunk]) // 100 * 100
    program, go = bench.programs.emit, peer.folder / "go"
    os.mkfifo(go)
    peer.configure([Service(SERVICE.name, [program, str(go), report.path, str(size), str(CHUNKS[chunk])])])
    peer.start()
    open_go(go)
    own = peer.processes(program)
    before = {pid: processes.cpu_seconds(pid) for pid in own}

    written = report.next(LIMIT)
    if written is None:
        raise TimeoutError(f"the program was still writing after {LIMIT:.0f} s")
    end_by = time.monotonic() + LIMIT
    while peer.captured(SERVICE) < size:
        if time.monotonic() > end_by:
            raise TimeoutError(f"only {peer.captured(SERVICE)} of {size} bytes reached the logs")
        time.sleep(0.002)
    seconds = (time.monotonic_ns() - written[0]) / 1e9
    cpu = sum(processes.cpu_seconds(pid) - before.get(pid, 0.0) for pid in peer.processes(program))
    bench.add(f"logs-rate-{chunk}", peer.name, size / 1e6 / seconds)
    bench.add(f"logs-cpu-{chunk}", peer.name, cpu / (size / 1e9))


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
