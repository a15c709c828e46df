"""What a new catalogue means for a visit that began with the one before.

Promises:

- Nobody is asked again what still means the same: an answer, a photographed paper or a
  filled-in field is kept as long as its question, material or field is what it was.
- A visit whose own case is not touched by the new catalogue is not interrupted; the others are
  told before anything is handed in, asked of a department or printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from kiosk.catalogue.engine import Path
from kiosk.catalogue.model import Answer, FormField, Material, Matter, Question, Text
from kiosk.journey.route import fields_of, first_open, materials_of
from kiosk.journey.visit import Central, Now, Paper, Visit, path_of


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is different for this visit's own case."""

    withdrawn: bool = False
    again: tuple[Question, ...] = ()  # the answer does not count any more, or is new
    more: tuple[Material, ...] = ()
    less: tuple[Material, ...] = ()
    values: tuple[tuple[str, Text | int, Text | int], ...] = ()  # words key, old, new


def renewal(visit: Visit, now: Now) -> Renewal | None:
    """What the newer catalogue changes for this visit; None where nothing does."""
    matter, newer = visit.matter, visit.newer
    if matter is None or newer is None:
        return None
    after = newer.matters.get(matter.code)
    if after is None:
        return Renewal(withdrawn=True)
    if after == matter:
        return None
    old, new = path_of(visit, now), path_of(renewed(visit), now)
    was = {one.id: one for one in materials_of(old)}
    will = {one.id: one for one in materials_of(new)}
    found = Renewal(
        again=_again(new),
        more=tuple(one for key, one in will.items() if not _same_paper(was.get(key), one)),
        less=tuple(one for key, one in was.items() if key not in will),
        values=_values(matter, after),
    )
    same = (
        found == Renewal()
        and (matter.kind, matter.record) == (after.kind, after.record)
        and _ends(old) == _ends(new)
        and _labels(fields_of(matter, old)) == _labels(fields_of(after, new))
        and [one.role for one in old.parties] == [one.role for one in new.parties]
        and first_open(renewed(visit), now) is None
    )
    return None if same else found


def renewed(visit: Visit) -> Visit:
    """The visit with the newer catalogue; what changed its meaning is gone from it.

    Raises:
        ValueError: while there is no newer catalogue that knows the matter.
    """
    matter, newer = visit.matter, visit.newer
    after = newer.matters.get(visit.matter_code) if newer is not None else None
    if matter is None or newer is None or after is None:
        raise ValueError("no newer catalogue")
    form = _kept_fields(matter, after)
    return replace(
        visit,
        pack=newer,
        find=visit.newer_find or visit.find,
        newer=None,
        newer_find=None,
        answers=kept_answers(matter, after, visit.answers),
        papers=_kept_papers(matter, after, visit.papers),
        # What no version knows as a field (the postal address) is nobody's to change.
        form={key: one for key, one in visit.form.items() if key not in form or form[key]},
        confirmed_fields=frozenset(key for key in visit.confirmed_fields if form.get(key, True)),
        delivery=visit.delivery if visit.delivery in after.delivery else "",
        strokes=(),
        central=Central(),
        fast=True,
    )


def kept_answers(old: Matter, new: Matter, answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """The answers whose question, and whose chosen options, still say the same."""
    before = {one.id: one for one in old.questions}
    after = {one.id: one for one in new.questions}
    return {
        key: answer
        for key, answer in answers.items()
        if key in before
        and key in after
        and _said(before[key], answer) == _said(after[key], answer)
    }


def _said(question: Question, answer: Answer) -> object:
    chosen = answer if isinstance(answer, frozenset) else {answer}
    options = [(one.id, one.text) for one in question.options if one.id in chosen]
    return question.text, question.kind, question.about, question.unit, options


def _again(new: Path) -> tuple[Question, ...]:
    return (new.next,) if new.next is not None else ()


def _same_paper(old: Material | None, new: Material) -> bool:
    return old is not None and _paper(old) == _paper(new) and old.pledge_days == new.pledge_days


def _paper(material: Material) -> tuple[object, ...]:
    return material.name, material.form, material.source, material.from_whom, material.copies


def _kept_papers(old: Matter, new: Matter, papers: Mapping[str, Paper]) -> dict[str, Paper]:
    before = {one.id: one for one in old.materials}
    after = {one.id: one for one in new.materials}
    return {
        key: paper
        for key, paper in papers.items()
        if key in before
        and key in after
        and _paper(before[key]) == _paper(after[key])
        and (not paper.pledged or after[key].pledge_days is not None)
    }


def _kept_fields(old: Matter, new: Matter) -> dict[str, bool]:
    """For every field of either version, whether it is still the same."""
    before, after = (dict(_labels(matter.form)) for matter in (old, new))
    return {key: before.get(key) == after.get(key) for key in {*before, *after}}


def _labels(form: tuple[FormField, ...]) -> list[tuple[str, tuple[object, ...]]]:
    return [(one.key, (one.label, one.kind, one.about)) for one in form]


def _ends(path: Path) -> list[tuple[str, str, str]]:
    return [(code, one.id, one.result.value) for code, one in path.situations]


_VALUES: Final = (("guide.fee", "fee"), ("guide.days", "days_promised"))


def _values(old: Matter, new: Matter) -> tuple[tuple[str, Text | int, Text | int], ...]:
    pairs = ((key, getattr(old.guide, name), getattr(new.guide, name)) for key, name in _VALUES)
    return tuple(
        (key, was, will)
        for key, was, will in pairs
        if was != will and was is not None and will is not None
    )
