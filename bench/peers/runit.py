"""runit: runsvdir, one runsv a service, svlogd or daemontools' multilog for its logs."""

from __future__ import annotations

import shlex

from peers.base import KEEP, ROTATE_MIB, Peer, Service


class Runit(Peer):
    name = "runit"
    about = "runsvdir with one runsv and one svlogd a service, run by a shell script as its manual has it"
    needs = ("runsvdir", "runsv", "svlogd")
    get = "apt install runit"
    logger = "svlogd"

    def configure(self, services: list[Service]) -> None:
        for service in services:
            log = self.folder / "log" / service.name
            self.write(f"sv/{service.name}/run", f"#!/bin/sh\nexec {shlex.join(service.command)}\n", executable=True)
            self.write(f"sv/{service.name}/log/run", f"#!/bin/sh\nexec {self.logger} {log}\n", executable=True)
            self.write(f"log/{service.name}/config", f"s{ROTATE_MIB << 20}\nn{KEEP}\n")

    def start(self) -> None:
        self.launch(["runsvdir", "-P", str(self.folder / "sv")])


class RunitTimes(Runit):
    name = "runit-times"
    about = "the same with svlogd -tt: each line with the time of its arrival, as Abide keeps it beside the lines"
    logger = "svlogd -tt"
    prefix = 26


class Multilog(Runit):
    name = "multilog"
    about = "runsvdir with one runsv and one multilog of daemontools a service, which rotates at 16 MiB, its limit"
    needs = ("runsvdir", "runsv", "multilog")
    get = "apt install runit daemontools"
    logger = f"multilog s16777215 n{4 * KEEP}"
