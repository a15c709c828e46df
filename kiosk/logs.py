"""Logging as an allow-list: a record is a name from a table, with fields from a table.

Nothing else reaches the log. A record of a library is reduced to its logger's name, level
and the type of its exception, since its text could hold anything.
"""

from __future__ import annotations

import logging
import resource
import sys
import threading
from typing import Any, Final

EVENTS: Final = frozenset(
    {
        "started",
        "stopped",
        "visit-ended",
        "device",
        "line",
        "saved",
        "pages-not-bound",
        "save-failed",
        "delivered",
        "waiting",
        "quarantined",
        "alarm",
        "printed",
        "print-failed",
        "guide-called",
        "rated",
        "clock",
        "catalogue",
        "failure",
    }
)
FIELDS: Final = frozenset(
    {"reason", "code", "name", "up", "attempts", "item", "level", "trusted", "kind", "steps"}
)
_log = logging.getLogger("kiosk.events")


def note(event: str, **fields: str | int | bool) -> None:
    """Write one allowed record.

    Raises:
        ValueError: an event or field that is not in the tables.
    """
    strange = fields.keys() - FIELDS
    if event not in EVENTS or strange:
        raise ValueError(f"not on the list of log records: {event} {sorted(strange)}")
    pairs = "".join(f" {name}={value}" for name, value in sorted(fields.items()))
    _log.info("%s%s", event, pairs, extra={"allowed": True})


class AllowList(logging.Formatter):
    """Lets allowed records through as they are, and of others only what cannot be personal."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        stamp = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        if getattr(record, "allowed", False):
            return f"{stamp} {record.getMessage()}"
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        return f"{stamp} {record.levelname} {record.name}:{record.lineno} {error}".rstrip()


def begin() -> None:
    """Send all records, warnings and last words to standard error through the allow-list.

    From here on no core file is written either, not even by a child: it would hold a visit.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AllowList())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _log.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = last_words
    threading.excepthook = _of_a_thread
    sys.unraisablehook = _of_nobody


def last_words(kind: type[BaseException], error: BaseException, _trace: object) -> None:
    """For `sys.excepthook`: the type of what went wrong and where, never its text."""
    place = ""
    frame = getattr(error, "__traceback__", None)
    while frame is not None:
        code = frame.tb_frame.f_code
        place = f"{code.co_filename.rpartition('/')[2]}:{frame.tb_lineno}"
        frame = frame.tb_next
    note("failure", kind=kind.__name__, name=place)


def _of_a_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None and what.exc_type is not SystemExit:
        last_words(what.exc_type, what.exc_value, what.exc_traceback)


def _of_nobody(what: Any) -> None:
    if what.exc_value is not None:
        last_words(what.exc_type, what.exc_value, what.exc_traceback)
