"""What every peer has in common: a folder, services to run, processes of its own."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat
from dataclasses import dataclass

import processes

#: Logs are cut at this size wherever a peer can, and enough old ones are kept that nothing is lost in a measurement.
ROTATE_MIB = 64
KEEP = 40


@dataclass(frozen=True)
class Service:
    name: str
    command: list[str]


class Peer:
    """One way of supervising services. A subclass writes its configuration and starts it."""

    #: How `--peers` and the tables call it.
    name: str
    #: What it stands for in a sentence of the tables' legend.
    about: str
    #: Executables it needs, and how to get them.
    needs: tuple[str, ...] = ()
    get: str = ""
    #: Bytes that it puts before each line.
    prefix: int = 0

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder / self.name
        self.folder.mkdir()
        self.tops: list[int] = []

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot be measured here, or None."""
        absent = [program for program in cls.needs if not shutil.which(program)]
        return f"{', '.join(absent)} not found; get it: {cls.get}" if absent else None

    def configure(self, services: list[Service]) -> None:
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def log_files(self, service: Service) -> list[pathlib.Path]:
        """Every file that holds captured output of the service."""
        return [path for path in (self.folder / "log" / service.name).glob("*") if path.name not in ("config", "lock", "state")]

    def launch(self, command: list[str], **environment: str) -> None:
        """Starts a process of the peer's own, apart from this one's terminal and pipes."""
        # posix_spawn and not Popen, which takes longer: a hundred of these are inside the time that `up` measures.
        program = shutil.which(command[0])
        if program is None:
            raise FileNotFoundError(f"{command[0]} is not on PATH")
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(self.folder / "errors"), append, 0o644),
        ]
        self.tops.append(os.posix_spawn(program, command, {**os.environ, **environment}, file_actions=files, setsid=True))

    def processes(self, program: str) -> list[int]:
        """The peer's own processes: everything it started but the program."""
        return [pid for pid in processes.below(self.tops) if not processes.runs(pid, program)]

    def captured(self, service: Service) -> int:
        """Bytes of output that have reached the logs."""
        total = 0
        for path in self.log_files(service):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                pass  # renamed by a rotation; counted the next time
        return total

    def settled(self, service: Service, size: int) -> bool:
        """Whether `size` bytes of 100-byte lines have reached the logs, and nothing is left to do."""
        return self.captured(service) >= size // 100 * (100 + self.prefix)

    def complaint(self) -> str:
        """The end of what the peer said on its stderr."""
        path = self.folder / "errors"
        return path.read_text(errors="replace")[-600:] if path.exists() else ""

    def stop(self) -> None:
        processes.end(self.tops)
        self.tops = []

    def write(self, path: str, text: str, executable: bool = False) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        if executable:
            target.chmod(target.stat().st_mode | stat.S_IXUSR)
