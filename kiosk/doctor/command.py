"""`kiosk doctor`: ask the running terminal, or examine the devices where none runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from config.settings import Settings
from kiosk.catalogue_files import DEFAULT_DIRECTORY, load_directory
from kiosk.control import ControlRefused, NoTerminalRuns, TerminalSilent, ask
from kiosk.doctor.examine import DEADLINES_S, TEST_PAGE_S, NoSuchDevice, examine
from kiosk.doctor.further import further_at_rest
from kiosk.doctor.handler import DOCTOR
from kiosk.doctor.patients import Attached, Needs, patient_at_rest
from kiosk.doctor.report import EXIT_STATUS, Entry, Report, Result, Said, StepReport, Verdict
from kiosk.doctor.words import VERDICTS
from kiosk.world.clock import CLOCK_MARK, Clock, mark_of
from offline_queue import Outbox, QueueError, QueueStatus
from offline_queue.errors import QueueFault

_FORM_S: Final = 10.0  # beyond the examination, for a machine that is busy
_ANSWER_DEADLINE_S: Final = max(DEADLINES_S.values()) + _FORM_S
_OUTBOX_S: Final = 5.0
Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """What the command line says."""

    as_json: bool = False
    device: str = ""
    print_page: bool = False
    aloud: bool = False
    language: Language = "zh"


class CannotTell(Exception):
    """Nothing could be found out: the reason, with its code."""


def run(options: DoctorOptions, settings: Settings) -> int:
    """The exit status; the report goes to standard output, a reason for none to the other."""
    try:
        report = find_out(options, settings)
    except CannotTell as error:
        sys.stderr.write(f"kiosk doctor: {error}\n")
        return EXIT_STATUS[Verdict.UNKNOWN]
    if options.as_json:
        sys.stdout.write(json.dumps(report.to_json(), ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(lines(report, options.language)) + "\n")
    return report.exit_status


def find_out(options: DoctorOptions, settings: Settings) -> Report:
    """The report, from whoever has the devices. Raises CannotTell."""
    wanted: dict[str, Any] = {
        "device": options.device,
        "test_page": options.print_page,
        "test_sentence": options.aloud,
    }
    deadline_s = _ANSWER_DEADLINE_S + (2 * TEST_PAGE_S if options.print_page else 0.0)
    try:
        told = ask(settings.data.socket, DOCTOR, deadline_s=deadline_s, **wanted)
        return Report.model_validate(told)
    except NoTerminalRuns:
        return _examine_alone(options, settings)
    except (TerminalSilent, ControlRefused) as error:
        raise CannotTell(f"a terminal runs and does not tell: {error}") from None
    except ValidationError:
        raise CannotTell("a terminal of another version runs") from None


def _examine_alone(options: DoctorOptions, settings: Settings) -> Report:
    with _alone(settings) as (status, mark):
        clock = Clock(mark)
        directory = Path(settings.catalogue.directory or DEFAULT_DIRECTORY)
        needs = Needs(
            settings,
            pack=lambda: load_directory(directory, clock.now().civil.date()),
            outbox=status,
            now=clock.now,
        )
        attached = attached_of(settings, aloud=options.aloud)
        patient = patient_at_rest(attached, needs, print_page=options.print_page)
        try:
            return examine(patient.only(options.device) if options.device else patient)
        except NoSuchDevice as error:
            raise CannotTell(str(error)) from None
        finally:
            patient.close()


def attached_of(settings: Settings, *, aloud: bool = False) -> Attached:
    """The drivers that the settings name; nothing is opened yet."""
    from kiosk.app import equipment_of  # loads Qt, which nobody needs to ask a terminal

    made = equipment_of(settings)
    has_printer = settings.printer.kind != "none"
    return Attached(
        reader=made.reader if settings.reader.kind != "none" else None,
        face=made.face if settings.camera.kind != "none" else None,
        documents=made.documents if settings.document_camera.kind != "none" else None,
        receipts=made.receipts if has_printer else None,
        sheets=made.sheets if settings.printer.a4_queue else None,
        infrared=made.infrared if settings.camera.kind != "none" else None,
        portraits=made.wlt_library.is_file() if made.wlt_library is not None else None,
        further=further_at_rest(settings, made.chips, made.scanner, made.voice, aloud=aloud),
    )


@contextmanager
def _alone(settings: Settings) -> Iterator[tuple[Any, datetime | None]]:
    """Keep any terminal from starting meanwhile, where there is an outbox to lock.

    Gives a function that tells the outbox's status, and the clock's mark.
    """
    trouble: QueueError | None = None
    outbox: Outbox | None = None
    try:
        outbox = Outbox.open(Path(settings.data.directory) / "outbox", create=False)
    except QueueError as error:
        if error.fault is QueueFault.LOCKED:
            raise CannotTell(f"a terminal is starting or stopping: {error}") from None
        trouble = error if error.fault is not QueueFault.ABSENT else None

    def status() -> QueueStatus | None:
        if trouble is not None:
            raise trouble
        return outbox.status().result(_OUTBOX_S) if outbox is not None else None

    try:
        yield status, _mark(outbox)
    finally:
        if outbox is not None:
            outbox.close()


def _mark(outbox: Outbox | None) -> datetime | None:
    try:
        kept = outbox.get_meta(CLOCK_MARK).result(_OUTBOX_S) if outbox is not None else None
    except (QueueError, TimeoutError):
        return None
    return mark_of(kept)


# -- for people ---------------------------------------------------------------------------

_SIGNS: Final = {
    Result.OK: Said(zh="[ 好 ]", en="[ ok ]"),
    Result.FAILED: Said(zh="[ 坏 ]", en="[FAIL]"),
    Result.UNKNOWN: Said(zh="[未知]", en="[ ?? ]"),
}
_IN_USE: Final = Said(
    zh="有居民正在使用终端：设备未检测", en="somebody is using the terminal: devices not tested"
)
_SWITCHED_ON: Final = Said(
    zh="检测时打开过摄像头，没有保存画面",
    en="cameras were switched on for the test; no picture was kept",
)


def lines(report: Report, language: Language) -> list[str]:
    """The report as text: the verdict, then one line for each thing and one for what to do."""
    told = [f"{report.terminal}: {_in(VERDICTS[report.verdict], language)} ({report.took_s:.0f} s)"]
    if report.in_use:
        told.append(_in(_IN_USE, language))
    if any(step.name == "camera" and step.result is Result.OK for step in _steps(report)):
        told.append(_in(_SWITCHED_ON, language))
    for entry in report.entries:
        told += _entry_lines(entry, language)
    return told


def _steps(report: Report) -> Iterator[StepReport]:
    return (step for device in report.devices for step in device.steps)


def _entry_lines(entry: Entry, language: Language) -> list[str]:
    figures = ", ".join(f"{name} {value}" for name, value in entry.figures.items())
    line = f"{_in(_SIGNS[entry.result], language)} {_in(entry.label, language)} ({entry.name})"
    if entry.code:
        line += f"  {entry.code} {_in(entry.what, language)}"
    told = [line + (f"  {figures}" if figures else "")]
    if entry.code and entry.detail:
        told.append(f"       {entry.detail}")
    if _in(entry.mend, language):
        told.append(f"       → {_in(entry.mend, language)}")
    return told


def _in(said: Said, language: Language) -> str:
    return said.zh if language == "zh" else said.en
