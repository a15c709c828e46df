"""The doctor before simulated wires: what is found, how long it takes, what it ends with."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from doctor_help import Ward, check, device, sample_pack, ward

from config.settings import Settings
from devices.adapters import cameras
from devices.adapters.samv import SamvDevice
from devices.contract import DeviceKind
from devices.errors import DeviceError, Fault
from devices.printers.base import NoPrinter
from devices.records import PaperState
from devices.samv.protocol import Command
from devices.scanners.scanner import CodeScanner
from devices.scanners.serial_line import serial_line
from devices.simulators.camera import GONE, SceneControl
from devices.simulators.chips import SimulatedChips
from devices.simulators.loudspeaker import Loudspeaker
from devices.simulators.samv import SAM_ID_TEXT, SamvSimulator
from devices.simulators.scanner import SerialScannerSimulator
from devices.voice.voice import Voice
from devices.worker import Cancel
from kiosk.app import equipment_of
from kiosk.doctor import words
from kiosk.doctor.checks import Check, Found
from kiosk.doctor.command import attached_of, lines
from kiosk.doctor.examine import DEADLINES_S, NoSuchDevice, examine
from kiosk.doctor.further import further_at_rest
from kiosk.doctor.report import (
    CheckReport,
    DeviceReport,
    Report,
    Result,
    Said,
    Verdict,
    Weight,
    verdict_of,
)

SCHEMA = Path(__file__).with_name("report.schema.json")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Ward]:
    with ward(tmp_path) as made:
        yield made


def test_a_whole_terminal_serves(terminal: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "MEASURE_S", 0.7)
    monkeypatch.setattr(cameras, "ENOUGH_SHARE", 0.0)  # this machine's speed is not the question
    scene = SceneControl("nobody")
    terminal.face, terminal.with_desk = scene.face_spec(), True
    report = terminal.examine()
    scene.close()
    assert report.verdict is Verdict.SERVES, lines(report, "en")
    assert report.exit_status == 0
    assert [one.name for one in report.devices] == [
        "reader",
        "face",
        "document-camera",
        "receipt-printer",
    ]
    reader, face = device(report, "reader"), device(report, "face")
    assert (reader.serial, reader.state) == (SAM_ID_TEXT, "online")
    assert face.figures["frames_per_s"] > 0  # type: ignore[operator]
    assert face.state == "powered-off", "no camera stays on"
    assert device(report, "receipt-printer").figures["paper"] == "ok"
    assert all(one.result is Result.OK for one in report.entries)
    assert not terminal.printer.files(), "no page unasked"
    text = "\n".join(lines(report, "en"))
    assert "cameras were switched on" in text
    assert SAM_ID_TEXT in text


def test_no_reader_no_service(terminal: Ward) -> None:
    terminal.reader.vanish()
    report = terminal.examine()
    assert (report.verdict, report.exit_status) == (Verdict.CANNOT_SERVE, 2)
    reader = device(report, "reader")
    assert (reader.code, reader.result, reader.state) == ("RD-01", Result.FAILED, "absent")
    assert (reader.severity, reader.recovery) == ("out-of-service", "itself")
    assert [step.result for step in reader.steps][1:] == [Result.UNKNOWN] * 2
    assert "[reader] port" in reader.mend.en
    assert "阅读器" in "\n".join(lines(report, "zh"))


def test_a_failed_sam_is_named(terminal: Ward) -> None:
    terminal.reader.answer(Command.STATUS, 0x60)
    report = terminal.examine()
    assert device(report, "reader").code == "RD-04"
    assert device(report, "reader").recovery == "staff"
    assert report.exit_status == 2


def test_a_stalled_reader_costs_no_more_than_its_deadline(terminal: Ward) -> None:
    terminal.reader.stall()
    began_s = time.monotonic()
    report = terminal.examine(deadlines_s={**DEADLINES_S, DeviceKind.ID_READER: 1.0})
    assert time.monotonic() - began_s < 8
    assert device(report, "reader").code in ("RD-02", "DV-02")
    assert report.exit_status == 2


def test_without_a_camera_it_serves_with_limits(terminal: Ward) -> None:
    terminal.desk.set(GONE)
    terminal.with_desk = True
    report = terminal.examine()
    assert device(report, "document-camera").code == "CM-01"
    assert (report.verdict, report.exit_status) == (Verdict.LIMITED, 1)


@pytest.mark.parametrize("absent", [True, False])
def test_without_a_printer_or_paper_it_serves_with_limits(terminal: Ward, absent: bool) -> None:
    if absent:
        terminal.printer.set_online(False)
    else:
        terminal.printer.set_paper(PaperState.OUT)
    report = terminal.examine()
    assert device(report, "receipt-printer").code == ("PR-01" if absent else "PR-02")
    assert report.exit_status == 1


def test_a_printer_that_does_not_tell_of_paper_is_fine_and_says_so(terminal: Ward) -> None:
    terminal.printer.set_paper(PaperState.UNKNOWN)
    report = terminal.examine()
    assert report.exit_status == 0
    assert device(report, "receipt-printer").steps[1].result is Result.UNKNOWN
    assert device(report, "receipt-printer").figures["paper"] == "unknown"


def test_a_test_page_when_asked(terminal: Ward) -> None:
    terminal.print_page = True
    report = terminal.examine()
    assert report.exit_status == 0
    (page,) = terminal.printer.files()
    from pypdf import PdfReader

    text = PdfReader(page).pages[0].extract_text()
    assert "测试页" in text
    assert "LW042" in text
    assert "70 mm" in text


def test_a_sample_catalogue_cannot_serve(terminal: Ward) -> None:
    terminal.pack = sample_pack
    report = terminal.examine()
    assert check(report, "catalogue").code == "DR-11"
    assert report.exit_status == 2


def test_one_device_alone(terminal: Ward) -> None:
    patient = terminal.patient()
    report = examine(patient.only("receipt-printer"))
    assert [one.name for one in report.entries] == ["receipt-printer"]
    assert terminal.reader.commands == ()
    with pytest.raises(NoSuchDevice, match="reader, receipt-printer"):
        patient.only("toaster")
    patient.close()


def test_somebody_is_there_so_devices_are_left_alone(terminal: Ward) -> None:
    report = terminal.examine(in_use=lambda: True)
    assert report.in_use
    assert terminal.reader.commands == ()
    for one in report.devices:
        assert (one.tested, one.result, one.code) == (False, Result.UNKNOWN, "DR-20")
    assert all(one.result is Result.OK for one in report.checks), "these disturb nobody"
    assert report.verdict is Verdict.UNKNOWN, "nobody knew of the reader: not called fine"


def test_somebody_comes_while_the_doctor_waits(terminal: Ward) -> None:
    terminal.with_desk = True
    terminal.desk.set("frozen")
    came = threading.Event()
    threading.Timer(0.5, came.set).start()
    began_s = time.monotonic()
    report = terminal.examine(in_use=came.is_set)
    assert report.in_use
    assert time.monotonic() - began_s < 10
    assert device(report, "document-camera").code == "DR-20"
    assert device(report, "reader").result is Result.OK, "what was done is told"


def test_a_check_that_raises_or_hangs_hides_nothing(terminal: Ward) -> None:
    def broken() -> None:
        raise RuntimeError("secret")

    terminal.now = broken  # type: ignore[assignment]
    report = terminal.examine()
    clock = check(report, "clock")
    assert (clock.result, clock.code, clock.detail) == (Result.UNKNOWN, "DR-21", "RuntimeError")
    assert report.exit_status == 1


def test_a_terminal_that_closes_is_not_kept_waiting(terminal: Ward) -> None:
    go, closing = threading.Event(), threading.Event()

    def hang() -> Found:
        go.wait(30)
        return Found()

    threading.Timer(0.2, closing.set).start()
    began_s = time.monotonic()
    checks = (Check("backend", Weight.LIMITS, hang),)
    report = terminal.examine(closing=closing.is_set, checks=checks)
    assert time.monotonic() - began_s < 5
    go.set()
    assert check(report, "backend").code == "DR-21"


def test_the_report_keeps_its_shape(terminal: Ward) -> None:
    """Programs read it: a change needs a new `format` and a new file here."""
    schema = json.dumps(Report.model_json_schema(), indent=1, sort_keys=True) + "\n"
    assert schema == SCHEMA.read_text(encoding="utf-8"), "the report's shape changed"
    report = terminal.examine()
    assert Report.model_validate(json.loads(json.dumps(report.to_json()))) == report


def entry(
    result: Result, weight: Weight, *, tested: bool = True, known: bool | None = None
) -> DeviceReport:
    return DeviceReport(
        name="x",
        label=Said(zh="", en=""),
        result=result,
        weight=weight,
        kind="printer",
        address="",
        state="unknown",
        tested=tested,
        last_known=known,
    )


@pytest.mark.parametrize(
    ("device_report", "verdict"),
    [
        (entry(Result.OK, Weight.STOPS), Verdict.SERVES),
        (entry(Result.FAILED, Weight.STOPS), Verdict.CANNOT_SERVE),
        (entry(Result.FAILED, Weight.LIMITS), Verdict.LIMITED),
        (entry(Result.FAILED, Weight.TELLS), Verdict.SERVES),
        (entry(Result.UNKNOWN, Weight.STOPS), Verdict.UNKNOWN),
        (entry(Result.UNKNOWN, Weight.LIMITS), Verdict.LIMITED),
        (entry(Result.UNKNOWN, Weight.STOPS, tested=False, known=True), Verdict.SERVES),
        (entry(Result.UNKNOWN, Weight.STOPS, tested=False, known=False), Verdict.CANNOT_SERVE),
        (entry(Result.UNKNOWN, Weight.STOPS, tested=True, known=True), Verdict.UNKNOWN),
    ],
)
def test_unknown_is_never_fine(device_report: DeviceReport, verdict: Verdict) -> None:
    assert verdict_of((device_report,), ()) is verdict


def test_the_worst_decides() -> None:
    bad = CheckReport(
        name="disk", label=words.label("disk"), result=Result.FAILED, weight=Weight.STOPS
    )
    devices = (entry(Result.UNKNOWN, Weight.STOPS), entry(Result.FAILED, Weight.LIMITS))
    assert verdict_of(devices, (bad,)) is Verdict.CANNOT_SERVE
    assert verdict_of(devices, ()) is Verdict.UNKNOWN


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.code)
def test_every_fault_has_words(fault: Fault) -> None:
    for said in (words.what(fault.code), words.mend(fault.code)):
        assert said.zh
        assert said.en


# -- chip readers and scanners ------------------------------------------------------------------


def further(terminal: Ward, chips: SimulatedChips, port: str) -> Report:
    settings = Settings.model_validate(
        {
            **terminal.settings.model_dump(),
            "chip_reader": {"kind": "pcsc"},
            "scanner": {"kind": "serial", "port": port},
        }
    )
    scanner = CodeScanner(serial_line(port))
    attached = further_at_rest(settings, lambda _: chips, scanner)
    patient = replace(terminal.patient(), devices=attached, checks=())
    try:
        return examine(patient)
    finally:
        patient.close()


def test_chip_readers_and_scanners_are_examined(terminal: Ward) -> None:
    chips = SimulatedChips()
    with SerialScannerSimulator() as gun:
        report = further(terminal, chips, gun.port)
        assert [(one.name, one.result) for one in report.devices] == [
            ("card-reader", Result.OK),
            ("scanner", Result.OK),
        ]
        assert device(report, "card-reader").figures["readers"] == 1
        chips.plug(in_=False)
        gun.vanish()
        broken = further(terminal, chips, gun.port)
    assert [one.code for one in broken.devices] == ["RD-01", "SC-01"]
    assert broken.verdict is Verdict.LIMITED


def test_the_settings_name_what_the_doctor_opens(terminal: Ward) -> None:
    with SerialScannerSimulator() as gun:
        settings = Settings.model_validate(
            {**terminal.settings.model_dump(), "scanner": {"kind": "serial", "port": gun.port}}
        )
        attached = attached_of(settings)
        names = [one.device.identity.name for one in attached.further]
        for one in attached.further:
            one.device.close()
    assert names == ["scanner", "voice"]


@pytest.mark.parametrize(
    ("printer", "told", "examined"),
    [
        ({"kind": "escpos", "address": "tcp:127.0.0.1:9100"}, "no sheets", ("80mm", None)),
        (
            {"kind": "escpos", "address": "tcp:127.0.0.1:9100", "a4_queue": "office"},
            "sheets",
            ("80mm", "a4"),
        ),
        ({"kind": "cups"}, "the same printer", ("80mm", None)),
        ({"kind": "none"}, "no sheets", (None, None)),
    ],
)
def test_no_certificate_is_printed_on_a_roll(
    printer: dict[str, str], told: str, examined: tuple[str | None, str | None]
) -> None:
    settings = Settings.model_validate({"printer": printer, "voice": {"kind": "none"}})
    made = equipment_of(settings)
    if told == "sheets":
        assert made.sheets.capabilities.media == "a4"
        assert not isinstance(made.sheets, NoPrinter)
    elif told == "the same printer":
        assert made.sheets is made.receipts
    else:
        assert isinstance(made.sheets, NoPrinter)
        assert not made.sheets.status().online, "who wants one is told so before"
        with pytest.raises(DeviceError) as caught:
            made.sheets.print(b"%PDF", title="sheet", deadline_s=1.0, cancel=Cancel())
        assert caught.value.fault is Fault.PRINTER_ABSENT
    attached = attached_of(settings)
    pair = (attached.receipts, attached.sheets)
    assert tuple(p.capabilities.media if p else None for p in pair) == examined


def test_a_reader_of_any_speed_needs_no_setting() -> None:
    with SamvSimulator(line_baud=9_600) as simulator:
        attached = attached_of(Settings.model_validate({"reader": {"port": simulator.port}}))
        for one in attached.further:
            one.device.close()
        assert attached.reader is not None
        told = SamvDevice(attached.reader, simulator.port).self_test(Cancel(20.0))
        attached.reader.close()
    assert (told.figures["baud"], told.figures["sam_id"]) == (9_600, SAM_ID_TEXT)


@pytest.mark.parametrize(
    ("kind", "verdict"), [("auto", Verdict.SERVES), ("speaker", Verdict.LIMITED)]
)
def test_a_missing_sound_card_matters_where_the_terminal_is_meant_to_speak(
    terminal: Ward, tmp_path: Path, kind: str, verdict: Verdict
) -> None:
    loudspeaker = Loudspeaker(tmp_path, "refuse")
    voice = Voice(player=loudspeaker.player)
    settings = Settings.model_validate({"voice": {"kind": kind}})
    attached = further_at_rest(settings, None, None, voice)
    patient = replace(terminal.patient(), devices=attached, checks=())
    try:
        report = examine(patient)
        assert (device(report, "voice").code, report.verdict) == ("VO-01", verdict)
        assert "alsa-utils" in device(report, "voice").mend.en
        loudspeaker.set("instant")
        assert examine(patient).verdict is Verdict.SERVES
    finally:
        patient.close()
