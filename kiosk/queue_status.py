"""`kiosk queue status`: ask the running terminal, or look oneself when none runs.

Two processes never have the outbox open at once: looking oneself takes the same lock as
the terminal does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from kiosk.control import Handler, NoTerminalRuns, ask
from offline_queue import Outbox, QueueStatus

QUEUE_STATUS: Final = "queue.status"
_ANSWER_DEADLINE_S: Final = 5.0


def queue_status(socket_path: Path | str, outbox_dir: Path | str) -> QueueStatus:
    """Figures about the queue.

    Raises `kiosk.control.TerminalSilent` or `ControlRefused` when a terminal runs but does
    not say; QueueError QU-08 where there is no outbox, QU-04 while a terminal starts or
    stops, QU-01, QU-02 and QU-06 for a disk in trouble.
    """
    try:
        return QueueStatus.from_json(ask(socket_path, QUEUE_STATUS))
    except NoTerminalRuns:
        with Outbox.open(outbox_dir, create=False) as outbox:
            return outbox.status().result()


def status_handler(outbox: Outbox) -> Handler:
    """The terminal's side: a handler for `ControlServer` under QUEUE_STATUS."""

    def handle(_args: dict[str, Any]) -> dict[str, Any]:
        return outbox.status().result(timeout=_ANSWER_DEADLINE_S).to_json()

    return handle
