"""How long to wait before trying again: full jitter, so that a fleet does not march."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """A random share of a span that doubles from `base_s` up to `cap_s`."""

    base_s: float = 2.0
    cap_s: float = 900.0

    def span_s(self, attempt: int) -> float:
        """The longest wait after the `attempt`-th failure (the first is 1)."""
        # Past the thirtieth doubling every cap is reached; larger powers only overflow.
        return min(self.cap_s, self.base_s * 2.0 ** min(max(attempt, 1) - 1, 30))

    def delay_s(self, attempt: int, random: Callable[[], float]) -> float:
        """A wait after the `attempt`-th failure; `random` gives values in [0, 1)."""
        return random() * self.span_s(attempt)
