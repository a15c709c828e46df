"""One campaign of injected faults over all devices: seeded, and each case can be replayed alone.

    python tests/devices/fault_campaign.py                     all of it, and a table
    python tests/devices/fault_campaign.py --share 0.1         a tenth of it
    python tests/devices/fault_campaign.py samv-serial         one device
    python tests/devices/fault_campaign.py samv-serial:17      one fault
    python tests/devices/fault_campaign.py samv-serial:17 --seed 5

Everything about a case follows from the seed, the device and the case's number: its kind is the
device's kind of that number (in turn), the rest is drawn from a generator seeded by all three.
Chance that is not ours (which thread runs first) stays.

What is demanded of every case:

- the call ends within its deadline and the slack that its driver states, plus `BUSY_S`;
- it ends in a result that is right (a record is compared with what the card says), or in a
  DeviceError that somebody foresaw;
- once the fault is taken away the device serves again, by the same driver object;
- no thread, child process or descriptor is left beyond those there were at the start.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from devices.errors import DeviceError
from devices.worker import Cancel, DeviceWorker, Failed, Outcome

SEED = 20_260_101
# A machine that runs other things as well; no promise of a driver.
BUSY_S = 1.0
# For how long a call is waited for before it is said to hang.
HUNG_S = 30.0
SERVES_AGAIN_S = 30.0
_SETTLE_S = 5.0
_LOOK_S = 0.005
_LOOKS = 40
RIGHT = "right"

Inject = Callable[[random.Random], None]


class CaseFailed(AssertionError):
    """What was demanded of one case did not hold."""


class WrongResult(CaseFailed):
    """A result that is not what the device was given: the worst that can happen."""


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: everything about it follows from these three."""

    device: str
    number: int
    seed: int = SEED

    @property
    def chance(self) -> random.Random:
        """Where the case draws from."""
        return random.Random(f"{self.seed}-{self.device}-{self.number}")

    @property
    def replay(self) -> str:
        """The command that plays this case alone."""
        here = f"tests/devices/{Path(__file__).name}"
        seed = "" if self.seed == SEED else f" --seed {self.seed}"
        return f".venv/bin/python {here} {self.device}:{self.number}{seed}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a case ended: RIGHT or a fault's code, and after how long."""

    kind: str
    outcome: str
    took_s: float


@dataclass(frozen=True, slots=True)
class Owned:
    """How much this process holds."""

    threads: int
    children: int
    handles: int

    @classmethod
    def now(cls) -> Owned:
        """Counted now; a child that ended and was not reaped counts."""
        children = 0
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # the thread has just ended
                children += len((task / "children").read_text().split())
        return cls(threading.active_count(), children, len(os.listdir("/proc/self/fd")))

    @classmethod
    def most(cls) -> Owned:
        """The most of each within a moment: simulators open and close what they wait with."""
        seen = [cls.now()._told()]
        until(lambda: len(seen) > _LOOKS or seen.append(cls.now()._told()), _SETTLE_S)
        return cls(*map(max, zip(*seen, strict=True)))

    def within(self, other: Owned) -> bool:
        """Whether nothing is more than in `other`."""
        mine = (self.threads, self.children, self.handles)
        return all(a <= b for a, b in zip(mine, other._told(), strict=True))

    def _told(self) -> tuple[int, int, int]:
        return self.threads, self.children, self.handles


def until(condition: Callable[[], object], timeout_s: float) -> bool:
    """Wait for a condition; False if it did not come to hold."""
    end = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > end:
            return False
        pause.wait(_LOOK_S)
    return True


class Bench(ABC):
    """One device in front of its simulator, and what can go wrong with it."""

    device: ClassVar[str]
    deadline_s: ClassVar[float]
    """What each call is given."""
    slack_s: ClassVar[float] = 0.0
    """By how much its driver says that it may overrun that."""

    def __init__(self) -> None:
        self._helpers: list[threading.Thread] = []
        self._over = threading.Event()

    @property
    @abstractmethod
    def kinds(self) -> Mapping[str, Inject]:
        """What can be injected, by name."""

    @abstractmethod
    def prepare(self, chance: random.Random) -> None:
        """A new case, with nothing wrong yet: which card, which page."""

    @abstractmethod
    def call(self, cancel: Cancel) -> object:
        """What a terminal asks of the device; on its worker."""

    @abstractmethod
    def check(self, result: object) -> None:
        """After the call (`result` None: it failed): raise WrongResult for what is untrue."""

    @abstractmethod
    def mend(self) -> None:
        """Take the fault away."""

    @abstractmethod
    def serve(self) -> None:
        """With nothing wrong: ask as a terminal would, and again, until it is right.

        Raises CaseFailed if that takes longer than SERVES_AGAIN_S.
        """

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    def when(self, condition: Callable[[], object], act: Callable[[], object]) -> None:
        """In the middle of the call: do something once a condition holds."""

        def wait() -> None:
            while not self._over.is_set():
                if condition():
                    act()
                    return
                self._over.wait(_LOOK_S)

        helper = threading.Thread(target=wait, name="accident", daemon=True)
        self._helpers.append(helper)
        helper.start()

    def after(self, delay_s: float, act: Callable[[], object]) -> None:
        """In the middle of the call: do something so much later."""
        due = time.monotonic() + delay_s
        self.when(lambda: time.monotonic() >= due, act)

    def end_helpers(self) -> None:
        """The call is over: nothing else happens by itself."""
        self._over.set()
        for helper in self._helpers:
            helper.join()
        self._helpers.clear()
        self._over = threading.Event()

    def serve_by(self, right: Callable[[Cancel], bool]) -> None:
        """`serve` for devices whose call tells by its result whether it was right."""
        end = time.monotonic() + SERVES_AGAIN_S
        last = ""
        while time.monotonic() < end:
            try:
                if right(Cancel(SERVES_AGAIN_S)):
                    return
                last = "another result"
            except DeviceError as error:
                last = str(error)
        raise CaseFailed(f"it does not serve again: {last}")


