"""What one event costs until the next screen is known, beside the engine's bare walk."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
_ROUNDS = 300


def run() -> list[tuple[str, float, str, str, float]]:
    """Medians in microseconds, for the item with most questions and for the bundle."""
    sys.path[:0] = [str(_TESTS / "journey"), str(_TESTS / "catalogue")]
    from driver import Hall, shipped

    from kiosk.catalogue.engine import walk
    from kiosk.journey.core import advance, view
    from kiosk.journey.events import Answered, Help, ItemChosen
    from kiosk.journey.steps.questions import answer_text
    from kiosk.journey.terms import StepName
    from kiosk.journey.visit import known_facts

    pack = shipped()
    largest = max(pack.items, key=lambda code: len(pack.items[code].questions))
    rows = []
    for code in (largest, *pack.bundles):
        hall = Hall(pack)
        hall.send(ItemChosen(code))
        plan = hall.plan()
        hall.walk_to(StepName.QUESTIONS, plan=plan)
        while hall.at is StepName.QUESTIONS:  # the last question: most is known already
            asked = hall.visit
            hall.pass_by(plan)
        matter, now = asked.matter, hall.now
        if matter is None:
            raise ValueError(f"{code} has no matter")
        answers, known = dict(asked.answers), known_facts(asked, now)
        name = asked.place.detail
        event = Answered(name, answer_text(plan[name])) if name in plan else Help()

        def answered(asked=asked, event=event, now=now) -> object:
            after, _ = advance(asked, event, now)
            return view(after, now)

        def bare(matter=matter, answers=answers, known=known) -> object:
            return walk(matter, answers, known)

        rows.append(_row(f"answer to next screen, {code}", answered, bare))
        hall.walk_to(StepName.REVIEW, plan=plan)
        review = hall.visit

        def reviewed(review=review, now=now) -> object:
            after, _ = advance(review, Help(), now)
            return view(after, now)

        rows.append(_row(f"review drawn again, {code}", reviewed, bare))
    return rows


def _row(
    name: str, action: Callable[[], object], bare: Callable[[], object]
) -> tuple[str, float, str, str, float]:
    return name, _median_us(action), "us", "engine's bare walk", _median_us(bare)


def _median_us(action: Callable[[], object]) -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1e6)
    return statistics.median(times)
