"""What goes over the wire to an ESC/POS printer and what comes back: bytes, and nothing else.

Tables instead of code: each status bit has its `Condition`, each `Condition` that stops a
printer has its fault. Sources: the four real-time status bytes as every ESC/POS manual gives
them; automatic status back (GS a), process id (GS ( H, function 48) and the clearing of the
buffers (DLE DC4, function 8) as in Epson's public command reference. Cheaper printers know
the first and not always the others: the driver finds out.

The parser promises, for any bytes in any portions: it never raises, and keeps less than one
longest reply. What fits no reply is dropped and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from devices.errors import Fault
from devices.records import PaperState

INITIALIZE = b"\x1b@"
CUT = b"\x1dVB\x00"  # feed to the cutter, then cut
# Report by itself when online state, errors or paper change: bits 1, 2 and 3.
REPORT_CHANGES = b"\x1da\x0e"
PAPER_SENSOR = b"\x1dr\x01"  # answered in its turn, not in real time
CLEAR_BUFFERS = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
RECOVER_CLEARING = b"\x10\x05\x02"
STATUS_QUERIES = (1, 2, 3, 4)


def status_query(number: int) -> bytes:
    """DLE EOT `number`: the printer, why it is offline, its errors, its paper."""
    return bytes([0x10, 0x04, number])


def process_id_request(token: bytes) -> bytes:
    """Ask for `token`, four characters, to be sent when all data before this was printed."""
    if len(token) != 4 or any(not 32 <= byte <= 126 for byte in token):
        raise ValueError("a process id is four printable characters")
    return b"\x1d(H\x06\x00\x30\x30" + token


class Condition(StrEnum):
    """What a printer may say of itself."""

    OFFLINE = "offline"
    COVER_OPEN = "cover-open"
    FEEDING = "feed-button"
    PAPER_STOP = "stopped-by-paper-end"
    ERROR = "error"
    RECOVERABLE = "recoverable-error"
    CUTTER = "cutter-error"
    UNRECOVERABLE = "unrecoverable-error"
    AUTO_RECOVERABLE = "pausing"  # mostly a hot head; it goes on by itself
    PAPER_LOW = "paper-low"
    PAPER_OUT = "paper-out"


# For each real-time query: the bits that stand for a condition when all of them are set.
_REAL_TIME: dict[int, tuple[tuple[int, Condition], ...]] = {
    1: ((0x08, Condition.OFFLINE),),
    2: (
        (0x04, Condition.COVER_OPEN),
        (0x08, Condition.FEEDING),
        (0x20, Condition.PAPER_STOP),
        (0x40, Condition.ERROR),
    ),
    3: (
        (0x04, Condition.RECOVERABLE),
        (0x08, Condition.CUTTER),
        (0x20, Condition.UNRECOVERABLE),
        (0x40, Condition.AUTO_RECOVERABLE),
    ),
    4: ((0x0C, Condition.PAPER_LOW), (0x60, Condition.PAPER_OUT)),
}
# The same for the first three of the four bytes of automatic status back.
_AUTOMATIC: tuple[tuple[tuple[int, Condition], ...], ...] = (
    ((0x08, Condition.OFFLINE), (0x20, Condition.COVER_OPEN), (0x40, Condition.FEEDING)),
    (
        (0x04, Condition.RECOVERABLE),
        (0x08, Condition.CUTTER),
        (0x20, Condition.UNRECOVERABLE),
        (0x40, Condition.AUTO_RECOVERABLE),
    ),
    ((0x03, Condition.PAPER_LOW), (0x0C, Condition.PAPER_OUT)),
)

# What keeps a printer from printing, and how it is reported; the first that holds counts.
STOPPING: tuple[tuple[Condition, Fault], ...] = (
    (Condition.COVER_OPEN, Fault.PRINTER_COVER_OPEN),
    (Condition.PAPER_OUT, Fault.PAPER_OUT),
    (Condition.PAPER_STOP, Fault.PAPER_OUT),
    (Condition.CUTTER, Fault.PRINTER_JAMMED),
    (Condition.RECOVERABLE, Fault.PRINTER_JAMMED),
    (Condition.UNRECOVERABLE, Fault.PRINT_FAILED),
    (Condition.ERROR, Fault.PRINT_FAILED),
    (Condition.OFFLINE, Fault.PRINTER_ABSENT),
)
_STOPPING = frozenset(condition for condition, _ in STOPPING)


@dataclass(frozen=True, slots=True)
class State:
    """What a printer said at one moment; what it was not asked, or did not answer, is unknown.

    `answered` are the numbers of the real-time queries it answered.
    """

    conditions: frozenset[Condition]
    answered: frozenset[int]

    @property
    def online(self) -> bool:
        """Whether it says that it can print now."""
        return 1 in self.answered and not self.conditions & _STOPPING

    @property
    def paper(self) -> PaperState:
        """What it says of its paper."""
        if self.conditions & {Condition.PAPER_OUT, Condition.PAPER_STOP}:
            return PaperState.OUT
        if Condition.PAPER_LOW in self.conditions:
            return PaperState.LOW
        return PaperState.OK if 4 in self.answered else PaperState.UNKNOWN

    @property
    def fault(self) -> Fault | None:
        """What keeps it from printing; None where it can."""
        for condition, fault in STOPPING:
            if condition in self.conditions:
                return fault
        return None if 1 in self.answered else Fault.PRINTER_ABSENT

    @property
    def detail(self) -> str:
        """Its conditions in words for a technician."""
        words = sorted(self.conditions)
        silent = [f"no-answer-{n}" for n in STATUS_QUERIES if n not in self.answered]
        return ",".join([*words, *silent])


def decode(answers: dict[int, int]) -> State:
    """What the answers (by query number) to real-time queries say."""
    found = {
        condition
        for number, byte in answers.items()
        for bits, condition in _REAL_TIME[number]
        if byte & bits == bits
    }
    return State(frozenset(found), frozenset(answers))


@dataclass(frozen=True, slots=True)
class RealTime:
    """The answer to one DLE EOT."""

    byte: int


@dataclass(frozen=True, slots=True)
class Automatic:
    """A change that the printer reported by itself."""

    conditions: frozenset[Condition]


@dataclass(frozen=True, slots=True)
class ProcessId:
    """Everything before the request with this token was printed."""

    token: bytes


@dataclass(frozen=True, slots=True)
class Cleared:
    """The buffers were cleared."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """The answer to GS r: everything before it was worked on."""

    byte: int


Reply = RealTime | Automatic | ProcessId | Cleared | Sensor

_HEADER, _PROCESS_ID, _CLEAR = 0x37, 0x22, 0x25
_PROCESS_ID_BYTES = 7
_CLEARED = bytes([_HEADER, _CLEAR, 0])
_FLOW_CONTROL = frozenset({0x11, 0x13})
# Tokens are made of characters that cannot be taken for the answer to a status query.
TOKEN_ALPHABET = b"ABCDEFGHIJKLMNOPQSTUWXY"


def is_real_time(byte: int) -> bool:
    """0xx1xx10."""
    return byte & 0x93 == 0x12


def is_automatic_head(byte: int) -> bool:
    """0xx1xx00."""
    return byte & 0x93 == 0x10


def is_plain(byte: int) -> bool:
    """0xx0xxxx, as GS r and the later bytes of automatic status have it."""
    return byte & 0x90 == 0


class ReplyParser:
    """Turns received bytes into replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.dropped_bytes = 0

    def reset(self) -> None:
        """Forget what is pending."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes in; give out whatever is complete, in order."""
        # Flow control may come between any two bytes and belongs to the line.
        self._buffer += bytes(byte for byte in data if byte not in _FLOW_CONTROL)
        found: list[Reply] = []
        while self._buffer and self._step(found):
            pass
        return found

    def _step(self, found: list[Reply]) -> bool:
        """Take one reply, or one byte that is none; False if more bytes are needed."""
        head = self._buffer[0]
        if head == _HEADER:
            return self._block(found)
        if is_automatic_head(head):
            return self._automatic(found)
        if is_real_time(head):
            self._take(1, RealTime(head), found)
        elif is_plain(head):
            self._take(1, Sensor(head), found)
        else:
            self._drop()
        return True

    def _block(self, found: list[Reply]) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        if buffer[1] == _PROCESS_ID:
            if len(buffer) < _PROCESS_ID_BYTES:
                # A token never has bytes that belong to another reply.
                if all(32 <= byte <= 126 for byte in buffer[2:6]):
                    return False
            elif buffer[6] == 0 and all(32 <= byte <= 126 for byte in buffer[2:6]):
                self._take(_PROCESS_ID_BYTES, ProcessId(bytes(buffer[2:6])), found)
                return True
        elif buffer[1] == _CLEAR:
            if len(buffer) < len(_CLEARED):
                return False
            if buffer.startswith(_CLEARED):
                self._take(len(_CLEARED), Cleared(), found)
                return True
        self._drop()
        return True

    def _automatic(self, found: list[Reply]) -> bool:
        following = self._buffer[1:4]
        if not all(is_plain(byte) for byte in following):
            self._drop()
            return True
        if len(following) < 3:
            return False
        conditions = {
            condition
            for byte, row in zip(self._buffer, _AUTOMATIC, strict=False)
            for bits, condition in row
            if byte & bits == bits
        }
        self._take(4, Automatic(frozenset(conditions)), found)
        return True

    def _take(self, size_bytes: int, reply: Reply, found: list[Reply]) -> None:
        del self._buffer[:size_bytes]
        found.append(reply)

    def _drop(self) -> None:
        del self._buffer[:1]
        self.dropped_bytes += 1
