"""One whole terminal in this process: real screens, real drivers, a simulated wire below them.

People are played by the demo's own scripts, which touch the real buttons.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from pypdf import PdfReader
from PySide6.QtWidgets import QWidget
from shipped import shipped_pack

from config.words import load_words
from devices.records import PaperState
from devices.simulators.camera import GONE
from kiosk.app import Terminal
from kiosk.demo import scenarios, script
from kiosk.demo.player import Player, Script, Until
from kiosk.demo.stage import Backend, Stage
from kiosk.journey.core import view
from kiosk.journey.events import (
    CardRead,
    CentralAnswered,
    Delivered,
    FaceDone,
    PageCaptured,
    Printed,
    Saved,
)
from kiosk.journey.terms import StepName
from kiosk.logs import AllowList
from kiosk.world.clock import CLOCK_MARK
from offline_queue import Outbox

WAIT_MS = 30_000
CERTIFICATE = "SB-001"  # card and face, needs the line
CARD_ONLY = "SF-001"  # a query with the card alone
APPLICATION = "GG-001"


@pytest.fixture(scope="module")
def pack() -> Any:
    return shipped_pack()


@pytest.fixture(scope="module")
def one_backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Starting one takes seconds."""
    made = Backend(f"sqlite:///{tmp_path_factory.mktemp('backend') / 'central.db'}")
    yield made
    made.close()


@pytest.fixture
def stage(one_backend: Backend) -> Iterator[Stage]:
    with Stage(backend=one_backend) as made:
        yield made


@pytest.fixture
def own_stage() -> Iterator[Stage]:
    """With a backend that nobody handed anything in to."""
    with Stage() as made:
        yield made


