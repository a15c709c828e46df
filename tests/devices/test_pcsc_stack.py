"""The reader over a real pcscd: cards that behave, cards that do not, and services that die."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.errors import DeviceError, Fault
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.reader import PcscReader
from devices.records import (
    CardKind,
    ChipAccess,
    ChipAuthenticity,
    PcscStatus,
    SlotState,
    SocialCard,
    TravelDocument,
    UnknownCard,
)
from devices.simulators import passport
from devices.simulators.passport import Country, VirtualPassport, details, make_files, mrz_of
from devices.simulators.pcsc import PcscStack, VirtualCard, VirtualSlot, VirtualUidCard
from devices.simulators.socialcard import (
    ELDER,
    LONG_NAME,
    RARE_NAME,
    VirtualSocialCard,
    records_of,
)
from devices.worker import Cancel

WAIT_S = 10.0
MRZ = mrz_of("L898902C", "690806", "340623", surname="SAMPLE", given="ANNA MARIA")
KEY = DocumentKey.of_mrz(MRZ)
PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 20
COUNTRY = Country()
FILES = make_files(COUNTRY, MRZ, PHOTO, dg11=details("王<<小明"))


@pytest.fixture(scope="module")
def stack() -> Iterator[PcscStack]:
    with PcscStack() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("countries")
    (folder / "utopia.cer").write_bytes(COUNTRY.authority)
    return folder


class Seen:
    """What the reader told of its status, and a place to wait for more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.all: list[PcscStatus] = []

    def __call__(self, status: PcscStatus) -> None:
        with self._changed:
            self.all.append(status)
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[PcscStatus], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(
                lambda: bool(self.all) and wanted(self.all[-1]), WAIT_S
            ), self.all[-3:]


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def shared_reader(stack: PcscStack, certificates: Path, seen: Seen) -> Iterator[PcscReader]:
    reader = PcscReader(
        socket_path=stack.socket_path, certificates=certificates, on_status=seen, grace_s=0.3
    )
    yield reader
    reader.close()


class Whatever:
    """A card that turns into another: pcscd takes 0.4 s to notice that one was exchanged.

    It is powered up anew for each read, so it makes no difference to the reader.
    """

    def __init__(self) -> None:
        self.card: VirtualCard = social()

    @property
    def atr(self) -> bytes:
        return self.card.atr

    def reset(self) -> None:
        self.card.reset()

    def respond(self, apdu: bytes) -> bytes:
        return self.card.respond(apdu)


class Table:
    """The reader's first slot, and a person who puts cards there."""

    def __init__(self, slot: VirtualSlot, seen: Seen) -> None:
        self.slot = slot
        self._seen = seen
        self._whatever = Whatever()

    def put(self, card: VirtualCard) -> None:
        self._whatever.card = card
        self.slot.commands.clear()
        if not self.slot.has_card:
            self._seen.wait_for(has(SlotState.EMPTY))
            self.slot.put_card(self._whatever)
        self._seen.wait_for(has(SlotState.PRESENT))

    def clear(self) -> None:
        self.slot.take_card()
        self._seen.wait_for(has(SlotState.EMPTY))


@pytest.fixture(scope="module")
def shared_table(stack: PcscStack, shared_reader: PcscReader, seen: Seen) -> Iterator[Table]:
    table = Table(stack.slot(), seen)
    yield table
    table.slot.heal()
    table.slot.take_card()


@pytest.fixture
def table(shared_table: Table) -> Iterator[Table]:
    yield shared_table
    shared_table.slot.heal()


@pytest.fixture
def reader(shared_reader: PcscReader) -> PcscReader:
    return shared_reader


def has(state: SlotState, index: int = 0) -> Callable[[PcscStatus], bool]:
    return lambda status: len(status.slots) > index and status.slots[index][1] is state


def social(card: SocialCard = ELDER, **options: object) -> VirtualSocialCard:
    return VirtualSocialCard(records_of(card), **options)  # type: ignore[arg-type]


