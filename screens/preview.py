"""What the cameras see, as the screen asks for it."""

from __future__ import annotations

from typing import Protocol


class PreviewSource(Protocol):
    """Where a preview comes from. Must return at once."""

    def latest(self) -> tuple[bytes, int, int, int] | None:
        """The newest picture: RGB bytes (3 per pixel), width, height, sequence number.

        None while there is none. The screen paints only when the sequence number changed.
        """


class PaperSource(PreviewSource, Protocol):
    """The document camera: it sees as well where the paper lies."""

    def outline(self) -> tuple[tuple[float, float], ...]:
        """The paper's four corners as parts of the picture's width and height; () for none."""


class NoPreview:
    """A source that has nothing to show."""

    def latest(self) -> tuple[bytes, int, int, int] | None:
        """Always None."""
        return None

    def outline(self) -> tuple[tuple[float, float], ...]:
        """Always none."""
        return ()
