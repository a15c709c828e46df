"""Settings: what is wrong stops the start, with the key, the value and what is allowed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, load
from devices.printers.escpos import EscPosPrinter
from devices.samv.vendor import VendorReader
from devices.scanners.scanner import CodeScanner
from kiosk.app import equipment_of
from kiosk.cli import main

ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "terminal.toml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path | None, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, environment or {})
    return str(caught.value)


def test_defaults_are_valid_and_need_no_file() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert settings.terminal.code == "LW000"
    assert Settings.model_validate(settings.model_dump()) == settings


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[terminal]\ncode = "LW042"\nsite_zh = "永兴街道"\n[face]\nthreshold = 0.42\n',
    )
    settings = load(path, {})
    assert (settings.terminal.code, settings.terminal.site_zh) == ("LW042", "永兴街道")
    assert settings.face.threshold == 0.42
    assert settings.face.frames == Settings().face.frames


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[terminal]\ncode = "LW042"\n[reader]\nbaud = 9600\n')
    environment = {
        "KIOSK_TERMINAL__CODE": "WZ7001",
        "KIOSK_READER__BAUD": "57600",
        "KIOSK_READER__WAIT_S": "12.5",
        "KIOSK_SCREEN__FULL_SCREEN": "false",
        "KIOSK_CAMERA__DEVICE": "4",
        "KIOSK_TERMINAL__LOCAL_PREFIXES": "虚构省样例市, 样例市",
        "KIOSK_DEMO_PHASE": "not a setting",
        "KIOSKS__CODE": "not ours",
    }
    settings = load(path, environment)
    assert settings.terminal.code == "WZ7001"
    assert settings.reader.baud == 57_600
    assert load(path, {"KIOSK_READER__BAUD": "auto"}).reader.baud == "auto"
    assert settings.reader.wait_s == 12.5
    assert settings.screen.full_screen is False
    assert settings.camera.device == "4"
    assert settings.terminal.local_prefixes == ("虚构省样例市", "样例市")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[terminal]\ncod = 'LW042'", ("terminal.cod", "'LW042'", "unknown key", "code, site_zh")),
        ("[termnal]\ncode = 'LW042'", ("termnal", "unknown key", "terminal, screen, reader")),
        ("colour = 3", ("colour = 3", "unknown key", "terminal, screen, reader")),
        ("[terminal]\ncode = 'lw042'", ("terminal.code", "'lw042'", "^[A-Z]{2,4}[0-9]{3,4}$")),
        ("[terminal]\ntier = 'town'", ("terminal.tier", "'town'", "'district'", "'bank'")),
        ("[terminal]\nstaffed_days = '128'", ("terminal.staffed_days", "'128'", "[1-7]")),
        ("[terminal]\nstaffed_hours = '9-17'", ("terminal.staffed_hours", "'9-17'", r"\d\d:\d\d")),
        (
            "[terminal]\nstaffed_hours = '09:00-25:00'",
            ("terminal.staffed_hours", "'09:00-25:00'", "09:00-17:00"),
        ),
        (
            "[terminal]\nstaffed_hours = '17:00-09:00'",
            ("terminal.staffed_hours", "'17:00-09:00'", "first before the second"),
        ),
        ("[reader]\nbaud = 14400", ("reader.baud", "14400", "9600", "115200", "'auto'")),
        (
            "[reader]\nkind = 'usb'",
            ("reader.kind", "'usb'", "'samv-serial', 'samv-usb', 'samv-vendor' or 'none'"),
        ),
        ("[face]\nthreshold = 0.9", ("face.threshold", "0.9", "less than or equal to 0.6")),
        ("[face]\nthreshold = nan", ("face.threshold", "nan")),
        ("[face]\nframes = 0", ("face.frames", "0", "greater than or equal to 1")),
        ("[idle]\nnormal_s = -1", ("idle.normal_s", "-1", "greater than 0")),
        ("[idle]\nwarning_s = 5", ("idle.warning_s", "5", "greater than or equal to 20")),
        ("[backend]\nurl = 'ftp://x'", ("backend.url", "'ftp://x'", "https?")),
        ("[camera]\nwidth_px = 'wide'", ("camera.width_px", "'wide'", "integer")),
        ("terminal = 3", ("terminal = 3", "dictionary")),
    ],
)
def test_a_wrong_line_is_named_with_its_value_and_what_is_allowed(
    tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    path = written(tmp_path, text)
    said = complaint(path)
    (line,) = said.splitlines()
    assert line.startswith(f"ST-01 {path}: ")
    for part in parts:
        assert part in line, f"{part!r} is not in {line!r}"


def test_every_wrong_line_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "[face]\nframes = 0\ntries = 99\n[reader]\nspeed = 1\n")
    lines = complaint(path).splitlines()
    assert [line.split(": ")[1].split(" ")[0] for line in lines] == [
        "reader.speed",
        "face.frames",
        "face.tries",
    ]


def test_a_wrong_variable_is_named_as_such(tmp_path: Path) -> None:
    path = written(tmp_path, "[face]\nframes = 3\n")
    said = complaint(path, {"KIOSK_FACE__FRAMES": "many", "KIOSK_FACE__FRAME": "3"})
    assert sorted(line.split(": ")[0] for line in said.splitlines()) == [
        "ST-01 KIOSK_FACE__FRAME",
        "ST-01 KIOSK_FACE__FRAMES",
    ]
    assert str(path) not in said


def test_badges_are_not_repeated(tmp_path: Path) -> None:
    path = written(tmp_path, "[staff]\nbadges = ['990102195304120021']\nsalt = 7\n")
    said = complaint(path)
    assert "staff.badges.0" in said
    assert "staff.salt" in said
    assert "990102195304120021" not in said


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[terminal\n", "not TOML"),
        (b"code = 'a'\ncode = 'b'\n", "not TOML"),
        (b"\xff\xfe", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "terminal.toml"
    if content is not None:
        path.write_bytes(content)
    said = complaint(path)
    assert said.startswith(f"ST-01 {path}: {why}")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", [["run"], ["queue", "status"]])
def test_the_command_stops_with_2_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    path = written(tmp_path, "[face]\nthreshold = 0.9\n")
    assert main([*command, "--settings", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"ST-01 {path}: face.threshold = 0.9: ")


def test_the_process_stops_with_2_and_no_traceback(tmp_path: Path) -> None:
    path = written(tmp_path, "[nonsense]\n")
    done = subprocess.run(
        [sys.executable, "-m", "kiosk.cli", "run", "--settings", str(path)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("ST-01 ")


@pytest.mark.parametrize(
    ("section", "values", "wanted"),
    [
        ("reader", {"kind": "samv-vendor", "port": "1001"}, "library"),
        ("reader", {"kind": "samv-vendor", "port": "usb", "library": "/x.so"}, "a number"),
        ("printer", {"kind": "escpos"}, "address"),
        ("printer", {"kind": "escpos", "address": "lpt1"}, "printer.address"),
        ("scanner", {"kind": "serial"}, "serial needs port"),
        ("scanner", {"kind": "keyboard"}, "keyboard needs usb"),
        ("scanner", {"kind": "keyboard", "usb": "scanner"}, "scanner.usb"),
        ("chip_reader", {"kind": "ccid"}, "chip_reader.kind"),
        ("chip_reader", {"pin": "1234"}, "unknown key; allowed: kind, name, certificates"),
    ],
)
def test_a_device_without_its_address_stops_the_start(
    tmp_path: Path, section: str, values: dict[str, str], wanted: str
) -> None:
    lines = "".join(f'{key} = "{value}"\n' for key, value in values.items())
    path = tmp_path / "terminal.toml"
    path.write_text(f"[{section}]\n{lines}")
    with pytest.raises(SettingsError, match=wanted):
        load(path, {})


def test_the_devices_that_the_settings_name_are_made() -> None:
    plain = Settings.model_validate(
        {"printer": {"kind": "escpos", "address": "tcp:127.0.0.1:9100"}}
    )
    assert isinstance(equipment_of(plain).receipts, EscPosPrinter)
    vendor = {"kind": "samv-vendor", "port": "1001", "library": "/opt/sdt/libsdtapi.so"}
    assert isinstance(
        equipment_of(Settings.model_validate({"reader": vendor})).reader, VendorReader
    )


def test_chip_readers_and_scanners_are_made_where_they_are_named(tmp_path: Path) -> None:
    plain = equipment_of(Settings())
    assert (plain.chips, plain.scanner) == (None, None), "old settings stay as they were"
    path = tmp_path / "terminal.toml"
    path.write_text(
        '[chip_reader]\nkind = "pcsc"\nname = "ACR39"\ncertificates = "/etc/ou-kiosk/csca"\n'
        '[scanner]\nkind = "keyboard"\nusb = "1EAB:1d03"\naim = true\n'
    )
    told = load(path, {})
    assert (told.chip_reader.name, told.scanner.usb) == ("ACR39", "1EAB:1d03")
    made = equipment_of(told)
    assert made.chips is not None
    assert isinstance(made.scanner, CodeScanner)
    serial = Settings.model_validate({"scanner": {"kind": "serial", "port": "/dev/ttyACM0"}})
    assert isinstance(equipment_of(serial).scanner, CodeScanner)
