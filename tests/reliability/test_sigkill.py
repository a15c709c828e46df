"""The terminal's process is killed at named points and at any: what was saved arrives, once.

After each kill the same directory is opened again, and what waits is delivered to the same
backend, which may have got it before. In a share of the lives the terminal itself is started
again on it before: it has to offer every number that was saved and lies on no paper, and goes on.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from string import ascii_uppercase
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from terminals import WAIT_S, RealTerminal, VirtualPace, fetch_keys

from central_backend.database import Case, StoredApplication
from central_backend.embedded import EmbeddedBackend
from offline_queue import PrintState, State, parse_number

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
SAMPLE = 24
AGAIN_EVERY = 10  # lives that end in a start of the whole terminal
NAMED_ROUNDS = 25
NAMED_LEAST = 40
RANDOM_KILLS = 2000
WORKERS = 2  # each with its own share, so that they can run side by side

log = logging.getLogger(__name__)


class Zygote:
    """The process from which the terminals' are forked."""

    def __init__(self) -> None:
        rooms = (TESTS.parent, HERE, TESTS / "journey", TESTS / "catalogue")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "killed_terminal.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=TESTS.parent,
            env={
                **os.environ,
                "PYTHONPATH": ":".join(map(str, rooms)),
                "QT_QPA_PLATFORM": "offscreen",
                "OPENBLAS_NUM_THREADS": "1",  # it forks, so it may have one thread only
            },
        )
        assert self._answer() == "ready\n"

    def live(self, told: dict[str, Any]) -> tuple[int, float]:
        """One life; how it ended, and after how many seconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        code, seconds = json.loads(self._answer())
        return code, seconds

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(WAIT_S)
        self._process.stdout.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process that forks is gone"
        return line


class Machine:
    """A backend, and directories on which terminals live and die."""

    def __init__(self, place: Path, backend: EmbeddedBackend, zygote: Zygote) -> None:
        self._place = place
        self._backend = backend
        self._zygote = zygote
        self._key_set = fetch_keys(backend.url)
        (place / "key-set.json").write_bytes(self._key_set)
        self.kills: Counter[str] = Counter()
        self.lives = self.applications = self.offered = self.again = 0
        self.life_s = 0.0

    def live(
        self, name: str, at: int, kill_after_s: float | None = None, *, again: bool = False
    ) -> list[str]:
        """One life on a fresh disk; what the process said, and then everything is checked.

        After every tenth kill, or with `again`, the terminal starts again first.
        """
        self.lives += 1
        home = self._place / str(self.lives)
        home.mkdir()
        try:
            code, lines, self.life_s = self._run(home, name, at, kill_after_s)
            killed = code != 0
            self.kills[name] += killed
            saved = _told(lines, "saved")
            if killed and (again or self.kills.total() % AGAIN_EVERY == 0):
                saved += self._start_again(home, lines)
            self._check(home / "data", saved, [number for (number,) in _told(lines, "printed")])
        except AssertionError as error:
            raise AssertionError(f"{name!r} at {at}, {kill_after_s} s: {error}") from error
        shutil.rmtree(home)
        return lines

    def _run(
        self, home: Path, name: str, at: int, kill_after_s: float | None, *, again: bool = False
    ) -> tuple[int, list[str], float]:
        said = home / "said"
        said.write_bytes(b"")
        told = {
            "place": str(home),
            "url": self._backend.url,
            "pin": self._backend.authority_pin,
            "key_set": str(self._place / "key-set.json"),
            "code": self._code,
            "name": name,
            "at": at,
            "kill_after_s": kill_after_s,
            "again": again,
        }
        code, seconds = self._zygote.live(told)
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"ended with {code}: {(home / 'log').read_text('utf-8')}")
        return code, said.read_text("utf-8").splitlines(), seconds

    @property
    def _code(self) -> str:
        # Each disk is another terminal: the backend takes a receipt number once.
        letter, number = divmod(self.lives, 10_000)
        return f"LW{ascii_uppercase[letter]}{number:04d}"

    def _start_again(self, home: Path, before: list[str]) -> list[list[str]]:
        """The terminal after the cut: it says what was saved; what it saved itself."""
        self.again += 1
        papers = _papers(home)
        assert not [number for number, count in papers.items() if count > 1], "printed twice"
        code, lines, _ = self._run(home, "", 0, None, again=True)
        assert code == 0, f"started again, it ended with {code}"
        offered = {number for (number,) in _told(lines, "stub")}
        self.offered += len(offered)
        # The third resident left without waiting for paper.
        owed = {number for number, _ in _told(before, "saved")[:2]} - set(papers)
        assert owed <= offered, "saved, on no paper, and not offered"
        now = _papers(home)
        assert all(now[number] == papers[number] + 1 for number in offered), "the stub"
        fresh = _told(lines, "saved")
        assert len(fresh) == 1
        assert now - papers - Counter(offered) == Counter([fresh[0][0]]), "one receipt, no other"
        return fresh

    def _check(self, place: Path, saved: list[list[str]], printed: list[str]) -> None:
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
            for number, id_ in saved:
                told = terminal.outbox.delivery(number).result(WAIT_S)
                assert told is not None, "it was saved"
                assert told.id == id_
            for _ in range(60):
                wait_s = terminal.sender.step()
                if wait_s is None:
                    break
                pace.now += wait_s
            rows = terminal.outbox.listing(tuple(State)).result(WAIT_S)
            assert all(row.state is State.DELIVERED for row in rows), rows
            assert {number for number, _ in saved} <= {row.number for row in rows}
            for row in rows:
                assert self._backend.effect_count(row.id) == 1
                assert self._digest(row.id) == row.digest
                if row.number in printed:
                    assert row.print_state in (PrintState.PRINTED, PrintState.UNKNOWN)
            assert [row.position for row in rows] == list(range(1, len(rows) + 1))
            fresh = terminal.outbox.reserve_number().result(WAIT_S)
            assert all(
                parse_number(row.number).running < parse_number(fresh).running for row in rows
            )
            self.applications += len(rows)
        finally:
            terminal.close()

    def _digest(self, id_: str) -> str | None:
        with Session(self._backend.engine) as session:
            return session.scalar(
                select(StoredApplication.digest).where(StoredApplication.id == id_)
            )

    def summary(self) -> str:
        """What was seen; nothing else may be at the backend."""
        with Session(self._backend.engine) as session:
            assert session.scalar(select(func.count()).select_from(Case)) == self.applications
        return (
            f"{self.kills.total()} kills in {self.lives} lives, {self.applications} applications"
            f" once each; started again {self.again} times, {self.offered} numbers offered"
        )


def _told(lines: list[str], what: str) -> list[list[str]]:
    return [line.split()[1:] for line in lines if line.split()[0] == what]


def _papers(home: Path) -> Counter[str]:
    """How many papers came out with each number."""
    found: Counter[str] = Counter()
    for path in (home / "paper").glob("*.pdf"):
        text = "".join(page.extract_text() for page in PdfReader(path).pages)
        numbers = set(re.findall(r"LW[A-Z]\d{4}-\d{5}-\d", text))
        assert len(numbers) == 1, text
        found[numbers.pop()] += 1
    return found


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture
def machine(memory_dir: Path, zygote: Zygote) -> Iterator[Machine]:
    with EmbeddedBackend() as backend:
        yield Machine(memory_dir, backend, zygote)


def points_of(machine: Machine, lives: int) -> dict[str, int]:
    """Every named point that each of some lives without a kill passed, and how often at least."""
    common: dict[str, int] | None = None
    for _ in range(lives):
        lines = [line.split(" ", 2) for line in machine.live("", 0) if line.startswith("point")]
        seen = {name: int(count) for _, count, name in lines}
        common = (
            seen
            if common is None
            else {name: min(count, seen[name]) for name, count in common.items() if name in seen}
        )
    assert common is not None
    assert len(common) >= NAMED_LEAST, sorted(common)
    return common


def at_any(machine: Machine, chance: Random, passes: int, life_s: float) -> None:
    """At a pass of any point, or whatever it does at some moment."""
    if chance.random() < 0.5:
        machine.live("", chance.randint(1, passes))
    else:
        machine.live("", 0, chance.uniform(0.0, life_s))


@pytest.mark.timeout(600)
def test_killed_at_named_points_and_at_any(machine: Machine) -> None:
    points = points_of(machine, 1)
    life_s, passes = machine.life_s, sum(points.values())
    chance = Random(1)
    for name in chance.sample(sorted(points), SAMPLE // 2):
        machine.live(name, chance.randint(1, points[name]))
    for _ in range(SAMPLE // 2):
        at_any(machine, chance, passes, life_s)
    # What the world does meanwhile differs, so a late point or moment may not come.
    assert machine.kills.total() >= SAMPLE * 3 // 4
    machine.live("render before", 1, again=True)
    assert machine.offered, "a number without a paper"
    log.info(machine.summary())


@pytest.mark.campaign
@pytest.mark.parametrize("worker", range(WORKERS))
def test_every_named_point(machine: Machine, worker: int) -> None:
    points = dict(sorted(points_of(machine, 5).items())[worker::WORKERS])
    chance = Random(10 + worker)
    for name, count in points.items():
        tries = 0
        while machine.kills[name] < NAMED_ROUNDS:
            tries += 1
            assert tries <= 2 * NAMED_ROUNDS, f"{name} comes too seldom"
            machine.live(name, chance.randint(1, count))
        log.info("%s: %d kills, %d lives so far", name, machine.kills[name], machine.lives)
    log.info("%d named points: %s", len(points), machine.summary())


@pytest.mark.campaign
@pytest.mark.parametrize("worker", range(WORKERS))
def test_at_random(machine: Machine, worker: int) -> None:
    points = points_of(machine, 5)
    life_s, passes = machine.life_s, sum(points.values())
    chance = Random(20 + worker)
    while machine.kills.total() < RANDOM_KILLS // WORKERS:
        at_any(machine, chance, passes, life_s)
        if machine.lives % 100 == 0:
            log.info(machine.summary())
    log.info(machine.summary())
