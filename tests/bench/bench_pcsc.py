"""What our layers cost on a card's commands, over a real pcscd with virtual cards.

APDUs per second: the same command in a bare loop of pyscard's function, and through guard,
status words and Le handling. Then whole reads through the child process, the table's peer being
the time that their commands take in the bare loop.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from devices.errors import DeviceError
from devices.pcsc.apdu import LE_ANY, Command, exchange
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.reader import PcscReader
from devices.pcsc.service import Connection
from devices.simulators import passport
from devices.simulators.passport import Country, VirtualPassport, make_files, mrz_of
from devices.simulators.pcsc import PcscStack, VirtualSlot
from devices.simulators.socialcard import ELDER, VirtualSocialCard, records_of
from devices.worker import Cancel

COMMANDS = 1_000
ROUNDS = 3
READS = 5
PORTRAIT_BYTES = 15_000
MRZ = mrz_of("L898902C", "690806", "340623", surname="SAMPLE", given="ANNA")


def _per_second(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(COMMANDS):
        call()
    return COMMANDS / (time.perf_counter() - began)


def _commands(stack: PcscStack) -> tuple[float, float]:
    """Commands per second: through our layers, and bare. Taken in turns."""
    os.environ["PCSCLITE_CSOCK_NAME"] = str(stack.socket_path)
    from smartcard import scard

    card = _connect(scard)
    command = Command(0x00, 0xB2, 0x01, 0x34, le=LE_ANY)
    raw = list(command.encode())
    exchange(card.transmit, Command(0, 0xA4, 4, 0, bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")))
    exchange(card.transmit, Command(0, 0xA4, 0, 0, b"\xef\x06"))
    pci = scard.SCARD_PCI_T1 if card._protocol == 2 else scard.SCARD_PCI_T0
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(_per_second(lambda: scard.SCardTransmit(card._card, pci, raw)))
        ours.append(_per_second(lambda: exchange(card.transmit, command)))
    card.close()
    return statistics.median(ours), statistics.median(bare)


def _connect(scard: object) -> Connection:
    """pcscd looks for a new card every 0.4 s."""
    end = time.monotonic() + 5.0
    while True:
        try:
            return Connection(scard, "Virtual PCD 00 00", Cancel())  # type: ignore[arg-type]
        except DeviceError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _read_ms(reader: PcscReader, slot: VirtualSlot, key: DocumentKey | None) -> tuple[float, int]:
    """Median time of a whole read, and how many commands it takes."""
    reader.read(Cancel(), wait_s=5.0, key=key)
    took = []
    slot.commands.clear()
    for _ in range(READS):
        began = time.perf_counter()
        reader.read(Cancel(), wait_s=5.0, key=key)
        took.append((time.perf_counter() - began) * 1_000)
    return statistics.median(took), len(slot.commands) // READS


def run() -> list[tuple[str, float, str, str, float]]:
    """Rows of name, value, unit, name of the floor, value of the floor."""
    files = make_files(Country(), MRZ, b"\xff\xd8\xff" + bytes(PORTRAIT_BYTES))
    key = DocumentKey.of_mrz(MRZ)
    cards = (
        ("social card read", VirtualSocialCard(records_of(ELDER)), None),
        ("passport read, BAC", VirtualPassport(files, key), key),
        (
            "passport read, PACE",
            VirtualPassport(files, key, card_access=passport.PACE_AES128_BP256),
            key,
        ),
    )
    with PcscStack() as stack:
        slot = stack.slot()
        slot.put_card(cards[0][1])
        ours, bare = _commands(stack)
        rows = [("APDUs through our layers", ours, "1/s", "bare pyscard loop", bare)]
        reader = PcscReader(socket_path=stack.socket_path)
        for name, card, its_key in cards:
            slot.take_card()
            reader.wait_until_taken(Cancel(), wait_s=5.0)
            slot.put_card(card)
            took_ms, count = _read_ms(reader, slot, its_key)
            rows.append((name, took_ms, "ms", f"{count} bare commands", count / bare * 1_000))
        reader.close()
        slot.take_card()
    return rows


if __name__ == "__main__":
    for name, value, unit, floor, floor_value in run():
        sys.stdout.write(f"{name}: {value:.1f} {unit} ({floor}: {floor_value:.1f})\n")
