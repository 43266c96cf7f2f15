"""Lines that programs under supervision send to the driver through a named pipe: no file to poll, no port."""

from __future__ import annotations

import os
import pathlib
import select
import time


class Stamps:
    def __init__(self, path: pathlib.Path) -> None:
        os.mkfifo(path)
        self.path = str(path)
        # Open for writing as well, so that reading never meets an end.
        self.pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""

    def next(self, seconds: float) -> list[int] | None:
        """The numbers of the next line, or None when `seconds` have passed without one."""
        end_by = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end_by - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                return None
            self.rest += os.read(self.pipe, 65536)
        line, _, self.rest = self.rest.partition(b"\n")
        return [int(number) for number in line.split()]

    def close(self) -> None:
        os.close(self.pipe)
        os.unlink(self.path)
