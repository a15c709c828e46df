"""The campaign of injected faults: a sample in `make test`, all of it in `make campaign`.

`fault_campaign.py` says what is demanded of every fault, and plays one alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import fault_campaign
import pytest
from fault_benches import BENCHES, FAULTS
from fault_campaign import HEAD, Case, CaseFailed, Runner, WrongResult, campaign
from fault_cards import SerialReader
from hypothesis import settings

from devices.errors import DeviceError, Fault
from devices.simulators import photos
from devices.simulators.cards import PEOPLE
from devices.worker import Cancel

LONG = settings.default is not None and settings.default.max_examples > 1_000
# In `make test`, by number, which is a device's kind: all kinds that cost no waiting, and of
# the printers those on one line that the other does not have.
SAMPLE: dict[str, Sequence[int]] = {
    "samv-serial": range(17),
    "samv-usb": (9, 10, 13, 17),
    "samv-library": (0, 1, 2, 5, 6, 8, 9),
    "smart-cards": (0, 1, 2, 3, 4, 5, 7, 8, 9, 12),
    "face-camera": (0, 3, 5),
    "document-camera": (4,),
    "face-engine": (8, 11),
    "cups": (0, 1, 3, 4, 7, 11, 13, 15, 17),
    "receipts-serial": (0, 2, 4, 5, 7, 8, 11, 12, 23),
    "receipts-network": (1, 3, 6, 10, 14, 17, 21, 24),
    "scanner-serial": range(10),
    "scanner-wedge": range(10),
    "voice": (0, 2, 3, 4, 6, 7, 8, 9, 11, 12, 14, 16),
}


def test_every_device_has_its_part() -> None:
    assert set(BENCHES) == set(FAULTS) == set(SAMPLE)
    assert sum(FAULTS.values()) >= 2_000


@pytest.mark.parametrize("device", FAULTS)
def test_no_fault_hangs_crashes_or_makes_up_a_result(
    device: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if device == "face-engine":
        try:
            photos.photo_path("astronaut")
        except photos.PhotoMissing as missing:
            pytest.skip(f"the demo's photographs are not installed: {missing}")
    numbers = range(FAULTS[device]) if LONG else SAMPLE[device]
    tally = campaign(device, numbers)
    if LONG:
        with capsys.disabled():
            print(f"\n{HEAD}\n{tally.row()}")  # noqa: T201 - the table is what this is for
    assert not tally.failures, "\n".join(map(str, tally.failures))
    assert tally.faults == len(numbers)


# The campaign itself can fail.


class Liar(SerialReader):
    """A reader whose driver says somebody else's name, hangs on, or raises anything."""

    deadline_s = 0.5

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.serving = False

    def call(self, cancel: Cancel) -> object:
        if self.serving or not self.truths:
            return super().call(cancel)
        if self.what == "wrong":
            return PEOPLE["elder"]
        if self.what == "late":
            cancel.wait(60.0)
            while cancel.remaining_s > -2 * fault_campaign.BUSY_S:
                self._over.wait(0.05)
            raise DeviceError(Fault.DEADLINE)
        if self.what == "crash":
            raise KeyError("nobody foresaw this")
        # More than what the process may hold for a moment when it is counted at the start.
        self.left = [open("/dev/null", "rb") for _ in range(50)]  # noqa: SIM115 - on purpose
        raise DeviceError(Fault.CARD_ABSENT)

    def serve(self) -> None:
        self.serving = True
        super().serve()
        self.serving = False


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ("wrong", WrongResult, "not what the card says"),
        ("late", CaseFailed, "after"),
        ("crash", CaseFailed, "nobody foresaw: unexpected KeyError"),
        ("leak", CaseFailed, "holds Owned"),
    ],
)
@pytest.mark.expected_logs("a command raised KeyError", reason="the driver of one case crashes")
def test_what_must_not_happen_fails_the_case_and_says_how_to_replay_it(
    what: str, error: type[CaseFailed], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_campaign, "_SETTLE_S", 0.5)
    bench = Liar(what)
    runner = Runner(bench)
    try:
        with pytest.raises(error, match=text) as failed:
            runner.play(Case("samv-serial", 16, 7))
    finally:
        runner.close()
        bench.close()
        if what == "leak":
            for file in bench.left:
                file.close()
    assert "fault_campaign.py samv-serial:16 --seed 7" in str(failed.value)


def test_a_case_is_the_same_each_time_it_is_played() -> None:
    draws = [Case("cups", 3).chance.random() for _ in range(2)]
    assert draws[0] == draws[1] != Case("cups", 4).chance.random()
