"""A county's terminals come back after a day: nothing lost or doubled, and the backend keeps up.

In virtual time with production senders. The real one is in `tests/central_backend`.
"""

from __future__ import annotations

import logging
from random import Random

import pytest
from fleet import Backend, Outcome, come_back, summary

log = logging.getLogger(__name__)

PER_S = 50.0  # what the backend is configured to take
WAITING = 3
MEAN = WAITING + 0.5
# The spread is reckoned for less than the backend takes: chance makes some seconds fuller.
SHARE = 0.8
SPAN_S = 60
SEEDS = 1000


def check(outcome: Outcome) -> None:
    """All there, each once, in every queue and at the backend."""
    ids = [id_ for queue in outcome.queues for id_ in queue.delivered]
    assert not any(queue.waiting for queue in outcome.queues), "lost"
    assert len(set(ids)) == len(ids)
    assert set(outcome.backend.effects) == set(ids)
    assert set(outcome.backend.effects.values()) == {1}


def spread(seed: int, terminals: int) -> Outcome:
    """The line was gone; the fleet's settings spread its return."""
    spread_s = terminals * MEAN / (SHARE * PER_S)
    outcome = come_back(
        seed, terminals=terminals, waiting=WAITING, spread_s=spread_s, backend=Backend(2000.0)
    )
    check(outcome)
    assert outcome.most_within(SPAN_S) <= PER_S * SPAN_S
    assert len(outcome.backend.arrived) == len(outcome.backend.effects), "asked once each"
    log.info("seed %d: %s", seed, summary(outcome))
    return outcome


def crowded(seed: int, terminals: int) -> None:
    """Too small a spread: the backend takes what it can, loses answers and fails."""
    chance = Random(seed)
    per_s = terminals / 500  # half of what comes by itself, spread by the longest backoff
    backend = Backend(2000.0, per_s, lose=chance.randint(3, 20), fail=chance.randint(3, 20))
    outcome = come_back(seed, terminals=terminals, waiting=WAITING, spread_s=10, backend=backend)
    check(outcome)
    assert backend.refused, "it was too much at once"
    assert outcome.most_within(SPAN_S) <= per_s * (SPAN_S + 1)
    log.info("seed %d, crowded: %s", seed, summary(outcome))


def test_thirty_thousand_come_back() -> None:
    spread(1, 30_000)


@pytest.mark.parametrize("seed", range(2))
def test_a_district_comes_back_to_a_backend_that_cannot_keep_up(seed: int) -> None:
    crowded(seed, 1500)


@pytest.mark.campaign
def test_a_thousand_days() -> None:
    """Every hundredth with the whole county, the others with a district at the same rate: a
    second is as full in both. Every tenth also to a backend that cannot keep up."""
    for seed in range(SEEDS):
        whole = seed % 100 == 0
        spread(10_000 + seed, 30_000 if whole else 1000)
        if seed % 10 == 0:
            crowded(20_000 + seed, 3000 if whole else 500)
