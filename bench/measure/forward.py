"""Forwarding: lines a second from a supervisor's files into an OpenTelemetry collector, and whether each arrives.

How fast it goes is measured with rotel, a collector that exists, which counts what it takes. That nothing is lost is
measured with a collector that knows every line: the forwarder is killed (SIGKILL) again and again, and the collector is
gone for a while, in the middle of a request.
"""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import processes
from driver import INSTALLED
from measure.bench import Bench, say
from measure.collector import Collector
from measure.history import SERVICE, Long
from peers import Supervisor

KILLS = 3
LIMIT = 300.0
#: Of the lines, so many are for the measurement of what is lost; counting them one by one takes its time.
COUNTED = 0.25
NAME = "abide-forward"


def run(bench: Bench) -> None:
    if Supervisor not in bench.peers:
        return
    for number in range(bench.rounds):
        say(f"forward: round {number + 1} of {bench.rounds}")
        for what, share, one_round in (("rate", 1.0, at_full_speed), ("lost", COUNTED, through_faults)):
            folder = bench.folder / f"forward-{number}-{what}"
            folder.mkdir()
            try:
                logs = Long(bench, folder, bench.options.forward_lines * share * 100 / (1 << 30))
                one_round(bench, logs, folder)
            except (TimeoutError, OSError, subprocess.SubprocessError) as error:
                bench.failures.setdefault(f"forward-{what}", {})[NAME] = str(error)
                say(str(error))
            finally:
                processes.end_rest()
                shutil.rmtree(folder, ignore_errors=True)


def rotel() -> pathlib.Path | None:
    return next(INSTALLED.glob("python/lib/python*/site-packages/rotel/rotel-agent"), None)


class Forwarder:
    """`abide forward run`, with one sink."""

    def __init__(self, logs: Long, folder: pathlib.Path, port: int) -> None:
        self.logs, self.config = logs, folder / "forward.toml"
        self.config.write_text(f'[[sink]]\nname = "collector"\nkind = "otlp"\nurl = "http://127.0.0.1:{port}"\nfrom = "oldest"\nservices = ["{SERVICE.name}"]\n')
        self.errors = folder / "forward.errors"

    def start(self) -> None:
        command = ["abide", "forward", "run", "--config", str(self.config)]
        with open(self.errors, "a") as errors:
            self.process = subprocess.Popen(command, env=self.logs.environment, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait(60)

    def status(self) -> dict[str, object]:
        command = ["abide", "forward", "status", "--config", str(self.config), "--json"]
        said = subprocess.run(command, env=self.logs.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            return json.loads(said.stdout)[0]
        except (ValueError, LookupError):
            return {}

    def complaint(self) -> str:
        return self.errors.read_text()[-300:].strip()


def at_full_speed(bench: Bench, logs: Long, folder: pathlib.Path) -> None:
    agent = rotel()
    if agent is None:
        say("not measured: forward-rate: rotel not found; get it: bench/install-peers pypi")
        return
    ports = free_ports(2)
    command = [str(agent), "start", "--otlp-http-endpoint", f"127.0.0.1:{ports[0]}", "--otlp-grpc-endpoint", f"127.0.0.1:{ports[1]}"]
    said = folder / "rotel.said"
    with open(said, "w") as out:
        collector = subprocess.Popen([*command, "--exporter", "blackhole", "--debug-log", "logs"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    await_port(ports[0])
    forwarder = Forwarder(logs, folder, ports[0])
    started, end_by, memory = time.time(), time.monotonic() + LIMIT, 0
    forwarder.start()
    while (status := forwarder.status()).get("counts", {}).get("sent", 0) < logs.lines:
        memory = max(memory, processes.rss(forwarder.process.pid))
        if time.monotonic() > end_by or forwarder.process.poll() is not None:
            raise TimeoutError(f"of {logs.lines} lines {status.get('counts')} went to the collector; it said: {forwarder.complaint()}")
        time.sleep(0.2)
    cpu = processes.cpu_seconds(forwarder.process.pid)
    forwarder.kill(signal.SIGTERM)
    collector.terminate()
    collector.wait(60)
    taken = sum(map(int, re.findall(r"Received logs\..*?[^_]logs\x1b\[0m\x1b\[2m=\x1b\[0m(\d+)", said.read_text())))
    if taken < logs.lines:
        raise TimeoutError(f"the collector took {taken} of {logs.lines} lines")
    bench.add("forward-rate", NAME, logs.lines / (moment(status["last-sent"]) - started))
    bench.add("forward-cpu", NAME, cpu / logs.lines * 1e6)
    bench.add("forward-memory", NAME, memory / 1024)


def through_faults(bench: Bench, logs: Long, folder: pathlib.Path) -> None:
    collector = Collector(logs.lines)
    collector.open()
    forwarder = Forwarder(logs, folder, collector.port)
    forwarder.start()
    end_by = time.monotonic() + LIMIT
    # In turn, when a part of the lines has come: the forwarder is killed, the collector is gone for two seconds.
    for fault in range(2 * KILLS):
        while collector.came < logs.lines * (fault + 1) // (2 * KILLS + 1):
            if time.monotonic() > end_by or forwarder.process.poll() is not None:
                raise TimeoutError(f"{collector.came} of {logs.lines} lines came; it said: {forwarder.complaint()}")
            time.sleep(0.001)
        if fault % 2 == 0:
            forwarder.kill()
            forwarder.start()
        else:
            collector.close()
            time.sleep(2.0)
            collector.open()
    while collector.missing():
        if time.monotonic() > end_by or forwarder.process.poll() is not None:
            break
        time.sleep(0.1)
    time.sleep(1.0)  # for what may come twice
    forwarder.kill(signal.SIGTERM)
    collector.close()
    bench.add("forward-lost", NAME, collector.missing())
    bench.add("forward-twice", NAME, collector.twice() / (2 * KILLS))
    bench.add("forward-batch", NAME, collector.most)
    bench.add("forward-again", NAME, collector.twice() / (2 * KILLS) / max(1, collector.most))


def moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def await_port(port: int) -> None:
    end_by = time.monotonic() + 30.0
    while time.monotonic() < end_by:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the collector did not listen within 30 s")
