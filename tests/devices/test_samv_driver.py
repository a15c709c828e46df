"""The driver over a real pseudo-terminal: every status, every fault, and back to work after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typing_extensions import Buffer

from devices.errors import DeviceError, Fault
from devices.records import IdCard, Portrait, PortraitFormat
from devices.samv.driver import FAILURES_BEFORE_RESET, SamvReader
from devices.samv.framing import PREAMBLE, encode
from devices.samv.protocol import STATUS, Command, Reply, format_sam_id, split_card_data
from devices.samv.textblock import ADDRESS_BYTES, addresses_of
from devices.simulators.cards import PEOPLE, CardOnReader, make_card
from devices.simulators.samv import SAM_ID_TEXT, SamvSimulator
from devices.worker import Cancel, DeviceWorker, Outcome, Succeeded

QUIET_S = 0.03
REPLY_S = 0.2
READ_S = 0.8
READ_REPLY_BYTES = 1_295
WHOLE_READ = (Command.FIND, Command.SELECT, Command.READ, Command.READ_ADDRESSES)
FOUND_REPLY = PREAMBLE + bytes.fromhex("000800009F0000000097")
SELECTED_REPLY = PREAMBLE + bytes.fromhex("000C00009000000000000000009C")


@pytest.fixture
def simulator() -> Iterator[SamvSimulator]:
    with SamvSimulator() as made:
        yield made


@pytest.fixture
def reader(simulator: SamvSimulator) -> Iterator[SamvReader]:
    made = SamvReader(
        simulator.port,
        quiet_s=QUIET_S,
        reply_deadline_s=REPLY_S,
        absent_patience_s=0.3,
        find_every_s=0.02,
    )
    yield made
    made.close()


def read(reader: SamvReader, *, wait_s: float = 1.0, read_deadline_s: float = READ_S) -> IdCard:
    return reader.read_card(Cancel(30.0), wait_s=wait_s, read_deadline_s=read_deadline_s)


class Watched(serial.Serial):
    """A port that tells each request before it goes out."""

    def __init__(self, port: str, baud: int, asked: Callable[[bytes], None]) -> None:
        self._asked = asked
        super().__init__(port, baud, timeout=0.01)

    def write(self, data: Buffer, /) -> int | None:
        self._asked(bytes(memoryview(data)))
        return super().write(data)


def fault_of_reading(reader: SamvReader, **limits: float) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        read(reader, **limits)
    # What a read had in its hands must not travel on behind the error.
    assert caught.value.__cause__ is None
    return caught.value


def assert_works_again(simulator: SamvSimulator, reader: SamvReader) -> None:
    """Without a restart: the card is put on once more and is read."""
    simulator.put_card(make_card(PEOPLE["man"]))
    assert read(reader) == PEOPLE["man"]


# What the wire says.


def test_a_read_reply_has_the_golden_size(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    read(reader)
    requests = sum(len(command.frame) for command in simulator.commands)
    found, selected, no_addresses = 15, 19, 11
    assert simulator.commands == WHOLE_READ
    assert simulator.wire_bytes == requests + found + selected + READ_REPLY_BYTES + no_addresses


@pytest.mark.parametrize("key", PEOPLE)
def test_every_layout_arrives_whole(simulator: SamvSimulator, reader: SamvReader, key: str) -> None:
    simulator.put_card(make_card(PEOPLE[key]))
    assert read(reader) == PEOPLE[key]


def test_progress_tells_once_that_a_card_was_found(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.bad_checksum(2, command=Command.READ)
    told: list[str] = []
    reader.read_card(Cancel(), wait_s=1.0, progress=told.append)
    assert told == ["found"]


@pytest.mark.parametrize(
    ("block", "portrait"),
    [
        (bytes(1_024), None),
        (b"\xff" * 1_024, None),
        (b"WLf\x00~\x002\x00\x00\xff\x85".ljust(1_024, b"\x07"), PortraitFormat.WLT),
        (b"RIFF....WEBP".ljust(1_024, b"\x00"), PortraitFormat.WEBP),
        (b"RIFF....WAVE".ljust(1_024, b"\x00"), PortraitFormat.UNKNOWN),
    ],
)
def test_a_portrait_is_told_by_its_header_and_a_missing_one_is_missing(
    simulator: SamvSimulator, reader: SamvReader, block: bytes, portrait: PortraitFormat | None
) -> None:
    simulator.put_card(replace(make_card(PEOPLE["man"]), portrait=block))
    expected = None if portrait is None else Portrait(portrait, block)
    assert read(reader) == replace(PEOPLE["man"], portrait=expected)


def test_the_sam_tells_its_id_and_that_it_is_well(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    assert reader.sam_id(1.0) == SAM_ID_TEXT
    reader.status()
    reader.reset()
    assert simulator.commands == (Command.SAM_ID, Command.STATUS, Command.RESET)


MOVED = replace(PEOPLE["man"], added_addresses=("样例市甲路1号", "样例市乙路2号"))
MOVED_ELDER = replace(PEOPLE["elder"], added_addresses=("样例市丙路3号",))


@pytest.mark.parametrize("card", [PEOPLE["man"], PEOPLE["permit"]])
def test_who_has_moved_lives_where_the_card_says_last(
    simulator: SamvSimulator, reader: SamvReader, card: IdCard
) -> None:
    moved = replace(card, added_addresses=MOVED.added_addresses)
    simulator.put_card(make_card(moved))
    assert read(reader) == moved
    assert moved.latest_address == "样例市乙路2号"
    simulator.put_card(make_card(card))
    assert read(reader).latest_address == card.address


def test_a_card_without_an_address_is_not_asked_for_added_ones(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["foreign-2017"]))
    assert read(reader) == PEOPLE["foreign-2017"]
    assert simulator.commands == WHOLE_READ[:-1]


@pytest.mark.parametrize("status", [0x21, 0x24, 0x41, 0x77])
def test_a_reader_that_knows_no_added_addresses_reads_the_card(
    simulator: SamvSimulator, reader: SamvReader, status: int
) -> None:
    simulator.put_card(make_card(MOVED))
    simulator.answer(Command.READ_ADDRESSES, status)
    assert read(reader) == PEOPLE["man"]
    assert simulator.commands == WHOLE_READ


def test_damaged_added_addresses_are_asked_for_once_more(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(MOVED))
    simulator.bad_checksum(1, command=Command.READ_ADDRESSES)
    assert read(reader) == MOVED
    simulator.put_card(make_card(MOVED))
    simulator.bad_checksum(2, command=Command.READ_ADDRESSES)
    assert read(reader) == PEOPLE["man"]


@pytest.mark.parametrize(
    "happens",
    [
        lambda sim: sim.truncate_at(100, times=9, command=Command.READ_ADDRESSES),
        lambda sim: sim.truncate_at(0, times=9, command=Command.READ_ADDRESSES),
        lambda sim: sim.when_asked(Command.READ_ADDRESSES, sim.vanish),
        lambda sim: sim.when_asked(
            Command.READ_ADDRESSES, lambda: sim.put_card(make_card(MOVED_ELDER))
        ),
    ],
    ids=["cut", "silent", "unplugged", "another card"],
)
def test_added_addresses_that_cannot_be_had_cost_half_a_second_and_no_card(
    simulator: SamvSimulator, reader: SamvReader, happens: Callable[[SamvSimulator], None]
) -> None:
    simulator.put_card(make_card(MOVED))
    happens(simulator)
    assert read(reader, read_deadline_s=READ_S) == PEOPLE["man"]
    simulator.heal()
    assert_works_again(simulator, reader)


def test_an_added_address_in_a_block_of_its_own_or_with_garbage() -> None:
    first = "样例市甲路1号".encode("utf-16-le").ljust(ADDRESS_BYTES, b"\x00")
    assert addresses_of(first) == ("样例市甲路1号",)
    assert addresses_of(b"\x00\xd8" * 35 + first + bytes(ADDRESS_BYTES)) == ("样例市甲路1号",)


@pytest.mark.parametrize("finger_bytes", [0, 512, 1_024])
def test_a_fingerprint_is_kept_apart(finger_bytes: int) -> None:
    lengths = b"\x01\x00\x04\x00" + finger_bytes.to_bytes(2, "big")
    parts = split_card_data(lengths + b"t" * 256 + b"p" * 1_024 + b"f" * finger_bytes)
    assert parts == (b"t" * 256, b"p" * 1_024, b"f" * finger_bytes)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x01", b"\x01\x00\x04\x00", b"\x00\x00\x00\x00", b"\x01\x00\x00\x01" + b"t" * 257],
)
def test_lengths_that_do_not_fit_are_no_card(data: bytes) -> None:
    with pytest.raises(DeviceError) as caught:
        split_card_data(data)
    assert caught.value.fault is Fault.CARD_UNREADABLE


def test_replies_that_are_too_short_are_garbled() -> None:
    with pytest.raises(DeviceError, match="RD-03"):
        Reply.of(b"\x00\x00")
    with pytest.raises(DeviceError, match="RD-03"):
        format_sam_id(b"\x00" * 15)


# Every status code.

FAILING = {status: row.fault for status, row in STATUS.items() if row.fault is not None}


def test_the_table_has_every_status_of_the_protocol() -> None:
    listed = "90 9F 91 10 11 21 23 24 31 32 33 40 41 80 81 47 60 66"
    assert set(STATUS) == {int(code, 16) for code in listed.split()}


@pytest.mark.parametrize("status", FAILING)
def test_each_status_becomes_its_fault(
    simulator: SamvSimulator, reader: SamvReader, status: int
) -> None:
    simulator.answer(Command.STATUS, status)
    with pytest.raises(DeviceError) as caught:
        reader.status()
    assert caught.value.fault is FAILING[status]
    assert f"SW3 {status:02X}" in caught.value.detail


def test_an_unknown_status_is_a_refusal(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.answer(Command.STATUS, 0x77)
    with pytest.raises(DeviceError) as caught:
        reader.status()
    assert caught.value.fault is Fault.READER_REFUSED


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (status, fault)
        for status, fault in FAILING.items()
        # A find that finds nothing is how waiting looks.
        if fault is not Fault.CARD_ABSENT
    ],
)
def test_a_status_that_stays_ends_the_wait(
    simulator: SamvSimulator, reader: SamvReader, status: int, fault: Fault
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.answer(Command.FIND, status, times=100)
    assert fault_of_reading(reader, wait_s=2.5).fault is fault


# What a read reports if the SAM says so each time although the card is still there.
STAYS = {**FAILING, 0x41: Fault.CARD_UNREADABLE}


@pytest.mark.parametrize("command", [Command.SELECT, Command.READ])
@pytest.mark.parametrize("status", [status for status in FAILING if status != 0x80])
def test_a_status_that_stays_ends_the_read(
    simulator: SamvSimulator, reader: SamvReader, command: Command, status: int
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.answer(command, status, times=100)
    assert fault_of_reading(reader).fault is STAYS[status]


@pytest.mark.parametrize("command", [Command.SELECT, Command.READ])
@pytest.mark.parametrize("status", [0x10, 0x11, 0x31, 0x32, 0x33, 0x41, 0x81])
def test_a_status_that_passes_is_lived_with(
    simulator: SamvSimulator, reader: SamvReader, command: Command, status: int
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.answer(command, status, times=2)
    assert read(reader) == PEOPLE["man"]


# The card.


def test_no_card_in_time_is_told(simulator: SamvSimulator, reader: SamvReader) -> None:
    assert fault_of_reading(reader, wait_s=0.0).fault is Fault.CARD_ABSENT


def test_a_card_may_come_late(simulator: SamvSimulator, reader: SamvReader) -> None:
    laid = threading.Timer(0.35, simulator.put_card, [make_card(PEOPLE["man"])])
    laid.start()
    assert read(reader, wait_s=5.0) == PEOPLE["man"]
    laid.join()
    assert simulator.commands.count(Command.FIND) >= 2


def test_a_card_that_was_read_is_not_found_until_it_was_lifted(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    read(reader)
    assert fault_of_reading(reader, wait_s=0.0).fault is Fault.CARD_ABSENT
    assert simulator.has_card
    simulator.take_card()
    assert_works_again(simulator, reader)


@pytest.mark.parametrize("size_bytes", [0, 1, 5, 7, 10, 14, 100, 270, 700, 1_293, 1_294])
def test_a_card_taken_away_at_any_byte_is_removed(
    simulator: SamvSimulator, reader: SamvReader, size_bytes: int
) -> None:
    simulator.put_card(make_card(PEOPLE["elder"]))
    simulator.remove_after_bytes(size_bytes)
    assert fault_of_reading(reader).fault is Fault.CARD_REMOVED
    assert_works_again(simulator, reader)


def test_a_card_taken_away_after_its_last_byte_was_read(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["elder"]))
    simulator.remove_after_bytes(READ_REPLY_BYTES)
    assert read(reader) == PEOPLE["elder"]


def test_a_card_taken_away_while_the_sam_reads_is_removed(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["elder"]))
    simulator.remove_during_read()
    assert fault_of_reading(reader).fault is Fault.CARD_REMOVED
    assert_works_again(simulator, reader)


def test_a_card_that_is_not_genuine_is_told(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(make_card(PEOPLE["man"], genuine=False))
    assert fault_of_reading(reader).fault is Fault.CARD_NOT_GENUINE
    assert_works_again(simulator, reader)


def test_garbage_in_the_text_is_told_by_field(simulator: SamvSimulator, reader: SamvReader) -> None:
    card = make_card(PEOPLE["elder"])
    simulator.put_card(card)
    simulator.garbage_text(card.text[:36] + b"\xff" * 16 + card.text[52:])
    error = fault_of_reading(reader)
    assert (error.fault, error.detail) == (Fault.CARD_UNREADABLE, "text block: birth")
    simulator.garbage_text(None)
    assert_works_again(simulator, reader)


@pytest.mark.parametrize("key", ["man", "permit", "foreign-2023"])
def test_a_wrong_check_digit_is_told_without_the_number(
    simulator: SamvSimulator, reader: SamvReader, key: str
) -> None:
    card = PEOPLE[key]
    wrong = card.number[:-1] + ("0" if card.number[-1] != "0" else "1")
    simulator.put_card(make_card(replace(card, number=wrong)))
    error = fault_of_reading(reader)
    assert (error.fault, error.detail) == (Fault.CARD_UNREADABLE, "check digit")
    assert wrong not in str(error)


def test_wrong_lengths_are_no_card(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(CardOnReader(text=bytes(255), portrait=bytes(1_024)))
    assert fault_of_reading(reader).fault is Fault.CARD_UNREADABLE


# The line.


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00",
        b"\xaa\xaa",
        b"\xff" * 3_000,
        PREAMBLE,
        PREAMBLE + b"\xff\xff",
        PREAMBLE + b"\x05\x08",  # a false start that hides what follows
        encode(0x20, 0x01)[:-1] + b"\x00",
    ],
)
def test_noise_before_replies_costs_nothing(
    simulator: SamvSimulator, reader: SamvReader, noise: bytes
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.noise_before(noise, times=3)
    assert read(reader) == PEOPLE["man"]
    assert simulator.commands == WHOLE_READ


@pytest.mark.parametrize("command", [Command.FIND, Command.SELECT, Command.READ])
def test_damaged_replies_are_asked_for_again(
    simulator: SamvSimulator, reader: SamvReader, command: Command
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.bad_checksum(FAILURES_BEFORE_RESET - 1, command=command)
    assert read(reader, wait_s=3.0) == PEOPLE["man"]
    assert Command.RESET not in simulator.commands


@pytest.mark.parametrize("command", [Command.FIND, Command.SELECT, Command.READ])
def test_three_failures_in_a_row_reset_the_sam(
    simulator: SamvSimulator, reader: SamvReader, command: Command
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.bad_checksum(FAILURES_BEFORE_RESET, command=command)
    assert read(reader, wait_s=3.0) == PEOPLE["man"]
    assert simulator.commands.count(Command.RESET) == 1


@pytest.mark.parametrize("command", [None, Command.FIND, Command.SELECT, Command.READ])
def test_a_line_that_stays_bad_is_garbled(
    simulator: SamvSimulator, reader: SamvReader, command: Command | None
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.bad_checksum(100, command=command)
    assert fault_of_reading(reader, wait_s=5.0).fault is Fault.READER_GARBLED


def test_a_line_that_failed_is_not_blamed_on_the_card(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    """Some readers may not find a card again after a reset; nobody took it away."""
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.bad_checksum(FAILURES_BEFORE_RESET, command=Command.READ)

    def lose_it(_: str) -> None:
        simulator.answer(Command.FIND, 0x80, times=100)

    with pytest.raises(DeviceError) as caught:
        reader.read_card(Cancel(), wait_s=1.0, read_deadline_s=READ_S, progress=lose_it)
    assert caught.value.fault is Fault.READER_GARBLED


@pytest.mark.parametrize("size_bytes", [0, 3, 9, 500, 1_294])
def test_a_reply_that_was_cut_is_asked_for_again(
    simulator: SamvSimulator, reader: SamvReader, size_bytes: int
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.truncate_at(size_bytes)
    assert read(reader) == PEOPLE["man"]


@pytest.mark.parametrize("size_bytes", [0, 8, 1_000])
def test_a_reader_that_hangs_in_a_read_is_silent(
    simulator: SamvSimulator, reader: SamvReader, size_bytes: int
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.stall_after_bytes(size_bytes)
    assert fault_of_reading(reader, read_deadline_s=0.3).fault is Fault.READER_SILENT
    simulator.resume()
    assert_works_again(simulator, reader)


def test_a_reader_that_hangs_before_a_card_comes_is_silent(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.stall()
    asked: list[bytes] = []

    patient = SamvReader(
        simulator.port,
        reply_deadline_s=0.05,
        serial_factory=lambda port, baud: Watched(port, baud, asked.append),
    )
    assert fault_of_reading(patient, wait_s=30.0).fault is Fault.READER_SILENT
    patient.close()
    # Three tries, a reset, and one more look on a port opened anew.
    find, reset = Command.FIND.frame, Command.RESET.frame
    assert asked == [find, find, find, reset, find]
    simulator.resume()
    assert_works_again(simulator, reader)


def test_a_slow_line_is_only_slow(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.slow(4_000.0)
    began = time.monotonic()
    assert read(reader, read_deadline_s=3.0) == PEOPLE["man"]
    assert time.monotonic() - began >= READ_REPLY_BYTES / 4_000.0


def test_one_answer_that_stays_out_as_the_wait_ends_is_no_silent_reader(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    finds: list[bytes] = []

    def hang_before_the_second_answer(request: bytes) -> None:
        finds.append(request)
        if len(finds) == 2:
            simulator.stall()

    hanging = SamvReader(
        simulator.port,
        find_every_s=0.3,
        serial_factory=lambda port, baud: Watched(port, baud, hang_before_the_second_answer),
    )
    assert fault_of_reading(hanging, wait_s=0.35).fault is Fault.CARD_ABSENT
    assert finds == [Command.FIND.frame] * 2
    # Who answers nothing at all is silent.
    assert fault_of_reading(hanging, wait_s=0.35).fault is Fault.READER_SILENT
    hanging.close()
    simulator.resume()
    assert_works_again(simulator, reader)


def test_a_line_too_slow_for_the_deadline_ends_in_time(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.slow(1_000.0)
    began = time.monotonic()
    fault = fault_of_reading(reader, read_deadline_s=0.4).fault
    # The rest of the first try's reply may come into the second's.
    assert fault in (Fault.READER_SILENT, Fault.READER_GARBLED)
    assert time.monotonic() - began < 1.5
    simulator.slow(None)
    assert_works_again(simulator, reader)


def test_a_late_reply_is_not_taken_for_the_next_commands(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    # Right checksum, wrong question.
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.noise_before(FOUND_REPLY + SELECTED_REPLY, command=Command.READ)
    assert read(reader) == PEOPLE["man"]
    assert simulator.commands == WHOLE_READ


def test_a_late_find_does_not_hide_that_selecting_failed(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.noise_before(FOUND_REPLY, times=100, command=Command.SELECT)
    simulator.answer(Command.SELECT, 0x81, times=100)
    assert fault_of_reading(reader).fault is Fault.CARD_NOT_SELECTED
    assert Command.READ not in simulator.commands


# The plug.


def test_a_port_that_is_not_there_is_absent(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.vanish()
    with pytest.raises(DeviceError) as caught:
        reader.open()
    assert caught.value.fault is Fault.READER_ABSENT
    assert fault_of_reading(reader, wait_s=5.0).fault is Fault.READER_ABSENT
    simulator.come_back()
    assert_works_again(simulator, reader)


def test_a_reader_that_vanishes_while_waiting_is_waited_for(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    reader.status()
    simulator.vanish()

    def return_with_card() -> None:
        simulator.come_back()
        simulator.put_card(make_card(PEOPLE["man"]))

    back = threading.Timer(0.15, return_with_card)
    back.start()
    assert read(reader, wait_s=5.0) == PEOPLE["man"]
    back.join()


@pytest.mark.parametrize("size_bytes", [0, 6, 640])
def test_a_reader_that_vanishes_in_a_read_is_absent_and_comes_back(
    simulator: SamvSimulator, reader: SamvReader, size_bytes: int
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.vanish_after_bytes(size_bytes)
    assert fault_of_reading(reader).fault is Fault.READER_ABSENT
    simulator.come_back()
    assert_works_again(simulator, reader)


def test_closing_twice_and_reading_again_is_fine(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    reader.open()
    reader.close()
    reader.close()
    assert_works_again(simulator, reader)


# Anything at all.

FaultAction = Callable[[SamvSimulator], None]
counts = st.integers(1, 5)
faults: st.SearchStrategy[FaultAction] = st.one_of(
    st.builds(
        lambda noise, n, command: lambda s: s.noise_before(noise, times=n, command=command),
        st.binary(max_size=60) | st.just(PREAMBLE + b"\x05\x08"),
        counts,
        st.sampled_from(Command),
    ),
    st.builds(
        lambda n, c: lambda s: s.bad_checksum(n, command=c), counts, st.sampled_from(Command)
    ),
    st.builds(
        lambda size, n, c: lambda s: s.truncate_at(size, times=n, command=c),
        st.integers(0, 1_400),
        counts,
        st.sampled_from(Command),
    ),
    st.builds(
        lambda command, status, n: lambda s: s.answer(command, status, n),
        st.sampled_from(Command),
        st.integers(0, 255),
        counts,
    ),
    st.builds(lambda size: lambda s: s.remove_after_bytes(size), st.integers(0, 1_400)),
    st.builds(lambda size: lambda s: s.vanish_after_bytes(size), st.integers(0, 1_400)),
    st.builds(lambda size: lambda s: s.stall_after_bytes(size), st.integers(0, 1_400)),
    st.builds(lambda block: lambda s: s.garbage_text(block), st.binary(max_size=300)),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(faults, min_size=1, max_size=4))
def test_any_faults_end_in_the_card_or_a_fault_and_leave_nothing_behind(
    simulator: SamvSimulator, reader: SamvReader, happening: list[FaultAction]
) -> None:
    simulator.put_card(make_card(PEOPLE["elder"]))
    for happens in happening:
        happens(simulator)
    began = time.monotonic()
    try:
        got: IdCard | DeviceError = read(reader, wait_s=0.4, read_deadline_s=0.3)
    except DeviceError as error:
        got = error
    assert isinstance(got, DeviceError) or got == PEOPLE["elder"]
    assert time.monotonic() - began < 3.0
    simulator.heal()
    assert_works_again(simulator, reader)


# Inside a worker.


def wait_until_asked(simulator: SamvSimulator, command: Command) -> None:
    until = time.monotonic() + 5.0
    while command not in simulator.commands:
        assert time.monotonic() < until
        Cancel().wait(0.002)


@pytest.mark.parametrize(("withdrawn", "fault"), [(True, "DV-01"), (False, "DV-02")])
def test_a_wait_for_a_card_ends_at_once_when_it_should(
    simulator: SamvSimulator, reader: SamvReader, withdrawn: bool, fault: str
) -> None:
    worker = DeviceWorker("reader")
    outcomes: list[Outcome[IdCard]] = []
    ended = threading.Event()

    def done(outcome: Outcome[IdCard]) -> None:
        outcomes.append(outcome)
        ended.set()

    ticket = worker.submit(
        lambda cancel: reader.read_card(cancel, wait_s=60.0),
        deadline_s=60.0 if withdrawn else 0.2,
        done=done,
    )
    wait_until_asked(simulator, Command.FIND)
    if withdrawn:
        ticket.cancel()
    assert ended.wait(1.0)
    assert not isinstance(outcomes[0], Succeeded)
    assert outcomes[0].error.fault.code == fault
    assert worker.close()


def test_a_read_in_progress_can_be_withdrawn(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.stall_after_bytes(100)
    cancel = Cancel()
    lifted = threading.Timer(0.1, cancel.cancel)
    lifted.start()
    with pytest.raises(DeviceError) as caught:
        reader.read_card(cancel, wait_s=1.0, read_deadline_s=30.0)
    assert caught.value.fault is Fault.CANCELLED
    lifted.join()
