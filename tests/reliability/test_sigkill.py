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
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
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
SIDE_BY_SIDE = 6
ROUNDS_MOST = 4  # a late point does not come in every life
LIFE_S = 400

log = logging.getLogger(__name__)


class Nursery:
    """The process from which the terminals' are forked. For several threads."""

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
        self._gate = threading.Lock()
        self._lives: dict[str, Future[tuple[int, float]]] = {}
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self._listening = threading.Thread(target=self._listen, name="nursery")
        self._listening.start()

    def live(self, told: dict[str, Any]) -> tuple[int, float]:
        """One life; how it ended, and after how many seconds."""
        ended: Future[tuple[int, float]] = Future()
        assert self._process.stdin is not None
        with self._gate:
            self._lives[told["code"]] = ended
            self._process.stdin.write(json.dumps(told) + "\n")
            self._process.stdin.flush()
        return ended.result(LIFE_S)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._listening.join()
        self._process.wait(WAIT_S)
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            terminal, code, seconds = json.loads(line)
            with self._gate:
                self._lives.pop(terminal).set_result((code, seconds))
        with self._gate:
            for ended in self._lives.values():
                ended.set_exception(RuntimeError("the process that forks is gone"))


class Machine:
    """A backend, and directories on which terminals live and die. For several threads."""

    def __init__(self, place: Path, backend: EmbeddedBackend, nursery: Nursery) -> None:
        self._place = place
        self._backend = backend
        self._nursery = nursery
        self._gate = threading.Lock()
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
        with self._gate:
            self.lives += 1
            home = self._place / str(self.lives)
            # Each disk is another terminal: the backend takes a receipt number once.
            letter, number = divmod(self.lives, 10_000)
            code = f"LW{ascii_uppercase[letter]}{number:04d}"
        home.mkdir()
        life = {"code": code, "name": name, "at": at, "kill_after_s": kill_after_s, "again": False}
        try:
            ended, lines, life_s = self._run(home, life)
            with self._gate:
                self.life_s = life_s
                self.kills[name] += ended != 0
                again |= ended != 0 and self.kills.total() % AGAIN_EVERY == 0
            saved = _told(lines, "saved")
            if again:
                saved += self._start_again(home, code, lines)
            self._check(home, code, saved, [number for (number,) in _told(lines, "printed")])
        except Exception as error:
            raise AssertionError(f"{life}: {error}") from error
        shutil.rmtree(home)
        return lines

    def _run(self, home: Path, life: dict[str, Any]) -> tuple[int, list[str], float]:
        said = home / "said"
        said.write_bytes(b"")
        told = {
            "place": str(home),
            "url": self._backend.url,
            "pin": self._backend.authority_pin,
            "key_set": str(self._place / "key-set.json"),
        }
        code, seconds = self._nursery.live({**told, **life})
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"ended with {code}: {(home / 'log').read_text('utf-8')}")
        return code, said.read_text("utf-8").splitlines(), seconds

    def _start_again(self, home: Path, code: str, before: list[str]) -> list[list[str]]:
        """The terminal after the cut: it says what was saved; what it saved itself."""
        papers = _papers(home)
        assert not [number for number, count in papers.items() if count > 1], "printed twice"
        life = {"code": code, "name": "", "at": 0, "kill_after_s": None, "again": True}
        ended, lines, _ = self._run(home, life)
        assert ended == 0, "killed without being told to"
        offered = {number for (number,) in _told(lines, "stub")}
        # The second resident left without waiting for paper.
        owed = {number for number, _ in _told(before, "saved")[:1]} - set(papers)
        assert owed <= offered, "saved, on no paper, and not offered"
        now = _papers(home)
        assert all(now[number] == papers[number] + 1 for number in offered), "the stub"
        fresh = _told(lines, "saved")
        assert len(fresh) == 1
        assert now - papers - Counter(offered) == Counter([fresh[0][0]]), "one receipt, no other"
        with self._gate:
            self.again += 1
            self.offered += len(offered)
        return fresh

    def _check(self, home: Path, code: str, saved: list[list[str]], printed: list[str]) -> None:
        pace = VirtualPace()
        terminal = RealTerminal(
            home / "data",
            self._backend.url,
            self._backend.authority_pin,
            self._key_set,
            pace=pace,
            code=code,
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
            with self._gate:
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
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def machine(memory_dir: Path, nursery: Nursery) -> Iterator[Machine]:
    with EmbeddedBackend(f"sqlite:///{memory_dir / 'central.db'}") as backend:
        yield Machine(memory_dir, backend, nursery)


Kill = tuple[str, int, float | None]  # at a pass of a point, or after seconds


def side_by_side(machine: Machine, kills: Iterable[Kill], lives: int) -> None:
    """So many lives at a time: each waits for disk, line and timers most of its time."""
    with ThreadPoolExecutor(lives) as pool:
        given = [pool.submit(machine.live, *kill) for kill in kills]
        try:
            for count, one in enumerate(as_completed(given), start=1):
                one.result()
                if count % 100 == 0:
                    points = sum(kills >= NAMED_ROUNDS for kills in machine.kills.values())
                    log.info(
                        "%d kills in %d lives, %d points ended",
                        machine.kills.total(),
                        machine.lives,
                        points,
                    )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def points_of(machine: Machine, lives: int) -> dict[str, int]:
    """Every named point that each of some lives without a kill passed, and how often at least."""
    common: Counter[str] | None = None
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for lines in pool.map(lambda _: machine.live("", 0), range(lives)):
            points = [line.split(" ", 2)[1:] for line in lines if line.startswith("point")]
            seen = Counter({name: int(count) for count, name in points})
            common = seen if common is None else common & seen
    assert common is not None
    assert len(common) >= NAMED_LEAST, sorted(common)
    return common


def at_any(chance: Random, passes: int, life_s: float) -> Kill:
    """At a pass of any point, or whatever it does at some moment."""
    if chance.random() < 0.5:
        return "", chance.randint(1, passes), None
    return "", 0, chance.uniform(0.0, life_s)


@pytest.mark.timeout(600)
def test_killed_at_named_points_and_at_any(machine: Machine) -> None:
    points = points_of(machine, 1)
    life_s, passes = machine.life_s, sum(points.values())
    chance = Random(1)
    names = chance.sample(sorted(points), SAMPLE // 2)
    kills: list[Kill] = [(name, chance.randint(1, points[name]), None) for name in names]
    kills += [at_any(chance, passes, life_s) for _ in range(SAMPLE // 2)]
    side_by_side(machine, kills, 2)
    # What the world does meanwhile differs, so a late point or moment may not come.
    assert machine.kills.total() >= SAMPLE * 3 // 4
    machine.live("render before", 1, again=True)
    assert machine.offered, "a number without a paper"
    log.info(machine.summary())


@pytest.mark.campaign
def test_every_named_point(machine: Machine) -> None:
    # Between "after" one call and "before" the next nothing happens that outlives the process.
    points = {
        name: count for name, count in points_of(machine, 10).items() if not name.endswith(" after")
    }
    assert len(points) >= NAMED_LEAST, sorted(points)
    chance = Random(2)
    for _ in range(ROUNDS_MOST):
        missing = [name for name in points for _ in range(NAMED_ROUNDS - machine.kills[name])]
        if not missing:
            break
        kills = [(name, chance.randint(1, points[name]), None) for name in missing]
        side_by_side(machine, kills, SIDE_BY_SIDE)
    seldom = [name for name in points if machine.kills[name] < NAMED_ROUNDS]
    log.info("%d named points, %d times each: %s", len(points), NAMED_ROUNDS, machine.summary())
    assert not seldom, "these come too seldom"


@pytest.mark.campaign
def test_at_random(machine: Machine) -> None:
    points = points_of(machine, 10)
    life_s, passes = machine.life_s, sum(points.values())
    chance = Random(3)
    while (missing := RANDOM_KILLS - machine.kills.total()) > 0:
        kills = [at_any(chance, passes, life_s) for _ in range(missing)]
        side_by_side(machine, kills, SIDE_BY_SIDE)
    log.info(machine.summary())
