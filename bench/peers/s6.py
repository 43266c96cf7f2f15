"""s6: s6-svscan, one s6-supervise a service, another with s6-log for its logs."""

from __future__ import annotations

import shlex

from peers.base import KEEP, ROTATE_MIB, Peer, Service


class S6(Peer):
    name = "s6"
    about = "s6-svscan with one s6-supervise a service, and another with s6-log for its logs"
    needs = ("s6-svscan", "s6-supervise", "s6-log")
    get = "apt install s6"
    ready = False
    #: What s6-log is told to put before each line.
    stamp = ""

    def configure(self, services: list[Service]) -> None:
        for service in services:
            folder, log = f"sv/{service.name}", self.folder / "log" / service.name
            tell = "printf '\\n' >&3\nexec 3>&-\n" if self.ready else ""
            self.write(f"{folder}/run", f"#!/bin/sh\n{tell}exec {shlex.join(service.command)}\n", executable=True)
            if self.ready:
                self.write(f"{folder}/notification-fd", "3\n")
            self.write(f"{folder}/log/run", f"#!/bin/sh\nexec s6-log -- n{KEEP} s{ROTATE_MIB << 20} {self.stamp}{log}\n", executable=True)
        (self.folder / "log").mkdir()

    def start(self) -> None:
        self.launch(["s6-svscan", str(self.folder / "sv")])


class S6Ready(S6):
    name = "s6-ready"
    about = "the same, each service telling at once that it is ready: only then does s6 restart without a second's delay"
    ready = True


class S6Times(S6):
    name = "s6-times"
    about = "the same with s6-log's T: each line with the time of its arrival, as Abide keeps it beside the lines"
    stamp = "T "
    prefix = 31
