"""A disk that refuses: full, failing or unable to sync, at every call that any command makes.

For each command the calls that it makes are counted; then it is run again for each of them, on
the same disk, and this one call fails, once or from then on. The command either succeeds or
raises the code for it; either way the store then holds what it held before or what the command
would have made, both now and after a power cut, and the outbox goes on when the disk is well.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest
from crash_states import (
    AT,
    RECEIPT,
    TERMINAL,
    Examiner,
    Kept,
    content,
    left_by_version_one,
    open_store,
    sealed,
)
from memory_disk import Image, MemoryDisk

from offline_queue import Limits, PrintState, QueueError, QueueFault, State
from offline_queue.limits import BALLAST_NAME, Ballast
from offline_queue.numbers import format_number
from offline_queue.store import DATABASE_NAME, Store

log = logging.getLogger(__name__)
PATH = Path("/") / DATABASE_NAME
NUMBERS = [format_number(TERMINAL, n) for n in range(1, 9)]
CHANCE = Random(7)
MADE = [replace(sealed(number, CHANCE), lane="") for number in NUMBERS]


def furnish(store: Store) -> None:
    """One submission in each state, and one number that is reserved and not used."""
    for _ in NUMBERS:
        store.reserve_number(TERMINAL)
    for one in MADE[:6]:
        store.enqueue(one)
    for one in MADE[:3]:
        claim = store.claim([other.id for other in MADE if other.id != one.id])
        assert claim is not None
    store.put_back(MADE[1].id, State.WAITING, "why")
    store.put_back(MADE[2].id, State.QUARANTINED, "why")
    store.delivered(MADE[3].id, RECEIPT)


def promised() -> Kept:
    """What the furnished store has promised."""
    kept = Kept()
    kept.saved = {one.id: one for one in MADE[:6]}
    kept.arrived = {MADE[3].id}
    kept.numbers = len(NUMBERS)
    return kept


WITH_PARTS = next(one for one in (MADE[0], MADE[4], MADE[5]) if one.parts)
# Each method of the store that is a command, with its arguments.
COMMANDS: dict[str, tuple[Any, ...]] = {
    "reserve_number": (TERMINAL,),
    "enqueue": (MADE[6],),
    "claim": ((),),
    "handover": (MADE[4].id,),
    "document": (MADE[4].id,),
    "part": (WITH_PARTS.id, "0"),
    "part_heads": (WITH_PARTS.id,),
    "put_back": (MADE[0].id, State.WAITING, "why"),
    "delivered": (MADE[0].id, RECEIPT),
    "purge": (),
    "set_print_state": (MADE[4].number, PrintState.PRINTED),
    "requeue": (MADE[2].number,),
    "mark_exported": ([MADE[4].id], AT.isoformat()),
    "unprinted": (tuple(PrintState),),
    "delivery": (MADE[4].number,),
    "listing": (tuple(State), 100, ""),
    "digest_of": (MADE[4].id,),
    "status": (AT,),
    "get_meta": ("clock",),
    "put_meta": ("clock", "x"),
    "rest": (),
    "intake": (),
}


def run(command: str, store: Store) -> object:
    """One of them."""
    return getattr(store, command)(*COMMANDS[command])


def test_no_command_is_left_out() -> None:
    commands = {name for name, method in vars(Store).items() if hasattr(method, "__wrapped__")}
    assert commands <= set(COMMANDS)


@dataclass
class Fault:
    """Which call fails, how, and whether all later ones do."""

    error: type[apsw.Error]
    calls: frozenset[str]
    at: int = 10**9
    for_good: bool = False
    met: int = field(default=0, init=False)
    planted: int = field(default=0, init=False)

    def __call__(self, call: str, _file: str) -> None:
        if call not in self.calls:
            return
        self.met += 1
        if self.met == self.at or (self.for_good and self.met > self.at):
            self.planted += 1
            raise self.error("planted")


KINDS: dict[str, tuple[type[apsw.Error], frozenset[str]]] = {
    "ENOSPC": (apsw.FullError, frozenset({"write", "truncate"})),
    "EIO": (apsw.IOError, frozenset({"open", "read", "write", "truncate", "delete"})),
    "failed sync": (apsw.IOError, frozenset({"sync"})),
}
EXPECTED = {
    "ENOSPC": {QueueFault.DISK_FULL},
    "EIO": {QueueFault.IO_ERROR},
    "failed sync": {QueueFault.IO_ERROR},
}


def furnished() -> Image:
    """The disk of a terminal whose process is gone."""
    disk = MemoryDisk()
    store = open_store(PATH, disk.name)
    furnish(store)
    image = disk.certain_image()
    store.close()
    disk.unregister()
    return image


def began(image: Image) -> tuple[MemoryDisk, Store]:
    """A store on this disk with the first submission in hand."""
    disk = MemoryDisk(image)
    store = open_store(PATH, disk.name)
    claim = store.claim([one.id for one in MADE[1:]])
    assert claim is not None
    return disk, store


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_call_of_every_command(
    memory_dir: Path, command: str, kind: str, for_good: bool
) -> None:
    error, calls = KINDS[kind]
    image = furnished()
    disk, store = began(image)
    counter = Fault(error, calls)
    before = content(store._db)
    disk.before = counter
    run(command, store)
    disk.before = lambda _call, _file: None
    after = content(store._db)
    store.close()
    disk.unregister()
    for at in range(1, counter.met + 1):
        fail_at(
            memory_dir,
            image,
            command,
            Fault(error, calls, at, for_good),
            kind,
            {before, after},
        )
    log.info("%s, %s: %d places", command, kind, counter.met)


def fail_at(
    place: Path,
    image: Image,
    command: str,
    fault: Fault,
    kind: str,
    either: set[str],
) -> None:
    disk, store = began(image)
    disk.before = fault
    told: QueueFault | None = None
    try:
        run(command, store)
    except QueueError as error:
        told = error.fault
    disk.before = lambda _call, _file: None
    assert fault.planted, "the disk has failed"
    if told is not None:
        assert told in EXPECTED[kind], f"place {fault.at}"
    if kind == "ENOSPC":
        assert store.intake_open, "a full disk may have room again"
    elif told is not None:
        assert not store.intake_open, "after an I/O error nobody may rely on this disk"
        with pytest.raises(QueueError, match="QU-02"):
            store.enqueue(MADE[7])
    kept = promised()
    kept.under_way = {MADE[0].id}
    # The process dies here, and the power too.
    cut = [disk.certain_image(), *(disk.torn_image(Random(seed)) for seed in range(4))]
    db = store._db
    now = content(db)
    assert now in either
    store.close()
    disk.unregister()
    examiner = Examiner(place)
    for left in cut:
        found = examiner.contents_of(left, kept)
        if found is not None:
            assert found in either, f"place {fault.at}"
            # Resting tells nobody of a failure: it closes the intake, and owes only what it had.
            if told is None and store.intake_open:
                assert found == now, "what was acknowledged"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", list(KINDS))
def test_opening_at_every_call(memory_dir: Path, kind: str, version: int) -> None:
    """With version 1 it migrates, and seals what is in clear."""
    error, calls = KINDS[kind]
    image, kept = left_by_version_one(1) if version == 1 else (furnished(), promised())
    examiner = Examiner(memory_dir)
    for at in range(1, 1000):
        disk = MemoryDisk(image)
        fault = Fault(error, calls, at)
        disk.before = fault
        told: QueueFault | None = None
        try:
            store = open_store(PATH, disk.name)
        except QueueError as error_met:
            told = error_met.fault
            disk.before = lambda _call, _file: None
        else:
            disk.before = lambda _call, _file: None
            store.close()
        assert told is None or told in EXPECTED[kind], f"place {at}"
        for left in (disk.certain_image(), disk.torn_image(Random(at))):
            examiner.contents_of(left, kept)
        disk.unregister()
        if not fault.planted:
            break
    else:
        raise AssertionError("opening never ends")


@pytest.mark.parametrize("kind", list(KINDS))
def test_closing_at_every_call(memory_dir: Path, kind: str) -> None:
    """Nothing is owed by then, and nothing may be raised."""
    error, calls = KINDS[kind]
    image, examiner = furnished(), Examiner(memory_dir)
    for at in range(1, 100):
        disk, store = began(image)
        fault = Fault(error, calls, at, for_good=True)
        disk.before = fault
        store.close()
        disk.before = lambda _call, _file: None
        for left in (disk.image(), disk.certain_image(), disk.torn_image(Random(at))):
            examiner.contents_of(left, promised())
        disk.unregister()
        if not fault.planted:
            assert at > 1
            return
    raise AssertionError("closing never ends")


SETTLING = (
    "claim",
    "put_back",
    "delivered",
    "purge",
    "set_print_state",
    "requeue",
    "mark_exported",
)


@pytest.mark.expected_logs("the ballast is given up", reason="the disk is full on purpose")
@pytest.mark.parametrize("command", SETTLING)
def test_the_ballast_lets_what_settles_through_a_full_disk(tmp_path: Path, command: str) -> None:
    image = furnished()
    limits = Limits(ballast_bytes=65_536, free_least_bytes=0, keep_delivered_s=0)
    ballast = tmp_path / BALLAST_NAME
    for at in range(1, 100):
        disk = MemoryDisk(image)
        writes = 0
        store = Store(tmp_path / DATABASE_NAME, vfs=disk.name, limits=limits)
        store.claim([one.id for one in MADE[1:]])
        assert ballast.stat().st_size

        def full(call: str, _file: str, at: int = at) -> None:
            nonlocal writes
            writes += call == "write"
            if call == "write" and writes >= at and ballast.stat().st_size:
                raise apsw.FullError("planted")

        disk.before = full
        run(command, store)
        disk.before = lambda _call, _file: None
        assert store.intake_open
        before, after = content(store._db), disk.certain_image()
        given_up = not ballast.stat().st_size
        store.close()
        disk.restart(after)
        left = apsw.Connection(str(PATH), vfs=disk.name)
        left.execute("PRAGMA locking_mode=EXCLUSIVE")
        assert content(left) == before, "what settles is on the disk"
        left.close()
        disk.unregister()
        if not given_up:
            assert at > 1
            return
    raise AssertionError("the command never ends")


@pytest.mark.expected_logs("the ballast is given up", reason="the disk is full on purpose")
def test_the_ballast_lets_an_outbox_be_opened_on_a_full_disk(tmp_path: Path) -> None:
    """Else a terminal whose power went on a full disk could never send what fills it."""
    disk, store = began(furnished())
    image = disk.certain_image()  # one is in hand, and the log is not folded back
    store.close()
    disk.unregister()
    limits = Limits(ballast_bytes=65_536, free_least_bytes=0)
    ballast = tmp_path / BALLAST_NAME
    for at in range(1, 100):
        disk = MemoryDisk(image)
        Ballast(tmp_path, limits.ballast_bytes).make(0)
        fault = Fault(apsw.FullError, KINDS["ENOSPC"][1], at, for_good=True)

        def full(call: str, file: str, fault: Fault = fault) -> None:
            if ballast.stat().st_size:
                fault(call, file)

        disk.before = full
        store = Store(tmp_path / DATABASE_NAME, vfs=disk.name, limits=limits)
        assert store.digest_of(MADE[0].id) == (MADE[0].digest, State.WAITING)
        store.close()
        disk.unregister()
        if not fault.planted:
            assert at > 1
            return
    raise AssertionError("opening never ends")
