"""The queue's figures in the text format of Prometheus; nobody's name, number or item."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final

from offline_queue.errors import QueueFault
from offline_queue.limits import Level
from offline_queue.records import QueueStatus, State

_PREFIX: Final = "kiosk_outbox"


def prometheus(status: QueueStatus, now: datetime) -> str:
    """The metrics; `now` is aware civil time, as far as this machine knows it."""
    lines: list[str] = []

    def family(name: str, meaning: str, *samples: tuple[str, float]) -> None:
        lines.append(f"# HELP {_PREFIX}_{name} {meaning}")
        lines.append(f"# TYPE {_PREFIX}_{name} gauge")
        lines.extend(f"{_PREFIX}_{name}{labels} {int(value)}" for labels, value in samples)

    family(
        "submissions",
        "Submissions by state.",
        *((f'{{state="{state.value}"}}', status.counts.get(state, 0)) for state in State),
    )
    family("undelivered", "Submissions that have not arrived.", ("", status.undelivered))
    family(
        "quarantined",
        "Submissions that somebody must look at.",
        ("", status.counts.get(State.QUARANTINED, 0)),
    )
    family("bytes", "What the undelivered ones weigh.", ("", status.payload_bytes))
    family(
        "oldest_age_seconds",
        "Age of the oldest undelivered one, by the terminal's clock; 0 where there is none.",
        ("", round(status.oldest_age_s or 0.0)),
    )
    if status.last_acknowledged_at:
        last = datetime.fromisoformat(status.last_acknowledged_at)
        family(
            "last_acknowledgement_age_seconds",
            "Since the last acknowledgement: the terminal's clock less the backend's time.",
            ("", round(max(0.0, (now - last).total_seconds()))),
        )
    family(
        "intake",
        "1 for the level of the intake, 0 for the others.",
        *((f'{{level="{level.value}"}}', status.intake.level is level) for level in Level),
    )
    family(
        "disk_failed",
        "1 after an I/O error: nothing is taken in until the terminal is started again.",
        ("", status.intake.code == QueueFault.IO_ERROR.code),
    )
    return "\n".join(lines) + "\n"


def write_file(path: Path, text: str) -> None:
    """For node_exporter's textfile collector: whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
