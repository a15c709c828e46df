"""The code scanner in a visit: codes, data pages, a scanner that is pulled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from world_help import Ear, spin

from devices.scanners.scanner import CodeScanner
from devices.scanners.serial_line import serial_line
from devices.simulators.passport import mrz_of
from devices.simulators.scanner import SerialScannerSimulator
from kiosk.identity.papers import DataPage
from kiosk.journey.effects import ReadCode
from kiosk.journey.events import CodeFailed, CodeSeen, DataPageRead, WorldChanged
from kiosk.world.codes import CodeReading
from kiosk.world.scanner import Scanning, telling_pages

MRZ = mrz_of("E00000001", "850820", "340623", surname="SAMPLE", given="JIAN", sex="M")
PAGE = DataPage("E00000001", "850820", "340623")


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def gun() -> Iterator[SerialScannerSimulator]:
    with SerialScannerSimulator() as simulator:
        yield simulator


@pytest.fixture
def scanning(gun: SerialScannerSimulator, ear: Ear) -> Iterator[Scanning]:
    scanner = CodeScanner(serial_line(gun.port), absent_patience_s=0.3)
    source = Scanning(scanner, ear)
    yield source
    source.close()


@pytest.fixture
def codes(scanning: Scanning, ear: Ear) -> CodeReading:
    return CodeReading((scanning,), telling_pages(ear))


def ready(scanning: Scanning, codes: CodeReading, wait_s: float = 20.0) -> None:
    """A code counts only once it is awaited: wait until the line was emptied for it."""
    codes.read(ReadCode(wait_s), 5)
    spin(lambda: scanning.scanner.is_waiting, "the scanner is listened to")


def test_a_code_is_told_with_its_visit(
    gun: SerialScannerSimulator, scanning: Scanning, codes: CodeReading, ear: Ear
) -> None:
    ready(scanning, codes)
    gun.scan("https://example.invalid/1")
    seen = ear.wait(CodeSeen)
    assert (seen.visit, seen.code.text) == (5, "https://example.invalid/1")
    assert ear.wait(WorldChanged).scanner_ok is True


@pytest.mark.parametrize("lines", [(MRZ,), (MRZ[:44], MRZ[44:])])
def test_a_zone_in_one_line_or_two_is_a_data_page(
    gun: SerialScannerSimulator,
    scanning: Scanning,
    codes: CodeReading,
    ear: Ear,
    lines: tuple[str, ...],
) -> None:
    ready(scanning, codes)
    for line in lines:
        gun.scan(line)
    read = ear.wait(DataPageRead)
    assert (read.visit, read.page) == (5, PAGE)


def test_a_zone_with_a_wrong_digit_is_no_data_page(
    gun: SerialScannerSimulator, scanning: Scanning, codes: CodeReading, ear: Ear
) -> None:
    ready(scanning, codes)
    gun.scan(MRZ.replace("850820", "850821"))
    assert ear.wait(CodeSeen)
    assert not [e for e in ear.events if isinstance(e, DataPageRead)]


def test_a_scanner_that_is_pulled_is_told_and_told_again_when_it_is_back(
    gun: SerialScannerSimulator, scanning: Scanning, codes: CodeReading, ear: Ear
) -> None:
    ready(scanning, codes)
    gun.vanish()
    assert ear.wait(CodeFailed).code == "SC-01"
    assert ear.wait(WorldChanged, lambda e: e.scanner_ok is False)
    gun.come_back()
    ear.forget()
    spin(lambda: scanning.look() is None and bool(ear.events), "the scanner is back")
    assert ear.events == [WorldChanged(scanner_ok=True)]


def test_who_waits_no_more_gets_no_code(
    gun: SerialScannerSimulator, scanning: Scanning, codes: CodeReading, ear: Ear
) -> None:
    ready(scanning, codes)
    codes.stop()
    gun.scan("too late")
    spin(lambda: not scanning.scanner.is_waiting, "the wait is over")
    spin(lambda: scanning.look() is None and bool(ear.events), "the scanner is asked")
    assert ear.events == [WorldChanged(scanner_ok=True)]
