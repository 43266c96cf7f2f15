"""The supervisors that are measured side by side; one module each."""

from peers.abide import Supervisor, Up
from peers.bare import Cat, Loop
from peers.base import Peer, Service
from peers.horust import Horust
from peers.runit import Runit
from peers.s6 import S6, S6Ready
from peers.supervisord import Supervisord

ALL: tuple[type[Peer], ...] = (Supervisor, Up, Runit, S6, S6Ready, Supervisord, Horust, Loop, Cat)

__all__ = ["ALL", "Cat", "Horust", "Loop", "Peer", "Runit", "S6", "S6Ready", "Service", "Supervisor", "Supervisord", "Up"]