class Runner:
    """Plays cases on one bench, on one worker as a terminal has it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.kinds = list(bench.kinds)
        bench.serve()
        self._worker = DeviceWorker(bench.device)
        self.start = Owned.most()

    def close(self) -> None:
        """End the worker; the bench is somebody else's."""
        self._worker.close()

    def play(self, case: Case) -> Ended:
        """One case. Raises CaseFailed, with the command that replays it."""
        kind = self.kinds[case.number % len(self.kinds)]
        try:
            return self._play(case, kind)
        except CaseFailed as failed:
            told = f"{case.device} fault {case.number} ({kind}), seed {case.seed}: {failed}"
            raise type(failed)(f"{told}\n  replay: {case.replay}") from None

    def _play(self, case: Case, kind: str) -> Ended:
        bench, chance = self.bench, case.chance
        bench.prepare(chance)
        bench.kinds[kind](chance)
        over = threading.Event()
        outcomes: list[Outcome[object]] = []

        def done(outcome: Outcome[object]) -> None:
            outcomes.append(outcome)
            over.set()

        began = time.monotonic()
        self._worker.submit(bench.call, deadline_s=bench.deadline_s, done=done)
        ended = over.wait(bench.deadline_s + bench.slack_s + HUNG_S)
        took_s = time.monotonic() - began
        bench.end_helpers()
        if not ended:
            bench.mend()
            raise CaseFailed(f"hangs: no end within {took_s:.1f} s")
        outcome = self._judge(outcomes[0])
        bench.mend()
        if took_s > bench.deadline_s + bench.slack_s + BUSY_S:
            at_most = f"{bench.deadline_s} s and {bench.slack_s} s"
            raise CaseFailed(f"ended in {outcome} after {took_s:.2f} s, not {at_most}")
        bench.serve()
        if not until(lambda: Owned.now().within(self.start), _SETTLE_S):
            raise CaseFailed(f"holds {Owned.now()}, at the start {self.start}")
        return Ended(kind, outcome, took_s)

    def _judge(self, outcome: Outcome[object]) -> str:
        if isinstance(outcome, Failed):
            self.bench.check(None)
            if outcome.error.detail.startswith("unexpected "):
                raise CaseFailed(f"an exception that nobody foresaw: {outcome.error.detail}")
            return outcome.error.fault.code
        self.bench.check(outcome.value)
        return RIGHT


@dataclass(slots=True)
class Tally:
    """What became of one device's cases."""

    device: str
    deadline_s: float
    slack_s: float
    kinds: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    failures: list[CaseFailed] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How many were injected."""
        return self.outcomes.total() + len(self.failures)

    def add(self, ended: Ended) -> None:
        """One more."""
        self.kinds.add(ended.kind)
        self.outcomes[ended.outcome] += 1
        self.slowest_s = max(self.slowest_s, ended.took_s)

    def row(self) -> str:
        """A row of the table."""
        codes = ", ".join(f"{code} {n}" for code, n in sorted(self.outcomes.items()))
        slack = f" + {self.slack_s:g}" if self.slack_s else ""
        return (
            f"| {self.device} | {self.faults} | {len(self.kinds)} | {codes} "
            f"| {self.slowest_s:.2f} s of {self.deadline_s:g}{slack} s | {len(self.failures)} |"
        )


HEAD = (
    "| device | faults | kinds | outcomes | slowest end, of deadline + stated slack | failed |\n"
    "|---|---|---|---|---|---|"
)


@contextlib.contextmanager
def running(device: str) -> Iterator[Runner]:
    """A runner for one device, ended afterwards."""
    from fault_benches import BENCHES

    bench = BENCHES[device]()
    try:
        with contextlib.closing(Runner(bench)) as runner:
            yield runner
    finally:
        bench.close()


def campaign(
    device: str,
    numbers: Iterable[int],
    *,
    seed: int = SEED,
    told: Callable[[str], Any] = lambda _: None,
) -> Tally:
    """Play these cases of one device; what failed is in the tally, and `told` at once."""
    with running(device) as runner:
        tally = Tally(device, runner.bench.deadline_s, runner.bench.slack_s)
        for number in numbers:
            try:
                tally.add(runner.play(Case(device, number, seed)))
            except CaseFailed as failed:
                tally.failures.append(failed)
                told(f"FAILED {failed}")
    return tally


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """The command line above; 1 where anything failed."""
    from fault_benches import FAULTS

    parser = argparse.ArgumentParser(description="Inject faults into all devices' simulators.")
    parser.add_argument("cases", nargs="*", metavar="DEVICE[:NUMBER]", help=", ".join(FAULTS))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--share", type=float, default=1.0, help="of each device's faults")
    chosen = parser.parse_args()
    tallies = []
    _say(HEAD)
    for text in chosen.cases or list(FAULTS):
        device, _, number = text.partition(":")
        count = max(1, round(FAULTS[device] * chosen.share))
        numbers = [int(number)] if number else range(count)
        tally = campaign(device, numbers, seed=chosen.seed, told=_say)
        tallies.append(tally)
        _say(tally.row())
    failed = sum(len(tally.failures) for tally in tallies)
    _say(f"{sum(t.faults for t in tallies)} faults, seed {chosen.seed}, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    # Under its own name, so that the benches and this see the same exceptions.
    import fault_campaign

    sys.exit(fault_campaign.main())
