"""Reader, smart-card service, camera and printer pulled in the middle of visits.

A whole terminal on simulated wires. At a moment and in a way that the pull's number draws, the
device is pulled; the visit must then say so and be left, or go on. Put back, a whole visit must
work, and so it goes on in the same process: a few pulls of each in `make test`, a hundred in
`make campaign`.

    PULLS=17 .venv/bin/python -m pytest tests/app/test_pulls.py -k reader       one pull alone
    PULLS=10-19 ...                                                            or some of them
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from shipped import shipped_pack

from devices.printers.escpos import EscPosPrinter
from devices.printers.escpos_wire import wire_of
from devices.simulators.camera import FROZEN, GONE
from devices.simulators.escpos import EscPosSimulator
from devices.simulators.pcsc import PcscStack
from kiosk.app import Terminal
from kiosk.demo import script
from kiosk.demo.chips import SOCIAL
from kiosk.demo.player import Player, Script, ScriptFailed, Until
from kiosk.demo.stage import Backend, Stage
from kiosk.journey.terms import StepName

LONG = settings.default is not None and settings.default.max_examples > 1_000
SEED = 1907
CARD_ONLY = "SF-001"  # a query with the card alone
WITH_FACE = "SB-001"  # a certificate: card and face
WITH_LIST = "GG-001"  # its list of papers can be printed
READ_REPLY_BYTES = 1_295


# In `make test`: each in the middle of what the device is at, and put back.
SAMPLE = {"reader": (3, 5), "camera": (1,), "printer": (0,), "service": (2,)}


def numbers(device: str) -> list[int]:
    """Which pulls to play."""
    first, _, last = os.environ.get("PULLS", "").partition("-")
    if first:
        return list(range(int(first), int(last or first) + 1))
    return list(range(100) if LONG else SAMPLE[device])


class Quiet(Player):
    """Keeps no pictures."""

    def picture(self) -> None:
        """None."""


class Hall:
    """One terminal through all pulls of a device, with a receipt printer on a wire."""

    def __init__(self, stage: Stage, paper: EscPosSimulator, qtbot: Any, out: Path) -> None:
        self.stage, self.paper, self.qtbot, self.out = stage, paper, qtbot, out
        receipts = EscPosPrinter(
            wire_of(paper.address), answer_s=0.2, stall_s=1.0, patience_s=0.2, confirm_s=3.0
        )
        changes = {"face": {"deadline_s": 8}, "reader": {"wait_s": 30}}
        self.terminal = Terminal(
            stage.settings(changes),
            shipped_pack(),
            replace(stage.equipment(), receipts=receipts),
            staffed=lambda _now: True,
        )
        self.player = Quiet(self.terminal, stage, out)

    def play(self, story: Callable[[Player], Script], what: str) -> None:
        """Play a story to its end; `what` names it where it fails."""
        ended: list[bool] = []
        self.player = Quiet(self.terminal, self.stage, self.out)
        self.terminal.watch(self.view)
        self.player.play(story(self.player), lambda: ended.append(True))
        self.qtbot.waitUntil(lambda: bool(ended), timeout=180_000)
        assert not self.player.error, f"{what}: {self.player.error}"

    @property
    def view(self) -> Any:
        """What is on the screen."""
        from kiosk.journey.core import view

        return view(self.terminal.runtime.visit, self.terminal.now())

    @property
    def world(self) -> Any:
        """What the terminal can do."""
        return self.terminal.runtime.visit.world


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """One for all: nothing is handed in here."""
    made = Backend(f"sqlite:///{tmp_path_factory.mktemp('backend') / 'central.db'}")
    yield made
    made.close()


@pytest.fixture
def hall(device: str, backend: Backend, qtbot: Any, tmp_path: Path) -> Iterator[Hall]:
    chips = device == "service"
    with Stage(backend=backend, chips=chips) as stage, EscPosSimulator("tcp") as paper:
        made = Hall(stage, paper, qtbot, tmp_path)
        made.terminal.begin()
        qtbot.waitUntil(lambda: made.world.line_up and made.world.reader_ok, timeout=60_000)
        yield made
        made.terminal.close()


def left(player: Player) -> Script:
    """The visit can be left from wherever it is, and the terminal is anybody's again."""
    if player.step is not StepName.WELCOME:
        number = player.terminal.runtime.visit.number
        player.touch("leave")
        yield Until(lambda: player.terminal.runtime.visit.number > number, "the next visit")
    yield Until(player.is_at(StepName.WELCOME), "the first screen")


def begun(player: Player) -> Script:
    """From the item guide to the reader, as soon as that is offered."""
    yield Until(lambda: player.can_touch("next"), "the start", 60.0)
    yield from script.start(player)


def whole_query(player: Player) -> Script:
    """A whole visit with a card."""
    yield from script.choose(player, CARD_ONLY)
    yield from begun(player)
    yield from script.show_card(player, "elder")
    yield Until(player.is_at(StepName.RESULT), "the result")
    yield from left(player)


