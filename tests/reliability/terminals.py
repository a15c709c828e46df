"""Terminals for proofs: real sealing, real outbox, real sender, time that a test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import requests

from kiosk.contract import (
    ApplicationDocument,
    Attachment,
    CivilTime,
    DocumentKind,
    HandedMaterial,
    ItemRef,
    MaterialStatus,
    PartyOnPaper,
    TerminalRef,
    digest,
)
from kiosk.contract.suites import SuiteId
from kiosk.sealing import Sealing
from kiosk.world.heartbeat import Heartbeats
from offline_queue import (
    Heartbeat,
    Limits,
    Outbox,
    Saved,
    Sender,
    SenderEvent,
    SenderSettings,
    State,
)
from offline_queue.backoff import Backoff
from offline_queue.sender import Pace
from offline_queue.wire import WireSettings

WAIT_S: Final = 60
AT: Final = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)


class VirtualPace:
    """Time that passes only when a test says so."""

    def __init__(self, seed: int = 0) -> None:
        self.now = 1000.0
        self._random = Random(seed)

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return self._random.random()

    def wait(self, signal: threading.Event, timeout_s: float | None) -> None:
        raise AssertionError("a driven sender does not wait")


def application(
    number: str, terminal: str, id_: str, parts: list[bytes]
) -> tuple[ApplicationDocument, list[bytes]]:
    """A small valid application with these attachments."""
    attachments = tuple(
        Attachment(id=f"a{n}", sha256=digest(data), bytes=len(data), media_type="image/jpeg")
        for n, data in enumerate(parts)
    )
    document = ApplicationDocument(
        application_id=id_,
        receipt_number=number,
        terminal=TerminalRef(code=terminal),
        item=ItemRef(code="sample-item", kind="apply", pack="0123abcd"),
        created=CivilTime(at=AT, clock_trusted=True),
        language="zh",
        parties=(
            PartyOnPaper(
                role="applicant",
                name="张三",
                document_kind=DocumentKind.RESIDENT_ID,
                number=f"no-{id_}",
            ),
        ),
        materials=(
            HandedMaterial(id="paper", status=MaterialStatus.HANDED_IN, attachments=attachments),
        ),
    )
    return document, parts


class RealTerminal:
    """One terminal's directory, keys, outbox and sender."""

    def __init__(
        self,
        place: Path,
        url: str,
        pin: str,
        key_set: bytes,
        *,
        code: str = "LW042",
        pace: Pace | None = None,
        seed: int = 0,
        on_change: Callable[[SenderEvent], None] = lambda _: None,
        read_timeout_s: float = WAIT_S,
        backoff: Backoff | None = None,
        spread_s: float = 0.0,
        verify: bool | str = True,
        vfs: str | None = None,
        beats: bool = False,
        suite: SuiteId = SuiteId.INTERNATIONAL,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """`beats` has it tell the backend of itself and hear of new keys, as a terminal does."""
        self.code = code
        self._chance = Random(f"{code} {seed}")
        self.sealing = Sealing(
            place / "keys",
            terminal=code,
            suite=suite,
            authority_keys=[pin],
            now=lambda: datetime.now(UTC),
        )
        self.sealing.offer(key_set)
        self.outbox = Outbox.open(
            place / "outbox",
            terminal=code,
            chain=self.sealing.chain,
            limits=Limits(free_least_bytes=0, ballast_bytes=0),
            vfs=vfs,
        )
        wire = WireSettings(
            url, read_timeout_s=read_timeout_s, verify=verify, certificate=certificate
        )
        self.sender = Sender(
            self.outbox,
            SenderSettings(wire, backoff or Backoff(), spread_s=spread_s),
            on_change=on_change,
            acknowledge=self.sealing.acknowledged,
            heartbeat=self._heartbeat() if beats else None,
            pace=pace,
        )

    def _heartbeat(self) -> Heartbeat:
        made = Heartbeats(self.code, "0123abcd", self.sealing, lambda: True)
        return Heartbeat(made.tell, made.told, made.keys)

    def save(self, sizes: tuple[int, ...] = (900, 5000)) -> Saved:
        """A resident hands something in, with attachments of these sizes."""
        number = self.outbox.reserve_number().result(WAIT_S)
        parts = [self._chance.randbytes(size) for size in sizes]
        id_ = self._chance.randbytes(16).hex()
        document, data = application(number, self.code, id_, parts)
        sealed = self.sealing.seal_application(document, data)
        return self.outbox.enqueue(sealed).result(WAIT_S)

    def state(self, number: str) -> State:
        """How far one has come."""
        told = self.outbox.delivery(number).result(WAIT_S)
        assert told is not None
        return told.state

    def close(self) -> None:
        """Stop it in good order."""
        self.sender.close()
        self.outbox.close()


def fetch_keys(url: str) -> bytes:
    """The backend's signed key set."""
    return requests.get(f"{url}/v1/keys", timeout=WAIT_S).content
