"""Notices what is pulled and what is put back, for all devices, on one thread.

Every `look_every_s` each device takes a cheap look at its path; one without a path is asked
over its own queue every `ask_every_s` unless it is at work. No event source of the kernel is
needed, so it also works in a container. Changes reach the listeners of the devices.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from devices.contract import Device, DeviceState

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
ASK_EVERY_S = 15.0
_AT_WORK = frozenset({DeviceState.BUSY, DeviceState.STARTING})


class HotplugMonitor:
    """Looks after devices until `close`."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        look_every_s: float = LOOK_EVERY_S,
        ask_every_s: float = ASK_EVERY_S,
    ) -> None:
        self._devices = tuple(devices)
        self._look_every_s = look_every_s
        self._ask_every_s = ask_every_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hotplug", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Look no more. The devices stay as they are."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        asked_s = float("-inf")
        while not self._ending.is_set():
            now_s = time.monotonic()
            ask = now_s - asked_s >= self._ask_every_s
            asked_s = now_s if ask else asked_s
            for device in self._devices:
                self._look_at(device, ask)
            self._ending.wait(self._look_every_s)

    def _look_at(self, device: Device, ask: bool) -> None:
        try:
            device.look()
            if ask and device.present() is None and device.status.state not in _AT_WORK:
                device.ask()
        except Exception as error:  # noqa: BLE001 - one device must not hide the others
            _log.error("a look at a device raised %s", type(error).__name__)
