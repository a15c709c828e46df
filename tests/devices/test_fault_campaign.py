"""The campaign of injected faults: a sample in `make test`, all of it in `make campaign`.

`fault_campaign.py` says what is demanded of every fault, and plays one alone.
"""

from __future__ import annotations

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
# Every kind of each device once where that is quick, else the next ones in turn.
SAMPLE = {
    "samv-serial": 17,
    "samv-usb": 18,
    "samv-library": 5,
    "smart-cards": 7,
    "face-camera": 3,
    "document-camera": 2,
    "face-engine": 2,
    "cups": 4,
    "receipts-serial": 6,
    "receipts-network": 5,
    "scanner-serial": 8,
    "scanner-wedge": 8,
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
    count = FAULTS[device] if LONG else SAMPLE[device]
    tally = campaign(device, range(count))
    if LONG:
        with capsys.disabled():
            print(f"\n{HEAD}\n{tally.row()}")  # noqa: T201 - the table is what this is for
    assert not tally.failures, "\n".join(map(str, tally.failures))
    assert tally.faults == count


# The campaign itself can fail.


class Liar(SerialReader):
    """A reader whose driver says somebody else's name, hangs on, or raises anything."""

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
            while cancel.remaining_s > -2.0:
                self._over.wait(0.05)
            raise DeviceError(Fault.DEADLINE)
        if self.what == "crash":
            raise KeyError("nobody foresaw this")
        self.left = open("/dev/null", "rb")  # noqa: SIM115 - it is left on purpose
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
    what: str, error: type[CaseFailed], text: str
) -> None:
    bench = Liar(what)
    runner = Runner(bench)
    try:
        with pytest.raises(error, match=text) as failed:
            runner.play(Case("samv-serial", 16, 7))
    finally:
        runner.close()
        bench.close()
        if what == "leak":
            bench.left.close()
    assert "fault_campaign.py samv-serial:16 --seed 7" in str(failed.value)


def test_a_case_is_the_same_each_time_it_is_played() -> None:
    draws = [Case("cups", 3).chance.random() for _ in range(2)]
    assert draws[0] == draws[1] != Case("cups", 4).chance.random()