def document(card_access: bytes | None = None) -> VirtualPassport:
    return VirtualPassport(FILES, KEY, card_access=card_access)


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(DeviceError) as failed:
        call()
    for secret in (ELDER.name, ELDER.number, "L898902C", "SAMPLE"):
        assert secret not in str(failed.value)
    return failed.value.fault


def read(reader: PcscReader, read_s: float = WAIT_S, key: DocumentKey | None = KEY) -> object:
    return reader.read(Cancel(), wait_s=WAIT_S, read_deadline_s=read_s, key=key)


# Cards that behave.


@pytest.mark.parametrize(
    ("card", "options"),
    [
        (ELDER, {}),
        (ELDER, {"with_61": True}),
        (ELDER, {"exact_le": True}),
        (ELDER, {"with_61": True, "exact_le": True, "select_p1": 0x02}),
        (LONG_NAME, {}),
        (RARE_NAME, {}),
    ],
    ids=["plain", "61xx", "6Cxx", "61-6C-P1-02", "long-name", "rare-name"],
)
def test_a_social_card_is_read(
    reader: PcscReader, table: Table, card: SocialCard, options: dict[str, object]
) -> None:
    lying = social(card, **options)
    table.put(lying)
    assert read(reader) == card
    assert lying.pin_tries_left == 3
    assert not [sent for sent in table.slot.commands if sent[1] in (0x20, 0x24, 0x2C)]


@pytest.mark.parametrize(
    ("card_access", "access"),
    [(None, ChipAccess.BAC), (passport.PACE_AES128_BP256, ChipAccess.PACE)],
)
def test_a_travel_document_is_read(
    reader: PcscReader, table: Table, card_access: bytes | None, access: ChipAccess
) -> None:
    table.put(document(card_access))
    told: list[str] = []
    record = reader.read(Cancel(), wait_s=WAIT_S, key=KEY, progress=told.append)
    assert isinstance(record, TravelDocument)
    assert (record.surname, record.native_name, record.access) == ("SAMPLE", "王小明", access)
    assert record.authenticity is ChipAuthenticity.SIGNED
    assert record.portrait is not None
    assert record.portrait.data == PHOTO
    assert told == ["found", "opening", "text", "portrait"]


def test_a_travel_document_asks_for_its_data_page(reader: PcscReader, table: Table) -> None:
    table.put(document())
    assert reader.kind(Cancel(), wait_s=WAIT_S) is CardKind.TRAVEL
    assert fault_of(lambda: read(reader, key=None)) is Fault.DOCUMENT_KEY_NEEDED
    other = DocumentKey("X", KEY.birth, KEY.expiry)
    assert fault_of(lambda: read(reader, key=other)) is Fault.DOCUMENT_KEY_WRONG
    assert isinstance(read(reader), TravelDocument)


@pytest.mark.parametrize(
    ("command", "uid", "record"),
    [
        ("0036000008", b"8 bytes!", UnknownCard(CardKind.RESIDENT_ID, uid_present=True)),
        ("FFCA000000", b"\x04\x05\x06\x07", UnknownCard(CardKind.UNKNOWN, uid_present=True)),
        ("00000000", b"", UnknownCard(CardKind.UNKNOWN, uid_present=False)),
    ],
    ids=["resident-id", "other", "no-uid"],
)
def test_other_cards_are_only_noticed(
    reader: PcscReader, table: Table, command: str, uid: bytes, record: UnknownCard
) -> None:
    table.put(VirtualUidCard(bytes.fromhex(command), uid))
    assert read(reader) == record


def test_a_card_is_to_be_taken_up(reader: PcscReader, table: Table) -> None:
    table.put(social())
    read(reader)
    assert not reader.wait_until_taken(Cancel(), wait_s=0.05)
    table.slot.take_card()
    assert reader.wait_until_taken(Cancel(), wait_s=WAIT_S)


def test_no_card_in_time(reader: PcscReader, table: Table) -> None:
    table.clear()
    assert fault_of(lambda: reader.read(Cancel(), wait_s=0.05)) is Fault.CARD_ABSENT


