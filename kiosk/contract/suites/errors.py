"""Every failure of sealing, signing and key sets, on one page: its code, and what to do.

Texts are for technicians. They name key ids and suites, never a payload.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Row(NamedTuple):
    code: str
    meaning: str
    next_step: str


class SealFault(Enum):
    """Code, meaning and next step of each failure."""

    ALTERED = _Row(
        "SE-01",
        "this does not open: it was altered, cut, reordered, or sealed to another key",
        "keep it and call a technician; only the terminal that sealed it knew what it was",
    )
    UNKNOWN_KEY = _Row(
        "SE-02", "sealed or signed with a key that is not known here", "look for the retired key"
    )
    UNKNOWN_SUITE = _Row(
        "SE-03", "this suite of algorithms is not available here", "install or choose another"
    )
    BAD_KEY = _Row("SE-04", "this is not a key of this suite", "check the key file or setting")
    BAD_SIGNATURE = _Row(
        "SE-05", "the signature does not belong to what was signed", "do not use what it came with"
    )
    NOT_PINNED = _Row(
        "SE-06",
        "the key set is not signed by an authority that the settings name",
        "check [sealing] authority_keys, and who answers under the backend's address",
    )
    OLDER = _Row(
        "SE-07",
        "the key set is not newer than the one that is kept",
        "nothing if it is the same; otherwise publish a higher version",
    )
    NO_KEY = _Row(
        "SE-08",
        "there is no key to seal to: nothing can be taken in",
        "let the terminal reach the backend once, or put a key set in place",
    )
    NO_SIGNING_KEY = _Row(
        "SE-09",
        "the terminal's own signing key cannot be read or made",
        "check the state directory; a new key has to be enrolled at the backend",
    )

    @property
    def code(self) -> str:
        """The stable code, such as "SE-01"."""
        return self.value.code

    @property
    def meaning(self) -> str:
        """One line for a technician."""
        return self.value.meaning

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return self.value.next_step


class SealError(Exception):
    """A failure of sealing. `detail` is for technicians and holds nothing that was sealed."""

    def __init__(self, fault: SealFault, detail: str = "") -> None:
        super().__init__(f"{fault.code} {fault.meaning}" + (f" ({detail})" if detail else ""))
        self.fault = fault
        self.detail = detail

    @property
    def code(self) -> str:
        """The stable code of the fault."""
        return self.fault.code
