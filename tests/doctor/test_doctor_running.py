"""A running terminal examines itself: over its own queues, and not while somebody is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from doctor_help import backend, device, sample_pack

from central_backend.keyring import in_memory
from devices.adapters import cameras
from devices.camera import CameraState
from devices.records import PaperState
from devices.samv.protocol import Command
from devices.simulators.samv import SAM_ID_TEXT
from devices.voice.sound import Sound
from devices.worker import Cancel
from kiosk.app import Terminal
from kiosk.contract import canonical_bytes
from kiosk.control import ControlRefused, ask
from kiosk.demo.stage import Stage
from kiosk.doctor.handler import DOCTOR
from kiosk.doctor.report import Report, Result, Verdict
from kiosk.journey.events import LanguageSet
from kiosk.journey.terms import Language

WAIT_S = 60.0


class _Backend:
    """An address and keys, and nothing to steer."""

    def __init__(self, url: str) -> None:
        self.url = url
        made = in_memory(datetime.now(UTC))
        self.authority_pin = made.authority_pin
        self.key_set = canonical_bytes(made.keyring.signed_set).decode()

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many pictures a second this machine makes is not the question."""
    monkeypatch.setattr(cameras, "MEASURE_S", 0.7)
    monkeypatch.setattr(cameras, "ENOUGH_SHARE", 0.0)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    any_backend: Any
    with backend() as url:
        any_backend = _Backend(url)
        with Stage(tmp_path_factory.mktemp("stage"), any_backend) as running:
            yield running


@pytest.fixture(scope="module")
def terminal(stage: Stage, qapp: Any) -> Iterator[Terminal]:
    """One for all tests: loading the face models takes seconds."""
    running = Terminal(stage.settings(), sample_pack(), stage.equipment())
    with pytest.raises(ControlRefused, match="DR-32"):
        ask(running._settings.data.socket, DOCTOR)
    running.begin()
    spin(qapp, lambda: running._up, "up")
    yield running
    running.close()
    qapp.processEvents()


def spin(qapp: Any, holds: Callable[[], bool], what: str) -> None:
    """Let the terminal live until something holds."""
    until_s = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < until_s, f"did not come: {what}"
        qapp.processEvents()
        pause.wait(0.005)


@contextmanager
def asking(terminal: Terminal, **wanted: Any) -> Iterator[list[Report | Exception]]:
    """Ask from another thread, as another process would."""
    told: list[Report | Exception] = []

    def run() -> None:
        try:
            socket = terminal._settings.data.socket
            answer = ask(socket, DOCTOR, deadline_s=WAIT_S, **wanted)
            told.append(Report.model_validate(answer))
        except Exception as error:  # noqa: BLE001 - the test looks at it
            told.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield told
    thread.join()


def examined(qapp: Any, terminal: Terminal, **wanted: Any) -> Report:
    with asking(terminal, **wanted) as told:
        spin(qapp, lambda: bool(told), "a report")
    (report,) = told
    assert isinstance(report, Report), report
    return report


pytestmark = pytest.mark.expected_logs(
    "a control command failed: NotUpYet", reason="it is asked before it is up"
)


def test_it_tests_its_own_devices_at_rest(qapp: Any, terminal: Terminal, stage: Stage) -> None:
    report = examined(qapp, terminal)
    assert report.asked == "running-terminal"
    assert not report.in_use
    assert report.verdict is Verdict.SERVES, report
    assert {one.name for one in report.devices} == {
        "reader",
        "face",
        "document-camera",
        "receipt-printer",
        "a4-printer",
        "voice",
    }
    assert all(one.tested and one.result is Result.OK for one in report.devices)
    assert device(report, "reader").serial == SAM_ID_TEXT
    assert device(report, "reader").address == stage.reader.port
    assert "engine_answer_s" in device(report, "face").figures
    assert terminal._face.station.camera.state is CameraState.OFF
    assert terminal._documents.camera.state is CameraState.OFF
    assert stage.receipts.files() == []
    samples = next(one for one in report.checks if one.name == "catalogue")
    assert samples.result is Result.FAILED, "a demo may show samples, and it is said"


