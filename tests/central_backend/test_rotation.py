"""New keys while queues are full: the backend changes them while a terminal has no line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from central_backend import keyring, terminals
from central_backend.embedded import EmbeddedBackend
from kiosk.contract.envelope import Envelope
from kiosk.contract.suites import SuiteId
from offline_queue import Saved, State

sys.path.append(str(Path(__file__).resolve().parents[1] / "reliability"))
from terminals import WAIT_S, RealTerminal, VirtualPace, fetch_keys

FIVE_MINUTES_S = 300


class Scene:
    """A backend with keys in a directory, and a terminal whose time the test moves."""

    def __init__(self, place: Path) -> None:
        self.keys, self._authority = place / "keys", place / "authority"
        suites = (SuiteId.INTERNATIONAL,)
        pin = keyring.init(
            self.keys, self._authority, name="x", suites=suites, now=datetime.now(UTC)
        )
        made = keyring.Made(keyring.DirectoryKeyring(self.keys), pin)
        self.backend = EmbeddedBackend(f"sqlite:///{place}/c.db", keys=made)
        self.pace = VirtualPace()
        self.terminal = RealTerminal(
            place / "terminal",
            self.backend.url,
            pin,
            fetch_keys(self.backend.url),
            pace=self.pace,
            beats=True,
        )

    def rotate(self) -> None:
        """The yearly ceremony."""
        keyring.rotate(self.keys, self._authority, now=datetime.now(UTC))

    def retire(self) -> tuple[str, ...]:
        """Delete what nobody needs, by what terminals last told; what went."""
        with Session(self.backend.engine) as session:
            told = terminals.told_of_keys(session)
        return keyring.retire(self.keys, self._authority, told, now=datetime.now(UTC))

    def sealed_to(self, saved: Saved) -> str:
        """The key of one that waits."""
        body = self.terminal.outbox.document(saved.id).result(WAIT_S)
        return Envelope.model_validate_json(body).header.key_id

    def pass_time(self, span_s: float) -> None:
        """Let the terminal do what is due within a span."""
        end = self.pace.now + span_s
        while self.pace.now < end:
            wait_s = self.terminal.sender.step()
            self.pace.now += min(end - self.pace.now, span_s if wait_s is None else wait_s)

    def close(self) -> None:
        self.terminal.close()
        self.backend.stop()


def test_new_keys_while_a_queue_is_full(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    terminal, backend = scene.terminal, scene.backend
    first = [terminal.save() for _ in range(3)]
    scene.pass_time(FIVE_MINUTES_S)
    assert {terminal.state(one.number) for one in first} == {State.DELIVERED}

    backend.pull_network()
    waiting = [terminal.save() for _ in range(3)]
    scene.pass_time(FIVE_MINUTES_S)
    (old,) = {scene.sealed_to(one) for one in waiting}
    scene.rotate()
    scene.rotate()  # years may have passed
    waiting.append(terminal.save())  # it does not know yet
    assert scene.sealed_to(waiting[-1]) == old
    assert old not in scene.retire(), "what waits there was sealed to it"

    backend.restore_network()
    scene.pass_time(3600)
    assert {terminal.state(one.number) for one in waiting} == {State.DELIVERED}
    assert [backend.effect_count(one.id) for one in first + waiting] == [1] * 7
    newest = backend.keyring.signed_set.key_set.version
    assert terminal.sealing.key_set_version == newest

    later = terminal.save()
    assert scene.sealed_to(later) != old
    assert old in scene.retire(), "it told that nothing waits under it, and that it knows the new"
    scene.pass_time(FIVE_MINUTES_S)
    assert terminal.state(later.number) is State.DELIVERED
    scene.close()
