"""What the tests of the outbox share."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Final

from offline_queue import QueueError, QueueFault, Receipt

WAIT_S: Final = 20
RECEIPT: Final = Receipt("2026000001", 1, "2026-05-10T09:00:00+00:00")


def fault_of(future: Future[Any]) -> QueueFault:
    """The fault with which a command failed."""
    error = future.exception(WAIT_S)
    assert isinstance(error, QueueError), error
    return error.fault


class VirtualPace:
    """Time that passes only when a test says so; the worst of chance."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return 1.0

    def wait(self, signal: threading.Event, timeout_s: float | None) -> None:
        raise AssertionError("a driven sender does not wait")
