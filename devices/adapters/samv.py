"""A SAM-V reader under the contract: its port, whether its SAM is well, and the SAM's id."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from devices.contract import (
    Device,
    DeviceIdentity,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Finding,
    Probe,
    ReaderCapabilities,
)
from devices.errors import DeviceError, Fault
from devices.worker import Cancel, DeviceWorker

_REPLY_S = 1.0
_MENDED_BY_RESET = frozenset({Fault.READER_SILENT, Fault.READER_GARBLED, Fault.READER_REFUSED})


class SamvDriver(Protocol):
    """What is needed of a SAM-V reader, on whatever line. All raise DeviceError."""

    def open(self) -> None:
        """Take the port."""

    def close(self) -> None:
        """Let it go; a later command takes it again."""

    def status(self, deadline_s: float = ...) -> None:
        """Return if the SAM is well."""

    def sam_id(self, deadline_s: float = ...) -> str:
        """The SAM's id as text."""

    def reset(self, deadline_s: float = ...) -> None:
        """Reset the SAM."""


class SamvDevice(Device):
    """A SAM-V reader. `address` is a path for a serial port, anything else is not looked up."""

    absent_fault = Fault.READER_ABSENT

    def __init__(
        self,
        driver: SamvDriver,
        address: str,
        *,
        name: str = "reader",
        worker: DeviceWorker | None = None,
        portraits: bool | None = None,
    ) -> None:
        """`portraits`: whether a decoder for portraits is there; None where unknown."""
        super().__init__(DeviceIdentity(DeviceKind.ID_READER, name, address), worker)
        self._driver = driver
        self._capabilities = ReaderCapabilities(
            resident_id=True,
            chip_cards=False,
            portrait=portraits,
            fingerprint=True,  # where the card carries one, and only when it is asked for
            sam_id=True,
            notices_removal=False,  # after a read, a SAM finds a card only once it was lifted
        )

    @property
    def capabilities(self) -> ReaderCapabilities:
        """What every SAM-V reader can do."""
        return self._capabilities

    def present(self) -> bool | None:
        """Whether the port's path is there."""
        address = self.identity.address
        return Path(address).exists() if address.startswith("/") else None

    def _ask(self, cancel: Cancel) -> DeviceStatus:
        self._driver.status(_within(cancel))
        return DeviceStatus(DeviceState.ONLINE, time.monotonic())

    def _probes(self) -> Sequence[Probe]:
        return (
            Probe("port", self._port),
            Probe("sam-status", self._sam_status),
            Probe("sam-id", self._sam_id),
        )

    def _port(self, _: Cancel) -> Finding:
        self._driver.open()
        baud = getattr(self._driver, "baud", None)  # a serial line has one
        return Finding(self.identity.address, {"baud": baud} if baud is not None else None)

    def _sam_status(self, cancel: Cancel) -> Finding:
        """A reader that hangs is reset once, as the terminal would do."""
        try:
            self._driver.status(_within(cancel))
        except DeviceError as error:
            if error.fault is Fault.READER_ABSENT:
                # Open since before it was pulled: once more with a new line.
                self._driver.status(_within(cancel))
                return Finding("the port had to be opened again", {"resets": 0})
            if error.fault not in _MENDED_BY_RESET:
                raise
            cancel.raise_if_cancelled()
            self._try_reset(cancel)
            self._driver.status(_within(cancel))
            return Finding("it answered only after a reset", {"resets": 1})
        return Finding(figures={"resets": 0})

    def _try_reset(self, cancel: Cancel) -> None:
        try:
            self._driver.reset(_within(cancel))
        except DeviceError:
            # The status after it tells; a line out of step is best opened anew.
            self._driver.close()

    def _sam_id(self, cancel: Cancel) -> Finding:
        try:
            serial = self._driver.sam_id(_within(cancel))
        except DeviceError as error:
            if error.fault not in (Fault.READER_GARBLED, Fault.READER_SILENT):
                raise
            serial = self._driver.sam_id(_within(cancel))
        self._learn_serial(serial)
        return Finding(serial, {"sam_id": serial})

    def _release(self) -> None:
        self._driver.close()


def _within(cancel: Cancel) -> float:
    """How long one reply may take; raises what is over."""
    cancel.raise_if_cancelled()
    return min(_REPLY_S, cancel.remaining_s)
