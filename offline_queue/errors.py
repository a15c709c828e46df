"""Every failure of the outbox, on one page: its code, and who can recover it.

A code is shown to people beside words they understand, so it never changes its meaning.
Texts here are for technicians and hold no payload, no path below the outbox, no person.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Row(NamedTuple):
    code: str
    meaning: str
    next_step: str


class QueueFault(Enum):
    """Code, meaning and next step of each failure."""

    DISK_FULL = _Row(
        "QU-01", "the disk is full; nothing of this was saved", "free space; waiting ones are safe"
    )
    IO_ERROR = _Row(
        "QU-02",
        "the disk failed; intake is closed until the outbox is opened again",
        "check the disk, then restart the terminal",
    )
    CLOSED = _Row("QU-03", "the outbox is closed", "nothing; the terminal is stopping")
    LOCKED = _Row(
        "QU-04",
        "another process on this machine has this outbox open",
        "ask the running terminal, or stop it first",
    )
    CONFLICT = _Row(
        "QU-05",
        "this id or number was saved before with other content",
        "report it: it is a fault of the program",
    )
    UNREADABLE = _Row(
        "QU-06",
        "the outbox is damaged, or written by a newer version",
        "keep the directory as it is and call a technician",
    )
    REFUSED = _Row(
        "QU-07", "the outbox cannot take this", "report it: it is a fault of the program"
    )
    ABSENT = _Row("QU-08", "there is no outbox here", "check the path in the settings")
    QUOTA = _Row(
        "QU-09",
        "as much waits as may wait here; waiting ones are safe",
        "mend the line, or export to a USB stick and import the acknowledgements",
    )
    STICK_FULL = _Row(
        "QU-10",
        "the place to export to is full; what was finished there is whole",
        "take another stick and export again; nothing is exported twice",
    )
    STICK_ERROR = _Row(
        "QU-11",
        "the place to export to cannot be written",
        "check the stick and its path, then export again",
    )
    NOT_OURS = _Row(
        "QU-12",
        "this file of acknowledgements is not one for this terminal",
        "fetch the file that the backend made from this terminal's export",
    )

    @property
    def code(self) -> str:
        """The stable code, such as "QU-01"."""
        return self.value.code

    @property
    def meaning(self) -> str:
        """One line for a technician."""
        return self.value.meaning

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return self.value.next_step


class QueueError(Exception):
    """A failure of the outbox. `detail` is for technicians and holds no personal data."""

    def __init__(self, fault: QueueFault, detail: str = "") -> None:
        super().__init__(f"{fault.code} {fault.meaning}" + (f" ({detail})" if detail else ""))
        self.fault = fault
        self.detail = detail

    @property
    def code(self) -> str:
        """The stable code of the fault."""
        return self.fault.code
