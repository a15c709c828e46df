"""What may be sent, how answers are fetched, and what the records of a social card become."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DeviceError, Fault
from devices.pcsc import apdu, guard, identify, socialcard, tlv
from devices.pcsc.apdu import CardProtocolError, Command, Refused, Response, exchange
from devices.pcsc.service import Connection
from devices.records import CardKind, Sex, SocialCard
from devices.simulators.socialcard import (
    ELDER,
    LONG_NAME,
    RARE_NAME,
    VirtualSocialCard,
    records_of,
)
from devices.worker import Cancel

H = bytes.fromhex


class Script:
    """A card that expects commands, byte for byte, and answers from a list."""

    def __init__(self, *turns: tuple[str, str]) -> None:
        self._turns: Iterator[tuple[str, str]] = iter(turns)

    def __call__(self, sent: bytes) -> bytes:
        asked, answer = next(self._turns)
        assert sent.hex().upper() == asked
        return H(answer)


# The guard.

CLASSES = (0x00, 0x01, 0x04, 0x08, 0x0C, 0x10, 0x80, 0x84, 0xFF)


@pytest.mark.parametrize("ins", [0x20, 0x21, 0x24, 0x2C])
@pytest.mark.parametrize("cla", CLASSES)
def test_no_pin_can_be_sent(cla: int, ins: int) -> None:
    for rest in (b"", b"\x00\x00", b"\x00\x81\x06123456", b"\x00\x00\x08" + bytes(8)):
        sent = bytes([cla, ins]) + rest
        with pytest.raises(DeviceError) as refused:
            guard.check(sent)
        assert refused.value.fault is Fault.COMMAND_FORBIDDEN
        assert "123456" not in str(refused.value)


@given(st.binary(max_size=40))
def test_only_what_is_known_to_be_harmless_passes(sent: bytes) -> None:
    if guard.is_allowed(sent):
        assert sent[0] != 0xFF or sent == H("FFCA000000")
        assert sent[1] in {0x22, 0x36, 0x82, 0x84, 0x86, 0xA4, 0xB0, 0xB1, 0xB2, 0xC0, 0xCA}


@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        ("00A4040007A0000002471001", True),
        ("0CB000000D9701048E08ED6705417E96BA5500", True),
        ("00B2012C00", True),
        ("0036000008", True),
        ("FFCA000000", True),
        ("0022C1A40F800A04007F00070202040202830101", True),
        ("0022C1A40F800A04007F00070202040202830102", True),
        ("0022C1A40F800A04007F00070202040202830103", False),  # PACE with the PIN
        ("0022C1A40F800A04007F00070202040202830104", False),  # with the PUK
        ("0022C1A412800A04007F00070202040202830101830103", False),
        ("0022C1A40C800A04007F00070202040202", False),
        ("0022C1A40F800A04007F000702020402028301", False),
        ("00D6000001FF", False),
        ("00DC01340100", False),
        ("0082000108" + 8 * "00", False),
        ("FF82000006FFFFFFFFFFFF", False),
        ("FF860000050100046000", False),
        ("0037000008", False),
        ("0036000009", False),
        ("8084000008", False),
        ("", False),
    ],
)
def test_what_passes(sent: str, allowed: bool) -> None:
    assert guard.is_allowed(H(sent)) is allowed


def connection(scard: Any) -> Connection:
    return Connection(scard, "reader", Cancel())


class FakeScard:
    """The service's functions, as far as a connection needs them."""

    SCARD_PCI_T0 = SCARD_PCI_T1 = 0

    def __init__(self, answer: Callable[[list[int]], tuple[int, list[int]]]) -> None:
        self.sent: list[list[int]] = []
        self._answer = answer

    def SCardTransmit(self, _card: int, _pci: int, sent: list[int]) -> tuple[int, list[int]]:
        self.sent.append(sent)
        return self._answer(sent)

    def __getattr__(self, name: str) -> Callable[..., tuple[int, int, int]]:
        if name == "SCardReconnect":
            return lambda *_: (0, 2)  # type: ignore[return-value]
        if name == "SCardEstablishContext":
            return lambda *_: (0, 1)  # type: ignore[return-value]
        return lambda *_: (0, 1, 2)


def test_the_guard_stands_before_the_only_way_to_a_card() -> None:
    scard = FakeScard(lambda _: (0, [0x90, 0x00]))
    card = connection(scard)
    with pytest.raises(DeviceError) as refused:
        card.transmit(H("0020008108FFFFFFFFFFFFFFFF"))
    assert refused.value.fault is Fault.COMMAND_FORBIDDEN
    assert scard.sent == []
    assert card.transmit(H("00A4000C023F00")) == H("9000")
    assert len(scard.sent) == 1


def test_no_code_but_the_connection_calls_transmit() -> None:
    """The guard cannot be walked around: one place in all of `devices` sends to a card."""
    from pathlib import Path

    root = Path(guard.__file__).parents[1]
    sources = [path for path in root.rglob("*.py") if "simulators" not in path.parts]
    callers = [path.name for path in sources if ".SCardTransmit(" in path.read_text("utf-8")]
    assert callers == ["service.py"]


