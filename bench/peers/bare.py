"""Floors: the least that any supervisor has to do."""

from __future__ import annotations

import pathlib
import shlex

from peers.base import Peer, Service


class Loop(Peer):
    """Set `program` to the compiled loop before use."""

    name = "bare-loop"
    about = "fork, exec and wait in a loop, nothing else: no logs, no status, no stop"
    program = ""

    def configure(self, services: list[Service]) -> None:
        self.services = services

    def start(self) -> None:
        for service in self.services:
            self.launch([self.program, *service.command])


class Cat(Peer):
    """The program's output through one pipe into cat(1)."""

    name = "cat"
    about = "cat >FILE: a copy that knows nothing of lines, sizes or restarts"

    def configure(self, services: list[Service]) -> None:
        (self.folder / "log").mkdir()
        self.services = services

    def start(self) -> None:
        for service in self.services:
            self.launch(["/bin/sh", "-c", f"{shlex.join(service.command)} | cat >{self.folder}/log/{service.name}.log"])

    def log_files(self, service: Service) -> list[pathlib.Path]:
        return list((self.folder / "log").glob("*.log"))
