"""A SAM-V reader on USB: the bytes of the serial line, split over four bulk endpoints.

`open_usb` is a port factory for `devices.samv.driver.SamvReader`, which then does all the
rest as over a serial line:

    SamvReader("usb", serial_factory=open_usb)

The address is `usb` for the first reader found, `usb:VID:PID` for a model, and
`usb:BUS-PORT[.PORT...]` for the socket it is plugged into, as the kernel names it.

A request goes out as its first seven bytes (preamble and length) to 0x02 and the rest to
0x06; a reply comes in the same two parts from 0x81 and 0x85. Every transfer has a timeout in
libusb itself, so nothing hangs. A reader that was pulled raises OSError, which the driver
reports as absent, and opens again when it is back.

Endpoints and ids are from public descriptions of the readers. Proven against a stand-in for
libusb that speaks these bytes, not against hardware.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

import usb.core
import usb.util

from devices.samv.framing import HEADER_BYTES, MAX_LENGTH, PREAMBLE

MODELS = ((0x0400, 0xC35A), (0x0483, 0x5652))
OUT_HEAD, OUT_BODY, IN_HEAD, IN_BODY = 0x02, 0x06, 0x81, 0x85
_INTERFACE = 0

_WRITE_TIMEOUT_MS = 1_000
# How soon a cancel is noticed; arriving bytes end the wait.
_READ_TIMEOUT_MS = 20
# libusb takes no less; zero would be for ever.
_DRAIN_TIMEOUT_MS = 1
# A bulk read must have room for whole packets: 64 bytes at full speed, 512 at high speed.
_PACKET_BYTES = 512
_MOST_DRAINED = 16

_BY_MODEL = re.compile(r"usb:([0-9a-f]{4}):([0-9a-f]{4})", re.IGNORECASE)
_BY_SOCKET = re.compile(r"usb:(\d{1,3})-(\d{1,3}(?:\.\d{1,3})*)")


class Address(NamedTuple):
    """Which readers are meant: any of some models, or what is in one socket."""

    models: tuple[tuple[int, int], ...]
    bus: int | None = None
    ports: tuple[int, ...] = ()


def address_of(text: str) -> Address:
    """Read an address. Raises ValueError for what is none."""
    if text == "usb":
        return Address(MODELS)
    if found := _BY_MODEL.fullmatch(text):
        return Address(((int(found[1], 16), int(found[2], 16)),))
    if found := _BY_SOCKET.fullmatch(text):
        return Address(MODELS, int(found[1]), tuple(map(int, found[2].split("."))))
    raise ValueError("a USB reader's address is usb, usb:VID:PID or usb:BUS-PORT")


class UsbPort:
    """One opened reader, with the methods that the driver needs of a serial port."""

    def __init__(self, device: Any) -> None:
        """`device` is a `usb.core.Device`. Raises OSError if it cannot be claimed."""
        self._device = device
        self._received = bytearray()
        # How many bytes of a reply's second part are still to come.
        self._body_bytes = 0
        try:
            with contextlib.suppress(NotImplementedError):
                if device.is_kernel_driver_active(_INTERFACE):
                    device.detach_kernel_driver(_INTERFACE)
            device.set_configuration()
            usb.util.claim_interface(device, _INTERFACE)
        except usb.core.USBError:
            usb.util.dispose_resources(device)
            raise

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        return len(self._received)

    def read(self, size: int = 1, /) -> bytes:
        """At most `size` bytes, fewer or none after 20 ms. Raises OSError."""
        if not self._received:
            self._receive(_READ_TIMEOUT_MS)
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def write(self, data: bytes, /) -> int:
        """Send a request, whole. Raises OSError."""
        head, body = data[:HEADER_BYTES], data[HEADER_BYTES:]
        for endpoint, part in ((OUT_HEAD, head), (OUT_BODY, body)):
            if part and self._device.write(endpoint, part, _WRITE_TIMEOUT_MS) != len(part):
                raise OSError("the reader took a request in part")
        return len(data)

    def reset_input_buffer(self) -> None:
        """Forget what was received and not read, and what the reader still holds."""
        self._received.clear()
        self._body_bytes = 0
        for endpoint in (IN_HEAD, IN_BODY):
            for _ in range(_MOST_DRAINED):
                if not self._transfer(endpoint, _DRAIN_TIMEOUT_MS):
                    break

    def close(self) -> None:
        """Let the reader go."""
        with contextlib.suppress(usb.core.USBError):
            usb.util.release_interface(self._device, _INTERFACE)
        usb.util.dispose_resources(self._device)

    def _receive(self, timeout_ms: int) -> None:
        if self._body_bytes:
            body = self._transfer(IN_BODY, timeout_ms)
            self._body_bytes = max(0, self._body_bytes - len(body))
            self._received += body
            return
        head = self._transfer(IN_HEAD, timeout_ms)
        self._received += head
        # What has no right head is left to the parser, which looks for the next.
        if len(head) >= HEADER_BYTES and head.startswith(PREAMBLE):
            length = int.from_bytes(head[len(PREAMBLE) : HEADER_BYTES], "big")
            if length <= MAX_LENGTH:
                # Some readers might send it all the first way.
                self._body_bytes = max(0, length - (len(head) - HEADER_BYTES))

    def _transfer(self, endpoint: int, timeout_ms: int) -> bytes:
        try:
            return bytes(self._device.read(endpoint, _PACKET_BYTES, timeout_ms))
        except usb.core.USBTimeoutError:
            return b""


def open_usb(address: str, _baud: int = 0, *, backend: Any = None) -> UsbPort:
    """Open the reader at `address` (see above). USB has no speed to set.

    Raises OSError if there is none, and ValueError for an address that is none or where
    libusb is missing; the driver reports either as absent. `backend` is pyusb's, for tests.
    """
    wanted = address_of(address)

    def fits(device: Any) -> bool:
        if (device.idVendor, device.idProduct) not in wanted.models:
            return False
        if wanted.bus is None:
            return True
        return (device.bus, tuple(device.port_numbers or ())) == (wanted.bus, wanted.ports)

    device = usb.core.find(custom_match=fits, backend=backend)
    if device is None:
        raise OSError("no such reader on USB")
    return UsbPort(device)
