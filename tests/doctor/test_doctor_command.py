"""`kiosk doctor` as it is called: who is asked, what is printed, what it ends with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doctor_help import Ward, ward

from kiosk.cli import main
from kiosk.control import ControlServer
from kiosk.doctor import command
from kiosk.doctor.handler import DOCTOR, NotUpYet, doctor_handler
from kiosk.doctor.report import Report, Result, Verdict
from offline_queue import Outbox

ROOT = Path(__file__).resolve().parents[2]
RUN_S = 60


@pytest.fixture
def terminal(short_dir: Path) -> Iterator[Ward]:
    with ward(short_dir) as made:
        yield made


@pytest.fixture
def settings_file(terminal: Ward) -> Path:
    """No camera nodes, no CUPS: a machine with nothing but the reader."""
    path = terminal.folder / "terminal.toml"
    path.write_text(
        '[terminal]\ncode = "LW042"\n'
        f'[reader]\nport = "{terminal.reader.port}"\n'
        '[camera]\ndevice = "/dev/v4l/by-id/none"\n'
        '[document_camera]\nkind = "none"\n'
        f'[printer]\nserver = "{terminal.folder / "no-cups"}"\n'
        f'[backend]\nurl = "{terminal.url}"\n'
        f'[data]\ndirectory = "{terminal.folder}"\nsocket = "{terminal.folder}/s/c.sock"\n',
        encoding="utf-8",
    )
    return path


def doctor(settings_file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KIOSK_")}
    return subprocess.run(
        [sys.executable, "-m", "kiosk.cli", "doctor", "--settings", str(settings_file), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def test_a_machine_with_nothing_but_a_reader(settings_file: Path, terminal: Ward) -> None:
    ran = doctor(settings_file, "--json")
    report = Report.model_validate_json(ran.stdout)
    assert ran.returncode == 2 == report.exit_status, "samples of a catalogue cannot be served"
    codes = {entry.name: entry.code for entry in report.entries}
    assert codes["reader"] == ""
    assert codes["face"] == "CM-01"
    assert codes["receipt-printer"] == "PR-01"
    assert codes["catalogue"] == "DR-11"
    assert "document-camera" not in codes
    assert report.asked == "devices"
    assert not (terminal.folder / "outbox").exists(), "looking makes nothing"


def test_the_text_and_one_device(settings_file: Path) -> None:
    ran = doctor(settings_file, "--device", "reader", "--language", "en")
    assert ran.returncode == 0, ran
    assert ran.stdout.splitlines()[0].startswith("LW042: serves")
    assert "[ ok ] ID card reader (reader)" in ran.stdout
    assert "switched on" not in ran.stdout


def test_a_device_that_is_not_in_the_settings(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(settings_file, "--device", "toaster") == 3
    assert "DR-30" in capsys.readouterr().err


def run(settings_file: Path, *arguments: str) -> int:
    return main(["doctor", "--settings", str(settings_file), *arguments])


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.logs.begin", lambda: None)


def test_wrong_settings_cannot_serve(
    settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_file.write_text("[reader]\nbaud = 3\n", encoding="utf-8")
    assert run(settings_file) == 2
    assert "reader.baud" in capsys.readouterr().err


def test_the_running_terminal_is_asked_and_no_port_is_opened(
    settings_file: Path, terminal: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    patient = terminal.patient()
    asked: list[tuple[bool, bool]] = []

    def the_patient(print_page: bool, aloud: bool) -> Any:
        asked.append((print_page, aloud))
        return patient

    handler = doctor_handler(the_patient)
    with ControlServer(terminal.settings.data.socket, {DOCTOR: handler}):
        command = ("--json", "--print-test-page", "--say-test-sentence", "--device", "reader")
        assert run(settings_file, *command) == 0
    report = json.loads(capsys.readouterr().out)
    assert asked == [(True, True)]
    assert report["verdict"] == "serves"
    assert [one["name"] for one in report["devices"]] == ["reader"]


@pytest.mark.expected_logs(
    "a control command failed: NotUpYet", reason="a terminal that starts cannot be examined"
)
def test_a_terminal_that_is_starting_is_not_disturbed(
    settings_file: Path, terminal: Ward, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_patient(*_: bool) -> Any:
        raise NotUpYet

    with Outbox.open(terminal.folder / "outbox"):
        assert run(settings_file) == 3, "locked, and nobody listens"
    assert "QU-04" in capsys.readouterr().err
    handlers = {DOCTOR: doctor_handler(no_patient)}
    with ControlServer(terminal.settings.data.socket, handlers):
        assert run(settings_file) == 3
    assert "DR-32" in capsys.readouterr().err
    assert terminal.reader.commands == ()


@pytest.mark.expected_logs("a control command failed: DoctorBusy", reason="two ask at once")
def test_one_examination_at_a_time(settings_file: Path, terminal: Ward) -> None:
    inside, go = threading.Event(), threading.Event()

    def slow(*_: bool) -> Any:
        inside.set()
        assert go.wait(RUN_S)
        return terminal.patient().only("reader")

    statuses: list[int] = []
    handlers = {DOCTOR: doctor_handler(slow)}
    with ControlServer(terminal.settings.data.socket, handlers):
        first = threading.Thread(target=lambda: statuses.append(run(settings_file)))
        first.start()
        assert inside.wait(RUN_S)
        assert run(settings_file) == 3
        go.set()
        first.join()
    assert statuses == [0]


def test_a_silent_terminal_is_not_gone_round(
    settings_file: Path, terminal: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_ANSWER_DEADLINE_S", 0.2)
    path = Path(terminal.settings.data.socket)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen(1)
        assert run(settings_file) == 3
    assert terminal.reader.commands == (), "its port belongs to the terminal"


def test_an_answer_of_another_version(settings_file: Path, terminal: Ward) -> None:
    with ControlServer(terminal.settings.data.socket, {DOCTOR: lambda _: {"format": "x/9"}}):
        assert run(settings_file) == 3


def test_a_damaged_outbox_is_told_and_left_alone(settings_file: Path, terminal: Ward) -> None:
    with Outbox.open(terminal.folder / "outbox"):
        pass
    (database,) = (p for p in (terminal.folder / "outbox").iterdir() if "lock" not in p.name)
    database.write_bytes(b"no database" * 1000)
    before = database.read_bytes()
    report = command.find_out(command.DoctorOptions(), _settings(settings_file))
    outbox = next(one for one in report.checks if one.name == "outbox")
    assert (outbox.result, outbox.code) == (Result.FAILED, "DR-13")
    assert report.verdict is Verdict.CANNOT_SERVE
    assert database.read_bytes() == before


def _settings(path: Path) -> Any:
    from config.settings import load

    return load(path, {})
