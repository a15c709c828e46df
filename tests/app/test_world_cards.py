"""Several readers at once: the first good card wins, and no card is read for somebody else."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from world_help import Ear, spin

from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.emrtd.sod import TrustStore
from devices.records import (
    ChipAuthenticity,
    IdCard,
    PcscStatus,
    PortraitFormat,
    SocialCard,
    TravelDocument,
)
from devices.samv.driver import SamvReader
from devices.simulators import cards, photos
from devices.simulators.chips import SimulatedChips
from devices.simulators.passport import Country, VirtualPassport, make_files, mrz_of
from devices.simulators.pcsc import PcscStack, VirtualUidCard
from devices.simulators.samv import SamvSimulator
from devices.simulators.socialcard import ELDER, VirtualSocialCard, records_of
from kiosk.identity.papers import DataPage
from kiosk.journey.effects import ReadCard
from kiosk.journey.events import CardFailed, CardFound, CardRead, CardStays, WorldChanged
from kiosk.world.reader import CardReading

WAIT = ReadCard(20.0)
PAGE = DataPage("E00000001", "850820", "340623")
COUNTRY = Country()
MRZ = mrz_of("E00000001", "850820", "340623", surname="SAMPLE", given="JIAN", sex="M")


def portrait_jpeg() -> bytes:
    picture = photos.portrait_image("hopper")
    out = io.BytesIO()
    Image.fromarray(np.asarray(picture)).resize((413, 531)).save(out, "JPEG")
    return out.getvalue()


FILES = make_files(COUNTRY, MRZ, portrait_jpeg())
KEY = DocumentKey.of_mrz(MRZ)


def social() -> VirtualSocialCard:
    return VirtualSocialCard(records_of(ELDER))


def id_card() -> cards.CardOnReader:
    return cards.make_card(cards.PEOPLE["man"])


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def sam() -> Iterator[SamvSimulator]:
    with SamvSimulator() as simulator:
        yield simulator


@pytest.fixture
def chips() -> SimulatedChips:
    return SimulatedChips(TrustStore([COUNTRY.authority]))


def attach(chips: SimulatedChips) -> Callable[[Callable[[PcscStatus], None]], SimulatedChips]:
    def start(on_status: Callable[[PcscStatus], None]) -> SimulatedChips:
        chips.on_status = on_status
        return chips

    return start


@pytest.fixture
def reading(sam: SamvSimulator, chips: SimulatedChips, ear: Ear) -> Iterator[CardReading]:
    reader = SamvReader(sam.port, absent_patience_s=0.3)
    carrier = CardReading(reader, ear, chips=attach(chips))
    carrier.start()
    yield carrier
    carrier.close()


def kinds(ear: Ear) -> list[type]:
    return [type(event) for event in ear.events]


# -- which card it is, is found out ---------------------------------------------------------


def test_an_id_card_is_read_while_the_other_reader_waits_too(
    sam: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 3)
    sam.put_card(id_card())
    read = ear.wait(CardRead)
    assert (read.visit, type(read.card)) == (3, IdCard)
    assert kinds(ear).count(CardFound) == 1


def test_a_social_security_card_is_read_while_the_sam_waits(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 3)
    chips.put_card(social())
    read = ear.wait(CardRead)
    assert read.card == ELDER
    assert read.portrait_png is None
    # The other wait was given up: the reader answers to a look again.
    ear.forget()
    spin(lambda: reading.look() is None and reading._over == reading._read, "the SAM is free")
    assert not {CardRead, CardFailed} & set(kinds(ear))


def test_a_passport_asks_for_its_data_page_and_then_shows_its_picture(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    chips.put_card(VirtualPassport(FILES, KEY))
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code == "RD-23"
    reading.read(ReadCard(20.0, page=PAGE), 1)
    read = ear.wait(CardRead)
    assert isinstance(read.card, TravelDocument)
    assert read.card.authenticity is ChipAuthenticity.SIGNED
    assert read.portrait is not None
    assert (read.portrait.format, len(read.portrait.data)) == (PortraitFormat.RGB, 102 * 126 * 3)
    assert read.portrait_png is not None
    assert read.portrait_png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("page", "code"),
    [
        (DataPage("E00000002", "850820", "340623"), "RD-24"),
        (DataPage("E-1", "850820", "340623"), "RD-24"),
    ],
)
def test_another_data_page_is_told(
    chips: SimulatedChips, reading: CardReading, ear: Ear, page: DataPage, code: str
) -> None:
    chips.put_card(VirtualPassport(FILES, KEY))
    reading.read(ReadCard(20.0, page=page), 1)
    assert ear.wait(CardFailed).code == code


@pytest.mark.parametrize("picture", [None, b"\xff\xd8\xffno picture at all"])
def test_a_document_without_a_usable_picture_is_still_an_identity(
    chips: SimulatedChips, reading: CardReading, ear: Ear, picture: bytes | None
) -> None:
    chips.put_card(VirtualPassport(make_files(COUNTRY, MRZ, picture), KEY))
    reading.read(ReadCard(20.0, page=PAGE), 1)
    read = ear.wait(CardRead)
    assert (read.portrait, read.portrait_png) == (None, None)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (VirtualUidCard(bytes.fromhex("FFCA000000")), "RD-10"),
        (VirtualUidCard(bytes.fromhex("0036000008"), bytes(8)), "ID-06"),
    ],
)
def test_a_card_that_only_has_a_uid_is_said_to_be_wrong(
    chips: SimulatedChips, reading: CardReading, ear: Ear, card: VirtualUidCard, code: str
) -> None:
    chips.put_card(card)
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code == code


def test_an_id_card_that_both_readers_see_is_read_by_the_sam(
    sam: SamvSimulator, chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 1)
    chips.put_card(VirtualUidCard(bytes.fromhex("0036000008"), bytes(8)))
    sam.put_card(id_card())
    assert type(ear.wait(CardRead).card) is IdCard
    assert CardFailed not in kinds(ear)


def test_a_card_taken_away_mid_read_is_told(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    chips.remove_after_commands(6)
    chips.put_card(social())
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code == "RD-07"


# -- readers that come and go -----------------------------------------------------------------


def test_one_reader_that_is_gone_does_not_keep_the_other_from_reading(
    sam: SamvSimulator, chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    sam.vanish()
    reading.read(WAIT, 1)
    assert ear.wait(WorldChanged, lambda e: e.id_cards is False)
    assert CardFailed not in kinds(ear), "a social-security card would still do"
    chips.put_card(social())
    assert ear.wait(CardRead).card == ELDER


def test_a_sam_that_comes_back_reads_in_the_same_wait(
    sam: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    sam.vanish()
    reading.read(WAIT, 1)
    assert ear.wait(WorldChanged, lambda e: e.id_cards is False)
    sam.come_back()
    sam.put_card(id_card())
    spin(lambda: reading.look() is None and CardRead in kinds(ear), "the card is read")
    assert CardFailed not in kinds(ear)


def test_pulling_the_chip_reader_is_told_and_costs_nothing(
    sam: SamvSimulator, chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    assert ear.wait(WorldChanged, lambda e: e.chip_cards is True)
    reading.read(WAIT, 1)
    chips.plug(in_=False)
    assert ear.wait(WorldChanged, lambda e: e.chip_cards is False)
    sam.put_card(id_card())
    assert ear.wait(CardRead)


def test_a_chip_reader_that_comes_back_reads_in_the_same_wait(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    chips.plug(in_=False)
    reading.read(WAIT, 1)
    spin(lambda: chips.refused > 0, "the chip side gives up")
    chips.plug(in_=True)
    chips.put_card(social())
    spin(lambda: reading.look() is None and CardRead in kinds(ear), "the card is read")
    assert CardFailed not in kinds(ear)


def test_no_card_at_all_is_told_once(reading: CardReading, ear: Ear) -> None:
    reading.read(ReadCard(0.3), 1)
    assert ear.wait(CardFailed).code == "RD-05"
    ear.forget()
    spin(lambda: reading.look() is None and reading._over == reading._read, "the SAM is free")
    assert CardFailed not in kinds(ear)


# -- taken up again ---------------------------------------------------------------------------


def test_a_card_that_was_read_is_not_read_again_before_it_was_taken_up(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    chips.put_card(social())
    reading.read(WAIT, 1)
    assert ear.wait(CardRead)
    ear.forget()
    reading.read(WAIT, 1)
    assert ear.wait(CardStays).lies is True
    assert CardRead not in kinds(ear)
    chips.take_card()
    assert ear.wait(CardStays, lambda e: not e.lies)
    chips.put_card(social())
    assert ear.wait(CardRead)


def test_the_card_of_who_left_is_nobody_elses_identity(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    chips.put_card(social())
    reading.visit_over()
    assert ear.wait(WorldChanged, lambda e: e.card_left is True)
    reading.read(WAIT, 2)
    assert ear.wait(CardStays).visit == 2
    assert CardRead not in kinds(ear)
    chips.take_card()
    assert ear.wait(WorldChanged, lambda e: e.card_left is False)


def test_a_second_card_that_lay_there_is_not_the_next_partys(
    sam: SamvSimulator, chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 1)
    sam.put_card(id_card())
    assert ear.wait(CardRead)
    chips.put_card(VirtualPassport(FILES, KEY))  # down before anybody asks for another card
    ear.forget()
    reading.read(ReadCard(20.0, page=PAGE), 1)
    assert isinstance(ear.wait(CardRead).card, TravelDocument), "a card that came later counts"
    reading.read(WAIT, 1)
    assert ear.wait(CardStays).lies is True


def test_an_id_card_is_read_although_another_was_forgotten(
    sam: SamvSimulator, chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    chips.put_card(social())
    reading.visit_over()
    reading.read(WAIT, 2)
    sam.put_card(id_card())
    assert type(ear.wait(CardRead).card) is IdCard


def test_who_waits_no_more_gets_no_answer_from_either(
    chips: SimulatedChips, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 1)
    reading.stop()
    chips.put_card(social())
    spin(lambda: reading.look() is None and reading._over == reading._read, "the SAM is free")
    assert not {CardRead, CardFailed, CardFound} & set(kinds(ear))


# -- over a real pcscd ------------------------------------------------------------------------


def test_over_a_real_pcscd(sam: SamvSimulator, ear: Ear) -> None:
    from devices.pcsc.reader import PcscReader

    with PcscStack() as stack:
        slot = stack.slot()
        carrier = CardReading(
            SamvReader(sam.port),
            ear,
            chips=lambda told: PcscReader(socket_path=stack.socket_path, on_status=told),
        )
        try:
            carrier.start()
            assert ear.wait(WorldChanged, lambda e: e.chip_cards is True)
            carrier.read(WAIT, 1)
            slot.put_card(social())
            assert isinstance(ear.wait(CardRead).card, SocialCard)
            assert ear.wait(WorldChanged, lambda e: e.card_lies is True)
            slot.take_card()
            assert ear.wait(WorldChanged, lambda e: e.card_lies is False)
            ear.forget()
            carrier.read(ReadCard(20.0, page=PAGE), 1)
            slot.put_card(VirtualPassport(FILES, KEY))
            read = ear.wait(CardRead)
            assert isinstance(read.card, TravelDocument)
            assert read.card.authenticity is ChipAuthenticity.NOT_AUTHENTICATED
        finally:
            slot.take_card()
            carrier.close()
