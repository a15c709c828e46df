"""`kiosk`: run, demo, catalogue, queue, clock, badge, keys, doctor."""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from config.settings import Settings, SettingsError, load
from kiosk import badge_command, catalogue_command, clock_command, queue_command
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.model import Pack
from kiosk.catalogue.pack import PackError
from kiosk.catalogue_files import DEFAULT_DIRECTORY, format_findings, load_directory
from kiosk.pack_files import PackDirectory, Served

_BAD_SETUP: Final = 2
_CANNOT_RUN: Final = 3
_NAMED: Final = 10  # sample items, when a start is refused
SCENARIO_NAMES: Final = (
    "happy",
    "certificate",
    "offline",
    "wrong-person",
    "refuses-face",
    "app-code",
    "social-card",
    "passport",
    "no-match-at-night",
    "card-removed",
    "expired-card",
    "out-of-paper",
    "idle",
    "power-cut",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except SettingsError as error:
        _complain(str(error))
        return _BAD_SETUP
    except CatalogueErrors as error:
        _complain(format_findings(error.findings))
        return _BAD_SETUP


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


def _settings_of(arguments: argparse.Namespace) -> Settings:
    return load(Path(arguments.settings) if arguments.settings else None)


def _pack_of(directory: str) -> Pack:
    path = Path(directory) if directory else DEFAULT_DIRECTORY
    return load_directory(path, date.today())  # noqa: DTZ011 - which version of an item is read


def _served(settings: Settings) -> Served | None:
    """The pack in service, None where the settings name no packs. Raises PackError."""
    packs = settings.catalogue.packs
    if not packs:
        return None
    served = PackDirectory(Path(packs)).load()
    if served.fault is not None:
        _complain(f"{served.fault}: the pack before it serves")
    return served


def _run(arguments: argparse.Namespace) -> int:
    """A real terminal: confirmed items and real devices only."""
    gc.disable()  # until the first screen is painted: hardly anything that is made now goes again
    settings = _settings_of(arguments)
    try:
        served = _served(settings)
    except PackError as error:
        _complain(f"{error}: [catalogue] packs = {settings.catalogue.packs!r}")
        return _CANNOT_RUN
    pack = served.pack if served else _pack_of(settings.catalogue.directory)
    samples = sorted(code for code, matter in pack.matters.items() if matter.sample)
    if samples:
        named, more = ", ".join(samples[:_NAMED]), len(samples) - _NAMED
        rest = f" and {more} more" if more > 0 else ""
        _complain(
            f"ST-02 {len(samples)} items are samples that no authority has confirmed: "
            f"{named}{rest}. Set [catalogue] directory to a confirmed catalogue, "
            "or try them with `kiosk demo`."
        )
        return _CANNOT_RUN
    if "none" in (settings.reader.kind, settings.camera.kind, settings.printer.kind):
        _complain("ST-03 a terminal needs a reader, a camera and a printer; one is set to none")
        return _CANNOT_RUN
    if not _has_display() and not os.environ.get("QT_QPA_PLATFORM"):
        _complain(  # Qt would abort, and leave a core dump
            "ST-08 there is no display: DISPLAY and WAYLAND_DISPLAY are not set; for a screen "
            "without a window system set QT_QPA_PLATFORM, such as eglfs"
        )
        return _CANNOT_RUN
    from kiosk import logs
    from kiosk.app import Terminal, application, equipment_of
    from kiosk.contract.suites import SealError, SealFault
    from kiosk.control import ControlBusy
    from offline_queue.errors import QueueError

    logs.begin()
    app = application()
    try:
        terminal = Terminal(
            settings,
            pack,
            equipment_of(settings),
            readings=served.opened.readings if served else None,
        )
    except SealError as error:
        setting = "module" if error.fault is SealFault.UNKNOWN_SUITE else "authority_keys"
        _complain(f"{error}: [sealing] {setting}")
        return _CANNOT_RUN
    except QueueError as error:
        _complain(f"{error}: [data] directory = {settings.data.directory!r}")
        return _CANNOT_RUN
    except ControlBusy:
        _complain(f"ST-04 another terminal runs: [data] socket = {settings.data.socket!r}")
        return _CANNOT_RUN
    except OSError as error:
        _complain(
            f"ST-05 no control socket: [data] socket = {settings.data.socket!r}: {error.strerror}"
        )
        return _CANNOT_RUN
    signal.signal(signal.SIGTERM, lambda *_: app.quit())
    signal.signal(signal.SIGINT, lambda *_: app.quit())
    terminal.window.closed.connect(app.quit)
    terminal.begin()
    try:
        return app.exec()
    finally:
        terminal.close()


def _has_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _demo(arguments: argparse.Namespace) -> int:
    """A terminal with simulated devices."""
    headless = arguments.headless or not _has_display()
    if headless:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from kiosk import logs
    from kiosk.demo.command import DemoOptions, run
    from kiosk.demo.prepared import prepare

    logs.begin()
    width, _, height = arguments.screen.partition("x")
    options = DemoOptions(
        scenario=arguments.scenario,
        item=arguments.item,
        language=arguments.language,
        size=arguments.size,
        headless=headless,
        out=Path(arguments.out),
        width_px=int(width),
        height_px=int(height),
    )
    catalogue = prepare()
    status = run(options, catalogue)
    catalogue.keep()  # only now: whoever starts their first demo need not wait for the next one
    return status


def _keys(arguments: argparse.Namespace) -> int:
    """The terminal's public keys, to be enrolled at the backend; made if there are none."""
    from kiosk.contract.suites import SealError, attach
    from kiosk.sealing import KEYS, enrolment

    settings = _settings_of(arguments)
    try:
        attach(settings.sealing.module)
        lines = enrolment(Path(settings.data.directory) / KEYS)
    except SealError as error:
        _complain(f"{error}: [data] directory = {settings.data.directory!r}")
        return _CANNOT_RUN
    for line in lines:
        print(f"{settings.terminal.code} {line}")  # noqa: T201
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    """What is attached, and whether it works."""
    from kiosk import logs
    from kiosk.doctor.command import DoctorOptions, run

    logs.begin()
    options = DoctorOptions(
        as_json=arguments.json,
        device=arguments.device,
        print_page=arguments.print_test_page,
        aloud=arguments.say_test_sentence,
        language=arguments.language,
    )
    return run(options, _settings_of(arguments))


def _screen(text: str) -> str:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, such as 1080x1920")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kiosk", description="A self-service terminal.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="serve residents with real devices")
    run.add_argument("--settings", metavar="FILE", default="")
    run.set_defaults(run=_run)

    demo = commands.add_parser("demo", help="simulated devices and a backend on loopback")
    demo.add_argument("--scenario", choices=SCENARIO_NAMES, default="happy")
    demo.add_argument("--item", metavar="CODE", default="")
    demo.add_argument("--language", choices=("zh", "en"), default="zh")
    demo.add_argument("--size", choices=("normal", "large"), default="normal")
    demo.add_argument("--screen", type=_screen, metavar="WxH", default="1080x1920")
    demo.add_argument("--headless", action="store_true", help="play by itself, take pictures")
    demo.add_argument("--out", metavar="DIR", default="demo-output")
    demo.set_defaults(run=_demo)

    catalogue = commands.add_parser("catalogue", help="check, build, compare and draw catalogues")
    catalogue_command.add_commands(catalogue)

    queue = commands.add_parser("queue", help="look at the outbox, take it out on a stick")
    queue_command.add_commands(queue)

    clock = commands.add_parser(
        "clock",
        help="whether the clock is trusted; say that it is right",
        description="Whether this terminal trusts its clock. One that was off for more than a "
        "year, or whose clock once ran ahead, does not, however right it is now: say which day "
        "it is. Exit status: 0 it trusts, 1 it does not, 3 that could not be found out.",
    )
    clock_command.add_arguments(clock)

    badge = commands.add_parser(
        "badge",
        help="make the badge of an authorised person from their ID number",
        description="Ask for an ID number without showing it, and print the line that goes into "
        "[staff] badges of this terminal: with that ID card its owner may vouch for residents.",
    )
    badge_command.add_arguments(badge)

    keys = commands.add_parser(
        "keys",
        help="print this terminal's public keys",
        description="Print the public parts of the keys with which this terminal signs, one line "
        "each, as the backend enrols them. Makes the keys if there are none.",
    )
    keys.add_argument("--settings", metavar="FILE", default="")
    keys.set_defaults(run=_keys)

    doctor = commands.add_parser(
        "doctor",
        help="test what is attached",
        description="Test every device for real (cameras are switched on for it) and what a "
        "terminal needs besides. Asks the terminal that runs, if one does. Exit status: 0 it "
        "serves, 1 with limits, 2 it cannot serve, 3 that could not be found out.",
    )
    doctor.add_argument("--settings", metavar="FILE", default="")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--device", metavar="NAME", default="", help="only this one")
    doctor.add_argument("--print-test-page", action="store_true")
    doctor.add_argument("--say-test-sentence", action="store_true", help="aloud")
    doctor.add_argument("--language", choices=("zh", "en"), default="zh")
    doctor.set_defaults(run=_doctor)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
