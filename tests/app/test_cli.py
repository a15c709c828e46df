"""The commands: what they refuse and with which status, and a real terminal without devices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from world_help import WAIT_S, spin

from config.settings import load
from kiosk.app import Terminal, equipment_of
from kiosk.catalogue_files import DEFAULT_DIRECTORY, load_directory
from kiosk.cli import main
from kiosk.journey.steps.identify import badge_of
from kiosk.journey.terms import StepName
from kiosk.journey.views import ItemGuideView, View
from offline_queue import Outbox, Submission

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def confirmed(tmp_path: Path) -> Path:
    """A whole small catalogue that an authority has confirmed."""
    folder = tmp_path / "catalogue"
    for name in ("groups.yaml", "departments.yaml", "plain.yaml", "items/sb-001.yaml"):
        text = (DEFAULT_DIRECTORY / name).read_text(encoding="utf-8")
        if name == "plain.yaml":
            text = PLAIN
        text = text.replace("confirmed: null", "confirmed: {by: 样例局, on: 2026-11-01}")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


PLAIN = (
    "".join(
        f"- {{id: entry-{n}, name: {{zh: 开证明{n}, en: Proof {n}}}, codes: [SB-001]}}\n"
        for n in range(1, 6)
    )
    + "- {id: other, name: {zh: 别的事, en: Something else}, codes: []}\n"
)


@pytest.fixture
def settings_file(confirmed: Path, short_dir: Path) -> Path:
    """A terminal whose devices are all absent."""
    path = short_dir / "terminal.toml"
    path.write_text(
        f"""
