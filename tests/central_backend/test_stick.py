"""There and back on a USB stick: what staff type at the terminal and at the backend, both real."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from backend_help import WAIT_S

from central_backend import cli, keyring
from kiosk.contract import canonical_bytes
from kiosk.contract.suites import SuiteId
from kiosk.queue_desk import QueueDesk
from kiosk.sealing import enrolment
from offline_queue import Saved, State

sys.path.append(str(Path(__file__).resolve().parents[1] / "reliability"))
from terminals import RealTerminal


class House:
    """A backend's keys and database, and a terminal that never had a line."""

    def __init__(self, place: Path) -> None:
        self.keys, now = place / "keys", datetime.now(UTC)
        self._place = ["--database", f"sqlite:///{place}/c.db", "--keys", str(self.keys)]
        suites = tuple(SuiteId)
        pin = keyring.init(self.keys, place / "authority", name="x", suites=suites, now=now)
        self.terminal = RealTerminal(
            place / "terminal",
            "http://127.0.0.1:1",
            pin,
            canonical_bytes(keyring.DirectoryKeyring(self.keys).signed_set),
        )
        self._desk = QueueDesk(
            self.terminal.outbox,
            lambda: self.terminal.sealing,
            terminal="LW042",
            now=lambda: datetime.now(UTC),
        ).handlers()
        self.stick = place / "stick"
        self.stick.mkdir()
        for line in enrolment(place / "terminal" / "keys"):
            assert self.backend("terminals", "enrol", "LW042", line, keys=False) == 0

    def backend(self, *words: str, keys: bool = True) -> int:
        """What an operator types there."""
        return cli.main([*words, *(self._place if keys else self._place[:2])])

    def ask(self, command: str, **args: str) -> dict[str, Any]:
        """What staff ask at the terminal."""
        return self._desk[f"queue.{command}"](args)

    def there(self) -> Path:
        """Export; the one file that is new on the stick."""
        (name,) = self.ask("export", place=str(self.stick))["files"]
        return self.stick / name

    def back(self, file: Path) -> dict[str, Any]:
        """Carry home what the backend made of the file."""
        home = file.with_suffix(".acknowledgements.json")
        return self.ask("import", file=str(home))

    def state(self, saved: Saved) -> State:
        """How far one has come."""
        return self.terminal.state(saved.number)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.terminal.close()


def test_a_terminal_without_a_line_delivers_by_hand(house: House) -> None:
    saved = [house.terminal.save((900,)), house.terminal.save((700, 5))]
    file = house.there()
    assert [house.state(one) for one in saved] == [State.QUEUED] * 2, "nothing leaves by exporting"
    assert house.backend("import", str(file)) == 0
    told = {"delivered": 2, "known": 0, "refused": 0, "strange": 0}
    assert house.back(file) == told
    assert [house.state(one) for one in saved] == [State.DELIVERED] * 2
    assert house.back(file) == {**told, "delivered": 0, "known": 2}
    assert house.backend("import", str(file)) == 0, "the same words again, and no second case"
    assert house.back(file)["known"] == 2
    assert house.backend("audit", keys=False) == 0


def test_what_was_refused_goes_out_again_when_staff_say_so(house: House) -> None:
    """The backend could not open it (its key was away); later it can."""
    saved = house.terminal.save((900,))
    claim = house.terminal.outbox.claim().result(WAIT_S)
    assert claim is not None
    reason = "refused 422 unreadable"
    house.terminal.outbox.put_back(claim.id, State.QUARANTINED, reason).result(WAIT_S)
    assert house.ask("export", place=str(house.stick))["applications"] == 0, "staff decide first"
    assert house.ask("requeue", number=saved.number) == {"requeued": True}
    assert house.ask("requeue", number=saved.number) == {"requeued": False}
    file = house.there()
    for key in house.keys.glob("1-*.key"):
        key.rename(key.with_suffix(".away"))
    assert house.backend("import", str(file)) == 1
    assert house.back(file)["delivered"] == 0
    assert house.state(saved) is State.WAITING
    for key in house.keys.glob("*.away"):
        key.rename(key.with_suffix(".key"))
    assert house.backend("import", str(file)) == 0
    assert house.back(file)["delivered"] == 1
    assert house.state(saved) is State.DELIVERED
