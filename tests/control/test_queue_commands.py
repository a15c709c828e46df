"""`kiosk queue ...`: through the socket of a running terminal, and at the outbox itself."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.words import load_words
from kiosk.cli import main
from kiosk.contract import canonical_bytes
from kiosk.contract.export import SignedExportManifest, handover_name, part_name
from kiosk.contract.problem import ProblemCode
from kiosk.contract.suites import SealError, SuiteId, suite_of
from kiosk.control import ControlServer
from kiosk.queue_command import reason_in_words
from kiosk.queue_desk import QueueDesk
from kiosk.sealing import KEYS, Sealing, signing_keys
from offline_queue import Outbox, Receipt, Sealed, SealedPart, State
from offline_queue.answers import TABLE, Verdict

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20
NOW = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)


class House:
    """Settings, an outbox with one of each state, and a way to run commands."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = place / "data"
        self.settings = place / "kiosk.toml"
        self.socket = place / "control.sock"
        self.settings.write_text(
            f'[terminal]\ncode = "LW042"\n[data]\ndirectory = "{self.data}"\n'
            f'socket = "{self.socket}"\n'
        )
        self._capsys = capsys
        self.numbers: dict[State, str] = {}
        self.sealing = Sealing(
            self.data / KEYS,
            terminal="LW042",
            suite=SuiteId.INTERNATIONAL,
            authority_keys=(),
            now=lambda: NOW,
        )
        with self.open() as outbox:
            for state in (State.QUEUED, State.WAITING, State.QUARANTINED, State.DELIVERED):
                self.numbers[state] = self._one(outbox, state)

    def open(self) -> Outbox:
        return Outbox.open(self.data / "outbox", terminal="LW042", chain=self.sealing.chain)

    def _one(self, outbox: Outbox, state: State) -> str:
        number = outbox.reserve_number().result(WAIT_S)
        id_ = uuid.uuid4().hex
        part = f"part of {id_}".encode()
        new = Sealed(
            id_,
            number,
            b"{}",
            hashlib.sha256(b"{}").hexdigest(),
            (SealedPart(part, hashlib.sha256(part).hexdigest()),),
            NOW,
        )
        outbox.enqueue(new).result(WAIT_S)
        if state is State.DELIVERED:
            outbox.mark_delivered(id_, Receipt("C-1", 1, NOW.isoformat())).result(WAIT_S)
        elif state is not State.QUEUED:
            others = [row.id for row in outbox.listing().result(WAIT_S) if row.id != id_]
            assert outbox.claim(others).result(WAIT_S) is not None
            reason = "refused 422 unreadable" if state is State.QUARANTINED else "network"
            outbox.put_back(id_, state, reason).result(WAIT_S)
        return number

    def run(self, *words: str) -> tuple[int, str]:
        """Exit status and what was said."""
        status = main(["queue", *words, "--settings", str(self.settings), "--language", "en"])
        said = self._capsys.readouterr()
        return status, said.out + said.err

    def json(self, *words: str) -> Any:
        status, said = self.run(*words, "--json")
        assert status in (0, 1), said
        return json.loads(said)


