"""The PC/SC readers of a terminal under the contract: the service, and each reader's slot."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

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
from devices.readers import ChipReader, MakesChipReader
from devices.records import PcscStatus, SlotState
from devices.worker import Cancel, DeviceWorker

_TICK_S: Final = 0.05
_FIRST_LOOK_S: Final = 6.0  # the reader's process has to start
_APPEARS_S: Final = 1.0  # a service that just started has not listed its readers yet


def fault_of(status: PcscStatus) -> Fault | None:
    """What keeps cards from being read, None if nothing is known to."""
    if status.service is None:
        return Fault.DEADLINE
    if not status.service:
        return Fault.PCSC_ABSENT
    return None if status.slots else Fault.READER_ABSENT


class PcscDevice(Device):
    """All PC/SC readers, as one device. Cards that lie there are counted, never read.

    Give `changed` to the reader as its `on_status` to hear of it at once.
    """

    absent_fault = Fault.PCSC_ABSENT

    def __init__(
        self,
        reader: ChipReader,
        *,
        name: str = "card-reader",
        address: str = "pcscd",
        worker: DeviceWorker | None = None,
        owns_reader: bool = False,
    ) -> None:
        super().__init__(DeviceIdentity(DeviceKind.CARD_READER, name, address), worker)
        self._reader = reader
        self._owns_reader = owns_reader
        self._capabilities = ReaderCapabilities(
            resident_id=False,  # its contents need a SAM; only that one lies there is seen
            chip_cards=True,
            portrait=True,
            fingerprint=False,
            sam_id=False,
            notices_removal=True,
        )

    @property
    def capabilities(self) -> ReaderCapabilities:
        """What PC/SC can do for a terminal."""
        return self._capabilities

    def changed(self, status: PcscStatus) -> None:
        """What the reader's process saw; from any thread."""
        if self.status.state is DeviceState.BUSY:
            return  # the command's end tells
        fault = fault_of(status)
        if fault is None:
            self._board.put(DeviceState.ONLINE, detail=_names(status))
        else:
            self._judge(DeviceError(fault))

    def look(self) -> None:
        """Take over what the reader's process sees; it looks all the time."""
        self.changed(self._reader.status)

    def close(self) -> None:
        """End the reader's process if it is this one's own."""
        super().close()
        if self._owns_reader:
            self._reader.close()

    def _ask(self, cancel: Cancel) -> DeviceStatus:
        status = self._seen(cancel)
        return DeviceStatus(DeviceState.ONLINE, time.monotonic(), detail=_names(status))

    def _probes(self) -> Sequence[Probe]:
        return (Probe("service", self._service), Probe("readers", self._readers))

    def _service(self, cancel: Cancel) -> Finding:
        status = self._wait(cancel, _FIRST_LOOK_S, lambda status: status.service is not None)
        if status.service is None:
            raise DeviceError(Fault.PCSC_ABSENT, "nobody knows of the service")
        if not status.service:
            raise DeviceError(Fault.PCSC_ABSENT)
        return Finding()

    def _readers(self, cancel: Cancel) -> Finding:
        status = self._seen(cancel)
        states = [state for _, state in status.slots]
        return Finding(
            _names(status),
            {
                "readers": len(states),
                "cards": sum(state is SlotState.PRESENT for state in states),
                "mute_cards": states.count(SlotState.MUTE),
            },
        )

    def _seen(self, cancel: Cancel) -> PcscStatus:
        status = self._wait(cancel, _APPEARS_S, lambda status: fault_of(status) is None)
        fault = fault_of(status)
        if fault is not None:
            raise DeviceError(fault)
        return status

    def _wait(
        self, cancel: Cancel, at_most_s: float, holds: Callable[[PcscStatus], bool]
    ) -> PcscStatus:
        until_s = time.monotonic() + min(at_most_s, cancel.remaining_s - 2 * _TICK_S)
        while not holds(status := self._reader.status) and time.monotonic() < until_s:
            cancel.wait(_TICK_S)
            cancel.raise_if_cancelled()
        return status


def pcsc_device(make: MakesChipReader) -> PcscDevice:
    """A device that owns the reader which `make` makes with its `on_status`."""
    heard: list[PcscDevice] = []

    def changed(status: PcscStatus) -> None:
        for device in heard:
            device.changed(status)

    device = PcscDevice(make(changed), owns_reader=True)
    heard.append(device)
    device.look()
    return device


def _names(status: PcscStatus) -> str:
    return ", ".join(f"{name}: {state.value}" for name, state in status.slots)
