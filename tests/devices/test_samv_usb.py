"""A SAM-V reader on USB, and one of unknown speed: the same driver, other lines.

libusb is stood in for at its edge, pyusb's backend; behind it is the simulated reader, so
that every accident of the serial line happens here too.
"""

from __future__ import annotations

import errno
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import serial
import usb.core
from hypothesis import given
from hypothesis import strategies as st
from usb.backend import IBackend

from devices.errors import DeviceError, Fault
from devices.records import IdCard
from devices.samv.driver import BAUDS, CardWithFingerprint, SamvReader
from devices.samv.framing import HEADER_BYTES, PREAMBLE
from devices.samv.protocol import Command
from devices.samv.usb import address_of, open_usb
from devices.simulators.cards import PEOPLE, make_card
from devices.simulators.samv import SAM_ID_TEXT, SamvSimulator
from devices.worker import Cancel

LIMITS = {"quiet_s": 0.03, "reply_deadline_s": 0.2, "absent_patience_s": 0.3, "find_every_s": 0.02}
ENDPOINTS = (0x02, 0x06, 0x81, 0x85)
_GONE = (OSError, TypeError)


class Libusb(IBackend):  # type: ignore[misc]
    """What libusb would say of a bus with one reader; it is there while the simulator is."""

    def __init__(self, simulator: SamvSimulator, model: tuple[int, int] = (0x0400, 0xC35A)) -> None:
        self.simulator = simulator
        self.model = model
        self.ports = (3, 1)
        self.kernel_driver = True
        self.busy = False
        self.sent: list[tuple[int, bytes]] = []
        self._line: serial.Serial | None = None
        self._claimed = False
        self._wire = bytearray()
        self._ready: dict[int, deque[bytes]] = {0x81: deque(), 0x85: deque()}
        self._body_bytes = 0

    def enumerate_devices(self) -> Iterator[object]:
        try:
            serial.Serial(self.simulator.port).close()
        except OSError:
            return
        yield "reader"

    def get_parent(self, dev: object) -> None:
        return None

    def get_device_descriptor(self, dev: object) -> SimpleNamespace:
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x110,
            bDeviceClass=255,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=self.model[0],
            idProduct=self.model[1],
            bcdDevice=0x100,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            address=5,
            bus=2,
            port_number=self.ports[-1],
            port_numbers=self.ports,
            speed=2,
        )

    def get_configuration_descriptor(self, dev: object, config: int) -> SimpleNamespace:
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=46,
            bNumInterfaces=1,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0x80,
            bMaxPower=50,
            extra_descriptors=[],
        )

    def get_interface_descriptor(
        self, dev: object, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        if intf or alt:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=0,
            bAlternateSetting=0,
            bNumEndpoints=len(ENDPOINTS),
            bInterfaceClass=255,
            bInterfaceSubClass=0,
            bInterfaceProtocol=0,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(
        self, dev: object, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=ENDPOINTS[ep],
            bmAttributes=2,
            wMaxPacketSize=64,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, dev: object) -> object:
        self._line = self._or_gone(lambda: serial.Serial(self.simulator.port, timeout=0))
        return "handle"

    def close_device(self, handle: object) -> None:
        if self._line is not None:
            self._line.close()
        self._line, self._claimed = None, False
        self._wire.clear()
        self._body_bytes = 0
        for queue in self._ready.values():
            queue.clear()

    def get_configuration(self, handle: object) -> int:
        return 1

    def set_configuration(self, handle: object, value: int) -> None:
        pass

    def is_kernel_driver_active(self, handle: object, intf: int) -> bool:
        return self.kernel_driver

    def detach_kernel_driver(self, handle: object, intf: int) -> None:
        self.kernel_driver = False

    def claim_interface(self, handle: object, intf: int) -> None:
        if self.busy or self.kernel_driver:
            raise usb.core.USBError("Resource busy", errno=errno.EBUSY)
        self._claimed = True

    def release_interface(self, handle: object, intf: int) -> None:
        self._claimed = False

    def bulk_write(self, handle: object, ep: int, intf: int, data: Any, timeout: int) -> int:
        assert self._claimed
        assert timeout > 0
        self.sent.append((ep, bytes(data)))
        if ep == 0x02:
            self._body_bytes = 0  # a new request ends what was left of the last reply
        self._or_gone(lambda: self._line.write(bytes(data)))  # type: ignore[union-attr]
        return len(data)

    def bulk_read(self, handle: object, ep: int, intf: int, buff: array[int], timeout: int) -> int:
        assert self._claimed
        assert timeout > 0
        until = time.monotonic() + timeout / 1_000
        while not self._ready[ep]:
            self._pump(min(0.005, timeout / 1_000))
            if not self._ready[ep] and time.monotonic() >= until:
                raise usb.core.USBTimeoutError("Operation timed out", errno=errno.ETIMEDOUT)
        packet = self._ready[ep].popleft()
        buff[: len(packet)] = array("B", packet)
        return len(packet)

    def _pump(self, timeout_s: float) -> None:
        line = self._line
        assert line is not None

        def read() -> bytes:
            line.timeout = timeout_s
            return line.read(1) + line.read(line.in_waiting)

        self._wire += self._or_gone(read)
        while self._wire:
            if self._body_bytes:
                self._give(0x85, min(self._body_bytes, 64))
                continue
            start = self._wire.find(PREAMBLE)
            if start != 0:
                self._give(0x81, min(start if start > 0 else len(self._wire), 64))
            elif len(self._wire) < HEADER_BYTES:
                return
            else:
                self._body_bytes = int.from_bytes(self._wire[5:7], "big")
                self._ready[0x81].append(bytes(self._wire[:HEADER_BYTES]))
                del self._wire[:HEADER_BYTES]

    def _give(self, endpoint: int, size_bytes: int) -> None:
        packet = bytes(self._wire[:size_bytes])
        self._ready[endpoint].append(packet)
        del self._wire[:size_bytes]
        if endpoint == 0x85:
            self._body_bytes -= len(packet)

    def _or_gone(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except _GONE:
            raise usb.core.USBError("No such device", errno=errno.ENODEV) from None


@pytest.fixture
def simulator() -> Iterator[SamvSimulator]:
    with SamvSimulator() as made:
        yield made


@pytest.fixture
def libusb(simulator: SamvSimulator) -> Libusb:
    return Libusb(simulator)


@pytest.fixture
def reader(libusb: Libusb) -> Iterator[SamvReader]:
    made = on_usb(libusb)
    yield made
    made.close()


def on_usb(libusb: Libusb, address: str = "usb") -> SamvReader:
    return SamvReader(
        address,
        serial_factory=lambda port, baud: open_usb(port, baud, backend=libusb),
        **LIMITS,  # type: ignore[arg-type]
    )


def read(reader: SamvReader, wait_s: float = 1.0) -> IdCard:
    return reader.read_card(Cancel(30.0), wait_s=wait_s, read_deadline_s=0.8)


def test_a_card_is_read_through_four_endpoints(
    simulator: SamvSimulator, libusb: Libusb, reader: SamvReader
) -> None:
    moved = replace(PEOPLE["man"], added_addresses=("样例市甲路1号",))
    simulator.put_card(make_card(moved))
    assert reader.sam_id() == SAM_ID_TEXT
    assert read(reader) == moved
    first, second = libusb.sent[:2]
    assert first == (0x02, bytes.fromhex("AAAAAA96690003"))
    assert second == (0x06, bytes.fromhex("12FFEE"))
    assert not libusb.kernel_driver


def test_noise_and_bad_sums_are_got_over(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.noise_before(b"\x55\xaa\xaa\x00" * 5, command=Command.READ)
    simulator.bad_checksum(2, command=Command.FIND)
    simulator.truncate_at(700)
    assert read(reader) == PEOPLE["man"]


@pytest.mark.parametrize("at_bytes", [0, 1, 7, 8, 64, 71, 600, 1_294])
def test_pulled_at_any_byte_it_is_absent_and_comes_back(
    simulator: SamvSimulator, reader: SamvReader, at_bytes: int
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.vanish_after_bytes(at_bytes)
    with pytest.raises(DeviceError) as caught:
        read(reader)
    assert caught.value.fault is Fault.READER_ABSENT
    with pytest.raises(DeviceError) as caught:
        read(reader, wait_s=0.1)
    assert caught.value.fault is Fault.READER_ABSENT
    simulator.heal()
    simulator.put_card(make_card(PEOPLE["man"]))
    assert read(reader) == PEOPLE["man"]


def test_one_that_is_in_use_elsewhere_is_absent(libusb: Libusb, reader: SamvReader) -> None:
    libusb.busy = True
    with pytest.raises(DeviceError) as caught:
        reader.status()
    assert caught.value.fault is Fault.READER_ABSENT
    libusb.busy = False
    reader.status()


def test_a_card_taken_away_is_told(simulator: SamvSimulator, reader: SamvReader) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.remove_after_bytes(300)
    with pytest.raises(DeviceError) as caught:
        read(reader)
    assert caught.value.fault is Fault.CARD_REMOVED


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("usb", True),
        ("usb:0483:5652", True),
        ("usb:0400:c35a", False),
        ("usb:2-3.1", True),
        ("usb:2-3", False),
        ("usb:1-3.1", False),
    ],
)
def test_the_reader_meant_is_the_one_opened(
    simulator: SamvSimulator, address: str, there: bool
) -> None:
    reader = on_usb(Libusb(simulator, (0x0483, 0x5652)), address)
    if there:
        reader.status()
    else:
        with pytest.raises(DeviceError) as caught:
            reader.status()
        assert caught.value.fault is Fault.READER_ABSENT
    reader.close()


def test_other_devices_are_left_alone(simulator: SamvSimulator) -> None:
    libusb = Libusb(simulator, (0x046D, 0xC31C))
    with pytest.raises(DeviceError):
        on_usb(libusb).status()
    assert libusb.sent == []
    assert libusb.kernel_driver


@given(st.text(max_size=20))
def test_any_address_is_read_or_refused(text: str) -> None:
    try:
        address = address_of(text)
    except ValueError:
        return
    assert address.models


# The speed of a serial line.


@pytest.mark.parametrize("baud", BAUDS)
def test_the_speed_is_found_and_remembered(baud: int) -> None:
    with SamvSimulator(line_baud=baud) as simulator:
        reader = SamvReader(simulator.port, bauds=BAUDS, **LIMITS)  # type: ignore[arg-type]
        reader.status()
        assert reader.baud == baud
        reader.close()
        before = len(simulator.commands)
        simulator.put_card(make_card(PEOPLE["man"]))
        assert read(reader) == PEOPLE["man"]
        # No second search: the port was opened at once at the speed that worked.
        assert simulator.commands[before] is Command.FIND
        reader.close()


def test_a_reader_of_another_speed_is_found_after_the_first_stays_mute() -> None:
    with SamvSimulator(line_baud=115_200) as first:
        reader = SamvReader(first.port, bauds=BAUDS, **LIMITS)  # type: ignore[arg-type]
        reader.status()
        with SamvSimulator(line_baud=9_600) as second:
            reader.close()
            reader._port = second.port
            second.put_card(make_card(PEOPLE["man"]))
            assert read(reader, wait_s=4.0) == PEOPLE["man"]
            assert reader.baud == 9_600
            reader.close()


def test_a_mute_line_is_silent_and_a_missing_one_absent() -> None:
    with SamvSimulator() as simulator:
        reader = SamvReader(simulator.port, bauds=BAUDS[:2], **LIMITS)  # type: ignore[arg-type]
        simulator.stall()
        with pytest.raises(DeviceError) as caught:
            reader.status()
        assert caught.value.fault is Fault.READER_SILENT
        simulator.vanish()
        with pytest.raises(DeviceError) as caught:
            reader.status()
        assert caught.value.fault is Fault.READER_ABSENT
        simulator.heal()
        reader.status()
        reader.close()


def test_who_waits_for_a_card_at_a_mute_reader_is_told_long_before_the_wait_is_over() -> None:
    with SamvSimulator() as simulator:
        reader = SamvReader(simulator.port, bauds=BAUDS[:2], **LIMITS)  # type: ignore[arg-type]
        simulator.stall()
        with pytest.raises(DeviceError) as caught:
            reader.read_card(Cancel(60.0), wait_s=50.0)
        assert caught.value.fault is Fault.READER_SILENT
        reader.close()


def test_a_sam_that_hangs_is_reset_although_its_speed_is_not_known() -> None:
    with SamvSimulator(line_baud=115_200) as simulator:
        simulator.truncate_at(0, times=5, command=Command.STATUS)
        simulator.put_card(make_card(PEOPLE["man"]))
        reader = SamvReader(simulator.port, bauds=BAUDS, **LIMITS)  # type: ignore[arg-type]
        assert read(reader) == PEOPLE["man"]
        assert simulator.commands.count(Command.RESET) == 1
        reader.close()


def test_the_search_ends_with_a_cancel() -> None:
    with SamvSimulator() as simulator:
        reader = SamvReader(simulator.port, bauds=BAUDS, **LIMITS)  # type: ignore[arg-type]
        simulator.stall()
        cancel = Cancel(0.3)
        began = time.monotonic()
        with pytest.raises(DeviceError) as caught:
            reader.read_card(cancel, wait_s=5.0)
        assert caught.value.fault is Fault.DEADLINE
        assert time.monotonic() - began < 4.0
        reader.close()


# Fingerprints.


@pytest.mark.parametrize("block", [b"", b"\x43\x01" * 256, b"\x43\x01" * 512])
def test_a_fingerprint_comes_only_when_asked_for_and_apart(
    simulator: SamvSimulator, reader: SamvReader, block: bytes
) -> None:
    simulator.put_card(make_card(PEOPLE["man"], fingerprint=block))
    assert read(reader) == PEOPLE["man"]
    assert Command.READ_WITH_FINGERPRINT not in simulator.commands
    simulator.put_card(make_card(PEOPLE["man"], fingerprint=block))
    both = reader.read_card(Cancel(), wait_s=1.0, fingerprint=True)
    assert isinstance(both, CardWithFingerprint)
    assert both.card == PEOPLE["man"]
    assert (both.fingerprint.data if both.fingerprint else b"") == block
    assert repr(both) == "CardWithFingerprint()"


def test_a_reader_that_reads_no_fingerprints_says_so(
    simulator: SamvSimulator, reader: SamvReader
) -> None:
    simulator.put_card(make_card(PEOPLE["man"]))
    simulator.answer(Command.READ_WITH_FINGERPRINT, 0x24, times=5)
    with pytest.raises(DeviceError) as caught:
        reader.read_card(Cancel(), wait_s=1.0, fingerprint=True)
    assert caught.value.fault is Fault.READER_REFUSED
