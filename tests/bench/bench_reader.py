"""How much time the reader's driver adds to what the bytes of a card need on the wire.

A simulated reader paces its bytes to 115,200 baud in both directions. The floor is that wire
time: find, select and read, 10 bits a byte.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from devices.samv.driver import SamvReader
from devices.simulators.cards import PEOPLE, make_card
from devices.simulators.samv import SamvSimulator
from devices.worker import Cancel

BAUD = 115_200
READS = 15


def run() -> list[tuple[str, float, str, str, float]]:
    """Rows of name, value, unit, name of the floor, value of the floor."""
    card = make_card(PEOPLE["man"])
    took_ms: list[float] = []
    wire_ms: list[float] = []
    with SamvSimulator(baud=BAUD) as simulator:
        reader = SamvReader(simulator.port, baud=BAUD)
        reader.open()
        for _ in range(READS):
            simulator.put_card(card)
            wire_before_s = simulator.wire_s
            began = time.perf_counter()
            reader.read_card(Cancel(), wait_s=1.0)
            took_ms.append((time.perf_counter() - began) * 1_000)
            wire_ms.append((simulator.wire_s - wire_before_s) * 1_000)
        reader.close()
    over_ms = [took - wire for took, wire in zip(took_ms, wire_ms, strict=True)]
    wire = statistics.median(wire_ms)
    return [
        ("card read", statistics.median(took_ms), "ms", "its bytes on the wire", wire),
        ("card read over the wire, median", statistics.median(over_ms), "ms", "wire", wire),
        ("card read over the wire, worst", max(over_ms), "ms", "wire", wire),
    ]


if __name__ == "__main__":
    for name, value, unit, floor, floor_value in run():
        sys.stdout.write(f"{name}: {value:.2f} {unit} ({floor}: {floor_value:.2f} {unit})\n")
