"""The questions of the item, one a page, and facts that no card told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import ClassVar

from kiosk.catalogue.asking import in_the_way
from kiosk.catalogue.engine import Path, Problem, validate
from kiosk.catalogue.model import Answer, PartyIdentity, Question, QuestionKind
from kiosk.journey.asked_facts import PREFIX, as_fact, fact_question
from kiosk.journey.events import Answered, Event, Next
from kiosk.journey.shown import quoted
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Notice, OptionLine, QuestionView
from kiosk.journey.visit import Now, Visit, known_facts, lead_role, path_of, told_facts

YES_NO = (("yes", "是", "Yes"), ("no", "不是", "No"))


def answer_text(answer: Answer) -> str:
    """An answer as events and documents write it."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, frozenset):
        return ",".join(sorted(answer))
    if isinstance(answer, date):
        return answer.isoformat()
    return str(answer)


def _raw(question: Question, value: str) -> object:
    """What the engine expects for the text of an event."""
    if question.kind is QuestionKind.YES_NO:
        return {"yes": True, "no": False}.get(value)
    if question.kind is QuestionKind.MANY:
        return [part for part in value.split(",") if part]
    return value


class Questions(Plain):
    """One question, with what is needed by the answers so far."""

    name: ClassVar[StepName] = StepName.QUESTIONS

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """An answer is changeable until Next."""
        if isinstance(event, Answered) and event.question == visit.place.detail:
            return self._answer(visit, event.value)
        if isinstance(event, Next):
            if self._current(visit) is None:
                return Turn(replace(visit, notice=Notice("answer-first")))
            return Turn(visit, forward=True)
        return None

    def _question(self, visit: Visit) -> Question:
        matter, name = visit.matter, visit.place.detail
        assert matter is not None, "questions are entered with a matter"
        if name.startswith(PREFIX):
            fact = name.removeprefix(PREFIX)
            about_self = fact.partition(".")[0] == lead_role(matter)
            return fact_question(matter, fact, about_self=about_self)
        return next(q for q in matter.questions if q.id == name)

    def _answer(self, visit: Visit, value: str) -> Turn:
        question = self._question(visit)
        checked = validate(question, _raw(question, value))
        if isinstance(checked, Problem):
            kept = self._without(visit, question.id)
            notice = Notice(checked.key) if value else None
            return Turn(replace(kept, draft=value, notice=notice))
        visit = replace(visit, draft=value)
        if question.id.startswith(PREFIX):
            name = question.id.removeprefix(PREFIX)
            return Turn(replace(visit, told={**visit.told, name: as_fact(name, checked)}))
        return Turn(replace(visit, answers={**visit.answers, question.id: checked}))

    def _without(self, visit: Visit, name: str) -> Visit:
        if name.startswith(PREFIX):
            fact = name.removeprefix(PREFIX)
            return replace(visit, told={k: v for k, v in visit.told.items() if k != fact})
        return replace(visit, answers={k: v for k, v in visit.answers.items() if k != name})

    def _current(self, visit: Visit) -> str | None:
        name = visit.place.detail
        if name.startswith(PREFIX):
            fact = name.removeprefix(PREFIX)
            if fact not in visit.told:
                return None
            value = visit.told[fact]
            return answer_text(value)
        if name not in visit.answers:
            return None
        return answer_text(visit.answers[name])

    def view(self, visit: Visit, now: Now) -> QuestionView:
        """The question with its answers."""
        question, path = self._question(visit), path_of(visit, now)
        current = self._current(visit)
        value = visit.draft if visit.draft is not None else (current or "")
        chosen = set(value.split(",")) if value else set()
        return QuestionView(
            id=question.id,
            number=self._number(visit, path, now),
            most_left=self._left(visit, path),
            text=visit.say(question.text),
            hint=visit.say(question.hint),
            kind=question.kind.value,
            options=self._options(visit, question, chosen),
            value=value,
            unit=visit.say(question.unit),
            needed=self._needed(visit, path),
            trial=visit.trial,
            minutes=0 if visit.trial else path.minutes_left,
            cannot=not path.can_succeed,
            cannot_why=self._why_not(visit, path, now),
        )

    def _left(self, visit: Visit, path: Path) -> int:
        """At most so many questions after this page, answered already or not."""
        matter, here = visit.matter, visit.place.detail
        assert matter is not None, "questions are entered with a matter"
        cards = {p.role for p in matter.parties if p.identity is PartyIdentity.CARD}
        told_later = set() if visit.trial else cards - visit.parties.keys()
        facts = [f for f in path.missing_facts if f.partition(".")[0] not in told_later]
        questions = path.most_left + (path.next is not None)
        still_open = (path.next is not None and path.next.id == here) or (
            here.removeprefix(PREFIX) in facts
        )
        return questions + len(facts) - still_open

    def _why_not(self, visit: Visit, path: Path, now: Now) -> str:
        """Why nothing can be handed in: reasons once it is decided, else the answers."""
        matter = visit.matter
        if path.can_succeed or matter is None:
            return ""
        reasons = [visit.say(s.reason) for _, s in path.situations if s.reason is not None]
        if path.decided and reasons:
            return " ".join(dict.fromkeys(reasons)).rstrip("。.")
        today = now.civil.date() if now.trusted else None
        return quoted(visit, in_the_way(matter, path, known_facts(visit, now), today))

    def _number(self, visit: Visit, path: Path, now: Now) -> int:
        before = [q.id for q in path.asked]
        here = visit.place.detail
        told = sum(1 for name in told_facts(visit, now) if PREFIX + name != here)
        return (before.index(here) if here in before else len(before)) + told + 1

    def _options(
        self, visit: Visit, question: Question, chosen: set[str]
    ) -> tuple[OptionLine, ...]:
        if question.kind is QuestionKind.YES_NO:
            zh = visit.language == "zh"
            return tuple(OptionLine(i, z if zh else e, "", i in chosen) for i, z, e in YES_NO)
        return tuple(
            OptionLine(o.id, visit.say(o.text), visit.say(o.hint), o.id in chosen)
            for o in question.options
        )

    def _needed(self, visit: Visit, path: Path) -> tuple[str, ...]:
        if not path.can_succeed:
            return ()
        return tuple(visit.say(m.name) for m in path.materials if m.brought)

    def action(self, visit: Visit, now: Now) -> Action:
        """On, once there is an answer."""
        return Action("action.next", self._current(visit) is not None)
