"""How long one answer takes to the recomputed path, a search, and loading the catalogue.

Run as a program: `python tests/bench/bench_catalogue.py`. Rows are (name, value, unit,
comparison name, comparison value). The floor beside the path is a loop that does nothing
but look up every condition of the same matter in a dict.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kiosk.catalogue.check import prove
from kiosk.catalogue.conditions import tests
from kiosk.catalogue.engine import Program, prepared, walk
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Answer, Condition, Fact, Matter, Pack, QuestionKind
from kiosk.catalogue.search import SearchIndex, readings_of
from kiosk.catalogue_files import DEFAULT_DIRECTORY, read_directory

Row = tuple[str, float, str, str, float]

BUDGET_US = 200.0
ITEMS_AT_SCALE = 210
QUERIES = (
    "社保",
    "shebao",
    "sb",
    "社baozm",
    "shebap",
    "zzzz",
    "endorsement",
    "zheng",
    "公祖房申请",
)
_AGE: Mapping[str, Fact] = {"applicant.age": 60, "applicant.sex": "female"}


def _microseconds(work: Callable[[], object], rounds: int = 400) -> float:
    """The median of many runs."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - started) / 1000)
    return median(times)


def _visit(matter: Matter) -> list[dict[str, Answer]]:
    """The answers after each question of one visit, the first option each time."""
    answers: dict[str, Answer] = {}
    steps = [dict(answers)]
    while (question := walk(matter, answers, _AGE).next) is not None:
        first = question.options[0].id if question.options else ""
        answers[question.id] = {
            QuestionKind.ONE: first,
            QuestionKind.MANY: frozenset((first,)),
            QuestionKind.YES_NO: True,
            QuestionKind.NUMBER: question.maximum or 0,
            QuestionKind.DATE: question.earliest,
        }[question.kind]  # type: ignore[assignment]
        steps.append(dict(answers))
    return steps


def _floor(matter: Matter) -> Callable[[Mapping[str, Answer]], int]:
    """Every test of the matter, as one dict lookup each."""
    conditions: list[Condition] = [one.when for one in matter.questions]
    for component in matter.components:
        item = component.item
        conditions.extend(one.when for one in item.situations)
        conditions.extend(one.when for one in item.materials)
        conditions.extend(one.when for one in item.form)
    flat = [(test.key, test.values) for condition in conditions for test in tests(condition)]

    def loop(answers: Mapping[str, Answer]) -> int:
        hits = 0
        for key, values in flat:
            if answers.get(key) in values:
                hits += 1
        return hits

    return loop


def _at_scale(pack: Pack) -> Pack:
    """The pack, repeated with changed names up to the size of a whole catalogue."""
    signs = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"
    items = dict(pack.items)
    for sign in signs:
        for code, item in pack.items.items():
            if len(items) >= ITEMS_AT_SCALE:
                break
            name = replace(item.name, zh=item.name.zh + sign, en=f"{item.name.en} {code}")
            aliases = tuple(f"{one}{sign}" for one in item.aliases)
            items[f"{code}{sign}"] = replace(item, name=name, aliases=aliases)
    return replace(pack, items=items)


def run() -> list[Row]:
    """Every row of the benchmark."""
    files = read_directory(DEFAULT_DIRECTORY)
    pack = load(files)
    size = {code: len(Program(one).questions) for code, one in pack.matters.items()}
    item = max(pack.items, key=lambda code: size[code])
    rows: list[Row] = []
    for name, code in (
        ("largest item", item),
        ("largest bundle", max(size, key=lambda c: size[c])),
    ):
        matter = pack.matters[code]
        steps, loop = _visit(matter), _floor(matter)
        prepared(matter)
        worst = max(_microseconds(partial(walk, matter, a, _AGE)) for a in steps)
        floor = max(_microseconds(partial(loop, a)) for a in steps)
        rows.append(
            (f"one answer to the path, {name} ({size[code]} questions)", worst, "µs",
             "dict loop over the same tests", floor)
        )  # fmt: skip
    first = _microseconds(lambda: Program(matter), 20)
    rows.append(("first walk of a bundle (compiling it)", first, "µs", "budget", BUDGET_US * 100))
    large = _at_scale(pack)
    readings = readings_of(large)
    index = SearchIndex.build(large, readings)
    slowest = max(_microseconds(partial(index.find, q, 8), 50) for q in QUERIES)
    texts = [one.name.zh for one in large.items.values()]
    plain = _microseconds(lambda: [one for one in texts if "社保" in one], 50)
    rows.append(
        (f"slowest search among {len(large.items)} items", slowest, "µs",
         "substring over the names", plain)
    )  # fmt: skip
    rows.append(
        ("building the index with stored readings",
         _microseconds(lambda: SearchIndex.build(large, readings), 5) / 1000, "ms",
         "reading them by pypinyin", _microseconds(lambda: readings_of(large), 3) / 1000)
    )  # fmt: skip
    rows.append(
        (f"loading {len(pack.items)} items", _microseconds(lambda: load(files), 5) / 1000, "ms",
         "reading the files", _microseconds(lambda: read_directory(DEFAULT_DIRECTORY), 5) / 1000)
    )  # fmt: skip
    rows.append(
        (f"proving {len(pack.matters)} matters", _microseconds(lambda: prove(pack), 3) / 1000,
         "ms", "budget", 10_000.0)
    )  # fmt: skip
    return rows


if __name__ == "__main__":
    for name, value, unit, other, compared in run():
        sys.stdout.write(f"{name}: {value:.1f} {unit} ({other}: {compared:.1f})\n")
