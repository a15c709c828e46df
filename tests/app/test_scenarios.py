"""Whole visits, played by themselves: every scenario, as anybody would start it.

Each run is a process of its own, `kiosk demo --headless`; two run at a time, since a visit
waits for people most of the time. What a run wrote is then looked at.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from shipped import shipped_pack

from devices.simulators.cards import PEOPLE
from kiosk.cli import SCENARIO_NAMES
from kiosk.demo.chips import DATA_PAGE
from kiosk.demo.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
RUN_DEADLINE_S = 110
AT_A_TIME = 2
NUMBER = re.compile(r"^LW042-\d{5,}-[0-9A-Z]$")
PNG = b"\x89PNG\r\n\x1a\n"
TYPED = ("13800000001", "SAMPLE NAME", "SAMPLE ROAD")
NOT_TO_BE_SEEN = (
    *TYPED,
    *(person.name for person in PEOPLE.values()),
    *(person.number for person in PEOPLE.values()),
    *(person.address for person in PEOPLE.values() if person.address),
)


NUMBERS = {DATA_PAGE["number"], *(person.number for person in PEOPLE.values())}


@dataclass(frozen=True)
class Run:
    """What one run of the command left behind."""

    out: Path
    status: int
    stdout: str
    stderr: str

    @cached_property
    def visit(self) -> dict[str, Any]:
        return dict(json.loads((self.out / "visit.json").read_text(encoding="utf-8")))

    @cached_property
    def central(self) -> list[dict[str, Any]]:
        return list(json.loads((self.out / "central.json").read_text(encoding="utf-8")))

    @cached_property
    def paper(self) -> str:
        """The receipt's text."""
        pages = PdfReader(self.out / "receipt.pdf").pages
        return "".join(page.extract_text() for page in pages)

    def states(self, step: str) -> list[str]:
        return [shown["state"] for shown in self.visit["steps"] if shown["name"] == step]

    def notices(self) -> set[str]:
        return {shown["notice"] for shown in self.visit["steps"]} - {""}


def play(out: Path, arguments: tuple[str, ...]) -> Run:
    command = [sys.executable, "-m", "kiosk.cli", "demo", "--headless", "--out", str(out)]
    done = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=RUN_DEADLINE_S,
        check=False,
    )
    return Run(out, done.returncode, done.stdout, done.stderr)


USUAL = {name: ("--scenario", name) for name in SCENARIO_NAMES}
ENGLISH = "offline, English, large, with a bundle"
LANDSCAPE = "certificate, landscape"
TWO = "happy, with two parties"
LARGE = "certificate, large"  # as the offline one above; its own pictures are in the campaign
OTHERS = {
    TWO: ("--scenario", "happy", "--item", "HJ-001"),
    ENGLISH: (
        *("--scenario", "offline", "--item", "TX-001"),
        *("--language", "en", "--size", "large"),
    ),
    LANDSCAPE: ("--scenario", "certificate", "--screen", "1920x1080"),
    LARGE: ("--scenario", "certificate", "--size", "large"),
}
# What `make test` plays in one of the other ways above; as it is, it is for the campaign.
PLAYED_OTHERWISE = ("happy", "offline", "certificate")
# A query with the card alone is what `test_pulls.py` plays.
ITEMS = (
    "HJ-001",
    "TX-001",
    "SF-001",
    "FC-001",
    "FC-002",
    "GG-001",
    "GSH-001",
    "JT-001",
    "MB-001",
    "SB-001",
    "SB-002",
    "SMK-001",
    "YB-001",
    "YS-001",
)
BY_ITEM = {code: ("--item", code) for code in ITEMS}
ALL = {**USUAL, **OTHERS, **BY_ITEM}


