"""Commands to a card and its answers, with typed status words (ISO/IEC 7816-4, short form).

`exchange` follows a card's two detours, so that nobody above knows of them: 61xx (the answer
waits to be fetched) and 6Cxx (ask again with the right Le). It ends in a `Response`, in what
`transmit` raises, or in `CardProtocolError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum

Transmit = Callable[[bytes], bytes]

LE_ANY = 256  # encoded as 00: as much as there is
_DETOURS_MOST = 300
_ANSWER_BYTES_MOST = 65_536


class SW(IntEnum):
    """Status words that something here acts upon."""

    OK = 0x9000
    END_OF_FILE = 0x6282
    AUTHENTICATION_FAILED = 0x6300
    WRONG_LENGTH = 0x6700
    SECURITY_NOT_SATISFIED = 0x6982
    AUTHENTICATION_BLOCKED = 0x6983
    CONDITIONS_NOT_SATISFIED = 0x6985
    SM_MISSING = 0x6987
    SM_WRONG = 0x6988
    WRONG_DATA = 0x6A80
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    WRONG_P1_P2 = 0x6A86
    REFERENCE_NOT_FOUND = 0x6A88
    WRONG_OFFSET = 0x6B00
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00


class CardProtocolError(Exception):
    """The card did not keep to the protocol. The text quotes nothing that it said."""


class Refused(CardProtocolError):
    """The card answered with a status word that is not success."""

    def __init__(self, what: str, sw: int) -> None:
        super().__init__(f"{what}: {describe(sw)}")
        self.sw = sw


def describe(sw: int) -> str:
    """A status word for a technician, such as "6A82 file not found"."""
    try:
        return f"{sw:04X} {SW(sw).name.lower().replace('_', ' ')}"
    except ValueError:
        return f"{sw:04X}"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `le` None asks for no data, LE_ANY for all there is."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int | None = None

    def encode(self) -> bytes:
        """The bytes to send. Raises ValueError for what the short form cannot hold."""
        if len(self.data) > 255 or (self.le is not None and not 1 <= self.le <= LE_ANY):
            raise ValueError("does not fit a short command")
        out = bytes([self.cla, self.ins, self.p1, self.p2])
        if self.data:
            out += bytes([len(self.data)]) + self.data
        if self.le is not None:
            out += bytes([self.le & 0xFF])
        return out


@dataclass(frozen=True, slots=True)
class Response:
    """What a card answered: data and status word."""

    data: bytes = field(repr=False)
    sw: int

    @property
    def ok(self) -> bool:
        """Whether it is 9000."""
        return self.sw == SW.OK

    def expect(self, what: str) -> bytes:
        """The data; raises Refused naming `what` unless the status is success."""
        if not self.ok:
            raise Refused(what, self.sw)
        return self.data


def select_name(name: bytes, *, answer: bool = True) -> Command:
    """SELECT an application by its name. `answer` asks for the card's description of it."""
    return Command(0x00, 0xA4, 0x04, 0x00 if answer else 0x0C, name, LE_ANY if answer else None)


def exchange(transmit: Transmit, command: Command) -> Response:
    """Send a command, follow 61xx and 6Cxx, and return the whole answer."""
    collected = b""
    asked_again = False
    for _ in range(_DETOURS_MOST):
        raw = transmit(command.encode())
        if len(raw) < 2:
            raise CardProtocolError("an answer without a status word")
        data, sw1, sw2 = raw[:-2], raw[-2], raw[-1]
        if sw1 == 0x6C and not asked_again:
            asked_again = True
            command = replace(command, le=sw2 or LE_ANY)
            continue
        collected += data
        if len(collected) > _ANSWER_BYTES_MOST:
            raise CardProtocolError("an answer without an end")
        if sw1 != 0x61:
            return Response(collected, sw1 << 8 | sw2)
        command = Command(command.cla & 0x03, 0xC0, 0, 0, le=sw2 or LE_ANY)
        asked_again = False
    raise CardProtocolError("detours without an end")
