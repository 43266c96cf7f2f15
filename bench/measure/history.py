"""Reading back: the first line from a time on, a search through everything, the last lines of a long history.

The history is made by a supervisor, on a disk: a page cache may be taken back by the system, memory that holds files
may not. Every reading but the cold ones finds the files in the page cache, Abide's as well as its peer's.
"""

from __future__ import annotations

import bisect
import datetime
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

import processes
from measure.bench import Bench, say
from measure.capture import open_go
from measure.stamps import Stamps
from peers import Service, Supervisor
from peers.base import ROTATE_MIB

SERVICE = Service("service", [])
#: What is searched for: a word that one of a thousand lines has, and one of three words in a place.
SEARCHES = {"word": "ERROR", "pattern": r"status=(500|404) ms=1\d\d "}
#: Readings a round, each at another time of the history.
READINGS = 5
LIMIT = 600.0
#: Between the arrival of a line and its write, on a disk that makes its writers wait: nanoseconds.
SLACK = 2_000_000_000
HEAD_ROOM = 1.2


class History(Supervisor):
    """A supervisor that keeps all of it."""

    rotate = {"size": f'"{ROTATE_MIB}MiB"', "keep": "9999"}


class Long:
    """A long history, and when it was made."""

    def __init__(self, bench: Bench, folder: pathlib.Path, gib: float) -> None:
        self.peer = History(folder)
        size = round(gib * (1 << 30) / 100) * 100
        self.lines = size // 100
        report, go = Stamps(folder / "report"), self.peer.folder / "go"
        os.mkfifo(go)
        say(f"{gib:.3g} GiB are written below {folder}")
        self.peer.configure([Service(SERVICE.name, [bench.programs.emit, str(go), report.path, str(size), "65536"])])
        try:
            self.peer.start()
            open_go(go)
            offset = time.time_ns() - time.monotonic_ns()
            end_by = time.monotonic() + LIMIT
            stamps = report.next(LIMIT)
            while stamps is None or self.peer.captured(SERVICE) < size:
                if stamps is None or time.monotonic() > end_by:
                    raise TimeoutError(f"the history was not written within {LIMIT:.0f} s")
                time.sleep(0.01)
        finally:
            self.peer.stop()
            report.close()
        self.begun, self.ended = stamps[0] + offset, stamps[1] + offset
        self.files = sorted(str(path) for path in self.peer.log_files(SERVICE))
        #: Of each file, its first line and when its last one was written: the program's pace is uneven on a busy disk.
        self.parts = sorted((first_line(path), os.stat(path).st_mtime_ns) for path in self.files if os.path.getsize(path))
        self.environment = {**os.environ, **self.peer.environment()}

    def times_of(self, line: int) -> tuple[int, int]:
        """Between which times the line was written, in nanoseconds: as the file system knows it."""
        at = bisect.bisect_right(self.parts, (line, float("inf"))) - 1
        return self.parts[at - 1][1] if at > 0 else self.begun, self.parts[at][1]

    def command(self, *more: str) -> list[str]:
        return ["abide", "logs", SERVICE.name, *more]

    def warm(self) -> None:
        """Brings the files into the page cache."""
        subprocess.run(["cat", *self.files], stdout=subprocess.DEVNULL, check=True)

    def cool(self) -> None:
        """Takes the files, and their index, out of the page cache."""
        for path in pathlib.Path(self.files[0]).parent.iterdir():
            file = os.open(path, os.O_RDONLY)
            os.fdatasync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def first_line(path: str) -> int:
    with open(path, "rb") as file:
        return int(file.read(12))


