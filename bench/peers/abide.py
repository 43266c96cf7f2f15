"""Abide in its two forms: one supervisor a service, and `abide up` for all of them."""

from __future__ import annotations

import json
import pathlib

from peers.base import KEEP, ROTATE_MIB, Peer, Service

GET = "cargo build --release -p abide-cli -p abide-supervisor"


def spec(service: Service) -> str:
    return (
        f"name = {json.dumps(service.name)}\n"
        f"[program]\ncommand = {json.dumps(service.command)}\n"
        '[restart]\nwhen = "always"\ndelay = { initial = "0s", factor = 1.0, max = "0s", jitter = 0.0 }\ngive-up = false\n'
        f'[logs]\nrotate = {{ size = "{ROTATE_MIB}MiB", keep = {KEEP} }}\n'
    )


class Abide(Peer):
    get = GET

    def configure(self, services: list[Service]) -> None:
        self.services = services
        for service in services:
            self.write(f"specs/{service.name}.toml", spec(service))

    def log_files(self, service: Service) -> list[pathlib.Path]:
        found = self.folder.glob(f"**/logs/**/{service.name}/std*.log*")
        alone = self.folder.glob(f"{service.name}/logs/**/std*.log*")
        return list({*found, *alone})


class Supervisor(Abide):
    name = "abide-supervisor"
    about = "one abide-supervisor a service, as a service manager starts it"
    needs = ("abide-supervisor",)

    def start(self) -> None:
        for service in self.services:
            folder = self.folder / service.name
            folder.mkdir(mode=0o700, exist_ok=True)
            own = ["--spec", str(self.folder / "specs" / f"{service.name}.toml"), "--dir", str(folder)]
            self.launch(["abide-supervisor", "run", "--manager", "foreground", *own])


class Up(Abide):
    name = "abide-up"
    about = "`abide up` in the foreground: one process for all services and their logs"
    needs = ("abide",)

    def start(self) -> None:
        self.launch(["abide", "up", str(self.folder / "specs")])
