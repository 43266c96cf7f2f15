"""What the programs know to be in their pipes, whatever became of them: the files that chatter keeps."""

from __future__ import annotations

import pathlib
import struct
from dataclasses import dataclass

#: The layout of `struct ledger` in programs/chatter.c.
HEADER = struct.Struct("=2Q")
STREAM = struct.Struct("=6Q")
RUNS, ENDED, BROKEN = 1, 2, 3


@dataclass
class Written:
    """What one run wrote to one stream."""

    #: Taken by the pipe.
    bytes: int
    lines: int
    #: Of the write that was being made when the program was killed: the pipe may have taken it, or a part.
    offered: int
    offered_lines: int
    #: Of the pipe, in bytes.
    capacity: int
    next: int


@dataclass
class Run:
    """One run of a program, from its start to its end."""

    id: int
    pid: int
    state: int
    stdout: Written
    stderr: Written
    #: Its supervisor was killed while it ran, so that what was on its way is gone.
    bereft: bool = False

    def of(self, stream: str) -> Written:
        return self.stdout if stream == "stdout" else self.stderr


def runs(folder: pathlib.Path, service: str) -> list[Run]:
    """All runs of a service, in the order in which they began."""
    found = []
    for path in sorted(folder.glob(f"{service}.*")):
        content = path.read_bytes()
        # A program that was killed before it could write has an empty one.
        if len(content) < HEADER.size + 2 * STREAM.size:
            continue
        pid, state = HEADER.unpack_from(content)
        streams = [Written(*STREAM.unpack_from(content, HEADER.size + i * STREAM.size)) for i in (0, 1)]
        found.append(Run(int(path.suffix[1:], 16), pid, state, *streams))
    return found
