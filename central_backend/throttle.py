"""Few wrong tries per key and span of time, in the memory of one worker."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

_KEYS_MOST: Final = 10_000


class Throttle:
    """Counts failures per key; after `most_failures` within `span_s` the key must wait."""

    def __init__(
        self,
        *,
        most_failures: int,
        span_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most_failures
        self._span_s = span_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Seconds until `key` may try again; 0 where it may now."""
        with self._lock:
            recent = self._recent(key)
            if len(recent) < self._most:
                return 0.0
            return recent[-self._most] + self._span_s - self._monotonic()

    def failed(self, key: str) -> None:
        """Count a failure."""
        with self._lock:
            recent = self._recent(key)
            recent.append(self._monotonic())
            self._failures[key] = recent
            self._failures.move_to_end(key)
            while len(self._failures) > _KEYS_MOST:
                self._failures.popitem(last=False)

    def _recent(self, key: str) -> list[float]:
        since = self._monotonic() - self._span_s
        return [at for at in self._failures.get(key, []) if at > since]
