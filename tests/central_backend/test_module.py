"""A certified module in the place of software, at the terminal and at the backend."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from central_backend import cli, keyring
from central_backend.embedded import EmbeddedBackend
from kiosk.contract import suites
from kiosk.contract.suites import KeyPair, KeyUse, Sealer, SealError, Signer, SuiteId, Unsealer
from kiosk.contract.suites.national import National, Sm3Hasher
from kiosk.contract.suites.ports import Verifier
from offline_queue import State

sys.path.append(str(Path(__file__).resolve().parents[1] / "reliability"))
from terminals import RealTerminal, VirtualPace, fetch_keys


class Card:
    """Stands in for a module: a private key never leaves it, and has a slot's name outside."""

    id = SuiteId.NATIONAL
    hasher = Sm3Hasher()

    def __init__(self) -> None:
        self._inside = National()
        self.slots: dict[bytes, KeyPair] = {}
        self.asked: set[str] = set()

    def generate(self, use: KeyUse) -> KeyPair:
        """A new key in the next slot."""
        pair = self._inside.generate(use)
        slot = f"slot {len(self.slots)}".encode()
        self.slots[slot] = pair
        return KeyPair(pair.id, pair.suite, pair.use, pair.public, slot)

    def sealer(self, key_id: str, public: bytes) -> Sealer:
        """Seals to somebody."""
        self.asked.add("seal")
        return self._inside.sealer(key_id, public)

    def unsealer(self, pair: KeyPair) -> Unsealer:
        """Opens with a slot."""
        self.asked.add("open")
        return self._inside.unsealer(self.slots[pair.private])

    def signer(self, pair: KeyPair) -> Signer:
        """Signs with a slot."""
        self.asked.add("sign")
        return self._inside.signer(self.slots[pair.private])

    def verifier(self, key_id: str, public: bytes) -> Verifier:
        """Verifies for somebody."""
        self.asked.add("verify")
        return self._inside.verifier(key_id, public)


CARD = Card()
NO_SUITE = object()
HALF = type("Half", (), {"id": "2", "hasher": None})()


@pytest.fixture(autouse=True)
def _as_in_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "_attached", {})


def test_an_application_goes_its_whole_way_and_no_key_leaves_the_module(tmp_path: Path) -> None:
    suites.attach(f"{__name__}:CARD")
    keys, now = tmp_path / "keys", datetime.now(UTC)
    national = (SuiteId.NATIONAL,)
    pin = keyring.init(keys, tmp_path / "authority.key", name="x", suites=national, now=now)
    made = keyring.Made(keyring.DirectoryKeyring(keys), pin)
    pace = VirtualPace()
    with EmbeddedBackend(f"sqlite:///{tmp_path}/c.db", keys=made) as backend:
        terminal = RealTerminal(
            tmp_path / "terminal",
            backend.url,
            pin,
            fetch_keys(backend.url),
            pace=pace,
            suite=SuiteId.NATIONAL,
        )
        saved = terminal.save((900,))
        while (wait_s := terminal.sender.step()) is not None:
            pace.now += wait_s
        assert terminal.state(saved.number) is State.DELIVERED
        assert backend.effect_count(saved.id) == 1
        terminal.close()
    assert CARD.asked == {"seal", "open", "sign", "verify"}
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for slot, pair in CARD.slots.items():
        assert any(base64.b64encode(slot) in data for data in kept), "the file names the slot"
        for told in (pair.private, base64.b64encode(pair.private)):
            assert not any(told in data for data in kept)


@pytest.mark.parametrize("name", ["no_such_package:it", f"{__name__}:NO_SUITE", f"{__name__}:HALF"])
def test_what_is_no_module_stops_the_start_with_its_name(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SealError, match=f"SE-03.*{name}"):
        suites.attach(name)
    assert suites.suite_of("2") is suites.SUITES[SuiteId.NATIONAL], "as before"
    settings = tmp_path / "backend.toml"
    settings.write_text(f"[keys]\nmodule = {json.dumps(name)}\n")
    assert cli.main(["keys", "list", "--settings", str(settings)]) == 2
    assert "BE-04 [keys] module: SE-03" in capsys.readouterr().err
