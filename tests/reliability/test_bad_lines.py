"""Whatever the line does between terminal and backend, an application arrives once and whole."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from proxy import FAULTS, Proxy
from sqlalchemy import select
from sqlalchemy.orm import Session
from terminals import RealTerminal, VirtualPace, fetch_keys

from central_backend.database import StoredApplication, StoredAttachment
from central_backend.embedded import EmbeddedBackend
from offline_queue import Saved, State

DOORS = ("PUT", "GET parts", "POST applications")
SIZES = (900,)
CHAINS = 35
CAMPAIGN_CHAINS = 1000  # of three applications each


@pytest.fixture(scope="module")
def backend() -> Iterator[EmbeddedBackend]:
    with EmbeddedBackend() as running:
        yield running


@pytest.fixture(scope="module")
def proxy(backend: EmbeddedBackend) -> Iterator[Proxy]:
    running = Proxy(backend.url)
    yield running
    running.close()


@pytest.fixture(scope="module")
def pace() -> VirtualPace:
    return VirtualPace()


@pytest.fixture(scope="module")
def terminal(
    backend: EmbeddedBackend,
    proxy: Proxy,
    pace: VirtualPace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealTerminal]:
    made = RealTerminal(
        tmp_path_factory.mktemp("terminal"),
        proxy.url,
        backend.authority_pin,
        fetch_keys(backend.url),
        pace=pace,
        read_timeout_s=0.3,
    )
    yield made
    made.close()


def deliver(terminal: RealTerminal, pace: VirtualPace, saved: Saved, steps: int = 200) -> None:
    """Let time pass until it is delivered."""
    for _ in range(steps):
        if terminal.state(saved.number) is State.DELIVERED:
            return
        wait_s = terminal.sender.step()
        if wait_s is None and terminal.state(saved.number) is not State.DELIVERED:
            raise AssertionError(f"{terminal.state(saved.number)}, and nothing to wait for")
        pace.now += wait_s or 0.0
    raise AssertionError("it never arrives")


def check(backend: EmbeddedBackend, proxy: Proxy, saved: Saved) -> None:
    """One effect, also when late requests come after the end."""
    assert backend.effect_count(saved.id) == 1
    for answer in proxy.let_go():
        assert answer.status in (200, 201, 409), "a repeat, or closed"
    assert backend.effect_count(saved.id) == 1
    with Session(backend.engine) as session:
        kept = session.get(StoredApplication, saved.id)
        assert kept is not None
        assert kept.digest == saved.digest
        parts = session.scalars(
            select(StoredAttachment.size).where(StoredAttachment.application_id == saved.id)
        )
        assert sorted(parts) == sorted(SIZES), "whole"


ALARMS = "nothing can be delivered: not-allowed"
TORN = "urllib3.connection: Failed to parse headers"


@pytest.mark.expected_logs(ALARMS, TORN, reason="401, 403, 404 and half answers are planted")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", list(FAULTS))
def test_one_fault_at_one_door(
    terminal: RealTerminal,
    pace: VirtualPace,
    backend: EmbeddedBackend,
    proxy: Proxy,
    name: str,
    door: str,
) -> None:
    """Once, and three times in a row: two cases."""
    for times in (1, 3):
        if door == "GET parts":  # asked only after an upload that broke off
            proxy.plant("POST applications", FAULTS["reset"])
        proxy.plant(door, FAULTS[name], times)
        saved = terminal.save(SIZES)
        deliver(terminal, pace, saved)
        check(backend, proxy, saved)
        # A fault that did no harm is met once, and the others are left over.
        assert proxy.clear() < times, "it was met"


def run_chain(
    seed: int, terminal: RealTerminal, pace: VirtualPace, backend: EmbeddedBackend, proxy: Proxy
) -> None:
    """Several faults in a row, by chance, for three applications at once."""
    chance = Random(seed)
    quick = [name for name in FAULTS if not name.startswith("stall")]
    for _ in range(chance.randrange(3, 9)):
        proxy.plant(chance.choice(DOORS), FAULTS[chance.choice(quick)])
    saved = [terminal.save(SIZES) for _ in range(3)]
    for one in saved:
        deliver(terminal, pace, one)
    for one in saved:
        check(backend, proxy, one)
    proxy.clear()


@pytest.mark.expected_logs(ALARMS, TORN, reason="401, 403, 404 and half answers are planted")
def test_faults_by_chance(
    terminal: RealTerminal, pace: VirtualPace, backend: EmbeddedBackend, proxy: Proxy
) -> None:
    for seed in range(CHAINS):
        run_chain(seed, terminal, pace, backend, proxy)


@pytest.mark.campaign
@pytest.mark.expected_logs(ALARMS, TORN, reason="401, 403, 404 and half answers are planted")
def test_many_faults_by_chance(
    terminal: RealTerminal, pace: VirtualPace, backend: EmbeddedBackend, proxy: Proxy
) -> None:
    for seed in range(10_000, 10_000 + CAMPAIGN_CHAINS):
        run_chain(seed, terminal, pace, backend, proxy)
