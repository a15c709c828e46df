"""What the event of a bundle settles: the item is as it is alone under these answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from catalogue_sample import shipped

from kiosk.catalogue.cuts import domains
from kiosk.catalogue.engine import walk
from kiosk.catalogue.matters import of_item
from kiosk.catalogue.model import Answer, Fact, Item, Kind, Matter, Pack, QuestionKind
from kiosk.catalogue.settled import Settled, settle
from kiosk.catalogue_files import load_directory

BASE = Path(__file__).parent / "broken" / "base"
TODAY = date(2026, 11, 22)
MOST_SETS = 12


@pytest.fixture(scope="module")
def pack() -> Pack:
    return shipped()


def settlings(item: Item) -> Iterator[Settled]:
    """Every single answer that could be settled of the item's questions."""
    for question in item.questions:
        if question.kind is QuestionKind.ONE:
            yield from ({question.id: option.id} for option in question.options)
        elif question.kind is QuestionKind.YES_NO:
            yield from ({question.id: one} for one in (True, False))


def ends(matter: Matter, most: int) -> Iterator[tuple[dict[str, Answer], dict[str, Fact]]]:
    """Sets of answers and facts as they would be asked for, each to its end."""
    values = domains(matter)
    waiting: list[tuple[dict[str, Answer], dict[str, Fact]]] = [({}, {})]
    while waiting and most:
        answers, facts = waiting.pop()
        path = walk(matter, answers, facts, TODAY)
        if path.missing_facts:
            name = path.missing_facts[0]
            told = [one for one in values[name] if isinstance(one, (str, int))]
            waiting += [(answers, {**facts, name: one}) for one in told]
        elif path.next is not None:
            name = path.next.id
            waiting += [({**answers, name: one}, facts) for one in values[name]]
        else:
            most -= 1
            yield answers, facts


def outcome(matter: Matter, answers: dict[str, Answer], facts: dict[str, Fact]) -> object:
    path = walk(matter, answers, facts, TODAY)
    return (
        path.complete,
        [one.id for _, one in path.situations],
        [one.id for one in path.materials],
        [one.key for one in path.fields],
        [one.role for one in path.parties],
    )


def as_alone(item: Item, settled: Settled) -> int:
    """Compare the settled item with the whole one; how many sets of answers were looked at."""
    whole, left = of_item(item), of_item(settle(item, settled))
    said = {key: one for key, one in settled.items() if "." not in key}
    known = {key: one for key, one in settled.items() if "." in key and isinstance(one, (str, int))}
    count = 0
    for answers, facts in ends(left, MOST_SETS):
        count += 1
        assert not answers.keys() & said.keys()
        alone = outcome(whole, {**answers, **said}, {**facts, **known})
        assert outcome(left, answers, facts) == alone, (item.code, settled, answers, facts)
    return count


def test_what_the_bundles_settle_is_as_alone(pack: Pack) -> None:
    settled = [
        (code, one) for bundle in pack.bundles.values() for code, one in bundle.settled.items()
    ]
    assert len(settled) >= 15
    assert sum(as_alone(pack.items[code], one) for code, one in settled) > 50


def test_any_answer_could_be_settled(pack: Pack) -> None:
    compare(pack, every=8)


@pytest.mark.campaign
def test_any_answer_of_any_item_could_be_settled(pack: Pack) -> None:
    compare(pack, every=1)


def compare(pack: Pack, every: int) -> None:
    applied = [one for one in pack.items.values() if one.kind is Kind.APPLY]
    looked = [as_alone(item, settled) for item in applied[::every] for settled in settlings(item)]
    assert sum(looked) > 500


def test_nobody_is_asked_what_the_event_says(tmp_path: Path) -> None:
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "bundles" / "bun-001.yaml"
    settled = "settled:\n  ABC-001: {for_whom: self}\nquestions:"
    file.write_text(file.read_text(encoding="utf-8").replace("questions:", settled, 1))
    pack = load_directory(tmp_path)
    matter = pack.matters["BUN-001"]
    assert [one.id for one in matter.questions] == ["wants_card", "card_state", "broken_how"]
    assert [one.role for one in matter.parties] == ["applicant"]
    assert [one.id for one in matter.materials] == []
    assert [one.key for one in matter.form] == ["contact_phone"]
    path = walk(matter, {"wants_card": False}, {"applicant.age": 17}, TODAY)
    assert [(code, one.id) for code, one in path.situations] == [("ABC-001", "minor")]
    # The item by itself is as it was.
    assert [one.id for one in pack.matters["ABC-001"].questions] == ["for_whom", "lives_here"]


def test_a_settled_answer_counts_only_where_it_would_have_been_asked(pack: Pack) -> None:
    item = next(one for one in pack.items.values() if one.code == "TY-003")
    left = of_item(settle(item, {"settled_by_state": False}))
    assert "settled_by_state" not in {one.id for one in left.questions}
    served_on = {"discharged_on": date(2027, 1, 1)}
    path = walk(left, served_on, {}, TODAY)
    assert [one.id for _, one in path.situations] == ["still_serving"]
