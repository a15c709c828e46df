"""A code scanner under the contract: whether it is there and can be held."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from devices.contract import (
    Device,
    DeviceIdentity,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Finding,
    Probe,
    ScannerCapabilities,
)
from devices.errors import Fault
from devices.scanners.scanner import CodeScanner
from devices.worker import Cancel, DeviceWorker


class ScannerDevice(Device):
    """A scanner. `address` is a path, or what else tells it from others."""

    absent_fault = Fault.SCANNER_ABSENT

    def __init__(
        self,
        scanner: CodeScanner,
        address: str,
        *,
        name: str = "scanner",
        worker: DeviceWorker | None = None,
    ) -> None:
        super().__init__(DeviceIdentity(DeviceKind.SCANNER, name, address), worker)
        self._scanner = scanner

    @property
    def capabilities(self) -> ScannerCapabilities:
        """What it reads is set in the scanner itself, and it does not tell."""
        return ScannerCapabilities()

    def present(self) -> bool | None:
        """Whether its path is there."""
        address = self.identity.address
        return Path(address).exists() if address.startswith("/") else None

    def _ask(self, cancel: Cancel) -> DeviceStatus:
        cancel.raise_if_cancelled()
        self._scanner.status()
        return DeviceStatus(DeviceState.ONLINE, time.monotonic())

    def _probes(self) -> Sequence[Probe]:
        return (Probe("scanner", self._held),)

    def _held(self, cancel: Cancel) -> Finding:
        self._ask(cancel)
        return Finding("it is there; whether it reads is seen only by scanning a code")

    def _release(self) -> None:
        self._scanner.close()
