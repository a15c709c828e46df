"""The page about devices says what the code says."""

from __future__ import annotations

from pathlib import Path

from devices.adapters.page import _RECOVERIES, _SEVERITIES, _STATES, render
from devices.contract import DeviceState
from devices.errors import Fault, Recovery, Severity

PAGE = Path(__file__).resolve().parents[2] / "docs" / "devices.md"
MEND = "write it anew: python -m devices.adapters.page > docs/devices.md"


def test_the_page_is_in_step_with_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), MEND


def test_nothing_is_left_out() -> None:
    text = render()
    for fault in Fault:
        assert f"| {fault.code} | {fault.severity.value} |" in text
    assert set(_SEVERITIES) == set(Severity)
    assert set(_RECOVERIES) == set(Recovery)
    assert set(_STATES) == set(DeviceState)
