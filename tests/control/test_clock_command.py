"""`kiosk clock`: through the socket of a running terminal, and where the mark is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.cli import main
from kiosk.clock_command import CLOCK, clock_handler
from kiosk.control import ControlServer
from kiosk.world.clock import CLOCK_MARK, Clock, mark_of
from offline_queue import Outbox

WAIT_S = 20


class Place:
    """A terminal's directory; its clock once ran ahead, so that its mark is 500 days away."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = place / "data"
        self.socket = place / "control.sock"
        self.settings = place / "kiosk.toml"
        self.settings.write_text(f'[data]\ndirectory = "{self.data}"\nsocket = "{self.socket}"\n')
        self._capsys = capsys
        self.clock: Clock | None = None
        self.mark = (datetime.now(UTC) + timedelta(days=500)).isoformat()

    def open(self) -> Outbox:
        return Outbox.open(self.data / "outbox", terminal="LW042")

    def run(self, *words: str) -> tuple[int, str]:
        """Exit status and what was said."""
        status = main(["clock", *words, "--settings", str(self.settings), "--language", "en"])
        said = self._capsys.readouterr()
        return status, said.out + said.err


@pytest.fixture(params=["running", "stopped"])
def place(
    request: pytest.FixtureRequest, short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    """Both with a terminal that answers on the socket and without one."""
    made = Place(short_dir, capsys)
    with made.open() as outbox:
        outbox.put_meta(CLOCK_MARK, made.mark).result(WAIT_S)
        if request.param == "running":
            made.clock = Clock(mark_of(made.mark))
            with ControlServer(made.socket, {CLOCK: clock_handler(made.clock, outbox)}):
                yield made
            return
    yield made


def test_a_technician_says_which_day_it_is(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    status, said = place.run()
    assert status == 1
    assert "does not trust it" in said
    assert "kiosk clock --today" in said
    today = datetime.now(UTC).astimezone().date()
    with caplog.at_level("CRITICAL"):
        status, said = place.run("--today", f"{today - timedelta(days=1)}")
    assert (status, "does not show" in said) == (3, True)
    assert place.run()[0] == 1, "nothing was believed"
    status, said = place.run("--today", f"{today}")
    assert (status, "The terminal trusts it" in said) == (0, True)
    assert place.run()[0] == 0
    if place.clock is not None:
        assert place.clock.now().trusted, "at once, without a restart"


def test_where_there_is_no_terminal_nothing_is_made(
    short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(short_dir, capsys)
    status, said = place.run()
    assert status == 3
    assert "QU-08" in said
    assert not place.data.exists()