def failed_or(player: Player, step: StepName, *codes: str) -> Callable[[], bool]:
    """A condition: this step failed, with one of these codes, or waits, or it is passed."""

    def holds() -> bool:
        if player.step is not step:
            return True
        if getattr(player.body, "state", "") not in ("failed", "away"):
            return False
        notice = player.view.frame.notice
        if notice is None or notice.code not in codes:
            raise ScriptFailed(f"failed, and says {notice.code if notice else 'nothing'}")
        return True

    return holds


# The reader of ID cards.


def reader_pulled(player: Player, hall: Hall, chance: random.Random) -> Script:
    reader = player.stage.reader
    moment = chance.choice(("guide", "waiting", "reading", "read", "result"))
    stays = chance.random() < 0.5  # goes on in the same visit, or leaves with nothing there
    yield from script.choose(player, CARD_ONLY)
    if moment == "guide":
        reader.vanish()
        yield Until(lambda: not hall.world.reader_ok, "the reader is missed")
        yield Until(lambda: not player.body.can_start, "no start without it")
        if stays:
            reader.come_back()
            yield Until(lambda: player.body.can_start, "the start")
    else:
        yield from begun(player)
        if moment == "waiting":
            reader.vanish()
        if moment == "reading":
            reader.vanish_after_bytes(chance.randrange(READ_REPLY_BYTES))
            player.stage.put_card("elder")
        if moment in ("read", "result"):
            player.stage.put_card("elder")
            here = StepName.IDENTIFY if moment == "read" else StepName.RESULT
            yield Until(player.is_at(here), "the card is read")
            yield Until(lambda: player.is_at(StepName.IDENTIFY, "read")() or moment == "result"
                        or player.step is not StepName.IDENTIFY, "the card is read")  # fmt: skip
            reader.vanish()
            yield Until(player.is_at(StepName.RESULT), "the result, without the reader")
        else:
            failed = failed_or(player, StepName.IDENTIFY, "RD-01", "RD-02", "RD-03")
            yield Until(failed, "the failure", 60.0)
            player.stage.take_card()
            if stays:
                reader.come_back()
                yield Until(lambda: hall.world.reader_ok, "the reader is back")
                player.touch("again")
                yield from script.show_card(player, "elder")
                yield Until(player.is_at(StepName.RESULT), "the result")
    player.stage.take_card()
    yield from left(player)
    reader.heal()
    yield Until(lambda: hall.world.reader_ok, "the reader is well", 60.0)
    yield from whole_query(player)


# The camera for faces.


def camera_pulled(player: Player, hall: Hall, chance: random.Random) -> Script:
    moment = chance.choice(("consent", "looking"))
    how = chance.choice(("gone", "frozen", "killed"))
    stays = chance.random() < 0.5

    def pull() -> None:
        if how == "killed":
            pid = hall.terminal._face.station.camera.child_pid
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        if how != "killed" or not stays:
            player.stage.face.set(FROZEN if how == "frozen" else GONE)

    yield from script.choose(player, WITH_FACE)
    yield from begun(player)
    yield from script.show_card(player, "elder")
    yield Until(player.is_at(StepName.VERIFY_FACE, "consent"), "the choice")
    if moment == "consent":
        pull()
        player.touch("consent:yes")
    else:
        player.stage.stand("nobody")
        player.touch("consent:yes")
        camera = hall.terminal._face.station.camera
        yield Until(lambda: camera.latest() is not None, "a picture", 60.0)
        pull()
    if how == "killed" and stays:
        player.stage.stand("elder")  # its process comes back by itself, in time or not
    failed = failed_or(player, StepName.VERIFY_FACE, "CM-01", "CM-02", "FC-03")
    yield Until(failed, "the failure", 60.0)
    if stays:
        player.stage.stand("elder")
        yield from recognised(player, hall)
    yield from left(player)
    player.stage.stand("nobody")
    yield from whole_certificate(player, hall)


def whole_certificate(player: Player, hall: Hall) -> Script:
    """A whole visit with card and face."""
    yield Until(lambda: hall.world.camera_ok, "the camera is offered again", 60.0)
    yield from script.choose(player, WITH_FACE)
    yield from begun(player)
    yield from script.show_card(player, "elder")
    yield Until(player.is_at(StepName.VERIFY_FACE, "consent"), "the choice")
    player.stage.stand("elder")
    player.touch("consent:yes")
    yield from recognised(player, hall)
    player.stage.stand("nobody")
    yield Until(player.is_at(StepName.RESULT, "confirm"), "the result")
    yield from left(player)


def recognised(player: Player, hall: Hall) -> Script:
    """By itself once the camera is back; who was not seen in time tries again, as people do."""
    for _ in range(3):
        yield Until(
            lambda: player.step is not StepName.VERIFY_FACE or player.body.state == "failed",
            "a decision",
            90.0,
        )
        if player.step is not StepName.VERIFY_FACE:
            return
        yield Until(lambda: hall.world.camera_ok, "worth another try", 60.0)
        player.touch("again")
    raise ScriptFailed("the camera does not serve again")


# The receipt printer.


