"""The services of a soak, what happens to them, and the count at the end."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from soaking.audit import Judgement, Reading, judge
from soaking.service import KINDS, Service, await_end

#: Bytes that the programs' lines are cut from.
TEXT = 1 << 20
WORDS = ("request", "answered", "order", "basket", "user", "timeout", "retry", "connected", "closed", "status", "shipped", "queue")
SMALL_DISK = 1 << 30
STREAMS = ("stdout", "stderr")


@dataclass
class Counts:
    rotations: int = 0
    readings: int = 0
    full: int = 0
    #: How often the status told of a full disk, and that it is over.
    told: int = 0
    over: int = 0
    errors: list[str] = field(default_factory=list)


class Follower:
    """Reads a log as it grows, slower than it grows, and then to its end."""

    def __init__(self, service: Service, text: bytes, pace: int) -> None:
        self.reading = Reading(service.name, "stdout", text)
        self.process = service.reader("stdout", "--follow")
        self.pace = pace
        self.hurry = threading.Event()
        self.moved = time.monotonic()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        budget = 0.0
        for line in self.process.stdout:
            self.reading.line(line)
            self.moved = time.monotonic()
            budget += len(line) / self.pace
            if budget > 0.5 and not self.hurry.is_set():
                self.hurry.wait(budget)
                budget = 0.0

    def finish(self, lines: int) -> None:
        """Reads on until it has as many lines as the log, or nothing comes any more."""
        self.hurry.set()
        self.moved = time.monotonic()
        while self.reading.lines < lines and time.monotonic() - self.moved < 60.0:
            time.sleep(0.05)
        self.process.send_signal(signal.SIGKILL)
        self.thread.join(60)
        self.process.wait()


class Soak:
    def __init__(self, folder: pathlib.Path, chatter: str, seed: int, services: int, rate: int) -> None:
        self.folder, self.random, self.rate = folder, random.Random(seed), rate
        self.counts = Counts()
        words = random.Random(seed)
        self.text = " ".join(words.choice(WORDS) + str(words.randrange(1000)) for _ in range(TEXT // 6))[:TEXT].encode()
        text = folder / "text"
        text.write_bytes(self.text)
        ledgers = folder / "ledgers"
        ledgers.mkdir()
        roots = {False: folder / "disk", True: folder / "small"}
        self.small = roots[True] / "var/log/abide"
        self.small.mkdir(parents=True)
        roots[False].mkdir()
        self.is_small = mount(self.small)
        self.services = []
        for number in range(max(services, len(KINDS))):
            kind = KINDS[number] if number < len(KINDS) else KINDS[0]
            if kind.small_disk and not self.is_small:
                say(f"left out: {kind.name}: a disk of its own cannot be mounted here; be root")
                continue
            service = Service(f"{kind.name}-{number}", kind, roots[kind.small_disk], ledgers)
            service.configure(chatter, text, rate)
            self.services.append(service)

    def run(self, seconds: float) -> None:
        begun = time.monotonic()
        for service in self.services:
            service.start()
        while not all(service.runs() for service in self.services):
            if time.monotonic() - begun > 60:
                raise TimeoutError(f"not all programs ran within a minute: {self.complaints()}")
            time.sleep(0.05)
        self.follower = Follower(self.services[0], self.text, self.rate // 3)
        end_by, next_full, next_word = begun + seconds, time.monotonic() + 10.0, begun
        while time.monotonic() < end_by:
            time.sleep(self.random.uniform(0.05, 1.0))
            self.event()
            self.look()
            if self.is_small and time.monotonic() >= next_full and end_by - time.monotonic() > 30.0:
                self.fill()
                next_full = time.monotonic() + self.random.uniform(10.0, 40.0)
            if time.monotonic() >= next_word:
                say(f"{(time.monotonic() - begun) / 60:.1f} of {seconds / 60:.0f} minutes: {self.so_far()}")
                next_word = time.monotonic() + 30.0

    def event(self, among: list[Service] | None = None, faults: bool = True) -> None:
        """One thing that can happen to a service."""
        service = self.random.choice(among or self.services)
        what = self.random.choices(("program", "supervisor", "stop", "rotate", "read"), (4, 3, 1, 4, 1))[0]
        if what != "read" and self.random.random() < 0.7:
            service.await_burst(2.0)
        if what == "program":
            service.kill_program()
        elif what == "rotate":
            self.counts.rotations += service.rotate()
        elif what == "read":
            self.read_some(service)
        elif faults and what == "supervisor":
            service.kill_supervisor()
        elif faults and what == "stop":
            service.stop_supervisor()
            service.start()

    def read_some(self, service: Service) -> None:
        """The last lines can be read at any time."""
        said = service.abide("logs", service.name, "--lines", "20")
        self.counts.readings += 1
        if said.returncode != 0:
            self.fault(f"`abide logs {service.name} --lines 20` ended with {said.returncode}: {said.stderr.decode(errors='replace').strip()}")

    def fill(self) -> None:
        """The small disk is full for a while. Nobody's supervisor is killed meanwhile: what it holds in memory would be gone."""
        here = [service for service in self.services if service.kind.small_disk]
        self.counts.full += 1
        full_until = time.monotonic() + self.random.uniform(2.0, 6.0)
        resize(self.small, used(self.small))
        told = False
        while time.monotonic() < full_until or (not told and time.monotonic() < full_until + 30.0):
            time.sleep(0.2)
            self.event(here, faults=False)
            told = told or any(service.trouble() for service in here)
        resize(self.small, SMALL_DISK)
        self.counts.told += told
        if not told:
            self.fault("a full disk did not show in `abide status` within 30 s")
        end_by = time.monotonic() + 60.0
        while still := [service.name for service in here if service.trouble()]:
            if time.monotonic() > end_by:
                self.fault(f"a minute after the disk had room again, `abide status` still tells of trouble with {', '.join(still)}")
                return
            time.sleep(0.1)
        self.counts.over += 1

    def look(self) -> None:
        """A supervisor ends only when it is told to."""
        for service in self.services:
            pid, status = os.waitpid(service.supervisor, os.WNOHANG)
            if pid:
                self.fault(f"the supervisor of {service.name} ended by itself ({os.waitstatus_to_exitcode(status)}): {self.complaint(service)}")
                service.start()
        reap_strangers({service.supervisor for service in self.services})

    def stop(self) -> None:
        for service in self.services:
            os.kill(service.supervisor, signal.SIGTERM)
        for service in self.services:
            await_end(service.supervisor)

    def judge(self) -> tuple[list[tuple[Service, Judgement]], Judgement]:
        """Reads everything back and holds it against the ledgers; the follower's reading too."""
        found = []
        for service in self.services:
            runs, whole = service.runs(), Judgement()
            for stream in STREAMS:
                say(f"counting {service.name} {stream}")
                reading = Reading(service.name, stream, self.text)
                reader = service.reader(stream)
                reading.take(reader.stdout)
                reading.end()
                said = reader.stderr.read().decode(errors="replace").strip()
                if reader.wait() != 0:
                    reading.error(f"`abide logs` ended with {reader.returncode}: {said}")
                made = judge(reading, runs, service.kind.memory, not service.kind.forgets)
                add(whole, made)
                if service is self.services[0] and stream == "stdout":
                    self.follower.finish(reading.lines)
                    self.follower.reading.end()
            found.append((service, whole))
        followed = judge(self.follower.reading, self.services[0].runs(), self.services[0].kind.memory, True)
        return found, followed

    def so_far(self) -> str:
        of = self.services
        return (
            f"{sum(s.kills for s in of)} supervisors and {sum(s.program_kills for s in of)} programs killed, {sum(s.stops for s in of)} stopped, "
            f"{self.counts.rotations} rotations asked for, disk full {self.counts.full} times, {len(self.counts.errors)} faults"
        )

    def complaint(self, service: Service) -> str:
        path = service.root / f"{service.name}.errors"
        return path.read_text(errors="replace")[-400:].strip() if path.exists() else ""

    def complaints(self) -> str:
        return "; ".join(filter(None, map(self.complaint, self.services)))

    def fault(self, text: str) -> None:
        say(f"fault: {text}")
        self.counts.errors.append(text)


