"""The watcher against a scripted service: every code after which a context has to be new."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from devices.pcsc.service import Watcher
from devices.records import PcscStatus, SlotState

WAIT_S = 5.0
EMPTY, PRESENT, MUTE = 0x10, 0x20, 0x220
TIMEOUT = 0x8010000A


class ScriptedScard:
    """A service that fails when it is told to, and counts the contexts that it gave."""

    SCARD_PCI_T0 = SCARD_PCI_T1 = 0

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.contexts = 0
        self.readers: dict[str, int] = {"reader 00": EMPTY}
        self.establish = 0  # the code with which contexts are given
        self.wait_code = 0  # the code with which the next wait ends

    def change(self, **changes: Any) -> None:
        with self._changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self._changed.notify_all()

    def SCardEstablishContext(self, _scope: int) -> tuple[int, int]:
        with self._changed:
            if not self.establish:
                self.contexts += 1
            return self.establish, self.contexts

    def SCardReleaseContext(self, _context: int) -> int:
        return 0

    def SCardListReaders(self, _context: int, _groups: list[str]) -> tuple[int, list[str]]:
        with self._changed:
            return (0, list(self.readers)) if self.readers else (0x8010002E, [])

    def SCardGetStatusChange(
        self, _context: int, timeout_ms: int, known: list[tuple[str, int]]
    ) -> tuple[int, list[tuple[str, int, list[int]]]]:
        def fresh() -> list[tuple[str, int, list[int]]]:
            return [(name, self.readers.get(name, state), []) for name, state in known]

        def differs() -> bool:
            names = {name for name, _ in known if not name.startswith("\\")}
            return (
                bool(self.wait_code)
                or any(self.readers.get(name, state) != state for name, state in known)
                or (timeout_ms > 0 and names != set(self.readers))
            )

        with self._changed:
            if not self._changed.wait_for(differs, timeout_ms / 1_000):
                return TIMEOUT, []
            code, self.wait_code = self.wait_code, 0
            return code, fresh() if not code else []


class Watched:
    """A watcher on a thread, and what it told."""

    def __init__(self, scard: ScriptedScard) -> None:
        self._changed = threading.Condition()
        self.told: list[PcscStatus] = []
        self.watcher = Watcher(scard, self._publish, retry_first_s=0.001)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.watcher.run, daemon=True)
        self.thread.start()

    def _publish(self, status: PcscStatus) -> None:
        with self._changed:
            self.told.append(status)
            self._changed.notify_all()

    def wait_for(self, wanted: PcscStatus, after: int = 0) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: wanted in self.told[after:], WAIT_S), self.told


def slots(**states: SlotState) -> PcscStatus:
    named = tuple((name.replace("_", " "), state) for name, state in states.items())
    return PcscStatus(service=True, slots=named)


GOOD = slots(reader_00=SlotState.EMPTY)


@pytest.mark.parametrize(
    "code",
    [0x8010001D, 0x8010001E, 0x8010002E, 0x80100013, 0x80100003, 0x80100009, 0x80109999],
    ids=hex,
)
def test_a_lost_context_is_replaced(code: int) -> None:
    scard = ScriptedScard()
    watched = Watched(scard)
    watched.wait_for(GOOD)
    assert scard.contexts == 1
    after = len(watched.told)
    scard.change(wait_code=code)
    watched.wait_for(GOOD, after)
    assert scard.contexts == 2
    scard.change(readers={"reader 00": PRESENT})
    watched.wait_for(slots(reader_00=SlotState.PRESENT), after)
    watched.watcher.stop()
    scard.change(wait_code=0x80100002)
    watched.thread.join(WAIT_S)
    assert not watched.thread.is_alive()


def test_a_service_that_is_away_for_long() -> None:
    scard = ScriptedScard()
    watched = Watched(scard)
    watched.wait_for(GOOD)
    scard.change(establish=0x8010001D, wait_code=0x8010001E)
    watched.wait_for(PcscStatus(service=False))
    after = len(watched.told)
    scard.change(establish=0)
    watched.wait_for(GOOD, after)


def test_readers_come_and_go() -> None:
    scard = ScriptedScard()
    scard.readers = {}
    watched = Watched(scard)
    watched.wait_for(PcscStatus(service=True))
    scard.change(readers={"reader 00": EMPTY, "reader 01": MUTE})
    watched.wait_for(slots(reader_00=SlotState.EMPTY, reader_01=SlotState.MUTE))
    after = len(watched.told)
    scard.change(readers={"reader 01": PRESENT})
    watched.wait_for(slots(reader_01=SlotState.PRESENT), after)
    assert scard.contexts == 1
