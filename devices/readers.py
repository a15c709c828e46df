"""What the terminal needs of a reader of resident ID cards, whichever way it is attached.

`devices.samv.driver.SamvReader` has it over a serial line, with `open_usb` over USB, and
`devices.samv.vendor.VendorReader` through a vendor's library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from devices.records import IdCard
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

    def new_addresses(self, deadline_s: float = ..., /) -> tuple[str, ...]:
        """Addresses added to the card since it was issued; right after a read."""
        ...
