"""The running terminal's side: it examines itself with its own devices' queues."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kiosk.control import Handler

if TYPE_CHECKING:
    from kiosk.doctor.examine import Patient

DOCTOR: Final = "doctor"


class DoctorBusy(Exception):
    """An examination is under way already."""

    code = "DR-31"


class NotUpYet(Exception):
    """The terminal is starting."""

    code = "DR-32"


def doctor_handler(patient: Callable[[bool, bool], Patient]) -> Handler:
    """For `ControlServer` under DOCTOR. `patient` is asked anew each time, with whether a test
    page is wanted and whether a test sentence, and may raise NotUpYet. One examination at a
    time."""
    gate = threading.Lock()

    def handle(args: dict[str, Any]) -> dict[str, Any]:
        from kiosk.doctor.examine import examine  # not before somebody asks

        if not gate.acquire(blocking=False):
            raise DoctorBusy
        try:
            whole = patient(args.get("test_page") is True, args.get("test_sentence") is True)
            try:
                name = args.get("device")
                chosen = whole.only(name) if isinstance(name, str) and name else whole
                return examine(chosen).to_json()
            finally:
                whole.close()
        finally:
            gate.release()

    return handle