def test_a_card_that_does_not_answer_is_told_before_the_waiting_ends(
    reader: PcscReader, table: Table, seen: Seen
) -> None:
    table.clear()
    table.slot.put_card(VirtualUidCard(b"", atr=b"\x00"))
    began = time.monotonic()
    assert fault_of(lambda: read(reader)) is Fault.CARD_MUTE
    assert time.monotonic() - began < WAIT_S / 2
    table.clear()


def test_two_cards_are_a_collision(
    reader: PcscReader, table: Table, stack: PcscStack, seen: Seen
) -> None:
    second = stack.slot(1)
    second.put_card(social())
    table.put(social(LONG_NAME))
    seen.wait_for(has(SlotState.PRESENT, 1))
    assert fault_of(lambda: read(reader)) is Fault.CARD_COLLISION
    second.take_card()
    seen.wait_for(has(SlotState.EMPTY, 1))
    assert read(reader) == LONG_NAME


# Cards that do not.


@pytest.mark.parametrize(
    ("make", "skip"), [(social, 0), (social, 20), (document, 4), (document, 30)]
)
def test_a_card_taken_away_at_any_command(
    reader: PcscReader, table: Table, make: Callable[[], VirtualCard], skip: int
) -> None:
    table.put(make())
    table.slot.remove_at(skip)
    assert fault_of(lambda: read(reader)) is Fault.CARD_REMOVED


def test_a_card_that_stalls_is_given_up_and_the_next_is_read(
    reader: PcscReader, table: Table
) -> None:
    restarts = reader.restarts
    table.put(social())
    read(reader)
    table.slot.stall_at(3)
    began = time.monotonic()
    assert fault_of(lambda: read(reader, read_s=0.2)) is Fault.DEADLINE
    assert time.monotonic() - began < 1.5
    table.slot.resume()
    assert read(reader) == ELDER
    assert reader.restarts == restarts + 1


def test_a_silent_card_is_given_up_long_before_the_deadline(stack: PcscStack, table: Table) -> None:
    reader = PcscReader(socket_path=stack.socket_path, silent_s=0.2)
    try:
        table.put(social())
        read(reader)
        table.slot.stall_at(1)
        assert fault_of(lambda: read(reader, read_s=30.0)) is Fault.READER_SILENT
        table.slot.resume()
        assert read(reader) == ELDER
    finally:
        reader.close()


def test_a_cancel_ends_even_a_stalled_read(reader: PcscReader, table: Table) -> None:
    table.put(social())
    read(reader)
    table.slot.stall_at(0)
    cancel = Cancel()
    found = threading.Timer(0.1, cancel.cancel)
    found.start()
    began = time.monotonic()
    assert fault_of(lambda: reader.read(cancel, wait_s=WAIT_S)) is Fault.CANCELLED
    assert time.monotonic() - began < 1.5


def test_a_cancel_ends_the_waiting_without_a_restart(reader: PcscReader, table: Table) -> None:
    table.clear()
    restarts = reader.restarts
    cancel = Cancel()
    threading.Timer(0.05, cancel.cancel).start()
    assert fault_of(lambda: reader.read(cancel, wait_s=WAIT_S)) is Fault.CANCELLED
    assert fault_of(lambda: reader.read(Cancel(0.05), wait_s=WAIT_S)) is Fault.DEADLINE
    assert reader.restarts == restarts


