"""What the terminal needs of its card readers, whichever way they are attached.

Of a reader of resident ID cards: `devices.samv.driver.SamvReader` has it over a serial line,
with `open_usb` over USB, and `devices.samv.vendor.VendorReader` through a vendor's library.
Of readers of chip cards: `devices.pcsc.reader.PcscReader` has it through pcscd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from devices.pcsc.emrtd.key import DocumentKey
from devices.records import IdCard, PcscStatus, SocialCard, TravelDocument, UnknownCard
from devices.worker import Cancel


class CardReader(Protocol):
    """One reader, used by one thread at a time. Every method raises DeviceError only."""

    def open(self) -> None:
        """Make it ready; optional, every command does so."""

    def close(self) -> None:
        """Let it go; a later command opens it again."""

    def status(self, deadline_s: float = ..., /) -> None:
        """Return if it is well, else raise what is wrong."""

    def sam_id(self, deadline_s: float = ..., /) -> str:
        """Who it is."""

    def read_card(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        read_deadline_s: float = ...,
        progress: Callable[[str], None] = ...,
    ) -> IdCard:
        """Wait for a card and read it."""
        ...


class ChipReader(Protocol):
    """All readers of social-security cards and travel documents, as one."""

    @property
    def status(self) -> PcscStatus:
        """What was last seen, without asking."""

    def read(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        key: DocumentKey | None = ...,
        read_deadline_s: float = ...,
        progress: Callable[[str], None] = ...,
    ) -> SocialCard | TravelDocument | UnknownCard:
        """Wait for a card, find out which it is, and read it. Raises DeviceError."""
        ...

    def wait_until_taken(self, cancel: Cancel, *, wait_s: float) -> bool:
        """Wait until no card lies there; False if after `wait_s` that cannot be said."""
        ...

    def close(self) -> None:
        """End it for good."""


class MakesChipReader(Protocol):
    """Starts a reader of chip cards, which tells `on_status` what it sees, on its thread."""

    def __call__(self, on_status: Callable[[PcscStatus], None], /) -> ChipReader:
        """A new reader."""
