"""PM2: one Node.js process for all services."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

from peers.base import Peer, Service


class Pm2(Peer):
    name = "pm2"
    about = "one daemon on Node.js for all services and their logs; it does not rotate them itself"
    needs = ("pm2",)
    get = "bench/install-peers npm"

    def configure(self, services: list[Service]) -> None:
        self.home = self.folder / "home"
        (self.folder / "log").mkdir()
        apps = [
            {
                "name": service.name,
                "script": service.command[0],
                "args": service.command[1:],
                "interpreter": "none",
                "exec_mode": "fork",
                "cwd": str(self.folder),
                "vizion": False,
                "pmx": False,
                "out_file": f"{self.folder}/log/{service.name}.out",
                "error_file": f"{self.folder}/log/{service.name}.err",
            }
            for service in services
        ]
        self.write("apps.json", json.dumps({"apps": apps}))

    def start(self) -> None:
        # The command starts the daemon and goes; the daemon is adopted here.
        own = {"PM2_HOME": str(self.home), "HOME": str(self.folder), "PM2_DISABLE_VERSION_CHECK": "1", "PM2_DISCRETE_MODE": "true"}
        with open(self.folder / "errors", "w") as errors:
            command = ["pm2", "start", str(self.folder / "apps.json")]
            subprocess.run(command, env={**os.environ, **own}, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, timeout=120)
        self.tops.append(int((self.home / "pm2.pid").read_text()))

    def log_files(self, service: Service) -> list[pathlib.Path]:
        return list((self.folder / "log").glob(f"{service.name}.*"))
