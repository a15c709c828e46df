"""The shipped items under the knife: what is taken away is missed, with the right code.

An item is written out again without one of its situations, options or materials, and checked
by itself; a bundle without one of its items, or of the options of its own questions, beside
its items. An option of an item is missed as soon as any condition names one of its question;
answers that are only recorded for the department, and those with which a bundle leaves an item
out, are named nowhere. `make test` takes a sample, `make campaign` each part of all items and
bundles.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from catalogue_sample import FILES, shipped

from kiosk.catalogue import conditions
from kiosk.catalogue.asking import because, changes
from kiosk.catalogue.check import prove
from kiosk.catalogue.cuts import conditions_of, domains
from kiosk.catalogue.engine import walk
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Answer, Fact, Matter, Pack, Result
from kiosk.catalogue_files import DEFAULT_DIRECTORY
from kiosk.journey.route import can_go_on

SHARED = ("groups.yaml", "departments.yaml", "materials.yaml", "fields.yaml")
SAMPLED = 20


@pytest.fixture(scope="module")
def pack() -> Pack:
    return shipped()


ITEMS = sorted((DEFAULT_DIRECTORY / "items").glob("*.yaml"))
BUNDLES = sorted((DEFAULT_DIRECTORY / "bundles").glob("*.yaml"))


def item_files() -> list[Path]:
    """Twenty items with questions, spread over the catalogue."""
    asking = [path for path in ITEMS if "\nquestions:" in path.read_text(encoding="utf-8")]
    return asking[:: max(1, len(asking) // SAMPLED)][:SAMPLED]


def codes_of(*items: dict[str, Any], bundle: dict[str, Any] | None = None) -> set[str]:
    """What the check says of an item by itself, or of a bundle with nothing but its items."""
    whole = (*items, bundle) if bundle else items
    code = whole[-1]["code"]
    plain = "".join(
        f"- {{id: p{n}, name: {{zh: 办事, en: Do}}, codes: [{code if n < 6 else ''}]}}\n"
        for n in range(1, 7)
    )
    files = {name: written(shared_of(name, whole)) for name in SHARED}
    files["plain.yaml"] = plain
    files |= {f"items/{one['code'].lower()}.yaml": written(one) for one in items}
    if bundle:
        files[f"bundles/{code.lower()}.yaml"] = written(bundle)
    try:
        return {one.code for one in prove(load(files)).findings}
    except CatalogueErrors as error:
        return {one.code for one in error.findings}


def written(content: object) -> str:
    return yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)


@cache
def read(name: str) -> tuple[dict[str, Any], ...]:
    text = (DEFAULT_DIRECTORY / name).read_text(encoding="utf-8")
    return tuple(yaml.load(text, Loader=yaml.CSafeLoader))


def shared_of(name: str, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What these use of a shared file; reading all of it each time would be slow."""
    used: set[object] = set()
    for item in items:
        used |= {one.get("use") for one in (*item.get("materials", ()), *item.get("form", ()))}
        used |= {item.get("department"), item["group"]}
    entries = read(name)
    return [one for one in entries if one.get("id", one.get("key")) in used] or [entries[0]]


def without_a_situation(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    for index, gone in enumerate(item["situations"]):
        cut = copy.deepcopy(item)
        del cut["situations"][index]
        used = {name for one in cut["situations"] for name in one.get("materials", ())}
        cut["materials"] = [one for one in cut.get("materials", ()) if name_of(one) in used]
        # With it may go the only paper of somebody who takes part.
        yield f"situation {gone['id']}", cut, {"CT-80", "CT-60", "CT-74"}


def without_a_material(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    for index, gone in enumerate(item.get("materials", ())):
        cut = copy.deepcopy(item)
        del cut["materials"][index]
        yield f"material {name_of(gone)}", cut, {"CT-47"}


def without_an_option(
    item: dict[str, Any], matter: Matter
) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    named = {
        (test.key, value)
        for one in conditions_of(matter)
        for test in conditions.tests(one)
        if test.op == "in"
        for value in test.values
    }
    for place, question in enumerate(item.get("questions", ())):
        for index, gone in enumerate(question.get("options", ())):
            if question.get("known"):
                right = {"CT-72"}  # a fact has just these options
            elif len(question["options"]) == 2:
                right = {"CT-65"}
            elif (question["id"], gone["id"]) not in named:
                continue
            else:
                right = {"CT-44"}
            cut = copy.deepcopy(item)
            del cut["questions"][place]["options"][index]
            yield f"option {question['id']}.{gone['id']}", cut, right


def without_an_item(bundle: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], set[str]]]:
    """What else is said of the item tells, or a department or a resident with nothing to do."""
    for index, gone in enumerate(bundle["items"]):
        cut = copy.deepcopy(bundle)
        del cut["items"][index]
        yield f"item {gone}", cut, {"CT-49", "CT-75", "CT-87"}


def name_of(material: dict[str, Any]) -> str:
    return str(material.get("as") or material.get("id") or material.get("use"))


@pytest.mark.parametrize("path", item_files(), ids=lambda path: path.stem)
def test_what_is_taken_away_is_missed(path: Path, pack: Pack) -> None:
    take_away(path, pack, every=5)


@pytest.mark.campaign
@pytest.mark.parametrize("path", ITEMS, ids=lambda path: path.stem)
def test_whatever_is_taken_away_is_missed(path: Path, pack: Pack) -> None:
    take_away(path, pack, every=1)


