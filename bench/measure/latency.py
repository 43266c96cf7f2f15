"""How long after a program has written a line others can read it: in the file, and from `abide logs --follow`.

With nothing else to do, and while 100-byte lines come as fast as they are taken. A follower's line has gone through
the file and through a second pipe.
"""

from __future__ import annotations

import os
import pathlib
import random
import subprocess
import time

import processes
from measure.bench import Bench, say
from measure.capture import open_go
from peers import Cat, Peer, Service, Supervisor, Whole

#: Lines a second, by the figure's name; 0 is as fast as they are taken.
RATES = {"idle": 20, "stream": 0}
SECONDS = 4.0
LIMIT = 60.0
SERVICE = Service("service", [])


def run(bench: Bench) -> None:
    # A file that is renamed under its reader is no matter of latency.
    ways = [("file", Cat), ("file", Whole), ("follow", Supervisor)]
    for number in range(bench.rounds):
        say(f"latency: round {number + 1} of {bench.rounds}")
        for load in RATES:
            for way, kind in random.sample(ways, len(ways)):
                if kind is not Cat and Supervisor not in bench.peers:
                    continue
                folder = bench.folder / f"latency-{number}-{load}-{way}"
                folder.mkdir(exist_ok=True)
                peer = kind(folder)
                try:
                    one_round(bench, peer, way, load)
                except (TimeoutError, subprocess.TimeoutExpired) as error:
                    bench.fail(f"latency-{way}-{load}", peer, str(error))
                finally:
                    peer.stop()
                    processes.end_rest()
                    for path in peer.log_files(SERVICE):
                        path.unlink(missing_ok=True)


def one_round(bench: Bench, peer: Peer, way: str, load: str) -> None:
    go = peer.folder / "go"
    os.mkfifo(go)
    peer.configure([Service(SERVICE.name, [bench.programs.tick, str(go), str(SECONDS), str(RATES[load])])])
    peer.start()
    if way == "file":
        reader = subprocess.Popen([bench.programs.lag, await_file(peer)], stdout=subprocess.PIPE)
    else:
        await_file(peer)
        environment = {**os.environ, **peer.environment()}
        lines = subprocess.Popen(["abide", "logs", SERVICE.name, "--follow", "--lines", "0"], env=environment, stdout=subprocess.PIPE)
        reader = subprocess.Popen([bench.programs.lag], stdin=lines.stdout, stdout=subprocess.PIPE)
        time.sleep(1.0)  # until it follows
    open_go(go)
    said, _ = reader.communicate(timeout=LIMIT)
    if reader.returncode != 0:
        raise TimeoutError("the reader did not see the last line")
    count, middle, most, longest = (int(number) for number in said.split())
    if not count:
        raise TimeoutError("the reader saw no line but the last")
    for figure, micros in (("", most), ("-median", middle), ("-longest", longest)):
        bench.add(f"latency-{way}-{load}{figure}", Cat.name if isinstance(peer, Cat) else Supervisor.name, micros / 1000)


def await_file(peer: Peer) -> pathlib.Path:
    """The file that the output goes to, once it is there."""
    end_by = time.monotonic() + LIMIT
    while time.monotonic() < end_by:
        for path in peer.log_files(SERVICE):
            if path.name in ("stdout.log", "service.log"):
                return path
        time.sleep(0.01)
    raise TimeoutError("no log file was made")
