"""A terminal's process is killed at named points and at any: what was saved arrives, once.

After each kill the same directory is opened again as the terminal would, and what waits is
delivered to the same backend, which may have got it before.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from terminals import WAIT_S, RealTerminal, VirtualPace, fetch_keys

from central_backend.embedded import EmbeddedBackend
from offline_queue import State

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAMPLE = 16
NAMED_ROUNDS = 25
RANDOM_KILLS = 2000

log = logging.getLogger(__name__)


class Machine:
    """A backend, and a directory on which a terminal lives and dies."""

    def __init__(self, place: Path, backend: EmbeddedBackend) -> None:
        self._place = place
        self._backend = backend
        self._key_set = fetch_keys(backend.url)
        self.kills = 0
        self.seed = 0

    def live(self, name: str, at: int) -> list[str]:
        """One life on a fresh disk; what the process said, and then everything is checked."""
        self.seed += 1
        place = self._place / str(self.seed)
        told = {
            "place": str(place),
            "url": self._backend.url,
            "pin": self._backend.authority_pin,
            "key_set": self._key_set.decode(),
            "code": self._code,
            "name": name,
            "at": at,
        }
        process = subprocess.run(
            [sys.executable, str(HERE / "killed_terminal.py")],
            input=json.dumps(told) + "\n",
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}"},
            timeout=2 * WAIT_S,
        )
        assert process.returncode in (0, -signal.SIGKILL), process.stderr
        self.kills += process.returncode != 0
        lines = process.stdout.splitlines()
        self._check(place, [line.split()[1:] for line in lines if line.startswith("saved")])
        shutil.rmtree(place)
        return lines

    @property
    def _code(self) -> str:
        # Each disk is another terminal: the backend takes a receipt number once.
        return f"LW{self.seed:05d}"

    def _check(self, place: Path, saved: list[list[str]]) -> None:
        pace = VirtualPace()
        terminal = RealTerminal(
            place,
            self._backend.url,
            self._backend.authority_pin,
            self._key_set,
            pace=pace,
            code=self._code,
        )
        try:
            for number, id_, digest in saved:
                told = terminal.outbox.delivery(number).result(WAIT_S)
                assert told is not None, "it was saved"
                assert (told.id, told.digest) == (id_, digest)
            fresh = terminal.outbox.reserve_number().result(WAIT_S)
            assert fresh not in [number for number, _, _ in saved]
            for _ in range(60):
                wait_s = terminal.sender.step()
                if wait_s is None:
                    break
                pace.now += wait_s
            rows = terminal.outbox.listing(tuple(State)).result(WAIT_S)
            assert all(row.state is State.DELIVERED for row in rows), rows
            assert {number for number, _, _ in saved} <= {row.number for row in rows}
            for row in rows:
                assert self._backend.effect_count(row.id) == 1
            assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        finally:
            terminal.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with EmbeddedBackend() as backend:
        yield Machine(tmp_path, backend)


def points_of(machine: Machine) -> dict[str, int]:
    """Every named point of a life without a kill, and how often it is passed."""
    lines = [line.split(" ", 2) for line in machine.live("", 0) if line.startswith("point")]
    return {name: int(count) for _, count, name in lines}


@pytest.mark.timeout(600)
def test_killed_at_named_points_and_at_any(machine: Machine) -> None:
    points = points_of(machine)
    assert len(points) >= 40, sorted(points)
    chance = Random(1)
    for name in chance.sample(sorted(points), SAMPLE // 2):
        machine.live(name, chance.randint(1, points[name]))
    for _ in range(SAMPLE // 2):
        machine.live("", chance.randint(1, sum(points.values())))
    # How often the line is probed differs, so a late point may not come.
    assert machine.kills >= SAMPLE * 3 // 4


@pytest.mark.campaign
def test_every_named_point(machine: Machine) -> None:
    points = points_of(machine)
    chance = Random(2)
    for name, count in sorted(points.items()):
        for _ in range(NAMED_ROUNDS):
            machine.live(name, chance.randint(1, count))
    log.info("%d kills at %d named points", machine.kills, len(points))


@pytest.mark.campaign
def test_at_random(machine: Machine) -> None:
    total = sum(points_of(machine).values())
    chance = Random(3)
    while machine.kills < RANDOM_KILLS:
        machine.live("", chance.randint(1, total))
    log.info("%d kills at random", machine.kills)
