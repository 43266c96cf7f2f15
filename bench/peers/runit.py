"""runit: runsvdir, one runsv a service, svlogd for its logs."""

from __future__ import annotations

import shlex

from peers.base import KEEP, ROTATE_MIB, Peer, Service


class Runit(Peer):
    name = "runit"
    about = "runsvdir with one runsv and one svlogd a service, run by a shell script as its manual has it"
    needs = ("runsvdir", "runsv", "svlogd")
    get = "apt install runit"

    def configure(self, services: list[Service]) -> None:
        for service in services:
            log = self.folder / "log" / service.name
            self.write(f"sv/{service.name}/run", f"#!/bin/sh\nexec {shlex.join(service.command)}\n", executable=True)
            self.write(f"sv/{service.name}/log/run", f"#!/bin/sh\nexec svlogd {log}\n", executable=True)
            self.write(f"log/{service.name}/config", f"s{ROTATE_MIB << 20}\nn{KEEP}\n")

    def start(self) -> None:
        self.launch(["runsvdir", "-P", str(self.folder / "sv")])
