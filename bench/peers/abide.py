"""Abide in its two forms: one supervisor a service, and `abide up` for all of them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

from peers.base import KEEP, ROTATE_MIB, Peer, Service

GET = "cargo build --release -p abide-cli -p abide-supervisor"


class Abide(Peer):
    get = GET
    #: What becomes of the output: `[logs]` of the spec.
    rotate = {"size": f'"{ROTATE_MIB}MiB"', "keep": str(KEEP)}

    def spec(self, service: Service) -> str:
        rotate = ", ".join(f"{key} = {value}" for key, value in self.rotate.items())
        return (
            f"name = {json.dumps(service.name)}\n"
            f"[program]\ncommand = {json.dumps(service.command)}\n"
            '[account]\nrun-as = "system"\n'
            '[restart]\nwhen = "always"\ndelay = { initial = "0s", factor = 1.0, max = "0s", jitter = 0.0 }\ngive-up = false\n'
            f"[logs]\nrotate = {{ {rotate} }}\n"
        )


class Supervisor(Abide):
    name = "abide-supervisor"
    about = "one abide-supervisor a service, as a service manager starts it; logs with all that is usual: rotation, times, index"
    needs = ("abide-supervisor",)

    def configure(self, services: list[Service]) -> None:
        self.services = services
        for service in services:
            self.write(f"etc/abide/services/{service.name}.toml", self.spec(service))

    def start(self) -> None:
        for service in self.services:
            # runit is told nothing by what it starts, so that nobody has to listen here.
            self.launch(["abide-supervisor", "run", "--manager", "runit", service.name], **self.environment())

    def environment(self) -> dict[str, str]:
        """Where its services are installed, for every command that is about them."""
        return {"ABIDE_ROOT": str(self.folder)}

    def log_files(self, service: Service) -> list[pathlib.Path]:
        return list((self.folder / "var/log/abide" / service.name).glob("std*.log*"))

    def control(self, verb: str, service: Service) -> subprocess.CompletedProcess[bytes]:
        """Asks the supervisor."""
        command = ["abide-supervisor", "control", verb, service.name]
        return subprocess.run(command, env={**os.environ, **self.environment()}, capture_output=True, timeout=60)


class Whole(Supervisor):
    name = "abide-whole"
    about = "the same without rotation: one file"
    rotate = {"size": '"1TiB"'}


class Zstd(Supervisor):
    name = "abide-zstd"
    about = "the same with rotation, and rotated files compressed with zstd"
    rotate = {**Abide.rotate, "compress": '"zstd"'}

    def settled(self, service: Service, size: int) -> bool:
        """Everything has arrived, and of it only the newest file is not compressed."""
        files = [path.name for path in self.log_files(service)]
        plain = [name for name in files if name.startswith("stdout.") and not name.endswith(".zst")]
        return plain == ["stdout.log"] and self.read_back(service) >= size

    def read_back(self, service: Service) -> int:
        files = sorted(str(path) for path in self.log_files(service) if path.name.endswith(".zst"))
        whole = (self.folder / "var/log/abide" / service.name / "stdout.log").stat().st_size
        if files:
            shell = 'zstd -qdc -- "$@" | wc -c'
            whole += int(subprocess.run(["/bin/sh", "-c", shell, "sh", *files], check=True, capture_output=True).stdout)
        return whole


class Up(Abide):
    name = "abide-up"
    about = "`abide up` in the foreground: one process for all services and their logs, which also shows them, here to /dev/null"
    needs = ("abide",)

    def configure(self, services: list[Service]) -> None:
        for service in services:
            self.write(f"specs/{service.name}.toml", self.spec(service))

    def start(self) -> None:
        self.launch(["abide", "up", str(self.folder / "specs")])

    def log_files(self, service: Service) -> list[pathlib.Path]:
        return list(self.folder.glob(f"**/.abide/logs/{service.name}/std*.log*"))