def printer_pulled(player: Player, hall: Hall, chance: random.Random) -> Script:
    paper = hall.paper
    moment = chance.choice(("before", "at the touch", "in the page", "in the page, and back"))
    yield from to_list(player)
    receipts = len(paper.receipts)
    if moment == "before":
        paper.unplug()
        yield Until(lambda: not hall.world.printer.online, "the printer is missed", 60.0)
        yield Until(lambda: not player.can_touch("print"), "no offer to print")
    else:
        yield Until(lambda: player.can_touch("print"), "the offer to print", 60.0)
        paper.slow(400)
        if moment == "at the touch":
            paper.unplug()
        else:
            paper.unplug_after(chance.randrange(1, 150))
        player.touch("print")
        yield Until(lambda: player.body.printing in ("printed", "failed"), "an end", 90.0)
        if player.body.printing == "printed":
            raise ScriptFailed("said to be printed, and the plug was out")
    if len(paper.receipts) > receipts:
        raise ScriptFailed("a receipt that nobody knows of")
    stays = chance.random() < 0.5
    if stays:
        paper.heal()
        yield from list_printed(player, hall)
    yield from left(player)
    paper.heal()
    yield from to_list(player)
    yield from list_printed(player, hall)
    yield from left(player)


def to_list(player: Player) -> Script:
    """Trying the questions, up to the list of papers."""
    yield from script.choose(player, WITH_LIST)
    player.touch("try")
    yield Until(lambda: player.step is not StepName.ITEM_GUIDE, "the questions")
    while player.step is StepName.QUESTIONS:
        body = player.body
        if body.kind in ("number", "date"):
            for digit in "30" if body.kind == "number" else "19800101":
                player.touch(f"key:{digit}")
        else:
            player.touch(f"option:{body.options[0].id}")
        yield Until(lambda: player.view.frame.next_enabled, "an answer that counts")
        player.touch("next")
        yield Until(player.has_left(StepName.QUESTIONS, body.id), "the next question")
    yield Until(player.is_at(StepName.OUTCOME), "the outcome")


def list_printed(player: Player, hall: Hall) -> Script:
    """One whole slip comes out."""
    yield Until(lambda: hall.world.printer.online, "the printer is well", 60.0)
    yield Until(lambda: player.can_touch("print"), "the offer to print", 60.0)
    before = len(hall.paper.receipts)
    player.touch("print")
    yield Until(lambda: player.body.printing == "printed", "the slip", 60.0)
    slips = [page for page in hall.paper.receipts[before:] if len(page) > 300]
    if len(slips) != 1:
        raise ScriptFailed(f"{len(slips)} slips")


# The smart-card service, under a reader of chip cards beside that of ID cards.


def service_pulled(player: Player, hall: Hall, chance: random.Random) -> Script:
    stack = stack_of(hall)
    moment = chance.choice(("guide", "waiting", "reading", "result"))
    end = chance.choice((stack.kill, stack.stop))
    back_at_once = chance.random() < 0.5
    yield from script.choose(player, CARD_ONLY)
    if moment == "guide":
        end()
    yield from begun(player)
    if moment in ("waiting", "reading"):
        if moment == "reading":
            player.stage.put_card(SOCIAL)
        end()
    if moment == "reading" and back_at_once:
        stack.start()
    else:
        # Without the service an ID card is still read.
        yield Until(lambda: not hall.world.card_lies, "nothing in the way", 60.0)
        player.stage.put_card("elder")
    read = player.is_at(StepName.RESULT)
    yield Until(
        lambda: read() or getattr(player.body, "state", "") in ("read", "failed"), "an end", 60.0
    )
    player.stage.take_card()
    if player.step is StepName.IDENTIFY and player.body.state == "failed":
        yield from left(player)
    else:
        yield Until(read, "the result", 60.0)
        if moment == "result":
            end()
        yield from left(player)
    stack.start()
    yield Until(lambda: hall.world.chip_cards, "chip cards are read again", 60.0)
    yield from script.choose(player, CARD_ONLY)
    yield from begun(player)
    yield from script.show_card(player, SOCIAL)
    yield Until(player.is_at(StepName.RESULT), "the result")
    yield from left(player)


def stack_of(hall: Hall) -> PcscStack:
    chips = hall.stage.chips
    assert chips is not None
    assert chips.over_pcscd, "pcscd and its virtual reader are needed"
    assert chips._stack is not None
    return chips._stack


PULLS: dict[str, Callable[[Player, Hall, random.Random], Script]] = {
    "reader": reader_pulled,
    "camera": camera_pulled,
    "printer": printer_pulled,
    "service": service_pulled,
}


@pytest.mark.timeout(0 if LONG else 300)
@pytest.mark.parametrize("device", PULLS)
def test_pulled_during_visits_the_terminal_goes_on_serving(hall: Hall, device: str) -> None:
    threads = threading.active_count()
    for number in numbers(device):
        chance = random.Random(f"{SEED}-{device}-{number}")

        def story(player: Player, chance: random.Random = chance) -> Script:
            return PULLS[device](player, hall, chance)

        hall.play(story, f"PULLS={number}, {device}")
    # Pictures are written by a pool of each player's own; nothing else may have grown.
    assert threading.active_count() <= threads + 3
