"""The programs that are put under supervision, and what measures them: built on the spot, static and small."""

from __future__ import annotations

import pathlib
import subprocess
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Programs:
    stamp: str
    emit: str
    loop: str
    tick: str
    lag: str
    chatter: str


def build(into: pathlib.Path) -> Programs:
    """Compiles them into a folder with the machine's C compiler."""
    sources = pathlib.Path(__file__).parent
    paths = {}
    for name in (field.name for field in fields(Programs)):
        target = into / name
        subprocess.run(["cc", "-O2", "-static", "-o", target, sources / f"{name}.c"], check=True)
        paths[name] = str(target)
    return Programs(**paths)