class Hall:
    """A terminal, and somebody who uses it."""

    def __init__(self, stage: Stage, pack: Any, qtbot: Any, out: Path) -> None:
        self.stage = stage
        self.qtbot = qtbot
        self.out = out
        self.terminal = Terminal(
            stage.settings(),
            pack,
            stage.equipment(),
            staffed=lambda _now: True,
        )
        self.player = Player(self.terminal, stage, out)

    def play(self, story: Callable[..., Script], *arguments: str) -> None:
        """Play a script to its end."""
        ended: list[bool] = []
        self.player = Player(self.terminal, self.stage, self.out)
        self.terminal.watch(self.view)
        self.player.play(story(self.player, *arguments), lambda: ended.append(True))
        self.qtbot.waitUntil(lambda: bool(ended), timeout=90_000)
        assert not self.player.error, self.player.error

    def until(self, holds: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(holds, timeout=WAIT_MS)

    @property
    def world(self) -> Any:
        return self.terminal.runtime.visit.world

    @property
    def visit(self) -> Any:
        return self.terminal.runtime.visit

    @property
    def view(self) -> Any:
        return view(self.terminal.runtime.visit, self.terminal.now())


@pytest.fixture
def hall(stage: Stage, pack: Any, qtbot: Any, tmp_path: Path) -> Iterator[Hall]:
    made = Hall(stage, pack, qtbot, tmp_path)
    made.terminal.begin()
    made.until(lambda: made.world.line_up)
    yield made
    made.terminal.close()


def read_card(player: Player, person: str = "elder") -> Script:
    """Up to the moment when the card was read."""
    yield from script.choose(player, CERTIFICATE)
    yield from script.start(player)
    yield from script.show_card(player, person)


def test_the_first_screen_is_painted_before_any_device_is_asked(
    stage: Stage, pack: Any, qtbot: Any, tmp_path: Path
) -> None:
    hall = Hall(stage, pack, qtbot, tmp_path)
    try:
        with qtbot.waitSignal(hall.terminal.painted, timeout=WAIT_MS):
            hall.terminal.begin()
            assert hall.view.frame.step is StepName.WELCOME
            assert hall.view.frame.demo
            assert stage.reader.commands == ()
        image = hall.terminal.window.grab().toImage()
        spots = {
            image.pixel(x, y)
            for x in range(0, image.width(), 30)
            for y in range(0, image.height(), 30)
        }
        assert len(spots) > 5
        hall.until(lambda: bool(stage.reader.commands))
    finally:
        hall.terminal.close()


def test_the_end_of_a_visit_leaves_nothing_of_it(hall: Hall) -> None:
    name = hall.stage.person("elder").name
    hall.play(read_card)
    before = hall.visit
    assert before.parties
    assert name[0] in texts(hall.terminal.window), "masked, but there"
    # Screens of the next visit stand ready, hidden; all that was shown must go.
    shown = [w for w in hall.terminal.window.findChildren(QWidget) if w.isVisible()]
    old = {child for widget in shown for child in [widget, *widget.findChildren(QWidget)]}
    assert len(old) > 20
    assert hall.terminal.window.touch("language")
    assert hall.terminal.window.touch("leave")
    hall.until(lambda: hall.visit.pristine)
    assert hall.visit.number == before.number + 1
    assert not hall.visit.parties
    assert hall.view.frame.language == "zh", "language is the next person's choice"
    hall.until(lambda: not any(shiboken6.isValid(widget) for widget in old))
    assert name[0] not in texts(hall.terminal.window)
    assert hall.terminal.document_preview() is None


def test_nothing_of_the_screens_of_a_visit_stays_in_memory(hall: Hall) -> None:
    """Week after week: whatever a visit left behind would add up, and be somebody's."""
    window = hall.terminal.window
    for visit in range(3):
        assert window.touch("group:approvals")
        hall.until(lambda: hall.visit.place.step is StepName.CHOOSE)
        shown = [weakref.ref(w) for w in window.findChildren(QWidget) if w.isVisible()]
        assert len(shown) > 20
        assert window.touch("leave")
        hall.until(lambda: hall.visit.pristine)
        if visit:  # the first set is from the start, of which nothing is looked at again
            hall.until(lambda refs=shown: not any(one() for one in refs))  # type: ignore[misc]


def texts(window: QWidget) -> str:
    """All that widgets say of themselves, to eyes and to a screen reader."""
    said = [window.accessibleName()]
    for widget in window.findChildren(QWidget):
        said += [widget.accessibleName(), str(widget.property("text") or "")]
    return " ".join(said)


def test_what_comes_late_belongs_to_nobody(hall: Hall) -> None:
    hall.play(read_card)
    old = hall.visit
    card = old.parties["applicant"].card
    assert hall.terminal.window.touch("leave")
    hall.until(lambda: hall.visit.pristine)
    fresh = hall.visit
    number = old.number
    for event in (
        CardRead(number, card),
        FaceDone(number, None),  # type: ignore[arg-type]
        PageCaptured(number, None),  # type: ignore[arg-type]
        CentralAnswered(number, "title", ()),
        Saved(number, "LW042-00001-7", "1" * 32),
        Delivered(number, "LW042-00001-7", "2026"),
        Printed(number, "receipt"),
    ):
        # As carriers do it: from another thread.
        thread = threading.Thread(target=hall.terminal._bridge.reply, args=(event,))
        thread.start()
        thread.join()
    heard: list[bool] = []
    hall.terminal._bridge.happened.connect(lambda _: heard.append(True))
    hall.terminal._bridge.reply(Printed(number, "last"))
    hall.until(lambda: bool(heard))
    assert hall.visit.number == fresh.number
    assert not hall.visit.parties
    assert hall.visit.submission.state == ""
    assert hall.visit.printing == {}
    assert hall.view.frame.step is StepName.WELCOME


def test_a_reader_that_vanishes_and_comes_back(hall: Hall) -> None:
    hall.until(lambda: hall.world.reader_ok)
    hall.stage.reader.vanish()
    hall.until(lambda: not hall.world.reader_ok)
    hall.play(to_guide, CARD_ONLY)
    assert not hall.view.body.can_start
    assert hall.view.body.blocked.code == "RD-01"
    hall.stage.reader.come_back()
    hall.until(lambda: hall.view.body.can_start)
    hall.play(_from_guide)


def to_guide(player: Player, code: str) -> Script:
    yield from script.choose(player, code)


def _from_guide(player: Player) -> Script:
    yield from script.start(player)
    yield from script.show_card(player, "elder")
    yield Until(player.is_at(StepName.RESULT), "the result")


def test_a_reader_that_vanishes_while_it_is_waited_for(hall: Hall) -> None:
    def story(player: Player) -> Script:
        yield from script.choose(player, CARD_ONLY)
        yield from script.start(player)
        player.stage.reader.vanish()
        yield Until(player.is_at(StepName.IDENTIFY, "failed"), "the failure")
        assert player.view.frame.notice is not None
        assert player.view.frame.notice.code == "RD-01"
        player.stage.reader.come_back()
        yield Until(lambda: hall.world.reader_ok, "the reader is back")
        player.touch("again")
        yield from script.show_card(player, "elder")
        yield Until(player.is_at(StepName.RESULT), "the result")

    hall.play(story)


def test_a_camera_that_is_gone_and_comes_back(hall: Hall) -> None:
    def story(player: Player) -> Script:
        yield from read_card(player)
        yield Until(player.is_at(StepName.VERIFY_FACE, "consent"), "the choice")
        player.stage.face.set(GONE)
        player.touch("consent:yes")
        yield Until(player.is_at(StepName.VERIFY_FACE, "away"), "the word that it is away")
        notice = player.view.frame.notice
        assert notice is not None
        assert notice.code == "CM-01"
        player.stage.stand("elder")  # it goes on by itself
        yield Until(player.is_at(StepName.RESULT), "the result")

    hall.play(story)


def test_a_backend_that_is_gone_and_comes_back(hall: Hall) -> None:
    def story(player: Player) -> Script:
        yield from script.choose(player, CERTIFICATE)
        yield from script.start(player)
        yield from script.identify(player)
        yield Until(player.is_at(StepName.RESULT, "confirm"), "the confirmation")
        player.stage.backend.pull()
        player.touch("next")
        yield Until(player.is_at(StepName.RESULT, "failed"), "the failure")
        notice = player.view.frame.notice
        assert notice is not None
        assert notice.code == "NW-01"
        player.stage.backend.restore()
        player.touch("again")
        yield Until(player.is_at(StepName.RESULT, "ready"), "the certificate")
        yield from script.printed(player)

    hall.play(story)


def test_paper_that_runs_out_is_known_before_it_is_needed(hall: Hall) -> None:
    hall.until(lambda: hall.world.printer.paper is PaperState.OK)
    hall.stage.paper(there=False)
    hall.until(lambda: hall.world.printer.paper is PaperState.OUT)


# -- the end of the terminal ---------------------------------------------------------------


def children() -> set[int]:
    """Processes that this one has started, without those that have ended."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found |= {int(pid) for pid in (task / "children").read_text().split()}
        except OSError:
            continue  # the thread has just ended
    return found


def open_files() -> set[str]:
    """What this process has open, by number and target.

    Fonts stay open once they were used, as do Qt's own event handles; a preview's memory was
    wiped and goes with the object.
    """
    kept = ("/fonts/", "/memfd:preview", "anon_inode:[event")
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if not any(part in target for part in kept) and not target.startswith("/proc/"):
            found.add(f"{number} {target}")
    return found


def test_closing_leaves_no_thread_no_child_no_file_open(
    stage: Stage, pack: Any, qtbot: Any, tmp_path: Path
) -> None:
    threads, processes = set(threading.enumerate()), children()
    files = open_files()
    hall = Hall(stage, pack, qtbot, tmp_path)
    hall.terminal.begin()
    hall.until(lambda: bool(children() - processes) and hall.world.line_up)
    stage.loudspeaker.set("hang")
    hall.play(read_card)  # goes on although the voice does not come to its end
    hall.until(lambda: stage.loudspeaker.begun > 0)
    assert hall.terminal.speaking
    hall.terminal.close()
    hall.terminal.close()  # harmless when called twice
    qtbot.waitUntil(
        lambda: not ({t for t in threading.enumerate() if t.is_alive()} - threads), timeout=WAIT_MS
    )
    qtbot.waitUntil(lambda: not (children() - processes), timeout=WAIT_MS)
    gc.collect()
    left = open_files() - files
    assert not left, f"still open: {left}"
    with Outbox.open(stage.folder / "data" / "outbox") as outbox:
        assert outbox.get_meta(CLOCK_MARK).result(20), "the clock's mark outlives the terminal"


# -- a wrong clock, and the log ------------------------------------------------------------


def test_with_a_clock_that_went_back_a_visit_works_and_says_so(
    own_stage: Stage, pack: Any, qtbot: Any, tmp_path: Path
) -> None:
    stage = own_stage
    ahead = datetime.now(UTC) + timedelta(days=30)
    with Outbox.open(stage.folder / "data" / "outbox") as outbox:
        outbox.put_meta(CLOCK_MARK, ahead.isoformat()).result(20)
    hall = Hall(stage, pack, qtbot, tmp_path)
    try:
        hall.terminal.begin()
        hall.until(lambda: hall.world.line_up)
        now = hall.terminal.now()
        assert not now.trusted
        assert now.civil == ahead
        hall.play(scenarios.happy, APPLICATION)
    finally:
        hall.terminal.close()
    (stored,) = stage.backend.stored()
    assert stored["document"]["created"]["clock_trusted"] is False
    pledged = [m for m in stored["document"]["materials"] if m["status"] == "pledged"]
    assert all(m["pledge_due"] is None for m in pledged), "no day is promised by a wrong clock"
    receipt = next(pdf for what, pdf in stage.papers if what == "receipt")
    path = tmp_path / "receipt.pdf"
    path.write_bytes(receipt)
    paper = "".join(page.extract_text() for page in PdfReader(path).pages)
    note = load_words().text("receipt.clock-note", "zh")
    assert note in paper.replace("\n", "")
    with Outbox.open(stage.folder / "data" / "outbox") as outbox:
        kept = outbox.get_meta(CLOCK_MARK).result(20)
    assert kept is not None
    assert datetime.fromisoformat(kept) == ahead


@pytest.mark.parametrize("mark", ["", "nonsense", "2031-01-01T00:00:00"])
def test_a_mark_that_is_none_does_not_stop_the_terminal(
    stage: Stage, pack: Any, qtbot: Any, tmp_path: Path, mark: str
) -> None:
    with Outbox.open(stage.folder / "data" / "outbox") as outbox:
        outbox.put_meta(CLOCK_MARK, mark).result(20)
    hall = Hall(stage, pack, qtbot, tmp_path)
    assert hall.terminal.now().trusted
    hall.terminal.close()


def test_nobody_is_named_in_the_log_of_a_whole_visit(
    hall: Hall, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    hall.play(scenarios.happy, APPLICATION)
    person = hall.stage.person("elder")
    secrets = (person.name, person.number, person.address, "13800000001")
    document = str(hall.stage.backend.stored())
    assert all(secret in document for secret in secrets[:2]), "the backend does know them"
    written = "\n".join(AllowList().format(record) for record in caplog.records)
    assert " saved" in written
    assert " delivered attempts=1" in written
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("kiosk"))
    out, err = capfd.readouterr()
    for secret in secrets:
        assert secret not in written
        assert secret not in ours
        assert secret not in out + err
        assert secret not in repr(hall.visit)
