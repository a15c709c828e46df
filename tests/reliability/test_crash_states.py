"""What a power cut leaves: every promise of the outbox, in tens of thousands of states.

The last tests break the store on purpose: each mutant must be caught, or the others prove
nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from crash_states import Broken, Examiner, History, left_by_version_one

from offline_queue import format_number, schema, store
from offline_queue.store import Store

STATES = 50_000
CAMPAIGN_STATES = 2_000_000

log = logging.getLogger(__name__)


def histories(place: Path, wanted: int, seeds: Iterator[int], *, commands: int) -> int:
    """Run seeds until so many distinct states were recovered; how many."""
    states = views = 0
    for seed in seeds:
        examiner = Examiner(place)
        image = None
        kept = None
        if seed % 4 == 3:  # every fourth begins with an older version's database
            image, kept = left_by_version_one(seed)
        history = History(seed, examiner, image=image)
        if kept is not None:
            history.kept = kept
        try:
            history.run(commands)
        except Broken as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        finally:
            history.close()
        states += examiner.states
        views += examiner.views
        log.info("seed %d: %d distinct states so far", seed, states)
        if states >= wanted:
            break
    log.info("%d distinct states, the store opened %d pictures of them", states, views)
    return states


@pytest.mark.timeout(600)
def test_no_state_loses_tears_or_doubles_anything(memory_dir: Path) -> None:
    assert histories(memory_dir, STATES, iter(range(1000)), commands=40) >= STATES


@pytest.mark.campaign
@pytest.mark.parametrize("worker", range(4))
def test_millions_of_states(memory_dir: Path, worker: int) -> None:
    wanted = CAMPAIGN_STATES // 4
    seeds = iter(range(10_000 + worker, 1_000_000, 4))
    assert histories(memory_dir, wanted, seeds, commands=60) >= wanted


# --- mutants


@contextmanager
def _acknowledged_before_commit(connection: apsw.Connection) -> Iterator[None]:
    if connection.in_transaction:  # what the last command left to do
        connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    yield


class _PartsLater(Store):
    def _write_payload(self, *args: Any) -> None:
        self._db.execute("COMMIT; BEGIN IMMEDIATE")
        super()._write_payload(*args)


class _NumbersInMemory(Store):
    def reserve_number(self, terminal: str) -> str:
        self._last += 1
        return format_number(terminal, self._last)

    def _use_up_numbers(self) -> int:
        return self._used_up


def _relaxed(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = [
        ("synchronous", "NORMAL", 1) if row[0] == "synchronous" else row
        for row in schema._DURABILITY
    ]
    monkeypatch.setattr(schema, "_DURABILITY", settings)


def _not_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = "id TEXT NOT NULL UNIQUE"
    assert wanted in schema.MIGRATIONS[0]
    first = schema.MIGRATIONS[0].replace(wanted, "id TEXT NOT NULL")
    monkeypatch.setattr(schema, "MIGRATIONS", (first, *schema.MIGRATIONS[1:]))


def _early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "transaction", _acknowledged_before_commit)


MUTANTS: list[tuple[str, Callable[[pytest.MonkeyPatch], None], dict[str, Any], set[str]]] = [
    ("synchronous=NORMAL", _relaxed, {}, {"lost"}),
    ("missing unique id", _not_unique, {}, {"doubled"}),
    ("acknowledge before commit", _early, {}, {"lost"}),
    ("no-op sync", lambda _: None, {"honest": False}, {"lost", "torn"}),
    ("parts in a second commit", lambda _: None, {"kind": _PartsLater}, {"lost", "torn"}),
    ("numbers in memory", lambda _: None, {"kind": _NumbersInMemory}, {"doubled"}),
]


@pytest.mark.parametrize(
    ("mutate", "how", "kinds"), [row[1:] for row in MUTANTS], ids=[row[0] for row in MUTANTS]
)
def test_each_mutant_is_caught(
    memory_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    mutate: Callable[[pytest.MonkeyPatch], None],
    how: dict[str, Any],
    kinds: set[str],
) -> None:
    mutate(monkeypatch)
    with pytest.raises(Broken) as caught:
        _until_broken(memory_dir, how)
    assert caught.value.kind in kinds, caught.value


def _until_broken(place: Path, how: dict[str, Any]) -> None:
    for seed in range(5):
        history = History(seed, Examiner(place), **how)
        try:
            history.run(40)
        finally:
            history.close()
