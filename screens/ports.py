"""What screens ask of the world beside words and previews."""

from __future__ import annotations

from typing import Protocol


class InputMethod(Protocol):
    """Characters for a spelling in pinyin. Must return within tenths of a second."""

    def candidates(self, spelling: str) -> tuple[tuple[str, int], ...]:
        """Candidates, best first, each with the number of letters it stands for."""
