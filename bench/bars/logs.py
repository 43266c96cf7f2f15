"""The figures of `bench/logs` and their bars."""

from __future__ import annotations

from report import Bar, Column, Sheet, Table

WRITES = {"64k": "64 KiB writes", "line": "100-byte writes"}

TABLES = (
    *(
        Table(
            f"Capture, {{mib}} MiB of 100-byte lines, {writes}",
            "cat",
            (
                Column(f"capture-cpu-{chunk}", "processor, s/GiB", 2),
                Column(f"capture-rate-{chunk}", "the writer writes, MB/s", 0),
                Column(f"capture-cores-{chunk}", "processors in use until all is done", 2, times=False),
                Column(f"capture-start-{chunk}", "RSS at the start, MiB", 1, times=False),
                Column(f"capture-middle-{chunk}", "in the middle", 1, times=False),
                Column(f"capture-end-{chunk}", "at the end", 1, times=False),
            ),
        )
        for chunk, writes in WRITES.items()
    ),
    *(
        Table(
            f"A line can be read {where}, {when}",
            "cat",
            (
                Column(f"latency-{way}-{load}", "99 of 100 after, ms", 2, times=False),
                Column(f"latency-{way}-{load}-median", "half of them after, ms", 2, times=False),
                Column(f"latency-{way}-{load}-longest", "the last after, ms", 1, times=False),
            ),
        )
        for load, when in (("idle", "20 lines a second"), ("stream", "100-byte lines at full speed"))
        for way, where in (("file", "in the file"), ("follow", "behind `abide logs --follow`"))
    ),
    Table(
        "Reading back from {history_gib:g} GiB",
        "rg",
        (
            Column("history-since", "first line of `--since`, ms", 1, times=False),
            Column("history-cold", "the same, files not in memory", 1, times=False),
            Column("history-last", "all of `--lines 100`, ms", 1, times=False),
        ),
    ),
    *(
        Table(
            f"Search of {{history_gib:g}} GiB for {what}",
            "rg",
            (
                Column(f"history-grep-{name}", "GB/s", 3),
                Column(f"history-grepcpu-{name}", "processor, s/GB", 2),
            ),
        )
        for name, what in (("word", "a word in one of 1000 lines"), ("pattern", "a pattern in one of 900"))
    ),
    Table(
        "Forwarding of {forward_lines:,} lines to an OTLP collector",
        "",
        (
            Column("forward-rate", "lines/s", 0, times=False),
            Column("forward-cpu", "processor, µs a line", 2, times=False),
            Column("forward-memory", "RSS, MiB", 1, times=False),
        ),
    ),
    Table(
        "Forwarding while the forwarder is killed and the collector goes away",
        "",
        (
            Column("forward-lost", "lines lost", 0, times=False),
            Column("forward-twice", "lines twice, for each fault", 0, times=False),
            Column("forward-batch", "largest batch", 0, times=False),
        ),
    ),
)


def capture(what: str, peer: str, chunk: str, limit: float, of: str) -> Bar:
    return Bar(f"{what}, {WRITES[chunk]}: processor per GiB", peer, f"capture-cpu-{chunk}", "s", limit, of)


def writer(what: str, peer: str, limit: float, of: str) -> tuple[Bar, ...]:
    return tuple(Bar(f"{what}, {writes}", peer, f"capture-rate-{chunk}", "MB/s", limit, of, at_least=True) for chunk, writes in WRITES.items())


RAW, USUAL = "raw capture to one file", "capture with rotation, index and arrival times"
MEMORY, LATENCY = "memory at full speed", "a line written can be read"
BARS = (
    capture(RAW, "abide-whole", "64k", 1.1, "cat"),
    *(capture(f"{RAW}, no peer lower", "abide-whole", "64k", 1, peer) for peer in ("horust", "supervisord", "pm2", "s6", "runit")),
    capture(RAW, "abide-whole", "line", 0.5, "cat"),
    *(capture(USUAL, "abide-supervisor", chunk, limit, of) for chunk in WRITES for limit, of in ((1.5, "cat"), (0.25, "s6"))),
    *writer("throughput of the writer", "abide-supervisor", 0.9, "cat"),
    *writer("throughput of the writer with compression on", "abide-zstd", 0.95, "abide-supervisor"),
    *(Bar(f"compression on, {writes}: processors in use", "abide-zstd", f"capture-cores-{chunk}", "", 1) for chunk, writes in WRITES.items()),
    *(
        Bar(f"{MEMORY}, most, {writes}", peer, f"capture-peak-{chunk}", "MiB", 8)
        for peer in ("abide-supervisor", "abide-zstd")
        for chunk, writes in WRITES.items()
    ),
    *(
        Bar(f"{MEMORY}, growth from the middle to the end, {writes}", "abide-supervisor", f"capture-growth-{chunk}", "MiB", 0.25)
        for chunk, writes in WRITES.items()
    ),
    *(
        Bar(f"{LATENCY} {where}, {when}", "abide-supervisor", f"latency-{way}-{load}", "ms", limit)
        for way, where, limit in (("file", "in the file", 50), ("follow", "behind `abide logs --follow`", 100))
        for load, when in (("idle", "idle"), ("stream", "100-byte lines at full speed"))
    ),
    Bar("`logs --since` deep in {history_gib:g} GiB: first line", "abide-supervisor", "history-since", "ms", 50),
    Bar("the same, files not in memory", "abide-supervisor", "history-cold", "ms", 50),
    *(
        Bar(f"`logs --grep` of {what} through {{history_gib:g}} GiB", "abide-supervisor", f"history-grep-{name}", "GB/s", 0.5, "rg", at_least=True)
        for name, what in (("word", "a word"), ("pattern", "a pattern"))
    ),
    Bar("forwarding to an OTLP collector", "abide-forward", "forward-rate", "lines/s", 200_000, at_least=True),
    Bar("lines lost by 3 × kill -9 of the forwarder and 3 outages of the collector", "abide-forward", "forward-lost", "", 0),
    Bar("lines twice for each of these, in batches", "abide-forward", "forward-again", "", 1),
)

SHEET = Sheet(TABLES, BARS, rounds=5)
