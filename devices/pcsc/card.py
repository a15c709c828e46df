"""A card as those see it who read one: bytes to it, bytes from it, and a fresh start."""

from __future__ import annotations

from typing import Protocol


class Card(Protocol):
    """One card that lies on a reader. Both methods raise DeviceError."""

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command; its answer with the status word. The guard has a say."""

    def reset(self) -> None:
        """Let the card begin anew: nothing is selected, no session is open."""
