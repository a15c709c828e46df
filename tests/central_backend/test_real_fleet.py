"""Terminals with their own keys, outbox, sender and sockets against the backend on PostgreSQL.

They come back together while the line is pulled in between: everything arrives, once.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from central_backend.embedded import EmbeddedBackend
from offline_queue import Delivered, SenderEvent
from offline_queue.backoff import Backoff

sys.path.append(str(Path(__file__).resolve().parents[1] / "reliability"))
from terminals import WAIT_S, RealTerminal, fetch_keys

EACH = 2


def come_back(url: str, place: Path, count: int) -> None:
    """Save at `count` terminals without a line, then give it, take it, and give it again."""
    arrived = threading.Semaphore(0)

    def told(event: SenderEvent) -> None:
        if isinstance(event, Delivered):
            arrived.release()

    with EmbeddedBackend(url) as backend:
        keys = fetch_keys(backend.url)
        backend.pull_network()
        terminals = [
            RealTerminal(
                place / str(n),
                backend.url,
                backend.authority_pin,
                keys,
                code=f"LW{n:03d}",
                on_change=told,
                backoff=Backoff(0.05, 0.5),
            )
            for n in range(count)
        ]
        try:
            saved = [terminal.save((3000,)) for terminal in terminals for _ in range(EACH)]
            for terminal in terminals:
                terminal.sender.start()
            backend.restore_network()
            for _ in range(len(saved) // 2):
                assert arrived.acquire(timeout=WAIT_S)
            backend.pull_network()
            backend.restore_network()
            for _ in range(len(saved) - len(saved) // 2):
                assert arrived.acquire(timeout=WAIT_S)
        finally:
            for terminal in terminals:
                terminal.close()
        kept = backend.stored()
    assert sorted(one["application_id"] for one in kept) == sorted(one.id for one in saved)
    assert {one["effects"] for one in kept} == {1}
    assert sorted(one["sequence"] for one in kept) == list(range(1, len(saved) + 1))


@pytest.mark.expected_logs("uvicorn|database", reason="connections are cut under way")
def test_a_few_real_terminals(own_postgresql_url: str, tmp_path: Path) -> None:
    come_back(own_postgresql_url, tmp_path, 20)


@pytest.mark.campaign
@pytest.mark.expected_logs("uvicorn|database", reason="connections are cut under way")
def test_a_hundred_and_ten_real_terminals(own_postgresql_url: str, tmp_path: Path) -> None:
    come_back(own_postgresql_url, tmp_path, 110)