def test_what_is_broken_is_found_and_so_is_what_was_mended(
    qapp: Any, terminal: Terminal, stage: Stage
) -> None:
    stage.reader.vanish()
    stage.receipts.set_paper(PaperState.OUT)
    report = examined(qapp, terminal, device="reader")
    assert (report.exit_status, device(report, "reader").code) == (2, "RD-01")
    report = examined(qapp, terminal, device="receipt-printer")
    assert (report.exit_status, device(report, "receipt-printer").code) == (1, "PR-02")
    stage.reader.come_back()
    stage.receipts.set_paper(PaperState.OK)
    for name in ("reader", "receipt-printer"):
        assert examined(qapp, terminal, device=name).exit_status == 0, "without a restart"


def test_it_waits_for_its_turn_in_the_readers_only_queue(
    qapp: Any, terminal: Terminal, stage: Stage
) -> None:
    inside, go = threading.Event(), threading.Event()

    def occupy(_: Cancel) -> None:
        inside.set()
        go.wait(WAIT_S)

    asked = stage.reader.commands.count(Command.SAM_ID)
    terminal._reader.worker.submit(occupy, deadline_s=WAIT_S, done=lambda _: None)
    spin(qapp, inside.is_set, "the queue is occupied")
    with asking(terminal, device="reader") as told:
        end_s = time.monotonic() + 0.5
        spin(qapp, lambda: time.monotonic() > end_s, "half a second")
        assert told == []
        assert stage.reader.commands.count(Command.SAM_ID) == asked, "nobody goes past the queue"
        go.set()
        spin(qapp, lambda: bool(told), "a report")
    (report,) = told
    assert isinstance(report, Report)
    assert report.exit_status == 0


def test_a_test_page_through_the_terminals_own_queue(
    qapp: Any, terminal: Terminal, stage: Stage
) -> None:
    before = len(stage.receipts.files())
    report = examined(qapp, terminal, device="receipt-printer", test_page=True)
    assert report.exit_status == 0
    assert len(stage.receipts.files()) == before + 1


def test_a_test_sentence_is_heard_when_asked(qapp: Any, terminal: Terminal, stage: Stage) -> None:
    before = len(stage.loudspeaker.played)
    assert examined(qapp, terminal, device="voice").exit_status == 0
    (silence,) = stage.loudspeaker.played[before:]
    assert Sound.of_wav(silence).peak == 0.0, "nobody asked for it to be heard"
    report = examined(qapp, terminal, device="voice", test_sentence=True)
    assert report.exit_status == 0, report
    assert len(stage.loudspeaker.played) == before + 4, "silence, and both languages"


def test_a_visit_is_not_disturbed(qapp: Any, terminal: Terminal, stage: Stage) -> None:
    spin(qapp, lambda: terminal.runtime.visit.world.reader_ok, "the reader is known to be well")
    terminal._post(LanguageSet(Language.EN))
    assert not terminal.runtime.at_rest
    asked = stage.reader.commands.count(Command.SAM_ID)
    report = examined(qapp, terminal)
    assert report.in_use
    assert all(not one.tested and one.code == "DR-20" for one in report.devices)
    assert stage.reader.commands.count(Command.SAM_ID) == asked
    assert device(report, "reader").last_known is True
    assert report.verdict is not Verdict.CANNOT_SERVE
    assert terminal.runtime.visit.language is Language.EN, "the visit goes on"
    terminal._post(LanguageSet(Language.ZH))
    assert terminal.runtime.at_rest


def test_somebody_who_comes_ends_the_test(qapp: Any, terminal: Terminal) -> None:
    camera = terminal._face.station.camera
    with asking(terminal) as told:
        spin(qapp, lambda: camera.state is CameraState.LIVE or bool(told), "the camera is on")
        terminal._post(LanguageSet(Language.EN))
        spin(qapp, lambda: bool(told), "a report")
    (report,) = told
    assert isinstance(report, Report)
    assert report.in_use
    assert device(report, "face").code == "DR-20"
    assert camera.wait_for(CameraState.OFF, WAIT_S), "it was on for the test alone"
    terminal._post(LanguageSet(Language.ZH))