[terminal]
code = "LW042"
[screen]
full_screen = false
[reader]
port = "{short_dir}/no-reader"
[camera]
device = "{short_dir}/no-camera"
[document_camera]
device = "{short_dir}/no-desk"
[printer]
server = "127.0.0.1:9"
[backend]
url = "http://127.0.0.1:9"
[data]
directory = "{short_dir}/data"
socket = "{short_dir}/run/control.sock"
[catalogue]
directory = "{confirmed}"
""",
        encoding="utf-8",
    )
    return path


def with_line(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


# -- refusals -----------------------------------------------------------------------------


def test_samples_are_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("ST-02 220 items are samples")
    assert "CL-001" in said
    assert "and 210 more" in said, "nobody reads two hundred codes"
    assert "kiosk demo" in said


@pytest.mark.parametrize("section", ["reader", "camera", "printer"])
def test_a_terminal_without_a_device_is_not_run(
    settings_file: Path, capsys: pytest.CaptureFixture[str], section: str
) -> None:
    with_line(settings_file, f"[{section}]\n", f'[{section}]\nkind = "none"\n')
    assert main(["run", "--settings", str(settings_file)]) == 3
    assert capsys.readouterr().err.startswith("ST-03 ")


def test_without_a_display_it_says_so(
    settings_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["run", "--settings", str(settings_file)]) == 3
    assert capsys.readouterr().err.startswith("ST-08 ")


def test_a_broken_catalogue_stops_the_run(
    settings_file: Path, confirmed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_line(confirmed / "items" / "sb-001.yaml", "kind: certificate", "kind: certficate")
    assert main(["run", "--settings", str(settings_file)]) == 2
    said = capsys.readouterr().err
    assert "items/sb-001.yaml:" in said
    assert "certficate" in said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["demo", "--scenario", "nonsense"],
        ["demo", "--language", "de"],
        ["demo", "--size", "huge"],
        ["demo", "--screen", "wide"],
        ["queue"],
        ["run", "--setings", "x"],
    ],
)
def test_what_the_command_line_does_not_know(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: kiosk" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ("11010519491231002x ", 0),
        ("110105194912310021", 2),
        ("110105491231002", 2),
        ("", 2),
    ],
)
def test_a_badge_is_what_the_terminal_looks_for(
    settings_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    status: int,
) -> None:
    monkeypatch.setattr("kiosk.badge_command.getpass", lambda _prompt: typed)
    arguments = ["badge", "--settings", str(settings_file)]
    assert main(arguments) == 3
    assert capsys.readouterr().err.startswith("ST-06 "), "without a salt all terminals are alike"
    with_line(settings_file, "[screen]\n", '[staff]\nsalt = "of this one"\n[screen]\n')
    assert main(arguments) == status
    said = capsys.readouterr()
    assert typed.strip()[:17] not in said.out or not typed
    if status:
        assert said.err.startswith("ST-07 ")
        return
    badge = badge_of("11010519491231002X", "of this one")
    assert said.out == f'"{badge}"  # to be added to [staff] badges\n'
    with_line(settings_file, "[staff]\n", f'[staff]\nbadges = ["{badge}"]\n')
    assert load(settings_file).staff.badges == (badge,)


def test_an_unknown_item_is_no_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["demo", "--headless", "--item", "XX-999", "--out", str(tmp_path / "out")]
    done = command(*arguments)
    assert done.returncode == 2
    assert "there is no item XX-999" in done.stderr


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kiosk.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# -- catalogue check ----------------------------------------------------------------------


def test_a_good_catalogue(confirmed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "check", str(confirmed)]) == 0
    out, err = capsys.readouterr()
    assert "SB-001" in out
    assert "(confirmed)" in out
    assert err == ""


def test_the_own_catalogue_is_checked_where_none_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["catalogue", "check"]) == 0
    assert "210 items, 10 bundles" in capsys.readouterr().out


def test_a_broken_catalogue(confirmed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_line(confirmed / "items" / "sb-001.yaml", "minutes:", "minuts:")
    assert main(["catalogue", "check", str(confirmed)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "items/sb-001.yaml:" in err
    assert "minuts" in err
    assert err.rstrip().endswith("to mend")


def test_no_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalogue", "check", str(tmp_path / "none")]) == 1
    assert "there is no such directory" in capsys.readouterr().err


# -- queue status -------------------------------------------------------------------------


def test_no_outbox(settings_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queue", "status", "--settings", str(settings_file)]) == 3
    assert capsys.readouterr().err.startswith("QU-08 ")


def test_an_outbox_without_a_terminal(
    settings_file: Path, short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Outbox.open(short_dir / "data" / "outbox", terminal="LW042") as outbox:
        number = outbox.reserve_number().result(WAIT_S)
        kept = Submission(uuid.uuid4().hex, number, b"{}", (), datetime.now(UTC))
        outbox.enqueue(kept).result(WAIT_S)
    assert main(["queue", "status", "--settings", str(settings_file)]) == 0
    figures = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert figures["queued"] == "1"
    assert figures["delivered"] == "0"
    assert figures["bytes"] == "2"
    assert figures["intake"] == "open"


# -- a terminal with no device at all -----------------------------------------------------


@pytest.fixture
def running(settings_file: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "kiosk.cli", "run", "--settings", str(settings_file)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_it_runs_is_asked_and_ends_on_sigterm(
    running: subprocess.Popen[str],
    settings_file: Path,
    short_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert running.stderr is not None
    guard = threading.Timer(60, running.kill)
    guard.start()
    said = iter(running.stderr.readline, "")  # the line may be found down before the rest is up
    assert any("started trusted=" in line for line in said)
    assert main(["queue", "status", "--settings", str(settings_file)]) == 0, "it answers itself"
    assert "intake       open" in capsys.readouterr().out
    with pytest.raises(Exception, match="QU-04"):
        Outbox.open(short_dir / "data" / "outbox")

    second = command("run", "--settings", str(settings_file))
    assert second.returncode == 3
    assert "QU-04" in second.stderr
    children = children_of(running.pid)
    assert children, "cameras and matching have processes of their own"

    running.send_signal(signal.SIGTERM)
    _, rest = running.communicate(timeout=30)
    guard.cancel()
    assert running.returncode == 0
    assert rest.splitlines()[-1].endswith(" stopped")
    assert "Traceback" not in rest
    assert not (short_dir / "run" / "control.sock").exists()
    spin(lambda: not any(alive(pid) for pid in children), "the end of its children")


def test_a_second_terminal_with_another_outbox_finds_the_socket_taken(
    running: subprocess.Popen[str], settings_file: Path, short_dir: Path
) -> None:
    assert running.stderr is not None
    running.stderr.readline()
    with_line(settings_file, f"{short_dir}/data", f"{short_dir}/other")
    second = command("run", "--settings", str(settings_file))
    assert second.returncode == 3
    assert second.stderr.startswith("ST-04 ")
    assert running.poll() is None, "the first one goes on"


def test_no_place_for_the_socket(settings_file: Path, short_dir: Path) -> None:
    (short_dir / "run").write_text("a file where a directory should be")
    done = command("run", "--settings", str(settings_file))
    assert done.returncode == 3
    assert done.stderr.startswith("ST-05 ")
    assert "Traceback" not in done.stderr


def children_of(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_without_devices_it_shows_itself_and_says_what_is_absent(
    settings_file: Path, qtbot: Any
) -> None:
    settings = load(settings_file, {})
    pack = load_directory(Path(settings.catalogue.directory))
    terminal = Terminal(settings, pack, equipment_of(settings))
    shown: list[View] = []
    terminal.watch = shown.append
    try:
        terminal.begin()
        qtbot.waitUntil(lambda: not terminal.runtime.visit.world.reader_ok, timeout=15_000)
        assert shown[-1].frame.step is StepName.WELCOME
        assert not shown[-1].frame.demo, "nothing here is simulated"
        colours = picture_colours(terminal)
        assert len(colours) > 3, "something is painted"
        assert terminal.window.touch("item:SB-001")
        guide = shown[-1]
        assert guide.frame.step is StepName.ITEM_GUIDE
        assert isinstance(guide.body, ItemGuideView)
        assert not guide.body.can_start
        assert guide.body.blocked is not None
        assert guide.body.blocked.code in ("RD-01", "NW-01")
        qtbot.waitUntil(lambda: not terminal.runtime.visit.world.line_up, timeout=15_000)
        assert terminal.window.touch("leave")
        assert shown[-1].frame.step is StepName.WELCOME
    finally:
        terminal.close()


def picture_colours(terminal: Terminal) -> set[int]:
    image = terminal.window.grab().toImage()
    return {
        image.pixel(x, y) for x in range(0, image.width(), 40) for y in range(0, image.height(), 40)
    }
