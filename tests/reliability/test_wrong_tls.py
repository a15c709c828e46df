"""Who shows a certificate that must not be believed learns nothing and loses nothing for us.

The door stands between terminal and backend, and the certificate is false from the first
request on, between parts and application, or after the commit whose answer was lost. When it is
mended the application arrives, once and whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from proxy import FAULTS, Proxy
from sqlalchemy import select
from sqlalchemy.orm import Session
from terminals import RealTerminal, VirtualPace, fetch_keys
from tls_door import TlsDoor, false_ones, issue

from central_backend.database import StoredApplication, StoredAttachment
from central_backend.embedded import EmbeddedBackend
from offline_queue import Alarm, Delivered, LineChanged, Saved, SenderEvent, State

SIZES = (900, 700)
AUTHORITY = issue(authority=True)
FALSE = false_ones(AUTHORITY)
# When the certificate becomes false, by the fault that breaks the connection before.
MOMENTS = {
    "from the first request on": None,
    "before the application": "reset",
    "after the commit": "reset after commit",
}


class Scene:
    """A terminal that knows one authority, the door, and the backend."""

    def __init__(self, place: Path, backend: EmbeddedBackend, proxy: Proxy, door: TlsDoor) -> None:
        bundle = place / "authority.pem"
        bundle.write_bytes(AUTHORITY.pem())
        self.backend, self.proxy, self.door = backend, proxy, door
        self.pace = VirtualPace()
        self.events: list[SenderEvent] = []
        self.terminal = RealTerminal(
            place,
            door.url,
            backend.authority_pin,
            fetch_keys(backend.url),
            pace=self.pace,
            on_change=self.events.append,
            verify=str(bundle),
        )
        self.contexts = {
            name: None if false is None else false.context(place) for name, false in FALSE.items()
        }

    def until_alarm(self) -> None:
        """Let time pass until the terminal alarms."""
        for _ in range(50):
            wait_s = self.terminal.sender.step()
            if self.terminal.sender.alarm:
                return
            self.pace.now += wait_s or 0.0
        raise AssertionError("no alarm")

    def until_delivered(self, saved: Saved) -> None:
        """Let time pass until it has arrived."""
        for _ in range(50):
            if self.terminal.state(saved.number) is State.DELIVERED:
                return
            self.pace.now += self.terminal.sender.step() or 0.0
        raise AssertionError("it never arrives")

    def arrived(self, saved: Saved) -> list[int]:
        """The sizes of its parts at the backend, which has it as it was saved."""
        with Session(self.backend.engine) as session:
            kept = session.get(StoredApplication, saved.id)
            assert kept is not None
            assert kept.digest == saved.digest
            parts = select(StoredAttachment.size).where(StoredAttachment.application_id == saved.id)
            return sorted(session.scalars(parts))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    place = tmp_path_factory.mktemp("terminal")
    with EmbeddedBackend() as backend:
        proxy = Proxy(backend.url)
        right = issue(AUTHORITY).context(place)
        with TlsDoor(proxy.url, right) as door:
            made = Scene(place, backend, proxy, door)
            yield made
            made.terminal.close()
        proxy.close()


@pytest.mark.expected_logs("nothing can be delivered: tls", reason="it must alarm")
@pytest.mark.parametrize("moment", list(MOMENTS))
@pytest.mark.parametrize("name", list(FALSE))
def test_a_false_certificate(scene: Scene, name: str, moment: str) -> None:
    """Once, and three connections in a row: two cases."""
    for times in (1, 3):
        _one(scene, name, moment, times)


def _one(scene: Scene, name: str, moment: str, times: int) -> None:
    terminal, door = scene.terminal, scene.door
    door.cut()
    door.raw.clear()
    scene.events.clear()
    door.shown = 0
    fault = MOMENTS[moment]
    if fault is not None:
        scene.proxy.plant("POST applications", FAULTS[fault])
    saved = terminal.save(SIZES)
    if fault is not None:
        terminal.sender.step()  # with the right certificate, until the line breaks
        assert scene.proxy.clear() == 0
    committed = scene.backend.effect_count(saved.id)
    assert committed == (moment == "after the commit")
    door.plant(scene.contexts[name], times)
    scene.until_alarm()
    assert terminal.sender.alarm == "tls"
    attempts = terminal.outbox.delivery(saved.number).result(20).attempts
    assert attempts == (fault is not None), "a false certificate is no attempt"
    assert scene.backend.effect_count(saved.id) == committed
    scene.until_delivered(saved)
    assert door.shown == times
    assert door.planted == 0
    assert scene.backend.effect_count(saved.id) == 1
    assert scene.arrived(saved) == sorted(SIZES), "whole"
    assert terminal.sender.alarm == "", "mended"
    kinds = [type(event) for event in scene.events]
    assert kinds.index(Alarm) < kinds.index(Delivered)
    assert [e.reason for e in scene.events if isinstance(e, Alarm)] == ["tls"], "said once"
    line = [event.up for event in scene.events if isinstance(event, LineChanged)]
    assert line[-2:] == [False, True], "down with the alarm, and back when it is mended"
    _nothing_told(door, saved)


def _nothing_told(door: TlsDoor, saved: Saved) -> None:
    """Towards a false certificate nothing was said but the beginning of a handshake."""
    assert not door.heard
    assert door.raw[:1] == b"\x16", "a handshake"
    for word in (saved.id, saved.number, "HTTP", "/v1/", "POST", "PUT", "GET"):
        assert word.encode() not in door.raw, word


def test_the_right_certificate_is_believed(scene: Scene) -> None:
    """Else the others prove nothing."""
    scene.door.shown = 0
    saved = scene.terminal.save(SIZES)
    scene.until_delivered(saved)
    assert scene.door.shown == 0
    assert scene.arrived(saved) == sorted(SIZES)
