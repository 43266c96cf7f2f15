"""What /proc tells about processes, and ending every one that was started here."""

from __future__ import annotations

import ctypes
import os
import pathlib
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
#: In the number of a process's clock: the time it was on a processor, in nanoseconds.
CPUCLOCK_SCHED = 2
TICKS = os.sysconf("SC_CLK_TCK")


def adopt_orphans() -> None:
    """Makes this process the parent of every orphan below it, so that none is lost when a peer dies."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become a child subreaper")


def read(path: str) -> str:
    """A file of /proc; empty when its process is gone."""
    try:
        return pathlib.Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def children() -> dict[int, list[int]]:
    """The living processes of this machine by their parent; zombies are left out."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = read(f"/proc/{entry}/stat").rpartition(")")[2].split()
            if fields and fields[0] != "Z":
                found.setdefault(int(fields[1]), []).append(int(entry))
    return found


def below(tops: list[int]) -> list[int]:
    """The given processes and all their descendants."""
    by_parent, found, todo = children(), [], list(tops)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += by_parent.get(pid, [])
    return found


def runs(pid: int, program: str) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/exe") == program
    except OSError:
        return False


def pss(pid: int) -> int:
    """The process's proportional share of memory, in KiB."""
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def switches(pid: int) -> tuple[int, int]:
    """Voluntary and involuntary context switches of all threads so far."""
    voluntary = involuntary = 0
    for thread in threads(pid):
        for line in read(f"/proc/{pid}/task/{thread}/status").splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                voluntary += int(line.split()[1])
            elif line.startswith("nonvoluntary_ctxt_switches:"):
                involuntary += int(line.split()[1])
    return voluntary, involuntary


def cpu_seconds(pid: int) -> float:
    """Processor time so far, by the scheduler's own clock: of all threads, those that have ended included, and of the
    children that it has taken leave of."""
    try:
        own = time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)
    except OSError:
        return 0.0
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return own + sum(map(int, fields[13:15])) / TICKS if fields else own


def rss(pid: int) -> int:
    """Memory of the process that is in use, shared pages included, in KiB."""
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def reap() -> None:
    """Takes leave of every child that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end(tops: list[int], patience: float = 10.0) -> None:
    """Ends these processes politely, then, without asking again, all that were below them."""
    tree = below(tops)
    for pid in tops:
        send(pid, signal.SIGTERM)
    end_by = time.monotonic() + patience
    while time.monotonic() < end_by and any(os.path.exists(f"/proc/{pid}") for pid in tops):
        time.sleep(0.01)
        reap()
    own = set(children_of_ours())
    for pid in tree:
        # A number that is still below this process is still the same process; any other may be a stranger's by now.
        if pid in own:
            send(pid, signal.SIGKILL)
    reap()


def end_rest() -> None:
    """Ends every process below this one, whoever started it."""
    while left := children_of_ours():
        for pid in left:
            send(pid, signal.SIGKILL)
        reap()
        time.sleep(0.01)


def children_of_ours() -> list[int]:
    """Every living process below this one."""
    return below(children().get(os.getpid(), []))


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