def add(whole: Judgement, part: Judgement) -> None:
    for name in ("written", "read", "told", "lost", "torn"):
        setattr(whole, name, getattr(whole, name) + getattr(part, name))
    whole.most_lost = max(whole.most_lost, part.most_lost)
    whole.errors += part.errors


def mount(folder: pathlib.Path) -> bool:
    """A small disk, in this process's own view of the file system: it goes with the last process that sees it."""
    options = ["-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=0755", "abide-soak", str(folder)]
    return subprocess.run(["mount", *options], capture_output=True).returncode == 0


def used(folder: pathlib.Path) -> int:
    told = os.statvfs(folder)
    return (told.f_blocks - told.f_bfree) * told.f_frsize


def resize(folder: pathlib.Path, size: int) -> None:
    """Gives the small disk that size, or the least that what is on it allows."""
    end_by = time.monotonic() + 10.0
    while subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], capture_output=True).returncode != 0:
        if time.monotonic() > end_by:
            raise TimeoutError(f"{folder} cannot be given {size} bytes")
        size = used(folder) + (64 << 10)


def reap_strangers(own: set[int]) -> None:
    """Takes leave of orphans; of the supervisors somebody else does."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in own:
            continue
        try:
            fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            if fields[0] == "Z" and int(fields[1]) == os.getpid():
                os.waitpid(int(entry), os.WNOHANG)
        except (OSError, ChildProcessError):
            pass


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
