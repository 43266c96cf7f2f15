"""What the commands of the benchmark share: options, peers, a folder that goes, a report."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable

import measure
import peers
import processes
import programs
import report

ROOT = pathlib.Path(__file__).resolve().parent.parent
#: Where `bench/install-peers` puts what is no package of the system.
INSTALLED = ROOT / "target" / "peers"

Way = Callable[[measure.Bench], None]


def parser(doc: str, figures: dict[str, Way], rounds: int) -> argparse.ArgumentParser:
    """The options that all commands have."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=rounds, help=f"how often everything is measured (default {rounds})")
    made.add_argument("--only", type=listed, default=list(figures), help=f"figures: {', '.join(figures)}")
    made.add_argument("--peers", type=listed, help=f"peers: {', '.join(kind.name for kind in peers.ALL)}")
    made.add_argument("--place", type=pathlib.Path, help="folder to work in (default: /dev/shm, a disk's mood is not what is measured)")
    made.add_argument("--abide", type=pathlib.Path, default=ROOT / "target" / "release", help="folder of Abide's executables")
    made.add_argument("--output", type=pathlib.Path, help="folder for the report, as Markdown and with every value as JSON")
    return made


def listed(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def chosen(wanted: list[str]) -> list[type[peers.Peer]]:
    """The peers to measure; those that cannot be are named."""
    known = {kind.name: kind for kind in peers.ALL}
    for name in wanted:
        if name not in known:
            sys.exit(f"error: no peer is called '{name}'\nhint: known are {', '.join(known)}")
    found = []
    for name in wanted:
        if why := known[name].missing():
            measure.say(f"not measured: {name}: {why}")
        else:
            found.append(known[name])
    return found


def run(name: str, options: argparse.Namespace, figures: dict[str, Way], sheet: report.Sheet, usual: list[str]) -> int:
    """Measures what was asked for and reports it; the exit code of the command."""
    for figure in options.only:
        if figure not in figures:
            sys.exit(f"error: no figure is called '{figure}'\nhint: known are {', '.join(figures)}")
    if not shutil.which("cc"):
        sys.exit("error: the measured programs are built with cc, which is not found\nhint: apt install gcc libc6-dev")
    os.environ["PATH"] = f"{options.abide.resolve()}:{INSTALLED / 'bin'}:{os.environ['PATH']}"
    measured = chosen(options.peers or usual)
    options.place = options.place or pathlib.Path("/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir())

    # An interrupt and a polite kill unwind like an error, so that nothing is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    processes.adopt_orphans()
    started = report.machine()
    with tempfile.TemporaryDirectory(prefix="abide-bench-", dir=options.place, ignore_cleanup_errors=True) as folder:
        base = pathlib.Path(folder).resolve()
        bench = measure.Bench(base, programs.build(base), measured, options.only, options.rounds, options)
        peers.Loop.program = bench.programs.loop
        try:
            # Each way of measuring once, whichever of its figures were asked for.
            for way in dict.fromkeys(figures[figure] for figure in options.only):
                way(bench)
        finally:
            processes.end_rest()

    text = report.as_markdown(bench, sheet, started)
    print(text, end="")
    if options.rounds < sheet.rounds:
        measure.say(f"{options.rounds} rounds are a look, not a measurement: publish {sheet.rounds} or more")
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / f"{name}.md").write_text(text)
        (options.output / f"{name}.json").write_text(json.dumps(report.as_json(bench, sheet, started), indent=1) + "\n")
    return 0 if report.all_hold(bench, sheet) else 1