def failing(code: int, _: list[int]) -> tuple[int, list[int]]:
    return code, []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (0x80100069, Fault.CARD_REMOVED),
        (0x8010000C, Fault.CARD_REMOVED),
        (0x80100066, Fault.CARD_MUTE),
        (0x8010001D, Fault.PCSC_ABSENT),
        (0x8010001E, Fault.PCSC_ABSENT),
        (0x80100013, Fault.PCSC_ABSENT),
        (0x80100017, Fault.READER_ABSENT),
        (0x8010000B, Fault.READER_REFUSED),
        (0x80100016, Fault.CARD_UNREADABLE),
        (0x80109999, Fault.PCSC_ABSENT),
    ],
)
def test_what_codes_of_the_service_mean(code: int, fault: Fault) -> None:
    signed = code - (1 << 32)  # pyscard's answer differs with the platform's integers
    for value in (code, signed):
        card = connection(FakeScard(partial(failing, value)))
        with pytest.raises(DeviceError) as failed:
            card.transmit(H("0084000008"))
        assert failed.value.fault is fault


def test_a_cancel_ends_a_connection_before_its_next_command() -> None:
    cancel = Cancel()
    scard: Any = FakeScard(lambda _: (0, [0x90, 0x00]))
    card = Connection(scard, "reader", cancel)
    cancel.cancel()
    with pytest.raises(DeviceError) as failed:
        card.transmit(H("0084000008"))
    assert failed.value.fault is Fault.CANCELLED
    assert scard.sent == []


# Commands and answers.


def test_short_commands() -> None:
    assert Command(0, 0xB0, 1, 2).encode() == H("00B00102")
    assert Command(0, 0xB0, 1, 2, le=4).encode() == H("00B0010204")
    assert Command(0, 0xB0, 1, 2, le=apdu.LE_ANY).encode() == H("00B0010200")
    assert Command(0, 0xA4, 4, 0, b"ab", apdu.LE_ANY).encode() == H("00A4040002616200")
    for bad in (Command(0, 0, 0, 0, bytes(256)), Command(0, 0, 0, 0, le=257)):
        with pytest.raises(ValueError, match="short"):
            bad.encode()


def test_waiting_answers_are_fetched_piece_by_piece() -> None:
    card = Script(
        ("00B2012C00", "6104"),
        ("00C0000004", "010203046102"),
        ("00C0000002", "05069000"),
    )
    answer = exchange(card, Command(0, 0xB2, 1, 0x2C, le=apdu.LE_ANY))
    assert answer == Response(H("010203040506"), 0x9000)


def test_the_right_length_is_asked_for_once() -> None:
    card = Script(("00B2012C00", "6C14"), ("00B2012C14", "AABB9000"))
    assert exchange(card, Command(0, 0xB2, 1, 0x2C, le=apdu.LE_ANY)).data == H("AABB")
    stubborn = Script(("00B2012C00", "6C14"), ("00B2012C14", "6C14"))
    assert exchange(stubborn, Command(0, 0xB2, 1, 0x2C, le=apdu.LE_ANY)).sw == 0x6C14


def test_detours_end() -> None:
    with pytest.raises(CardProtocolError, match="without an end"):
        exchange(lambda _: H("6110"), Command(0, 0xB2, 1, 0x2C, le=apdu.LE_ANY))
    with pytest.raises(CardProtocolError, match="without an end"):
        exchange(lambda _: bytes(300) + H("6100"), Command(0, 0xB2, 1, 0x2C, le=apdu.LE_ANY))


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=6))
def test_whatever_a_card_answers_ends_typed(answers: list[bytes]) -> None:
    left = iter(answers)
    try:
        response = exchange(
            lambda _: next(left, b"\x6f\x00"), Command(0, 0xB2, 1, 0x2C, le=apdu.LE_ANY)
        )
    except CardProtocolError:
        return
    assert 0 <= response.sw <= 0xFFFF


def test_status_words_are_named() -> None:
    assert apdu.describe(0x6A82) == "6A82 file not found"
    assert apdu.describe(0x1234) == "1234"
    with pytest.raises(Refused, match="SELECT: 6A82 file not found"):
        Response(b"", 0x6A82).expect("SELECT")


@given(st.integers(0, 0xFF).filter(lambda t: t & 0x1F != 0x1F), st.binary(max_size=300))
def test_tlv_both_ways(tag: int, value: bytes) -> None:
    made = tlv.make(tag, value)
    assert tlv.read(made) == (tag, value, len(made))
    with pytest.raises(tlv.TlvError):
        tlv.read(made[:-1])


@given(st.binary(max_size=60))
def test_tlv_is_parsed_or_refused(data: bytes) -> None:
    try:
        items = list(tlv.walk(data))
    except tlv.TlvError:
        return
    assert all(item.end <= len(data) for item in items)


# Social cards.


