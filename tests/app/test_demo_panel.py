"""The demo in a window: the terminal keeps its shape on any desk, and the panel beside it works."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton

from devices.records import PaperState
from kiosk.app import Terminal, application
from kiosk.demo.command import DemoOptions
from kiosk.demo.panel import MM_PER_PX, Panel, screen_on
from kiosk.demo.stage import Stage

LAPTOP = QSize(1366, 768)


@pytest.mark.parametrize("desk", [QSize(1280, 720), LAPTOP, QSize(1920, 1080), QSize(3840, 2160)])
@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080)])
def test_the_terminal_keeps_its_shape_and_its_millimetres(
    desk: QSize, shape: tuple[int, int]
) -> None:
    screen = screen_on(desk, DemoOptions(width_px=shape[0], height_px=shape[1]))
    width, height = screen["width_px"], screen["height_px"]
    assert width < desk.width()
    assert height < desk.height()
    assert width / height == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert width * screen["mm_per_px"] == pytest.approx(shape[0] * MM_PER_PX, rel=0.01)


class _Line:
    """A backend that only hears what is done to its line."""

    key_set = url = authority_pin = ""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def pull(self) -> None:
        self.heard.append("pull")

    def restore(self) -> None:
        self.heard.append("restore")

    def poke_sender(self) -> None:
        self.heard.append("send")

    def close(self) -> None:
        pass


def test_every_button_of_the_panel_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application()
    line = _Line()
    cards: list[str] = []
    phones: list[str] = []
    with Stage(tmp_path, cast(Any, line)) as stage:
        monkeypatch.setattr(stage, "put_card", cards.append)
        monkeypatch.setattr(stage, "show_code", phones.append)
        panel = Panel(stage, cast(Terminal, line))
        size = panel.sizeHint()
        assert size.height() < LAPTOP.height(), "all of it is seen on a laptop"
        assert size.width() < LAPTOP.width() - 408, "beside a terminal on one"
        buttons = {button.text(): button for button in panel.findChildren(QPushButton)}
        buttons["取走 take out"].click()
        assert stage.receipts.status().paper is PaperState.OUT
        for button in panel.findChildren(QPushButton):
            button.click()
        assert stage.receipts.status().paper is PaperState.OK
        panel.close()
    assert line.heard == ["pull", "restore", "send"]
    assert cards[:4] == ["elder", "man", "expired", "long-term"]
    assert phones == ["elder", "man"]
