"""What a soak found, as a page and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from soaking.audit import Judgement
from soaking.field import Soak
from soaking.service import Service


@dataclass(frozen=True)
class Report:
    text: str
    json: str
    holds: bool


def make(soak: Soak, found: list[tuple[Service, Judgement]], followed: Judgement, seconds: float, seed: int) -> Report:
    faults = [*soak.counts.errors, *(error for _, made in found for error in made.errors)]
    faults += [f"the reader that followed: {error}" for error in followed.errors]
    first = found[0][0]
    out = [
        f"{len(found)} programs for {seconds / 60:.0f} minutes, seed {seed}: {soak.so_far()}; the status told of a full disk "
        f"{soak.counts.told} times, and {soak.counts.over} times that it was over; {soak.counts.readings} readings meanwhile.",
        "",
        "| service | its output is | runs | lines noted as written | read back | told as missing | lost with a killed supervisor | most bytes at once | broken ends |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for service, made in found:
        cells = (service.name, service.kind.about, len(service.runs()), made.written, made.read, made.told, made.lost, made.most_lost, made.torn)
        out.append(f"| {' | '.join(map(str, cells))} |")
    cells = ("", f"{first.name}'s stdout, followed slowly", "", followed.written, followed.read, followed.told, followed.lost, followed.most_lost, followed.torn)
    out += [f"| {' | '.join(map(str, cells))} |", ""]
    out += [f"- fault: {fault}" for fault in faults]
    out.append("Every line is accounted for." if not faults else f"**{len(faults)} faults.**")
    told = {
        "schema": "abide.soak/1",
        "seconds": seconds,
        "seed": seed,
        "events": {name: value for name, value in asdict(soak.counts).items() if name != "errors"},
        "services": {service.name: {"kills": service.kills, "stops": service.stops, "program-kills": service.program_kills, **asdict(made)} for service, made in found},
        "followed": asdict(followed),
        "faults": faults,
    }
    return Report("\n".join(out) + "\n", json.dumps(told, indent=1) + "\n", not faults)