def split(card: SocialCard) -> tuple[dict[int, bytes], dict[int, bytes]]:
    files = records_of(card)
    issue, person = ({}, {})  # type: tuple[dict[int, bytes], dict[int, bytes]]
    for into, file_id in ((issue, 0xEF05), (person, 0xEF06)):
        for record in files[file_id]:
            into.update(socialcard.split_record(record))
    return issue, person


@pytest.mark.parametrize("card", [ELDER, LONG_NAME, RARE_NAME])
def test_records_become_a_card(card: SocialCard) -> None:
    assert socialcard.card_of(*split(card)) == card


def test_a_character_may_be_cut_between_name_and_extension() -> None:
    issue, person = split(ELDER)
    raw = ("A" + "陈" * 15).encode("gb18030")
    person[0x09], person[0x4E] = raw[:30], raw[30:].ljust(20, b"\x00")
    assert socialcard.card_of(issue, person).name == "A" + "陈" * 15


@pytest.mark.parametrize(
    ("tag", "value", "field"),
    [
        (0x08, b"990102195304120021".ljust(18), "number"),
        (0x08, bytes(18), "number"),
        (0x08, b"\xff" * 18, "number"),
        (0x09, bytes(30), "name"),
        (0x09, b"\xff\xff" + bytes(28), "name"),
        (0x09, b"A\x07B", "name"),
        (0x0A, b"5", "sex"),
        (0x0B, b"\xaa", "nation"),
        (0x0C, b"\xab\xcd\xef", "birthplace"),
        (0x0D, H("19530231"), "birth"),
        (0x0D, H("19530413"), "differ"),
    ],
)
def test_a_field_that_makes_no_sense_is_named_and_not_quoted(
    tag: int, value: bytes, field: str
) -> None:
    issue, person = split(ELDER)
    person[tag] = value
    with pytest.raises(ValueError, match=field) as failed:
        socialcard.card_of(issue, person)
    assert "9901" not in str(failed.value)


@pytest.mark.parametrize(
    ("tag", "value", "attribute", "expected"),
    [
        (0x0A, b"\x02", "sex", Sex.FEMALE),
        (0x0A, b"1", "sex", Sex.MALE),
        (0x0B, b"01", "nation", "01"),
        (0x0B, b"\x56", "nation", "56"),
        (0x0B, b"\x01", "nation", "01"),
        (0x0D, b"\xff\xff\xff\xff", "birth", None),
        (0x0C, b"\xff\xff\xff", "birthplace", ""),
    ],
)
def test_cards_differ_in_how_they_code_a_field(
    tag: int, value: bytes, attribute: str, expected: object
) -> None:
    issue, person = split(ELDER)
    person[tag] = value
    assert getattr(socialcard.card_of(issue, person), attribute) == expected


@given(st.binary(max_size=60))
def test_a_record_is_split_or_refused(data: bytes) -> None:
    try:
        found = socialcard.split_record(data)
    except CardProtocolError:
        return
    assert sum(len(value) + 2 for value in found.values()) <= len(data)


@given(st.dictionaries(st.integers(1, 0x50), st.binary(max_size=30), max_size=14))
def test_any_records_become_a_card_or_a_named_field(records: dict[int, bytes]) -> None:
    try:
        card = socialcard.card_of(records, records)
    except socialcard.FieldError:
        return
    assert card.name


class InMemory:
    """A card without a reader, whose answers may be changed on the way."""

    def __init__(self, chip: VirtualSocialCard, spoil: Callable[[int, bytes], bytes]) -> None:
        self._chip = chip
        self._spoil = spoil
        self._count = 0

    def transmit(self, sent: bytes) -> bytes:
        guard.check(sent)
        self._count += 1
        return self._spoil(self._count, self._chip.respond(sent))

    def reset(self) -> None:
        self._chip.reset()


@given(at=st.integers(1, 40), bit=st.integers(0, 300))
def test_one_wrong_bit_never_makes_a_wrong_record(at: int, bit: int) -> None:
    def spoil(count: int, answer: bytes) -> bytes:
        if count != at:
            return answer
        changed = bytearray(answer)
        changed[bit // 8 % len(changed)] ^= 1 << bit % 8
        return bytes(changed)

    card = InMemory(VirtualSocialCard(records_of(ELDER)), spoil)
    record: object
    try:
        record = socialcard.read_card(card)
    except DeviceError as error:
        record = error.fault
    assert record in (ELDER, Fault.CARD_UNREADABLE, Fault.CARD_WRONG_KIND)


def test_a_card_of_another_kind_is_told_as_such() -> None:
    class Other:
        def transmit(self, sent: bytes) -> bytes:
            return H("6D00")

        def reset(self) -> None: ...

    assert identify.kind_of(Other()) is CardKind.UNKNOWN
    with pytest.raises(DeviceError) as failed:
        socialcard.read_card(Other())
    assert failed.value.fault is Fault.CARD_WRONG_KIND


def test_nothing_personal_in_a_repr() -> None:
    text = repr(ELDER)
    for secret in (ELDER.name, ELDER.number, ELDER.card_number, ELDER.card_id, "1953"):
        assert secret not in text
    assert ELDER.issued == date(2019, 5, 20)
