"""What the payloads of SAM-V frames mean: commands, status codes, the parts of a card.

Two tables: `Command`, and `STATUS`, which gives each SW3 its meaning and the
fault it stands for. Proven against a simulated reader that speaks these bytes, not yet
against hardware.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from devices.errors import DeviceError, Fault
from devices.records import Portrait, PortraitFormat
from devices.samv.framing import encode

TEXT_BYTES = 256
PORTRAIT_BYTES = 1_024
ADDRESSES = 4
SAM_ID_BYTES = 16

OK = 0x90
FOUND = 0x9F
ITEM_ABSENT = 0x91
NO_CARD = 0x80


class Command(Enum):
    """CMD and PARA of each request."""

    RESET = (0x10, 0xFF)
    STATUS = (0x11, 0xFF)
    SAM_ID = (0x12, 0xFF)
    FIND = (0x20, 0x01)
    SELECT = (0x20, 0x02)
    READ = (0x30, 0x01)  # text and portrait
    READ_ADDRESSES = (0x30, 0x03)  # added since the card was issued
    READ_WITH_FINGERPRINT = (0x30, 0x10)

    @property
    def frame(self) -> bytes:
        """The whole request as it goes over the wire."""
        return encode(*self.value)


class Status(NamedTuple):
    """What one SW3 says; no fault means that the command was carried out."""

    meaning: str
    fault: Fault | None


STATUS: dict[int, Status] = {
    OK: Status("ok", None),
    FOUND: Status("card found", None),
    ITEM_ABSENT: Status("item absent", Fault.CARD_UNREADABLE),
    # The request arrived damaged: the line is noisy, and the request may be sent again.
    0x10: Status("checksum of the request", Fault.READER_GARBLED),
    0x11: Status("length of the request", Fault.READER_GARBLED),
    0x21: Status("command refused", Fault.READER_REFUSED),
    0x23: Status("unauthorised", Fault.READER_REFUSED),
    0x24: Status("unknown command", Fault.READER_REFUSED),
    0x31: Status("card rejects SAM", Fault.CARD_NOT_GENUINE),
    0x32: Status("SAM rejects card", Fault.CARD_NOT_GENUINE),
    0x33: Status("verification failed", Fault.CARD_NOT_GENUINE),
    0x40: Status("wrong card type", Fault.CARD_WRONG_KIND),
    # Most often because the card left the field: the driver looks whether it is still there.
    0x41: Status("read failed", Fault.CARD_REMOVED),
    0x47: Status("random number", Fault.READER_REFUSED),
    0x60: Status("self-test failed", Fault.READER_SAM_FAILED),
    0x66: Status("SAM not authorised", Fault.READER_SAM_FAILED),
    NO_CARD: Status("find failed", Fault.CARD_ABSENT),
    0x81: Status("select failed", Fault.CARD_NOT_SELECTED),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """SW1 SW2 SW3 and the data behind them."""

    card_status: int  # SW1 SW2: the card's own status, relayed
    status: int  # SW3
    data: bytes = field(repr=False)

    @classmethod
    def of(cls, payload: bytes) -> Reply:
        """Read a frame's payload. Raises DeviceError(READER_GARBLED) if it is too short."""
        if len(payload) < 3:
            raise DeviceError(Fault.READER_GARBLED, "a reply without a status")
        return cls(int.from_bytes(payload[:2], "big"), payload[2], payload[3:])

    def raise_if_failed(self) -> None:
        """Raise the DeviceError that SW3 stands for; an unknown SW3 is a refusal."""
        meaning, fault = STATUS.get(self.status, Status("unknown status", Fault.READER_REFUSED))
        if fault is not None:
            raise DeviceError(
                fault, f"SW3 {self.status:02X} {meaning}, SW1-2 {self.card_status:04X}"
            )


class CardData(NamedTuple):
    """The parts of a read reply."""

    text: bytes
    portrait: bytes
    fingerprint: bytes


def split_card_data(data: bytes) -> CardData:
    """Take a read reply's data apart: two or three big endian lengths, then the parts.

    Whether there is a third length, a fingerprint's, is told by the size of the whole. Raises
    DeviceError(CARD_UNREADABLE) if the lengths do not fit the data or the blocks.
    """
    for count in (2, 3):
        head = 2 * count
        if len(data) < head:
            continue
        text, portrait, *fingerprint = struct.unpack_from(f">{count}H", data)
        finger = fingerprint[0] if fingerprint else 0
        if head + text + portrait + finger != len(data):
            continue
        if text != TEXT_BYTES or portrait not in (0, PORTRAIT_BYTES):
            continue
        after_text = head + text
        after_portrait = after_text + portrait
        return CardData(
            data[head:after_text], data[after_text:after_portrait], data[after_portrait:]
        )
    raise DeviceError(Fault.CARD_UNREADABLE, "lengths of the card's blocks")


def format_sam_id(data: bytes) -> str:
    """The SAM's id as printed on it, `05.03-YYYYMMDD-nnnnnnnnnn-nnnnnnnnnn`.

    Raises DeviceError(READER_GARBLED) unless `data` has 16 bytes.
    """
    if len(data) != SAM_ID_BYTES:
        raise DeviceError(Fault.READER_GARBLED, "length of the SAM's id")
    major, minor, day, first, second = struct.unpack("<HHIII", data)
    return f"{major:02d}.{minor:02d}-{day:08d}-{first:010d}-{second:010d}"


_PORTRAIT_HEADERS: tuple[tuple[bytes, bytes, PortraitFormat], ...] = (
    # First bytes, bytes from offset 8 on, format.
    (b"WLf\x00", b"", PortraitFormat.WLT),
    (b"RIFF", b"WEBP", PortraitFormat.WEBP),
)


def portrait_of(block: bytes) -> Portrait | None:
    """The portrait in a card's block, its format told by the header; None if it is blank."""
    if not block.strip(b"\x00") or not block.strip(b"\xff") or not block.strip(b" "):
        return None
    for first, at_8, kind in _PORTRAIT_HEADERS:
        if block.startswith(first) and block[8:].startswith(at_8):
            return Portrait(kind, block)
    return Portrait(PortraitFormat.UNKNOWN, block)
