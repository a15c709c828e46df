"""The panel beside a demo's window: cards, people, papers, the line, the receipt paper."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGroupBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from devices.voice.voice import Voice
from kiosk.app import Terminal, application
from kiosk.demo.chips import BANK_CARD, DATA_PAGE, PASSPORT, SOCIAL
from kiosk.demo.command import DemoOptions
from kiosk.demo.prepared import Prepared
from kiosk.demo.stage import Stage

_CARDS: Final = (
    ("elder", "陈秀英 Chen (1953)"),
    ("man", "王建国 Wang (1985)"),
    ("expired", "过期的卡 expired card"),
    ("long-term", "工作人员 guide's card"),
    (SOCIAL, "陈秀英的社保卡 social-security card"),
    (PASSPORT, f"王建国的护照 passport\n{'  '.join(DATA_PAGE.values())}"),
    (BANK_CARD, "银行卡 bank card"),
)
_PEOPLE: Final = (
    ("elder", "陈秀英 Chen"),
    ("man", "王建国 Wang"),
    ("two-people", "两个人 two people"),
    ("dark", "太暗 too dark"),
    ("photo", "打印的照片 printed photo"),
    ("swap", "转头时换人 swap at the turn"),
    ("nobody", "没有人 nobody"),
)
_PAPERS: Final = (
    ("paper:permit", "证件 permit"),
    ("paper:register", "户口簿 register"),
    ("paper:form", "表格 form"),
    ("glare", "反光 glare"),
    ("empty", "空 empty"),
)


_GAP_PX: Final = 16
_PANEL_PX: Final = 520
_OF_HEIGHT: Final = 0.94  # the rest is for a title bar
_LEAST: Final = 0.3
MM_PER_PX: Final = 0.248  # of the terminal that is shown


class Panel(QWidget):
    """A small window with what a resident, or bad luck, does to the terminal."""

    def __init__(self, stage: Stage, terminal: Terminal) -> None:
        super().__init__()
        self.setWindowTitle("演示 demo")
        self._stage = stage
        self._terminal = terminal
        row = QHBoxLayout(self)
        columns = [QVBoxLayout(), QVBoxLayout()]  # all of it is seen on a laptop's screen
        cards = [(text, functools.partial(stage.put_card, name)) for name, text in _CARDS]
        left: list[QWidget] = [
            _box("卡 card on the reader", [*cards, ("拿走 take away", stage.take_card)])
        ]
        people = [(text, functools.partial(stage.stand, name)) for name, text in _PEOPLE]
        left.append(_box("摄像头前 before the camera", people))
        papers = [(text, functools.partial(stage.lay, name)) for name, text in _PAPERS]
        right: list[QWidget] = [_box("高拍仪下 under the document camera", papers)]
        phones = [(text, functools.partial(stage.show_code, name)) for name, text in _PEOPLE[:2]]
        phones.append(("收起 put away", functools.partial(stage.lay, "empty")))
        right.append(_box("手机上的身份码 code on a phone, there", phones))
        right.append(
            _box(
                "网络 network",
                [("拔掉 pull", stage.backend.pull), ("接上 restore", self._restore)],
            )
        )
        right.append(
            _box(
                "打印纸 receipt paper",
                [
                    ("取走 take out", functools.partial(stage.paper, there=False)),
                    ("装上 put in", functools.partial(stage.paper, there=True)),
                ],
            )
        )
        for column, boxes in zip(columns, (left, right), strict=True):
            for box in boxes:
                column.addWidget(box)
            column.addStretch()
            row.addLayout(column)

    def _restore(self) -> None:
        self._stage.backend.restore()
        self._terminal.poke_sender()


def _box(title: str, actions: Sequence[tuple[str, Callable[[], None]]]) -> QGroupBox:
    box = QGroupBox(title)
    column = QVBoxLayout(box)
    for text, action in actions:
        button = QPushButton(text)
        button.clicked.connect(_Click(action))
        column.addWidget(button)
    return box


class _Click:
    """Drops what `clicked` tells and calls the action."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action

    def __call__(self, _checked: bool = False) -> None:
        self._action()


def screen_on(desk: QSize, options: DemoOptions) -> dict[str, Any]:
    """The terminal's screen, made as small as the desk and the panel beside it ask for."""
    beside = max(1, desk.width() - _PANEL_PX - _GAP_PX)
    scale = min(
        1.0, desk.height() * _OF_HEIGHT / options.height_px, max(beside / options.width_px, _LEAST)
    )
    return {
        "full_screen": False,
        "width_px": round(options.width_px * scale),
        "height_px": round(options.height_px * scale),
        "mm_per_px": MM_PER_PX / scale,  # so that everything keeps its share of the screen
    }


def show(options: DemoOptions, catalogue: Prepared) -> int:
    """The terminal in a window that fits the screen, and the panel beside it."""
    app = application()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    available = QGuiApplication.primaryScreen().availableGeometry()
    changes = {"screen": screen_on(available.size(), options)}
    with Stage(chips=True) as stage:
        equipment = stage.equipment()
        if Voice().present():
            equipment = replace(equipment, voice=Voice())  # somebody is there to hear it
        terminal = Terminal(
            stage.settings(changes),
            catalogue.pack,
            equipment,
            staffed=lambda _now: True,
            readings=catalogue.readings,
        )
        terminal.watch = stage.follow
        panel = Panel(stage, terminal)
        terminal.window.closed.connect(app.quit)
        terminal.window.move(available.topLeft())
        terminal.begin()
        panel.show()
        beside = terminal.window.frameGeometry().right() + _GAP_PX
        last = available.right() - panel.frameGeometry().width()
        panel.move(max(available.left(), min(beside, last)), available.top())
        try:
            return app.exec()
        finally:
            panel.close()
            terminal.close()
