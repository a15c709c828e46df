"""Faults at random commands of random cards, over a real pcscd: seeded, and replayable.

`make test` injects a sample, `make campaign` many. Whatever is injected, a read ends in the
right record or in a DeviceError, before its deadline, and the next reads go well.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings

from devices.errors import DeviceError, Fault
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.reader import PcscReader
from devices.records import SocialCard, TravelDocument
from devices.simulators import passport
from devices.simulators.passport import Country, VirtualPassport, make_files, mrz_of
from devices.simulators.pcsc import PcscStack, VirtualCard, VirtualSlot
from devices.simulators.socialcard import ELDER, VirtualSocialCard, records_of
from devices.worker import Cancel

SEED = 9303
LONG = settings.default is not None and settings.default.max_examples > 1_000
FAULTS = 1_000 if LONG else 25
PULLS = 100 if LONG else 1
READ_S, STALLED_S, GRACE_S = 8.0, 0.2, 0.3
# Deadline, grace, and a busy machine's patience.
AT_MOST_S = 1.5
PAUSE_EVERY = 10

MRZ = mrz_of("L898902C", "690806", "340623", surname="SAMPLE", given="ANNA MARIA")
KEY = DocumentKey.of_mrz(MRZ)
FILES = make_files(Country(), MRZ, b"\xff\xd8\xff" + bytes(4_000))
COMMANDS_MOST = 60


class Turned:
    """A card that turns into another while it lies there; it is powered up for each read."""

    def __init__(self) -> None:
        self.card: VirtualCard = VirtualSocialCard(records_of(ELDER))

    @property
    def atr(self) -> bytes:
        return self.card.atr

    def reset(self) -> None:
        self.card.reset()

    def respond(self, apdu: bytes) -> bytes:
        return self.card.respond(apdu)


CARDS: tuple[Callable[[], VirtualCard], ...] = (
    lambda: VirtualSocialCard(records_of(ELDER)),
    lambda: VirtualSocialCard(records_of(ELDER), with_61=True, exact_le=True),
    lambda: VirtualPassport(FILES, KEY),
    lambda: VirtualPassport(FILES, KEY, card_access=passport.PACE_AES128_BP256),
)


@dataclass
class Bench:
    """Everything that can be broken."""

    stack: PcscStack
    slot: VirtualSlot
    reader: PcscReader
    lying: Turned

    def read(self, read_s: float = READ_S) -> object:
        return self.reader.read(Cancel(), wait_s=READ_S, read_deadline_s=read_s, key=KEY)

    def remove(self, skip: int, rng: random.Random) -> None:
        self.slot.remove_at(skip)

    def damage(self, skip: int, rng: random.Random) -> None:
        kind = rng.choice(("garbage", "cut", "flip", "status", "le"))
        if kind == "garbage":
            self.slot.garbage_at(skip, rng.randrange(1 << 30))
        elif kind == "cut":
            self.slot.cut_at(skip, 1 + rng.randrange(20))
        elif kind == "flip":
            self.slot.flip_at(skip, rng.randrange(2_000))
        elif kind == "status":
            self.slot.answer_at(skip, rng.randrange(0x6100, 0x7000))
        else:
            self.slot.answer_at(skip, 0x6C00 | rng.randrange(256))


def is_right(record: object) -> bool:
    if isinstance(record, TravelDocument):
        return record.mrz == MRZ
    # A damaged answer may hide an application; that is no identity.
    return record == ELDER or not isinstance(record, SocialCard)


@pytest.fixture(scope="module")
def bench() -> object:
    with PcscStack() as stack:
        reader = PcscReader(socket_path=stack.socket_path, grace_s=GRACE_S)
        slot, lying = stack.slot(), Turned()
        slot.put_card(lying)
        made = Bench(stack, slot, reader, lying)
        made.read()
        yield made
        slot.heal()
        slot.take_card()
        reader.close()


def test_damage_at_random_commands(bench: Bench) -> None:
    ended: Counter[str] = Counter()
    for number in range(FAULTS):
        rng = random.Random(f"{SEED}-{number}")
        bench.lying.card = rng.choice(CARDS)()
        stalls = rng.random() < 0.03
        skip = rng.randrange(COMMANDS_MOST)
        if stalls:
            bench.slot.stall_at(skip)
        else:
            bench.damage(skip, rng)
        began = time.monotonic()
        try:
            record = bench.read(STALLED_S if stalls else READ_S)
        except DeviceError as error:
            ended[error.fault.name] += 1
        else:
            ended[type(record).__name__] += 1
            assert is_right(record), number
        assert time.monotonic() - began < READ_S + AT_MOST_S, number
        bench.slot.heal()
        if number % PAUSE_EVERY == 0:
            assert is_right(bench.read()), number
    assert ended.total() == FAULTS
    assert not ended[Fault.COMMAND_FORBIDDEN.name]
    assert len(ended) > 2, ended


def interrupted(bench: Bench, number: int, act: Callable[[], None]) -> object:
    """A read during which something is pulled; the right record, or None for a DeviceError."""
    bench.lying.card = CARDS[2 + number % 2]()
    pulled = threading.Event()

    def progress(text: str) -> None:
        if text == ("found", "opening", "text", "portrait")[number % 4] and not pulled.is_set():
            pulled.set()
            act()

    began = time.monotonic()
    try:
        return bench.reader.read(
            Cancel(), wait_s=READ_S, read_deadline_s=READ_S, key=KEY, progress=progress
        )
    except DeviceError:
        return None
    finally:
        assert time.monotonic() - began < 2 * READ_S + AT_MOST_S, number


def test_pcscd_pulled_in_the_middle(bench: Bench) -> None:
    """Killed and started again while a document is read: the read goes on by itself."""

    def restart() -> None:
        bench.stack.kill()
        bench.stack.start()

    for number in range(PULLS):
        record = interrupted(bench, number, restart)
        assert isinstance(record, TravelDocument), number
        assert is_right(record), number


def test_the_readers_process_killed_in_the_middle(bench: Bench) -> None:
    def kill() -> None:
        assert bench.reader.child_pid is not None
        os.kill(bench.reader.child_pid, signal.SIGKILL)

    for number in range(PULLS):
        assert isinstance(interrupted(bench, number, kill), TravelDocument), number
        assert is_right(bench.read()), number


def test_the_reader_pulled_in_the_middle(bench: Bench) -> None:
    """The reader disappears; what runs ends, and once it is back the next card is read."""

    def pull(text: str) -> None:
        if text == "text":
            bench.stack.kill()
            bench.stack.start(reader=False)

    for number in range(PULLS):
        cancel = Cancel(1.0)
        bench.lying.card = CARDS[2]()
        with pytest.raises(DeviceError) as failed:
            bench.reader.read(cancel, wait_s=READ_S, key=KEY, progress=pull)
        assert failed.value.fault in (Fault.DEADLINE, Fault.READER_ABSENT, Fault.PCSC_ABSENT)
        bench.stack.kill()
        bench.stack.start()
        assert is_right(bench.read()), number


def test_the_card_pulled_in_the_middle(bench: Bench) -> None:
    for number in range(PULLS):
        rng = random.Random(f"{SEED}-pull-{number}")
        bench.lying.card = CARDS[number % 4]()
        bench.slot.remove_at(rng.randrange(30))
        with pytest.raises(DeviceError) as failed:
            bench.read()
        assert failed.value.fault is Fault.CARD_REMOVED, number
        assert bench.reader.wait_until_taken(Cancel(), wait_s=READ_S), number
        bench.slot.put_card(bench.lying)
        assert is_right(bench.read()), number
