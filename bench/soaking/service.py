"""One chatty service under a real supervisor."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field

from soaking import ledger

#: Lines up to this length; longer than a file may grow, so that some are cut there.
LONGEST = 300_000
#: Where lines are dropped by whole lines: far shorter than what is held in memory.
SHORTER = 20_000
ROTATE_KIB = 256
#: Bytes between two looks that are a burst.
BURST = 32 << 10


@dataclass(frozen=True)
class Kind:
    """How the output of a service is kept."""

    name: str
    about: str
    rotate: str = ""
    logs: str = ""
    longest: int = LONGEST
    #: On the small disk that is full now and then.
    small_disk: bool = False
    #: Bytes that a supervisor may hold in memory beside what it has just read. None: lines that it has dropped or
    #: suppressed and not told yet go with it, however many. A busy pipe is read by 512 KiB, of which a buffer of 64 takes the
    #: last; the rest is told only by what is written next.
    memory: int | None = 0
    #: Whether old files go before the end.
    forgets: bool = False


DROPS = 'when-full = "drop-oldest"\nbuffer = "64KiB"\n'
KINDS = (
    Kind("zstd", "rotated, compressed with zstd", rotate=', compress = "zstd"'),
    Kind("gzip", "rotated, compressed with gzip", rotate=', compress = "gzip"'),
    Kind("plain", "rotated by size and by time", rotate=', every = "7s"'),
    Kind("drops", "never waited for: the oldest is dropped", logs=DROPS, longest=SHORTER, memory=None),
    Kind("limited", "500 lines a second at most", logs='rate-limit = { lines = 500, per = "1s" }\n', longest=SHORTER, memory=None),
    Kind("forgets", "old files are removed", rotate=', compress = "zstd"', forgets=True),
    Kind("full", "on a disk that is full now and then", rotate=', compress = "zstd"', small_disk=True),
    Kind("full-drops", "the same, never waited for", logs=DROPS, longest=SHORTER, small_disk=True, memory=None),
)


@dataclass
class Service:
    name: str
    kind: Kind
    #: `ABIDE_ROOT` of everything about it.
    root: pathlib.Path
    ledgers: pathlib.Path
    supervisor: int = 0
    kills: int = 0
    stops: int = 0
    program_kills: int = 0
    #: The times between which began what lost its supervisor.
    bereft: list[tuple[int, int]] = field(default_factory=list)

    def configure(self, chatter: str, text: pathlib.Path, rate: int) -> None:
        keep = "5" if self.kind.forgets else "10000"
        command = [chatter, self.name, str(self.ledgers), str(text), str(rate), str(self.kind.longest)]
        spec = self.root / "etc/abide/services" / f"{self.name}.toml"
        spec.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        spec.write_text(
            f"name = {json.dumps(self.name)}\n"
            f"[program]\ncommand = {json.dumps(command)}\n"
            '[account]\nrun-as = "system"\n'
            '[restart]\nwhen = "always"\ndelay = { initial = "0s", factor = 1.0, max = "0s", jitter = 0.0 }\ngive-up = false\n'
            f'[logs]\nrotate = {{ size = "{ROTATE_KIB}KiB", keep = {keep}{self.kind.rotate} }}\n{self.kind.logs}'
        )

    def environment(self) -> dict[str, str]:
        return {**os.environ, "ABIDE_ROOT": str(self.root)}

    def start(self) -> None:
        program = shutil.which("abide-supervisor")
        if program is None:
            raise FileNotFoundError("abide-supervisor is not on PATH")
        command = ["abide-supervisor", "run", "--manager", "runit", self.name]
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(self.root / f"{self.name}.errors"), append, 0o600),
        ]
        self.supervisor = os.posix_spawn(program, command, self.environment(), file_actions=files, setsid=True)

    def runs(self) -> list[ledger.Run]:
        found = ledger.runs(self.ledgers, self.name)
        for run in found:
            run.bereft = any(first <= run.id < end for first, end in self.bereft)
        return found

    def kill_program(self) -> bool:
        """Kills the program that runs now, if one does."""
        newest = self.runs()[-1:]
        if not newest or newest[0].state != ledger.RUNS:
            return False
        try:
            os.kill(newest[0].pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.program_kills += 1
        return True

    def kill_supervisor(self) -> None:
        """Kills the supervisor, and starts another as a service manager would."""
        os.kill(self.supervisor, signal.SIGKILL)
        await_end(self.supervisor)
        # Bereft is the run that went on or had just ended, and whichever the old one may have begun after it.
        newest = self.runs()[-1:]
        self.bereft.append((newest[0].id if newest else 0, time.monotonic_ns()))
        self.start()
        self.kills += 1

    def await_burst(self, seconds: float) -> None:
        """Until its program writes a lot, or so long: a kill is worth most when much is on its way."""
        end_by, before = time.monotonic() + seconds, None
        while time.monotonic() < end_by:
            newest = self.runs()[-1:]
            now = newest[0].stdout.bytes + newest[0].stderr.bytes if newest else 0
            if before is not None and now - before > BURST:
                return
            before = now
            time.sleep(0.001)

    def stop_supervisor(self) -> None:
        """Stops it as a service manager does; what the program has printed is kept to the last byte."""
        os.kill(self.supervisor, signal.SIGTERM)
        await_end(self.supervisor)
        self.stops += 1

    def rotate(self) -> bool:
        return self.abide("rotate", self.name).returncode == 0

    def trouble(self) -> str | None:
        """What hinders the capture, as `abide status` tells it."""
        said = self.abide("status", self.name, "--json").stdout
        try:
            shown = json.loads(said)
        except ValueError:
            return None
        return (shown.get("logs") or {}).get("trouble")

    def abide(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["abide", *arguments], env=self.environment(), capture_output=True, timeout=120)

    def reader(self, stream: str, *more: str) -> subprocess.Popen[bytes]:
        command = ["abide", "logs", self.name, "--since", "1970-01-02", "--stream", stream, *more]
        return subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1 << 20)


def await_end(pid: int, seconds: float = 60.0) -> None:
    end_by = time.monotonic() + seconds
    while time.monotonic() < end_by:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.002)
    raise TimeoutError(f"process {pid} did not end within {seconds:.0f} s")
