"""What every test here stands on: no screen, no stray log line, no stray Qt warning.

A test fails on any log record at WARNING or above that it did not announce with

    @pytest.mark.expected_logs("pattern", ..., reason="why it must come")

Each pattern is a regular expression that is searched in "logger: message". What Qt prints
is watched by pytest-qt (`qt_log_level_fail` in setup.cfg); Python warnings, exceptions in
threads and exceptions nobody could catch are errors by `filterwarnings = error`.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Before anything imports Qt: tests need no display. A test of a real window system starts
# its own child process with its own QT_QPA_PLATFORM.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Examples are the same in every run of `make test`, so that a red run is red again; new
# ones are looked for in `make campaign`, which also remembers what it found.
settings.register_profile(
    "same", derandomize=True, deadline=None, database=None, print_blob=True, max_examples=200
)
settings.register_profile(
    "campaign",
    deadline=None,
    print_blob=True,
    max_examples=20_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """Long runs, and those that need a machine to themselves, are for `make campaign`."""
    config.addinivalue_line("markers", "campaign: not for every run; `make campaign` has it")
    if not hasattr(config, "workerinput"):  # its workers, and the demos they start, share it
        os.environ["KIOSK_DEMO_CACHE"] = tempfile.mkdtemp(prefix="ou-compiled-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was compiled for this session goes with it."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("KIOSK_DEMO_CACHE"), ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`make test` leaves out what is marked so."""
    if config.getoption("--hypothesis-profile", default="") == "campaign":
        return
    long = [item for item in items if item.get_closest_marker("campaign")]
    if long:
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


class _Collected(logging.Handler):
    """Keeps what is logged at WARNING or above as "logger: message"."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")


@pytest.fixture(autouse=True)
def no_unexpected_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test on a log record at WARNING or above that no marker announces."""
    expected: list[re.Pattern[str]] = []
    for marker in request.node.iter_markers("expected_logs"):
        if not marker.args or not marker.kwargs.get("reason"):
            pytest.fail("expected_logs needs at least one pattern and a reason", pytrace=False)
        expected += [re.compile(pattern) for pattern in marker.args]
    collected = _Collected()
    root = logging.getLogger()
    root.addHandler(collected)
    try:
        yield
    finally:
        root.removeHandler(collected)
    strays = [line for line in collected.lines if not any(p.search(line) for p in expected)]
    if strays:
        pytest.fail("unexpected log records:\n  " + "\n  ".join(strays), pytrace=False)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """An own empty directory with a short path: a Unix socket's may have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="ou-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