class Runs:
    """Runs what the tests of this session will ask for, ahead of them."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="scenario")
        self._runs: dict[str, Future[Run]] = {
            name: self._pool.submit(play, folder / str(number), ALL[name])
            for number, name in enumerate(names)
        }

    def __getitem__(self, name: str) -> Run:
        return self._runs[name].result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    asked: dict[str, None] = {}
    for item in request.session.items:
        if item.path == request.path:
            parameters = getattr(item, "callspec", None)
            name = parameters.params.get("name") if parameters else item.name.split("__")[-1]
            asked[str(name)] = None
    shipped_pack()  # compiled for all of them
    made = Runs(tmp_path_factory.mktemp("runs"), [name for name in ALL if name in asked])
    yield made
    made.close()


def check(run: Run) -> None:
    """What holds for every run."""
    assert run.status == 0, run.stdout + run.stderr
    visit = run.visit
    assert visit["outcome"] == "as it should"
    assert "Traceback" not in run.stderr
    assert "WARNING" not in run.stderr
    for secret in NOT_TO_BE_SEEN:
        assert secret not in run.stderr + run.stdout, "somebody is named in the log"
    names = [step["screenshot"] for step in visit["steps"]]
    assert len(set(names)) == len(names)
    for name in names:
        assert (run.out / name).read_bytes().startswith(PNG), f"{name} is no picture"
    times = [step["at_s"] for step in visit["steps"]]
    assert times == sorted(times)
    assert visit["steps"][0]["name"] == "welcome"
    assert visit["steps"][-1]["name"] == "welcome", "the terminal is anybody's again"
    assert not list(run.out.glob("*.part"))


def check_delivered(run: Run) -> None:
    """An application that the backend has, once, and whose number is on the receipt."""
    visit = run.visit
    assert NUMBER.match(visit["receipt_number"])
    assert visit["delivery"]["state"] == "delivered"
    assert visit["delivery"]["attempts"] >= 1
    (stored,) = run.central
    assert stored["receipt_number"] == visit["receipt_number"]
    assert stored["effects"] == 1
    assert [case["case_number"] for case in stored["cases"]] == [visit["delivery"]["case_number"]]
    document = stored["document"]
    assert document["item"]["code"] == visit["item"]
    assert document["created"]["clock_trusted"] is True
    assert document["language"] == visit["language"]
    for party in document["parties"]:
        assert party["number"] in NUMBERS


def check_receipt(run: Run) -> None:
    assert run.visit["receipt_number"] in run.paper
    assert (run.out / "receipt.png").read_bytes().startswith(PNG)


def check_face(run: Run, *, matched: bool = True) -> None:
    face = run.visit["verification"]["applicant"]
    assert face["matched"] is matched
    assert face["frames_used"] >= 1
    assert 0.2 <= face["threshold"] <= 0.6
    assert (face["distance"] <= face["threshold"]) is matched


def some(names: Iterable[str], campaign: Container[str]) -> list[Any]:
    """Parameters, of which those in `campaign` are for the campaign."""
    return [pytest.param(n, marks=pytest.mark.campaign) if n in campaign else n for n in names]


@pytest.mark.parametrize("name", some(USUAL, PLAYED_OTHERWISE))
def test_a_scenario_ends_as_it_should(runs: Runs, name: str) -> None:
    run = runs[name]
    check(run)
    assert run.visit["scenario"] == name
    assert len(run.central) == SCENARIOS[name].stored
    CHECKS[name](run)


def happy(run: Run) -> None:
    check_delivered(run)
    check_receipt(run)
    check_face(run)
    shown = run.states("submitted")
    assert shown.index("saved") < shown.index("received")
    assert "张" not in run.visit["said_first"]


def certificate(run: Run) -> None:
    assert run.visit["touches"] <= 7
    assert run.visit["certificate_number"]
    check_face(run)
    text = "".join(page.extract_text() for page in PdfReader(run.out / "certificate.pdf").pages)
    assert run.visit["certificate_number"] in text
    assert PEOPLE["elder"].name in text
    assert (run.out / "certificate.png").read_bytes().startswith(PNG)


def offline(run: Run) -> None:
    check_delivered(run)
    check_receipt(run)
    assert run.visit["said_first"] == "saved"
    assert "received" not in run.states("submitted"), "it was said without an answer"
    assert "line up=False" in run.stderr
    kept = "Kept on this terminal" if run.visit["language"] == "en" else "本机"
    assert kept in run.paper or "终端" in run.paper
    check_turn_was_spoken(run)


def check_turn_was_spoken(run: Run) -> None:
    """The demanded turn was shown and said, each time, in the language of the screen."""
    assert run.visit["verification"]["applicant"]["liveness"] == "turn"
    spoken = run.visit["spoken"]
    assert {one["language"] for one in spoken} == {run.visit["language"]}
    keys = [one["key"] for one in spoken]
    assert keys[0] == "take-card"
    turns = [key for key in keys if key.startswith("turn-")]
    assert turns[-2] in ("turn-left", "turn-right")
    assert turns[-1] == "turn-back"
    assert keys[-2:] == ["take-receipt", "take-things"]
    assert {one["code"] for one in spoken} <= {"", "DV-01"}, "cut off at most by what came next"
    assert spoken[-1]["heard_s"] > 1.0


def wrong_person(run: Run) -> None:
    check_face(run, matched=False)
    assert run.states("verify_face").count("failed") == 3
    assert "face-different" in run.notices()
    assert run.states("other_way")
    assert not run.states("result"), "nobody's record was shown"
    assert not (run.out / "certificate.pdf").exists()


def refuses_face(run: Run) -> None:
    check_delivered(run)
    check_receipt(run)
    face = run.visit["verification"]["applicant"]
    assert face["assisted"] is True
    assert face["distance"] is None
    assert "looking" not in run.states("verify_face"), "the camera was on without consent"
    kinds = [e["kind"] for e in run.central[0]["document"]["parties"][0]["evidence"]]
    assert kinds == ["card", "assisted"]


def app_code(run: Run) -> None:
    check_delivered(run)
    check_receipt(run)
    assert "code-other-person" in run.notices()
    assert "looking" not in run.states("verify_face"), "the camera was on without consent"
    party = run.central[0]["document"]["parties"][0]
    assert [e["kind"] for e in party["evidence"]] == ["card", "app-code"]
    assert "YBM1:" not in run.stderr + run.stdout


def social_card(run: Run) -> None:
    check_delivered(run)
    check_receipt(run)
    assert "card-not-usable" in run.notices(), "a bank card is said to be of no use"
    assert not run.states("verify_face"), "a camera was asked for without a portrait to match"
    party = run.central[0]["document"]["parties"][0]
    assert [e["kind"] for e in party["evidence"]] == ["card", "assisted"]


def passport(run: Run) -> None:
    check_delivered(run)
    check_face(run)
    assert "data-page-wrong" in run.notices()
    assert run.states("identify").count("key") == 3, "the wrong page, and the notice, and again"
    party = run.central[0]["document"]["parties"][0]
    assert party["name"] == PEOPLE["man"].name, "as the chip has it, beside the Latin letters"


def no_match_at_night(run: Run) -> None:
    check_face(run, matched=False)
    assert run.states("other_way")


def card_removed(run: Run) -> None:
    assert "card-removed" in run.notices()
    assert run.states("identify")[:3] == ["waiting", "reading", "failed"]
    check_face(run)
    assert (run.out / "certificate.pdf").exists()


def expired_card(run: Run) -> None:
    assert "card-expired" in run.notices()
    assert not run.states("verify_face")


def out_of_paper(run: Run) -> None:
    check_delivered(run)
    assert "paper-out" in run.notices()
    assert "print-failed code=PR-02 kind=receipt" in run.stderr


def idle(run: Run) -> None:
    assert [one["key"] for one in run.visit["spoken"]][-1] == "still-there"
    warned = [step for step in run.visit["steps"] if "idle" in step["screenshot"]]
    assert warned, "nobody was warned"  # twice, where the card's pause ends meanwhile
    assert run.visit["steps"][-1]["at_s"] - warned[0]["at_s"] >= 19, "time enough to come back"
    assert "visit-ended reason=idle" in run.stderr


def power_cut(run: Run) -> None:
    check_delivered(run)
    check_face(run)
    assert run.stderr.count("started trusted=True") == 2
    assert run.states("sign"), "the half before the cut is told too"
    text = "".join(page.extract_text() for page in PdfReader(run.out / "stub.pdf").pages)
    assert run.visit["receipt_number"] in text
    for secret in NOT_TO_BE_SEEN:
        assert secret not in text, "a stub is found by whoever comes next"
    assert (run.out / "stub.png").read_bytes().startswith(PNG)


CHECKS = {
    "happy": happy,
    "certificate": certificate,
    "offline": offline,
    "wrong-person": wrong_person,
    "refuses-face": refuses_face,
    "app-code": app_code,
    "social-card": social_card,
    "passport": passport,
    "no-match-at-night": no_match_at_night,
    "card-removed": card_removed,
    "expired-card": expired_card,
    "out-of-paper": out_of_paper,
    "idle": idle,
    "power-cut": power_cut,
}


def test_every_scenario_of_the_command_line_is_there_and_looked_at() -> None:
    assert set(SCENARIO_NAMES) == set(SCENARIOS) == set(CHECKS)


@pytest.mark.parametrize("name", some(OTHERS, (LARGE,)))
def test_in_another_language_size_direction_or_item(runs: Runs, name: str) -> None:
    run = runs[name]
    check(run)
    arguments = dict(zip(OTHERS[name][::2], OTHERS[name][1::2], strict=True))
    assert run.visit["language"] == arguments.get("--language", "zh")
    assert run.visit["size"] == arguments.get("--size", "normal")
    scenario = arguments["--scenario"]
    assert run.visit["item"] == arguments.get("--item", SCENARIOS[scenario].item)
    assert len(run.central) == SCENARIOS[scenario].stored
    CHECKS[scenario](run)
    if name == ENGLISH:
        assert "Receipt" in run.paper


@pytest.mark.campaign
@pytest.mark.parametrize("name", ITEMS)
def test_an_item_from_choosing_to_the_paper(runs: Runs, name: str) -> None:
    run = runs[name]
    check(run)
    assert run.visit["item"] == name
    if run.states("submitted"):
        check_delivered(run)
        check_receipt(run)
        assert len(run.central) == 1
    else:
        assert run.states("result")[-1] in ("ready", "none")
        assert run.central == []
