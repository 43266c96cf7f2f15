"""The supervisors that are measured side by side; one module each."""

from peers.abide import Supervisor, Up, Whole, Zstd
from peers.bare import Cat, Loop
from peers.base import Peer, Service
from peers.horust import Horust
from peers.pm2 import Pm2
from peers.runit import Multilog, Runit, RunitTimes
from peers.s6 import S6, S6Ready, S6Times
from peers.supervisord import Supervisord

ALL: tuple[type[Peer], ...] = (
    *(Supervisor, Whole, Zstd, Up),
    *(Runit, RunitTimes, Multilog, S6, S6Ready, S6Times, Supervisord, Pm2, Horust),
    *(Loop, Cat),
)

__all__ = [
    *("ALL", "Peer", "Service"),
    *("Supervisor", "Up", "Whole", "Zstd"),
    *("Cat", "Horust", "Loop", "Multilog", "Pm2", "Runit", "RunitTimes", "S6", "S6Ready", "S6Times", "Supervisord"),
]