@pytest.mark.campaign
@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_whatever_is_taken_away_from_a_bundle_is_missed(path: Path, pack: Pack) -> None:
    bundle = file_of(path)
    items = [file_of(path.parents[1] / f"items/{one.lower()}.yaml") for one in bundle["items"]]
    assert codes_of(*items, bundle=bundle) == set()
    cuts = [
        *without_an_item(bundle),
        *without_an_option(bundle, pack.matters[bundle["code"]]),
    ]
    unnoticed = [
        (what, codes)
        for what, cut, right in cuts
        # A question that an item asks too is no longer the same (CT-67).
        if not (codes := codes_of(*items, bundle=cut)) & {*right, "CT-67"}
    ]
    assert unnoticed == []


def file_of(path: Path) -> dict[str, Any]:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def take_away(path: Path, pack: Pack, every: int) -> None:
    item = file_of(path)
    assert codes_of(item) == set()
    cuts = [
        *without_a_situation(item),
        *without_a_material(item),
        *without_an_option(item, pack.matters[item["code"]]),
    ]
    assert cuts
    unnoticed = [
        (what, codes) for what, cut, right in cuts[::every] if not (codes := codes_of(cut)) & right
    ]
    assert unnoticed == []


def answer_sets(matter: Matter, most: int) -> Iterator[tuple[dict[str, Answer], dict[str, Fact]]]:
    """Sets of answers as the engine would ask for them, one after the other."""
    values = domains(matter)
    waiting: list[tuple[dict[str, Answer], dict[str, Fact]]] = [({}, {})]
    while waiting and most:
        answers, facts = waiting.pop()
        path = walk(matter, answers, facts)
        if path.next is not None:
            name = path.next.id
            waiting += [({**answers, name: value}, facts) for value in values[name]]
        elif path.missing_facts:
            name = path.missing_facts[0]
            told = [one for one in values[name] if isinstance(one, (str, int))]
            waiting += [(answers, {**facts, name: one}) for one in told]
        else:
            most -= 1
            yield answers, facts


def test_every_answer_set_is_decided_and_no_more_is_asked_than_was_said(pack: Pack) -> None:
    for path in item_files():
        matter = pack.matters[path.stem.partition(".")[0].upper()]
        for answers, facts in answer_sets(matter, 60):
            end = walk(matter, answers, facts)
            assert end.complete, matter.code
            assert end.can_succeed == (end.result is Result.ACCEPT)
            before = walk(matter, {}, {})
            asked = len(end.asked)
            assert asked <= before.most_left + (before.next is not None), matter.code
            assert before.minutes_left >= end.minutes_left


def test_a_bundle_gives_what_its_items_give(pack: Pack) -> None:
    for code in pack.bundles:
        matter = pack.matters[code]
        for answers, facts in answer_sets(matter, 40):
            together = walk(matter, answers, facts)
            wanted: set[str] = set()
            for item_code, situation in together.situations:
                settled = pack.bundles[code].settled.get(item_code, {})
                said = {**answers, **{key: one for key, one in settled.items() if "." not in key}}
                told = {
                    key: one
                    for key, one in settled.items()
                    if "." in key and isinstance(one, (str, int))
                }
                alone = walk(pack.matters[item_code], said, {**facts, **told})
                assert [one.id for _, one in alone.situations] == [situation.id]
                wanted |= {one.id for one in alone.materials}
            assert {one.id for one in together.materials} == wanted


def test_an_answer_changed_and_changed_back_leaves_no_trace(pack: Pack) -> None:
    for path in item_files():
        matter = pack.matters[path.stem.partition(".")[0].upper()]
        for answers, facts in answer_sets(matter, 10):
            end = walk(matter, answers, facts)
            for change in changes(matter, answers, facts):
                name = change.question.id
                other = walk(matter, {**answers, name: change.answer}, facts)
                assert set(other.on_path) <= {one.id for one in other.asked}
                assert walk(matter, {**answers, name: end.on_path[name]}, facts) == end


def test_every_material_has_its_reason(pack: Pack) -> None:
    """What is needed is needed by the item, or because of something that was said."""
    for path in item_files():
        matter = pack.matters[path.stem.partition(".")[0].upper()]
        for answers, facts in answer_sets(matter, 20):
            end = walk(matter, answers, facts)
            for material in end.materials:
                why = because(matter, end, material.id)
                always = len(matter.components[0].item.situations) == 1
                assert why.answers or why.facts or always, (matter.code, material.id)


def test_without_an_item_that_it_needs_nothing_of_a_bundle_can_be_handed_in(pack: Pack) -> None:
    refused = 0
    for code, bundle in pack.bundles.items():
        matter = pack.matters[code]
        for answers, facts in answer_sets(matter, 200) if bundle.needs else ():
            end = walk(matter, answers, facts)
            results = {item: one.result for item, one in end.situations}
            needed = [results[one] for one in bundle.needs if one in results]
            lacking = any(one is not Result.ACCEPT for one in needed)
            assert end.can_succeed == (Result.ACCEPT in results.values() and not lacking)
            assert can_go_on(end) == end.can_succeed
            refused += lacking and Result.ACCEPT in results.values()
    assert refused


def test_what_is_needed_can_be_handed_in() -> None:
    files = {**FILES, "bundles/bun-001.yaml": FILES["bundles/bun-001.yaml"] + "needs: [PEN-001]\n"}
    assert prove(load(files)).findings == ()
    pen = files["items/pen-001.yaml"].replace(
        "result: accept", "result: counter\n    reason: {zh: 请到窗口办, en: Counter}"
    )
    codes = {one.code for one in prove(load({**files, "items/pen-001.yaml": pen})).findings}
    assert "CT-92" in codes
