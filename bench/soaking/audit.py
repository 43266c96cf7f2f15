"""Reading a stream of a log back and holding it against the ledgers.

A reading goes through the lines once and keeps little: where each run begins and ends, and every place where numbers
jump or the log itself says that lines are missing. Judged is later, when the ledgers are complete.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from soaking.ledger import Run

NOTE = re.compile(rb"\[abide: (?:(\d+) lines?|part of a line) (?:\([^)]*\) )?(dropped|suppressed) here\]\n?")
LINE = re.compile(rb"([^ ]+)\.([oe]) ([0-9a-f]{16}) (\d{10}) (\d{7}) (\d{6}) ")
CHECKSUM = 10  # " %08x\n"


@dataclass
class Kept:
    """What a log has of one run."""

    first: int
    last: int
    lines: int = 0
    bytes: int = 0
    #: Bytes of a last line of which the end is missing.
    torn: int = 0


@dataclass
class Jump:
    """A place between two lines that do not follow each other, or between which something is said to be missing."""

    #: Run and number of the line before; None at the beginning.
    before: tuple[int, int] | None
    #: Of the line after; None at the end.
    after: tuple[int, int] | None
    #: How many lines the log says are missing here.
    told: int


@dataclass
class Reading:
    """One stream of one service's log."""

    service: str
    stream: str
    text: bytes
    kept: dict[int, Kept] = field(default_factory=dict)
    jumps: list[Jump] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    lines: int = 0
    notes: int = 0
    last: tuple[int, int] | None = None
    told: int = 0
    torn: bytes | None = None

    def take(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self.line(line)

    def line(self, line: bytes) -> None:
        if self.is_whole(line):
            run, number = int(line[self.run_at : self.run_at + 16], 16), int(line[self.run_at + 17 : self.run_at + 27])
            self.follow(run, number, len(line))
        elif note := NOTE.fullmatch(line):
            # The line of which a part is missing is there, broken.
            self.told += int(note[1] or 0)
            self.notes += 1
        elif self.torn is None:
            # Only what comes next tells whether this is the end of a run.
            self.torn = line
        else:
            self.error(f"two broken lines after each other: {self.torn[:80]!r}, {line[:80]!r}")
            self.torn = line

    def __post_init__(self) -> None:
        self.prefix = f"{self.service}.{'o' if self.stream == 'stdout' else 'e'} ".encode()
        self.run_at = len(self.prefix)

    def is_whole(self, line: bytes) -> bool:
        head = LINE.match(line)
        if not head or not line.startswith(self.prefix):
            return False
        offset, length, begin = int(head[5]), int(head[6]), head.end()
        end = begin + length
        return (
            len(line) == end + CHECKSUM
            and line[begin:end] == self.text[offset : offset + length]
            and line[end : end + CHECKSUM] == b" %08x\n" % zlib.crc32(line[:end])
        )

    def follow(self, run: int, number: int, length: int) -> None:
        here = (run, number)
        self.settle(here)
        if self.last is not None and here <= self.last:
            self.error(f"line {number} of run {run:x} comes after line {self.last[1]} of run {self.last[0]:x}: twice, or out of order")
            return
        if self.told or self.last is None or here != (self.last[0], self.last[1] + 1):
            self.jumps.append(Jump(self.last, here, self.told))
            self.told = 0
        kept = self.kept.setdefault(run, Kept(number, number))
        kept.last = number
        kept.lines += 1
        kept.bytes += length
        self.lines += 1
        self.last = here

    def settle(self, next_line: tuple[int, int] | None = None) -> None:
        """Says whose a broken line was: the last of the run before, or the only one of a run in between."""
        if self.torn is None:
            return
        torn, self.torn = self.torn.rstrip(b"\n"), None
        if next_line is not None and self.last is not None and next_line[0] == self.last[0]:
            where = f"{f'and {self.told} told as missing before or after it, ' if self.told else ''}before line {next_line[1]}"
            self.error(f"a line in the middle of run {self.last[0]:x} is broken, after line {self.last[1]}, {where}: {torn[:100]!r}")
            return
        shown = torn[self.run_at : self.run_at + 16]
        if not self.prefix.startswith(torn[: self.run_at]):
            self.error(f"foreign output: {torn[:100]!r}")
            return
        if len(shown) < 16:
            # Too short to say of which run: of the one before, or of one that wrote nothing else.
            return
        run = int(shown, 16)
        head = LINE.match(torn + b"\n")
        if head:
            whole = self.text[int(head[5]) : int(head[5]) + int(head[6])] + b" " + b"%08x" % zlib.crc32(
                torn[: head.end()] + self.text[int(head[5]) : int(head[5]) + int(head[6])]
            )
            if not whole.startswith(torn[head.end() :]):
                self.error(f"a broken line is no beginning of its line: {torn[:100]!r}")
        number = int(torn[self.run_at + 17 : self.run_at + 27]) if len(torn) >= self.run_at + 27 else 0
        kept = self.kept.setdefault(run, Kept(number, number - 1))
        if kept.torn:
            self.error(f"run {run:x} has two broken ends")
        kept.torn = len(torn)
        kept.bytes += len(torn)

    def end(self) -> None:
        self.settle()
        self.jumps.append(Jump(self.last, None, self.told))

    def error(self, text: str) -> None:
        # One fault can break every line that follows.
        if len(self.errors) < 20:
            self.errors.append(f"{self.service} {self.stream}: {text}")


@dataclass
class Judgement:
    """What came of holding one reading against the ledgers."""

    written: int = 0
    read: int = 0
    #: Missing where the log says so.
    told: int = 0
    #: Missing because a supervisor was killed, and the most bytes that one kill took.
    lost: int = 0
    most_lost: int = 0
    torn: int = 0
    errors: list[str] = field(default_factory=list)


def judge(reading: Reading, runs: list[Run], extra: int | None, from_the_start: bool) -> Judgement:
    """Every line that a pipe took must be there, or told as missing, or have been on its way when the supervisor was killed.

    On its way are the bytes in the pipe, as many in the hands of the supervisor, and `extra` in its memory;
    None where that is not bounded in bytes.
    """
    made = Judgement(read=reading.lines, errors=list(reading.errors))
    known = {run.id: run for run in runs}
    order = {run.id: i for i, run in enumerate(runs)}
    made.written = sum(run.of(reading.stream).lines for run in runs)
    made.torn = sum(1 for kept in reading.kept.values() if kept.torn)
    for run in reading.kept:
        if run not in known:
            made.errors.append(f"{reading.service} {reading.stream}: a line of run {run:x}, which never was")
            return made

    for jump in reading.jumps:
        judge_jump(made, reading, runs, order, jump, from_the_start)
    for run in runs:
        judge_run(made, reading, run, extra, from_the_start)
    return made


def judge_jump(made: Judgement, reading: Reading, runs: list[Run], order: dict[int, int], jump: Jump, from_the_start: bool) -> None:
    """Are exactly so many lines missing here as are told?"""
    made.told += jump.told
    if jump.before is None and not from_the_start:
        return
    first = order[jump.before[0]] if jump.before else 0
    last = order[jump.after[0]] if jump.after else len(runs) - 1
    missing = slack = 0
    bereft = False
    for at in range(first, last + 1):
        run, written = runs[at], runs[at].of(reading.stream)
        begin = jump.before[1] + 1 if jump.before and at == first else 0
        if jump.after and at == last:
            missing += jump.after[1] - begin
            continue
        missing += max(0, written.lines - begin)
        slack += written.offered_lines
        bereft = bereft or run.bereft
        # A line that was cut by the end of its run stands there, broken, or is among those that are told.
        kept = reading.kept.get(run.id)
        slack += 1 if kept and kept.torn or run.state != 2 else 0
    least = 0 if bereft else missing - slack
    if not least <= jump.told <= missing + slack:
        where = f"after {jump.before and f'line {jump.before[1]} of run {jump.before[0]:x}'}, before {jump.after and f'line {jump.after[1]} of run {jump.after[0]:x}'}"
        made.errors.append(f"{reading.service} {reading.stream}: {missing} lines are missing and {jump.told} told, {where}")
    elif bereft:
        made.lost += max(0, missing - jump.told)


def judge_run(made: Judgement, reading: Reading, run: Run, extra: int | None, from_the_start: bool) -> None:
    """Did a kill take no more than was on its way?"""
    kept, written = reading.kept.get(run.id), run.of(reading.stream)
    if kept and kept.bytes > written.bytes + written.offered + 1:
        made.errors.append(f"{reading.service} {reading.stream}: more is kept of run {run.id:x} than it wrote: {kept}, {written}, state {run.state}, bereft {run.bereft}")
    told_here = any(jump.told and run.id in {end[0] for end in (jump.before, jump.after) if end} for jump in reading.jumps)
    forgotten = not from_the_start and (kept is None or kept.first > 0)
    if run.bereft and not told_here and not forgotten and extra is not None:
        lost = written.bytes - (kept.bytes if kept else 0)
        made.most_lost = max(made.most_lost, lost)
        if lost > 2 * written.capacity + extra:
            made.errors.append(
                f"{reading.service} {reading.stream}: the kill of its supervisor took {lost} bytes from run {run.id:x}, "
                f"more than the pipe ({written.capacity}) holds twice and {extra} more"
            )