@pytest.fixture(params=["running", "stopped"])
def house(
    request: pytest.FixtureRequest, short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[House]:
    """Both with a terminal that answers on the socket and without one."""
    house = House(short_dir, capsys)
    if request.param == "stopped":
        yield house
        return
    with house.open() as outbox:
        desk = QueueDesk(outbox, lambda: house.sealing, terminal="LW042", now=lambda: NOW)
        with ControlServer(house.socket, desk.handlers()):
            yield house


def test_status(house: House) -> None:
    status, said = house.run("status")
    assert status == 0
    figures = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert {s: figures[s] for s in ("queued", "waiting", "quarantined", "delivered")} == {
        "queued": "1",
        "waiting": "1",
        "quarantined": "1",
        "delivered": "1",
    }
    assert figures["intake"] == "open"
    assert house.json("status")["counts"]["quarantined"] == 1


def test_list_leaves_out_what_has_arrived_and_says_why_the_rest_waits(house: House) -> None:
    status, said = house.run("list")
    assert status == 0
    lines = said.splitlines()
    assert [line.split()[0] for line in lines] == [
        house.numbers[state] for state in (State.QUEUED, State.WAITING, State.QUARANTINED)
    ]
    assert "The backend cannot be reached." in lines[1]
    assert "could not open it" in lines[2]
    assert house.json("list", "--state", "delivered")["submissions"][0]["case_number"] == "C-1"
    rest = house.json("list", "--after", house.numbers[State.WAITING])["submissions"]
    assert [row["number"] for row in rest] == [house.numbers[State.QUARANTINED]]


@pytest.mark.expected_logs("a control command failed: QueueError", reason="it is refused")
def test_show_says_what_to_do(house: House) -> None:
    status, said = house.run("show", house.numbers[State.QUARANTINED])
    assert status == 0
    assert "Its key may be missing there." in said
    assert "kiosk queue requeue" in said
    assert house.json("show", house.numbers[State.QUEUED])["position"] == 1
    status, said = house.run("show", "LW042-99999-0")
    assert status == 3
    assert said.startswith("QU-08 ")


def test_requeue_moves_only_what_is_in_quarantine(house: House) -> None:
    assert house.run("requeue", house.numbers[State.QUARANTINED])[0] == 0
    assert house.run("requeue", house.numbers[State.QUARANTINED])[0] == 1
    assert house.run("requeue", house.numbers[State.DELIVERED])[0] == 1
    assert house.json("show", house.numbers[State.QUARANTINED])["state"] == "waiting"


@pytest.mark.expected_logs("a control command failed: QueueError", reason="it is refused")
def test_export_writes_one_signed_file_and_the_same_again(house: House, tmp_path: Path) -> None:
    status, said = house.run("export", str(tmp_path))
    assert status == 0
    assert "2 applications are on the stick" in said
    (path,) = tmp_path.iterdir()
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        signed = SignedExportManifest.model_validate_json(file.read("manifest.json"))
        told = signed.manifest.applications
        assert [one.receipt_number for one in told] == [
            house.numbers[State.QUEUED],
            house.numbers[State.WAITING],
        ]
        for one in told:
            body = file.read(handover_name(one.application_id))
            assert hashlib.sha256(body).hexdigest() == one.handover
            assert json.loads(body)["chain"]["entry"]["application_id"] == one.application_id
            part = file.read(part_name(one.application_id, 0))
            assert part == f"part of {one.application_id}".encode()
            assert hashlib.sha256(part).hexdigest() == one.parts[0]
    key = signing_keys(house.data / KEYS)[SuiteId.INTERNATIONAL]
    verifier = suite_of(SuiteId.INTERNATIONAL).verifier(key.id, key.public)
    verifier.verify(canonical_bytes(signed.manifest), signed.signature)
    with pytest.raises(SealError):
        verifier.verify(canonical_bytes(signed.manifest) + b" ", signed.signature)

    again = house.json("export", str(tmp_path))
    assert (again["written"], again["applications"]) == (0, 2)
    assert path.read_bytes() == raw
    assert house.json("status")["counts"]["queued"] == 1, "it stays here"
    assert house.json("show", house.numbers[State.QUEUED])["exported_at"]
    assert house.run("export", str(tmp_path / "none"))[1].startswith("QU-1")


@pytest.mark.expected_logs("a control command failed: QueueError", reason="it is refused")
def test_acknowledgements_that_nobody_signed_change_nothing(house: House, tmp_path: Path) -> None:
    shown = house.json("show", house.numbers[State.QUEUED])
    path = tmp_path / "acknowledgements.json"
    forged = {"application_id": shown["id"], "digest": shown["digest"], "case_number": "C-9"}
    path.write_text(json.dumps({"acknowledgements": [forged, {"application_id": "0" * 32}]}))
    status, said = house.run("import-acknowledgements", str(path))
    assert status == 1
    assert "1 not verified, 1 of another terminal" in said
    assert house.json("show", house.numbers[State.QUEUED])["state"] == "queued"
    path.write_text("[]")
    status, said = house.run("import-acknowledgements", str(path))
    assert status == 3
    assert said.startswith("QU-12 ")


def test_metrics_have_figures_and_nothing_personal(house: House, tmp_path: Path) -> None:
    status, said = house.run("metrics")
    assert status == 0
    samples = dict(line.rsplit(" ", 1) for line in said.splitlines() if not line.startswith("#"))
    assert samples['kiosk_outbox_submissions{state="quarantined"}'] == "1"
    assert samples["kiosk_outbox_undelivered"] == "3"
    assert samples['kiosk_outbox_intake{level="open"}'] == "1"
    assert int(samples["kiosk_outbox_last_acknowledgement_age_seconds"]) >= 0
    assert all(number not in said for number in house.numbers.values())
    names = {line.split()[2] for line in said.splitlines() if line.startswith("# TYPE")}
    assert {name.partition("{")[0] for name in samples} == names, "each has its type"
    path = tmp_path / "kiosk.prom"
    assert house.run("metrics", "--file", str(path)) == (0, "")
    assert path.read_text().splitlines()[:2] == said.splitlines()[:2]
    assert house.run("metrics", "--file", str(tmp_path / "no" / "x"))[0] == 3


def test_no_outbox_is_made_by_looking(short_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = short_dir / "kiosk.toml"
    settings.write_text(f'[data]\ndirectory = "{short_dir}/d"\nsocket = "{short_dir}/s"\n')
    for words in (["status"], ["list"], ["requeue", "X"], ["export", str(short_dir)]):
        assert main(["queue", *words, "--settings", str(settings)]) == 3
        assert capsys.readouterr().err.startswith("QU-08 ")
    assert not (short_dir / "d").exists()


def test_a_terminal_that_has_the_outbox_but_does_not_answer(
    short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(short_dir, capsys)
    with house.open():
        status, said = house.run("status")
    assert status == 3
    assert said.startswith("QU-04 ")


def test_the_terminal_in_another_process(
    short_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(short_dir, capsys)
    code = (
        "import sys; from kiosk.control import ControlServer;"
        "from kiosk.queue_desk import QueueDesk;"
        "from datetime import UTC, datetime; from offline_queue import Outbox;"
        "o=Outbox.open(sys.argv[2]);"
        "d=QueueDesk(o, None, terminal='LW042', now=lambda: datetime.now(UTC));"
        "c=ControlServer(sys.argv[1], d.handlers());"
        "print('ready',flush=True); sys.stdin.read(); c.close(); o.close()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(house.socket), str(house.data / "outbox")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    assert house.json("status")["counts"]["queued"] == 1
    child.communicate(b"", timeout=WAIT_S)
    assert child.returncode == 0
    assert house.json("status")["counts"]["queued"] == 1


def test_every_reason_for_quarantine_has_words_in_both_languages() -> None:
    words = load_words()
    rows = {row.name for row in TABLE if row.verdict is not Verdict.DELIVERED}
    codes = {
        ProblemCode.INVALID,
        ProblemCode.DIGEST_WRONG,
        ProblemCode.TOO_LARGE,
        ProblemCode.CONFLICT,
        ProblemCode.UNREADABLE,
        ProblemCode.NUMBER_TAKEN,
        ProblemCode.WRONG_TERMINAL,
    }
    for language in (words.zh, words.en):
        for reason in (*(f"refused 422 {code.value}" for code in codes), *rows):
            assert reason_in_words(reason, language) != reason, reason
        for reason in ("damaged-here QU-06", "damaged-here QU-08"):
            assert reason_in_words(reason, language) != reason
        assert reason_in_words("", language) == ""
        assert reason_in_words("something new 499", language) == "something new 499"
