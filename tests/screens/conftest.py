"""A shell that remembers what it emitted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parent))  # samples.py lies beside the tests

from config.themes import load_themes
from config.words import Words, load_words
from kiosk.journey.events import Event
from screens.preview import PreviewSource
from screens.shell import Shell
from screens.theme import Look


class StillPreview:
    """A preview source with one picture, counting how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.picture: tuple[bytes, int, int, int] | None = None

    def latest(self) -> tuple[bytes, int, int, int] | None:
        self.asked += 1
        return self.picture


@pytest.fixture(scope="session")
def words() -> Words:
    """The real words."""
    return load_words()


@pytest.fixture(scope="session")
def look() -> Look:
    """The real themes."""
    return Look.of(load_themes())


@pytest.fixture
def emitted() -> list[Event]:
    """Every event that the shell emitted."""
    return []


@pytest.fixture
def preview() -> StillPreview:
    """A preview source to fill."""
    return StillPreview()


@pytest.fixture
def shell(
    qapp: QApplication, words: Words, look: Look, emitted: list[Event], preview: PreviewSource
) -> Iterator[Shell]:
    """The window in portrait."""
    made = Shell(words, look, emitted.append, preview)
    made.resize(1080, 1920)
    made.show()
    yield made
    made.close()
    made.deleteLater()
