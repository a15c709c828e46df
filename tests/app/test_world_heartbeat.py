"""What a heartbeat tells of the intake, as the backend reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from central_backend.keyring import in_memory
from kiosk.contract import Heartbeat, canonical_bytes
from kiosk.contract.suites import SuiteId
from kiosk.sealing import Sealing
from kiosk.world.heartbeat import Heartbeats
from offline_queue import Intake, Level, QueueStatus

KEYS = in_memory(datetime.now(UTC))


@pytest.mark.parametrize(
    ("has_key", "intake", "told"),
    [
        (True, Intake(), ("open", "")),
        (True, Intake(Level.WARNING, "QU-09"), ("warning", "QU-09")),
        (True, Intake(Level.CLOSED, "QU-02"), ("closed", "QU-02")),
        (False, Intake(), ("closed", "SE-08")),
        (False, Intake(Level.WARNING, "QU-09"), ("closed", "SE-08")),
        (False, Intake(Level.CLOSED, "QU-02"), ("closed", "QU-02")),
    ],
)
def test_the_backend_learns_whether_anything_is_taken_in_and_why_not(
    tmp_path: Path, has_key: bool, intake: Intake, told: tuple[str, str]
) -> None:
    sealing = Sealing(
        tmp_path,
        terminal="LW042",
        suite=SuiteId.INTERNATIONAL,
        authority_keys=(KEYS.authority_pin,),
        now=lambda: datetime.now(UTC),
    )
    if has_key:
        sealing.offer(canonical_bytes(KEYS.keyring.signed_set))
    heartbeats = Heartbeats("LW042", "a" * 64, sealing, lambda: True)
    status = QueueStatus({}, None, 0, "", intake.open, intake)
    said = Heartbeat.model_validate_json(heartbeats.tell(status))
    assert (said.intake, said.intake_code) == told
