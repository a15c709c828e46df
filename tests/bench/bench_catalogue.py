"""How long one answer takes to the recomputed path, a search, and loading catalogue and pack.

Run as a program: `python tests/bench/bench_catalogue.py`. Rows are (name, value, unit,
comparison name, comparison value). The floor beside the path is a loop that does nothing
but look up every condition of the same matter in a dict.
"""

from __future__ import annotations

import json
import re
import subprocess
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
from kiosk.catalogue.pack import Certificate, build, open_pack
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


def _as_expression(condition: Condition, names: Mapping[str, str], language: str) -> str:
    """A condition as a rule language writes it; `language` is "cel" or "python"."""
    cel = language == "cel"
    both, either, no = ("&&", "||", "!") if cel else ("and", "or", "not ")
    if condition.op == "always":
        return "true" if cel else "True"
    if condition.parts:
        parts = [f"({_as_expression(one, names, language)})" for one in condition.parts]
        joined = f" {either if condition.op == 'any' else both} ".join(parts)
        return f"{no}({joined})" if condition.op == "not" else joined
    name = names[condition.key]
    if condition.op == "in":
        values = ", ".join(_literal(one, cel) for one in condition.values)
        return f"{name} in [{values}]"
    sign = {"at_least": ">=", "from": ">=", "under": "<", "before": "<"}[condition.op]
    return f"{name} {sign} {_literal(condition.values[0], cel)}"


def _literal(value: object, cel: bool) -> str:
    if isinstance(value, bool) and cel:
        return str(value).lower()
    return repr(value) if isinstance(value, (bool, int)) else json.dumps(str(value))


def _peers(matter: Matter) -> list[tuple[str, Callable[[], object]]]:
    """One pass over the same conditions by cel-python and by simpleeval, already parsed.

    Both only say true or false of each condition; neither gives a path, papers or a bound.
    """
    import celpy
    from celpy import celtypes
    from simpleeval import EvalWithCompoundTypes

    whens = [one.when for one in matter.questions]
    for component in matter.components:
        item = component.item
        whens += [one.when for one in item.situations]
        whens += [one.when for one in item.materials]
        whens += [one.when for one in item.form]
    kept = [one for one in whens if all(t.op != "answered" for t in tests(one))]
    keys = sorted({test.key for one in kept for test in tests(one)})
    names = {key: f"k{index}" for index, key in enumerate(keys)}
    worth = {test.key: test.values[0] for one in kept for test in tests(one)}

    environment = celpy.Environment()
    made = [
        environment.program(environment.compile(_as_expression(one, names, "cel"))) for one in kept
    ]
    typed = {
        names[key]: celtypes.BoolType(one)
        if isinstance(one, bool)
        else celtypes.IntType(one)
        if isinstance(one, int)
        else celtypes.StringType(str(one))
        for key, one in worth.items()
    }
    plain = {
        names[key]: one if isinstance(one, (bool, int)) else str(one) for key, one in worth.items()
    }
    evaluator = EvalWithCompoundTypes(names=plain)
    parsed = [evaluator.parse(_as_expression(one, names, "python")) for one in kept]
    return [
        ("cel-python", lambda: [one.evaluate(typed) for one in made]),
        ("simpleeval", lambda: [evaluator.eval("", previously_parsed=one) for one in parsed]),
    ]


def _renamed(files: Mapping[str, str], wanted: int) -> dict[str, str]:
    """The shipped items again and again under other codes, up to so many; no bundles."""
    items = {path: text for path, text in files.items() if path.startswith("items/")}
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    made = {path: text for path, text in files.items() if not path.startswith("bundles/")}
    made["plain.yaml"] = re.sub(r"TX-[0-9]{3}", "SB-001", made["plain.yaml"])
    count = len(items)
    for round_ in range(1 + wanted // len(items)):
        for index, (path, text) in enumerate(sorted(items.items())):
            if count >= wanted:
                return made
            first, second = letters[20 + round_ // 26], letters[round_ % 26]
            code = f"{first}{second}Q{letters[index // 26 % 26]}-{index % 1000:03d}"
            old = path.removeprefix("items/").partition(".")[0].upper()
            made[f"items/{code.lower()}.yaml"] = text.replace(old, code)
            count += 1
    return made


def _at_5000() -> list[Row]:
    """Checking and proving 5,000 items in a process of its own, for its memory."""
    script = (
        "import resource, sys, time; sys.path.insert(0, sys.argv[1]);"
        "from kiosk.catalogue.check import prove; from kiosk.catalogue.loader import load;"
        "from kiosk.catalogue_files import DEFAULT_DIRECTORY, read_directory;"
        "from tests.bench.bench_catalogue import _renamed;"
        "files = _renamed(read_directory(DEFAULT_DIRECTORY), 5000);"
        "begun = time.perf_counter(); pack = load(files); found = prove(pack);"
        "took = time.perf_counter() - begun;"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024;"
        "from kiosk.catalogue.pack import Certificate, build, open_pack;"
        "data = build(pack, Certificate()); begun = time.perf_counter(); open_pack(data);"
        "print(took, len(found.rows), len(found.findings), peak,"
        " (time.perf_counter() - begun) * 1000)"
    )
    root = str(Path(__file__).resolve().parents[2])
    told = subprocess.run(
        [sys.executable, "-c", script, root],
        capture_output=True, text=True, check=True, cwd=root, timeout=900,
    ).stdout.split()  # fmt: skip
    seconds, rows, findings, megabytes, loading_ms = (float(one) for one in told)
    assert rows == 5000, told
    assert findings == 0, told
    return [
        ("checking and proving 5,000 items", seconds, "s", "budget", 120.0),
        ("memory for that", megabytes, "MB", "budget", 1024.0),
        ("loading a pack of 5,000 items", loading_ms, "ms", "budget", 300.0),
    ]


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
    for name, work in _peers(pack.matters[item]):
        rows.append(
            (f"conditions of the largest item, once each, by {name}", _microseconds(work, 30),
             "µs", "our whole answer to the path", rows[0][1])
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
    data = build(pack, Certificate())
    rows.append(
        (f"loading a pack of {len(pack.items)} items",
         _microseconds(lambda: open_pack(data), 15) / 1000, "ms", "budget", 50.0)
    )  # fmt: skip
    rows.append(
        (f"proving {len(pack.matters)} matters", _microseconds(lambda: prove(pack), 3) / 1000,
         "ms", "budget", 10_000.0)
    )  # fmt: skip
    rows.extend(_at_5000())
    return rows


if __name__ == "__main__":
    for name, value, unit, other, compared in run():
        sys.stdout.write(f"{name}: {value:.1f} {unit} ({other}: {compared:.1f})\n")