def run(bench: Bench) -> None:
    if Supervisor not in bench.peers:
        return
    place = bench.options.history_place
    room, need = shutil.disk_usage(place).free, int(bench.options.history_gib * HEAD_ROOM * (1 << 30))
    if room < need:
        bench.failures.setdefault("history", {})["abide-supervisor"] = f"{place} has {room >> 30} GiB free, {need >> 30} are needed"
        return
    with tempfile.TemporaryDirectory(prefix="abide-bench-", dir=place, ignore_cleanup_errors=True) as folder:
        try:
            history = Long(bench, pathlib.Path(folder).resolve(), bench.options.history_gib)
            for number in range(bench.rounds):
                say(f"history: round {number + 1} of {bench.rounds}")
                one_round(bench, history)
        except (TimeoutError, subprocess.SubprocessError) as error:
            bench.failures.setdefault("history", {})["abide-supervisor"] = str(error)
            say(str(error))
        finally:
            processes.end_rest()


def one_round(bench: Bench, history: Long) -> None:
    history.warm()
    for _ in range(READINGS):
        part = random.uniform(0.05, 0.95)
        bench.add("history-since", "abide-supervisor", since(history, part))
    started = time.monotonic()
    said = subprocess.run(history.command("--lines", "100"), env=history.environment, stdout=subprocess.PIPE, check=True).stdout
    bench.add("history-last", "abide-supervisor", (time.monotonic() - started) * 1000)
    if said.count(b"\n") != 100 or not said.splitlines()[-1].startswith(f"{history.lines - 1:012}".encode()):
        raise TimeoutError("`abide logs --lines 100` did not give the last 100 lines")
    for name, pattern in SEARCHES.items():
        ways = {"abide-supervisor": history.command("--grep", pattern)}
        if shutil.which("rg"):
            ways["rg"] = ["rg", "--no-config", "--no-filename", "--no-line-number", pattern, *history.files]
            ways["rg-1"] = ["rg", "--threads", "1", *ways["rg"][1:]]
        found = {way: search(bench, history, name, way, ways[way]) for way in random.sample(list(ways), len(ways))}
        if len(set(found.values())) != 1:
            raise TimeoutError(f"they found different numbers of lines: {found}")
    history.cool()
    bench.add("history-cold", "abide-supervisor", since(history, random.uniform(0.05, 0.95)))


def since(history: Long, part: float) -> float:
    """Milliseconds from the start of `abide logs --since` to its first line, so deep in the history."""
    nanoseconds = int(history.begun + part * (history.ended - history.begun))
    when = datetime.datetime.fromtimestamp(nanoseconds / 1e9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    started = time.monotonic()
    reader = subprocess.Popen(history.command("--since", when), env=history.environment, stdout=subprocess.PIPE, bufsize=0)
    line = reader.stdout.read(100)
    took = (time.monotonic() - started) * 1000
    reader.send_signal(signal.SIGKILL)
    reader.stdout.close()
    reader.wait()
    if len(line) < 12 or not line[:12].isdigit():
        raise TimeoutError(f"`abide logs --since {when}` gave no line of the history but {line!r}")
    first, last = history.times_of(int(line[:12]))
    if not first - SLACK <= nanoseconds <= last + SLACK:
        early, late = ((at - nanoseconds) / 1e9 for at in (first, last))
        raise TimeoutError(f"`abide logs --since {when}` began at line {int(line[:12])}, which was written {early:.1f} to {late:.1f} s from then")
    return took


def search(bench: Bench, history: Long, name: str, way: str, command: list[str]) -> int:
    """Searches; the number of lines found."""
    started = time.monotonic()
    reader = subprocess.Popen(command, env=history.environment, stdout=subprocess.PIPE)
    lines = 0
    while chunk := reader.stdout.read1(1 << 16):
        lines += chunk.count(b"\n")
    took = time.monotonic() - started
    reader.stdout.close()
    _, status, usage = os.wait4(reader.pid, 0)
    reader.returncode = os.waitstatus_to_exitcode(status)
    if reader.returncode != 0:
        raise TimeoutError(f"{' '.join(command[:4])} ended with {reader.returncode}")
    bench.add(f"history-grep-{name}", way, history.lines * 100 / 1e9 / took)
    bench.add(f"history-grepcpu-{name}", way, (usage.ru_utime + usage.ru_stime) / (history.lines * 100 / 1e9))
    return lines