DAMAGE: dict[str, Callable[[VirtualSlot, int], None]] = {
    "garbage": lambda slot, skip: slot.garbage_at(skip, seed=skip),
    "cut": lambda slot, skip: slot.cut_at(skip, 3),
    "status": lambda slot, skip: slot.answer_at(skip, 0x6F00),
    "wrong-le": lambda slot, skip: slot.answer_at(skip, 0x6C01),
    "flip": lambda slot, skip: slot.flip_at(skip, 37 * skip),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_never_makes_a_wrong_record(reader: PcscReader, table: Table, damage: str) -> None:
    """Each damaged answer ends in the right record or in an error, and never in another card."""
    card: VirtualCard
    for card, right in ((social(), ELDER), (document(passport.PACE_AES128_BP256), None)):
        table.put(card)
        ended: set[str] = set()
        for skip in range(0, 44, 4):
            DAMAGE[damage](table.slot, skip)
            try:
                record = reader.read(Cancel(), wait_s=WAIT_S, key=KEY)
            except DeviceError as error:
                ended.add(error.fault.name)
            else:
                ended.add("record")
                if isinstance(record, TravelDocument):
                    assert (record.mrz, right) == (MRZ, None)
                    assert record.native_name in ("王小明", "")
                elif isinstance(record, SocialCard):
                    assert record == right
            table.slot.heal()
        assert ended
        assert not ended & {"DEADLINE", "COMMAND_FORBIDDEN"}
        assert read(reader)


# Services, readers and processes that die.


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_watch_outlives_a_restart_of_pcscd(
    reader: PcscReader, table: Table, stack: PcscStack, seen: Seen, how: str
) -> None:
    table.clear()
    getattr(stack, how)()
    seen.wait_for(lambda status: status.service is False)
    assert fault_of(lambda: reader.read(Cancel(), wait_s=0.05)) is Fault.PCSC_ABSENT
    stack.start()
    seen.wait_for(has(SlotState.EMPTY))
    table.put(social())
    assert read(reader) == ELDER


def test_a_pulled_reader_is_used_again_when_it_is_back(
    reader: PcscReader, table: Table, stack: PcscStack, seen: Seen
) -> None:
    table.slot.take_card()
    stack.kill()
    stack.start(reader=False)
    seen.wait_for(lambda status: status.service is True and not status.slots)
    assert fault_of(lambda: reader.read(Cancel(), wait_s=0.05)) is Fault.READER_ABSENT
    stack.kill()
    stack.start()
    table.put(social(LONG_NAME))
    assert read(reader) == LONG_NAME


def kill_child(reader: PcscReader) -> None:
    assert reader.child_pid is not None
    os.kill(reader.child_pid, signal.SIGKILL)


def test_a_killed_child_is_started_again_and_finishes_the_read(
    reader: PcscReader, table: Table, seen: Seen
) -> None:
    table.put(document())
    kills = iter((True,))

    def progress(text: str) -> None:
        if text == "text" and next(kills, False):
            kill_child(reader)

    record = reader.read(Cancel(), wait_s=WAIT_S, key=KEY, progress=progress)
    assert isinstance(record, TravelDocument)
    assert PcscStatus(service=None) in seen.all


def test_a_card_that_ends_every_child_is_given_up(reader: PcscReader, table: Table) -> None:
    table.put(document())

    def progress(text: str) -> None:
        if text == "text":
            kill_child(reader)

    def killing() -> object:
        return reader.read(Cancel(), wait_s=WAIT_S, key=KEY, progress=progress)

    assert fault_of(killing) is Fault.PCSC_ABSENT
    assert isinstance(read(reader), TravelDocument)


def test_only_the_named_readers_count(stack: PcscStack, table: Table) -> None:
    table.put(social())
    reader = PcscReader(socket_path=stack.socket_path, reader="00 01")
    try:
        assert fault_of(lambda: reader.read(Cancel(), wait_s=0.6)) is Fault.CARD_ABSENT
        assert reader.status.slots == (("Virtual PCD 00 01", SlotState.EMPTY),)
    finally:
        reader.close()


def test_closing_ends_what_runs(stack: PcscStack, table: Table) -> None:
    table.clear()
    reader = PcscReader(socket_path=stack.socket_path)
    threading.Timer(0.2, reader.close).start()
    assert fault_of(lambda: reader.read(Cancel(), wait_s=WAIT_S)) is Fault.CANCELLED
    assert fault_of(lambda: reader.read(Cancel(), wait_s=WAIT_S)) is Fault.CANCELLED
    assert reader.child_pid is None


def test_without_a_service_it_is_said_so(tmp_path: Path) -> None:
    reader = PcscReader(socket_path=tmp_path / "nobody")
    try:
        assert fault_of(lambda: reader.read(Cancel(), wait_s=0.5)) is Fault.PCSC_ABSENT
    finally:
        reader.close()
