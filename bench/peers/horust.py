"""Horust: one Rust process for all services."""

from __future__ import annotations

import json
import pathlib
import shlex

from peers.base import ROTATE_MIB, Peer, Service


class Horust(Peer):
    name = "horust"
    about = "one process for all services, a thread for each one's log"
    needs = ("horust",)
    get = "bench/install-peers cargo"

    def configure(self, services: list[Service]) -> None:
        (self.folder / "log").mkdir()
        (self.folder / "sockets").mkdir()
        for service in services:
            log = f"{self.folder}/log/{service.name}"
            self.write(
                f"sv/{service.name}.toml",
                f"command = {json.dumps(shlex.join(service.command))}\n"
                f'stdout = "{log}.log"\nstdout-rotate-size = "{ROTATE_MIB} MiB"\nstderr = "{log}.err"\n'
                '[restart]\nstrategy = "always"\nbackoff = "0s"\n',
            )

    def start(self) -> None:
        folders = ["--services-path", str(self.folder / "sv"), "--uds-folder-path", str(self.folder / "sockets")]
        self.launch(["horust", *folders], HORUST_LOG="error")

    def log_files(self, service: Service) -> list[pathlib.Path]:
        return list((self.folder / "log").glob(f"{service.name}.*"))
