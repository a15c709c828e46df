"""Check your answers: everything that will be handed in, each with a way back to change it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from kiosk.catalogue.engine import Path
from kiosk.catalogue.model import Answer, Question, QuestionKind
from kiosk.identity.validity import masked
from kiosk.journey.asked_facts import fact_question
from kiosk.journey.events import ChangeAsked, Event, Next
from kiosk.journey.renewal import renewal
from kiosk.journey.route import (
    delivery_address,
    field_value,
    fields_of,
    first_open,
    papers_asked,
    route,
)
from kiosk.journey.shown import due_text, field_text, said_text, with_paper_notice
from kiosk.journey.steps.questions import YES_NO, answer_text
from kiosk.journey.steps.sign import NO_RECEIPT
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import ReviewRow, ReviewSection, ReviewView
from kiosk.journey.visit import Now, Place, Visit, lead_role, path_of, told_facts


def masked_number(number: str) -> str:
    """The first three and the last two of an ID number."""
    return f"{number[:3]}{'*' * max(0, len(number) - 5)}{number[-2:]}" if number else ""


_CHANGEABLE: Final = frozenset(
    {StepName.QUESTIONS, StepName.MATERIALS, StepName.FORM, StepName.DELIVERY}
)


class Review(Plain):
    """One page of rows."""

    name: ClassVar[StepName] = StepName.REVIEW

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Whatever was passed by is complete now; a change from here comes back here.

        A signature that was drawn before is taken back: something may be changed under it.
        """
        visit = replace(visit, fast=False, strokes=())
        if visit.matter is not None and not visit.matter.sign:  # its Next is the commit
            visit = with_paper_notice(visit, visit.world.printer, NO_RECEIPT)
        return Turn(visit)

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Change something, or go on."""
        if isinstance(event, ChangeAsked):
            step, _, detail = event.target.partition(":")
            try:
                place = Place(StepName(step), detail=detail)
            except ValueError:
                return None
            if place.step not in _CHANGEABLE or place not in route(visit, now):
                return None
            return Turn(replace(visit, fast=True), to=place)
        if isinstance(event, Next):
            # Back from a change can lead here with something open: that comes first.
            if renewal(visit, now) is not None:
                return Turn(visit, to=Place(StepName.RENEWED), keep_trail=False)
            open_place = first_open(visit, now)
            if open_place is not None:
                return Turn(replace(visit, fast=True), to=open_place)
            return Turn(visit, forward=True)
        return None

    def idle_factor(self, visit: Visit) -> float:
        """Reading takes a while."""
        return 2.0

    def view(self, visit: Visit, now: Now) -> ReviewView:
        """Sections with rows; a section without rows is left out."""
        path = path_of(visit, now)
        sections = (
            ReviewSection("review.people", self._people(visit)),
            ReviewSection("review.answers", self._answers(visit, path, now)),
            ReviewSection("review.materials", self._materials(visit, path, now)),
            ReviewSection("review.form", self._form(visit, path)),
        )
        return ReviewView(tuple(section for section in sections if section.rows))

    def _people(self, visit: Visit) -> tuple[ReviewRow, ...]:
        matter = visit.matter
        names = {p.role: p.name for p in matter.parties} if matter is not None else {}
        return tuple(
            ReviewRow(
                visit.say(names.get(role)),
                f"{masked(p.card.shown_name)}  {masked_number(p.card.number)}",
                "",
            )
            for role, p in visit.parties.items()
            if role in names
        )

    def _answers(self, visit: Visit, path: Path, now: Now) -> tuple[ReviewRow, ...]:
        matter = visit.matter
        assert matter is not None, "review is entered with a matter"
        rows = []
        for name, fact in told_facts(visit, now).items():
            about_self = name.partition(".")[0] == lead_role(matter)
            rows.append((fact_question(matter, name, about_self=about_self), fact))
        told = [
            ReviewRow(visit.say(q.text), shown_answer(visit, q, a), f"{StepName.QUESTIONS}:{q.id}")
            for q, a in rows
        ]
        asked = [
            ReviewRow(
                visit.say(q.text),
                shown_answer(visit, q, path.on_path[q.id]),
                f"{StepName.QUESTIONS}:{q.id}",
            )
            for q in path.asked
        ]
        return (*told, *asked)

    def _materials(self, visit: Visit, path: Path, now: Now) -> tuple[ReviewRow, ...]:
        zh = visit.language == "zh"
        rows = []
        for material in papers_asked(path):
            paper = visit.papers.get(material.id)
            if paper is None:
                continue
            pages = len(paper.pages)
            value = f"已拍 {pages} 页" if zh else f"{pages} page{'s' if pages != 1 else ''}"
            if paper.pledged and material.pledge_days is not None:
                due = due_text(visit, material.pledge_days, now)
                value = f"承诺补交，{due}" if zh else f"To be brought, {due}"
            rows.append(ReviewRow(visit.say(material.name), value, StepName.MATERIALS.value))
        return tuple(rows)

    def _form(self, visit: Visit, path: Path) -> tuple[ReviewRow, ...]:
        matter = visit.matter
        assert matter is not None, "review is entered with a matter"
        rows = [
            ReviewRow(
                visit.say(f.label), field_text(visit, f.kind, value), f"{StepName.FORM}:{f.key}"
            )
            for f in fields_of(matter, path)
            if (value := field_value(visit, f))
        ]
        if visit.delivery:
            zh = visit.language == "zh"
            value = {
                "post": f"{'邮寄到' if zh else 'By post to'} {delivery_address(visit)}",
                "pick-up": "自己来取" if zh else "I pick it up",
            }[visit.delivery]
            label = "结果怎么给您" if zh else "How you get the result"
            rows.append(ReviewRow(label, value, StepName.DELIVERY.value))
        return tuple(rows)

    def action(self, visit: Visit, now: Now) -> Action:
        """On to sign, or hand in at once."""
        matter = visit.matter
        return Action("action.next" if matter is not None and matter.sign else "action.submit")


def shown_answer(visit: Visit, question: Question, answer: Answer) -> str:
    """An answer in the words of the question."""
    if question.kind is QuestionKind.YES_NO:
        zh = visit.language == "zh"
        return next((z if zh else e) for i, z, e in YES_NO if i == answer_text(answer))
    return said_text(visit, question, answer)
