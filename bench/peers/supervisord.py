"""supervisord: one Python process for all services."""

from __future__ import annotations

import pathlib

from peers.base import KEEP, ROTATE_MIB, Peer, Service


class Supervisord(Peer):
    name = "supervisord"
    about = "one process for all services and their logs"
    needs = ("supervisord",)
    get = "apt install supervisor"

    def configure(self, services: list[Service]) -> None:
        (self.folder / "log").mkdir()
        text = (
            f"[supervisord]\nnodaemon=true\nlogfile={self.folder}/main.log\npidfile={self.folder}/pid\nuser=root\n"
            f"[unix_http_server]\nfile={self.folder}/socket\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        )
        for service in services:
            text += (
                f"[program:{service.name}]\ncommand={' '.join(service.command)}\nautorestart=true\nstartsecs=0\n"
                f"redirect_stderr=true\nstdout_logfile={self.folder}/log/{service.name}.log\n"
                f"stdout_logfile_maxbytes={ROTATE_MIB << 20}\nstdout_logfile_backups={KEEP}\n"
            )
        self.write("supervisord.conf", text)

    def start(self) -> None:
        self.launch(["supervisord", "-c", str(self.folder / "supervisord.conf")])

    def log_files(self, service: Service) -> list[pathlib.Path]:
        return list((self.folder / "log").glob(f"{service.name}.log*"))
