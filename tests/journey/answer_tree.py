"""Walks every enumerated set of answers of a matter through the visit's own steps.

The visit is frozen, so it can be the branching state: from each question page the tree goes on
with one answer of every kind that the matter's conditions tell apart, and each edge is walked
once (`Answered`, then `Next`, by `advance`). It is the trial, because there facts that a card
would tell are asked as well. A leaf is the outcome of one set of answers; where it can be gone
on with, whoever these facts describe then shows their card, and the visit goes on to its end.

That no set is left out is counted, not believed: each leaf stands for so many of the cases that
`kiosk catalogue check` proves, and together they are all of them.

As a program: `python tests/journey/answer_tree.py [CODE …]` walks all of them, or these, and
prints a row for each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path as FilePath
from random import Random
from unittest import mock

if __name__ == "__main__":
    root = FilePath(__file__).resolve().parents[2]
    sys.path[:0] = [str(root), str(root / "tests/journey"), str(root / "tests/catalogue")]

from driver import APPLICANT, NOON, RULES, Hall, shipped

from devices.records import CardLayout, IdCard, Sex
from devices.simulators.cards import numbered
from kiosk.catalogue import engine
from kiosk.catalogue.check import _Cases
from kiosk.catalogue.conditions import SINCE, since
from kiosk.catalogue.cuts import Value, domains
from kiosk.catalogue.diagram import EVERYTHING, NOTHING
from kiosk.catalogue.engine import Path, validate
from kiosk.catalogue.model import (
    Answer,
    Fact,
    Hours,
    Kind,
    Matter,
    Pack,
    PartyIdentity,
    QuestionKind,
    Tier,
)
from kiosk.demo.plan import values as worth_trying
from kiosk.journey import visit as visiting
from kiosk.journey.asked_facts import PREFIX
from kiosk.journey.core import advance, view
from kiosk.journey.effects import EndReason, Enqueue
from kiosk.journey.events import Answered, ItemChosen, Next, TryQuestions
from kiosk.journey.route import accepted, can_go_on, fields_of, materials_of, parties_of
from kiosk.journey.steps.questions import answer_text
from kiosk.journey.terms import StepName
from kiosk.journey.visit import Now, Visit, World, path_of

TODAY = NOON.date()
FULLY = 4_000  # with at most so many leaves, each is walked to the farewell
ONE_IN = 200  # of more: each different rest of the visit, and one leaf in so many besides

Facts = Mapping[str, Fact]


@dataclass(slots=True)
class Walked:
    """What was walked of one matter."""

    code: str
    cases: int  # distinguishable sets of answers, as proven
    covered: int = 0  # of these, those that the leaves stand for
    leaves: int = 0
    answers: int = 0  # edges: each one answer and what came after
    accepted: int = 0  # leaves that could be gone on with
    ends: int = 0  # walked on from the outcome to the farewell
    took_s: float = 0.0  # processor time


def walked(pack: Pack, code: str, *, most: int | None = None, seed: int = 5) -> Walked:
    """Walk all sets of answers of a matter, or a sample of `most` of them.

    Raises:
        AssertionError: when a set does not come to its end, or one is left out.
    """
    begun = time.process_time()
    tree = _Tree(pack, code, Random(seed), most)
    with _each_walk_once():
        tree.walk()
    tree.told.took_s = time.process_time() - begun
    return tree.told


@contextmanager
def _each_walk_once() -> Iterator[None]:
    """One event asks several times where the same answers lead; here that is worked out once."""
    last: list[object] = [None, None, None, None, None]

    def walk(
        matter: Matter, answers: Mapping[str, Answer], facts: Facts, today: date | None = None
    ) -> Path:
        if last[0] is not matter or last[1:4] != [answers, facts, today]:
            last[:] = [matter, answers, facts, today, engine.walk(matter, answers, facts, today)]
        found = last[4]
        assert isinstance(found, Path)
        return found

    with mock.patch.object(visiting, "walk", walk):
        yield


class _Tree:
    """The tree of one matter's answers."""

    def __init__(self, pack: Pack, code: str, random: Random, most: int | None) -> None:
        self.pack, self.code, self.matter = pack, code, pack.matters[code]
        self._random, self._most = random, most
        cases = _Cases(self.matter)
        self._diagram, self._possible = cases.diagram, cases.possible
        self._worth = domains(self.matter)
        self._rests: set[object] = set()
        self.told = Walked(code, self._diagram.count(self._possible))

    def walk(self) -> None:
        """All leaves, or the sample."""
        hall = self._hall()
        hall.send(ItemChosen(self.code))
        if self.matter.kind is not Kind.APPLY or not self._tried(hall):
            self._walk_without_questions()
        elif self._most is None:
            waiting = [hall.visit]
            while waiting:
                waiting += self._on(waiting.pop(), hall.now)
        else:
            for _ in range(self._most):
                visit: Visit | None = hall.visit
                while visit is not None:
                    further = self._on(visit, hall.now, sampled=True)
                    visit = further[0] if further else None
        if self._most is None:
            assert self.told.covered == self.told.cases, f"{self.code}: a set is left out"

    def _tried(self, hall: Hall) -> bool:
        hall.send(TryQuestions())
        return hall.visit.trial

    def _hall(self) -> Hall:
        """A terminal that offers the matter, with nobody before it yet."""
        offered = self.matter.offered
        tier = Tier.STREET if Tier.STREET in offered.tiers else offered.tiers[0]
        world = World(staffed=offered.hours is Hours.STAFFED)
        return Hall(self.pack, rules=replace(RULES, tier=tier.value), world=world, watched=False)

    # -- from answer to answer

    def _on(self, visit: Visit, now: Now, *, sampled: bool = False) -> list[Visit]:
        """The visits after each answer to the question that is shown; none at a leaf."""
        if visit.place.step is StepName.OUTCOME:
            self._leaf(visit, now)
            return []
        assert visit.place.step is StepName.QUESTIONS, f"{self.code}: at {visit.place}"
        name = visit.place.detail
        answers = self._answers(visit, name)
        assert answers, f"{self.code}: no answer to {name}"
        if sampled:
            answers = [self._random.choice(answers)]
        found = []
        for answer in answers:
            after, _ = advance(visit, Answered(name, answer_text(answer)), now)
            after, _ = advance(after, Next(), now)
            assert after.place != visit.place, f"{self.code}: stuck at {name}"
            found.append(after)
            self.told.answers += 1
        if self._seen():
            assert view(self._random.choice(found), now)
        return found

    def _answers(self, visit: Visit, name: str) -> list[Value]:
        if name.startswith(PREFIX):
            return list(self._worth[name.removeprefix(PREFIX)])
        question = next(one for one in self.matter.questions if one.id == name)
        if question.kind is not QuestionKind.DATE:
            return [one for one in self._worth[name] if validate(question, one) == one]
        apart: dict[object, Value] = {}
        for day in worth_trying(question, self._worth, TODAY):
            apart.setdefault(tuple(self._cases_of(question.id, day).items()), day)
        return list(apart.values())

    def _seen(self) -> bool:
        """What is drawn is looked at everywhere in small trees, here and there in large ones."""
        return self.told.cases <= FULLY or self._random.randrange(ONE_IN) == 0

    # -- at the outcome

    def _leaf(self, visit: Visit, now: Now) -> None:
        path = path_of(visit, now)
        told = self.told
        assert path.complete, f"{self.code}: the outcome is shown before all is known"
        assert set(path.on_path) == {one.id for one in path.asked}
        assert len(path.situations) == len(path.taking_part) > 0
        told.leaves += 1
        told.covered += self._cases(path.on_path, visit.told)
        told.accepted += can_go_on(path)
        rest = (
            can_go_on(path) or tuple(one.id for _, one in path.situations),
            tuple(one.id for one in materials_of(path)),
            tuple(one.key for one in fields_of(self.matter, path)),
            tuple(one.role for one in parties_of(self.matter, path)),
        )
        if self._seen() or rest not in self._rests:
            self._rests.add(rest)
            self._to_the_end(visit, path, now)

    def _to_the_end(self, visit: Visit, path: Path, now: Now) -> None:
        """From the outcome of the trial to the farewell, and nobody is left."""
        self.told.ends += 1
        hall = self._hall()
        hall.visit, hall.t_s = visit, now.monotonic_s
        hall.cards = cards_for(self.matter, visit.told)
        plan: dict[str, Answer] = {**path.on_path}
        plan |= {PREFIX + name: fact for name, fact in visit.told.items()}
        if can_go_on(path):
            hall.walk_to(StepName.SUBMITTED, plan=plan)
            self._handed_in(hall, path)
        hall.walk_to(StepName.WELCOME, plan=plan)
        assert hall.ended == [EndReason.DONE]
        assert hall.visit.pristine

    def _handed_in(self, hall: Hall, path: Path) -> None:
        """What is handed in is what these answers ask for, and no answer off their path."""
        (effect,) = hall.of(Enqueue)
        assert isinstance(effect, Enqueue)
        draft = effect.draft
        said = {one.question: one.value for one in draft.answers}
        assert said == {name: answer_text(one) for name, one in path.on_path.items()}
        assert draft.situations == tuple((item, one.id) for item, one in accepted(path))
        assert [one.id for one in draft.materials] == [one.id for one in materials_of(path)]
        assert {one.role for one in draft.parties} <= {one.role for one in path.parties}

    # -- matters that ask nothing

    def _walk_without_questions(self) -> None:
        """Certificates, queries and plain applications: whoever the facts describe comes."""
        waiting: list[dict[str, Fact]] = [{}]
        while waiting:
            facts = waiting.pop()
            path = engine.walk(self.matter, {}, facts, TODAY)
            assert path.next is None, f"{self.code} asks, and cannot be tried"
            if path.missing_facts:
                name = path.missing_facts[0]
                found: list[dict[str, Fact]] = [
                    {**facts, name: one} for one in self._worth[name] if isinstance(one, (str, int))
                ]
                waiting += found if self._most is None else [self._random.choice(found)]
                self.told.answers += len(found)
                continue
            self.told.leaves += 1
            self.told.covered += self._cases({}, facts)
            self.told.accepted += can_go_on(path)
            self.told.ends += 1
            hall = self._hall()
            hall.cards = cards_for(self.matter, facts)
            hall.send(ItemChosen(self.code))
            plan: dict[str, Answer] = {PREFIX + name: fact for name, fact in facts.items()}
            hall.walk_to(StepName.RATE if can_go_on(path) else StepName.OUTCOME, plan=plan)
            assert len(hall.of(Enqueue)) == (can_go_on(path) and self.matter.kind is Kind.APPLY)
            hall.walk_to(StepName.WELCOME, plan=plan)
            assert hall.ended == [EndReason.DONE]

    # -- counting

    def _cases_of(self, key: str, value: Answer | Fact) -> dict[str, Value]:
        """The values that stand for an answer in the proof, by its question and by its days."""
        levels = dict(zip(self._diagram.keys, self._diagram.values, strict=True))
        found: dict[str, Value] = {}
        if isinstance(value, date):
            for name in SINCE:
                if f"{key}.{name}" in levels:
                    found[f"{key}.{name}"] = _standing_for(
                        since(name, value, TODAY), levels[f"{key}.{name}"]
                    )
        if key in levels:
            found[key] = _standing_for(value, levels[key]) if isinstance(value, date) else value
        return found

    def _cases(self, answers: Mapping[str, Answer], facts: Facts) -> int:
        """How many of the proven cases these answers and facts stand for."""
        given: dict[str, Value] = {}
        for key, value in (*answers.items(), *facts.items()):
            given |= self._cases_of(key, value)
        diagram = self._diagram
        taken = [
            None if key not in given else values.index(given[key])
            for key, values in zip(diagram.keys, diagram.values, strict=True)
        ]
        free = [
            1 if at is not None else len(v) for at, v in zip(taken, diagram.values, strict=True)
        ]
        known: dict[int, int] = {NOTHING: 0}

        def count(node: int, level: int) -> int:
            """Ways from a level on, given that the levels above led to this node."""
            ways = 1
            end = len(free) if node == EVERYTHING else diagram._levels[node]
            for one in free[level:end]:
                ways *= one
            if node == EVERYTHING:
                return ways
            if node not in known:
                kids, at = diagram._kids[node], taken[end]
                chosen = kids if at is None else (kids[at],)
                known[node] = sum([count(kid, end + 1) for kid in chosen if kid != NOTHING])
            return ways * known[node]

        return count(self._possible, 0)


def _standing_for(value: Value, values: tuple[Value | None, ...]) -> Value:
    """The first of the stretch in which a number or day lies."""
    return max(one for one in values if one is not None and one <= value)  # type: ignore[operator,type-var]


# -- who comes


def cards_for(matter: Matter, told: Facts) -> dict[str, IdCard]:
    """Cards that tell these facts, by role."""
    cards = {"": _card({}, 9)}
    roles = [one.role for one in matter.parties if one.identity is PartyIdentity.CARD]
    for index, role in enumerate(roles):
        known = {
            name.partition(".")[2]: fact
            for name, fact in told.items()
            if name.partition(".")[0] == role
        }
        cards[role] = _card(known, index)
    return cards


def _card(known: Facts, index: int) -> IdCard:
    sex = {"male": Sex.MALE, "female": Sex.FEMALE}.get(str(known.get("sex")), APPLICANT.sex)
    birth = APPLICANT.birth
    assert birth is not None
    years = known.get("age")
    if isinstance(years, int):
        birth = date.fromordinal(TODAY.toordinal() - years * 365 - years // 4 - 180)
    where = known.get("residence")
    address = "虚构省别样市南门街3号" if where == "elsewhere" else APPLICANT.address
    running = 2 * index + (1 if sex is Sex.MALE else 2)
    card = replace(APPLICANT, sex=sex, birth=birth, address=address)
    match known.get("card_kind", "resident"):
        case "permit":
            number = numbered(f"830000{birth:%Y%m%d}{running:03}")
            return replace(card, layout=CardLayout.PERMIT, nation="", number=number)
        case "foreign":
            return replace(
                card,
                layout=CardLayout.FOREIGN_2017,
                nation="",
                nationality="ZZZ",
                address="",
                english_name="SAMPLE, ANNA",
                number=f"ZZZ99{birth:%y%m%d}{running:04}",
            )
    return replace(card, number=numbered(f"330303{birth:%Y%m%d}{running:03}"))


def main(codes: list[str]) -> int:
    """Walk and tell."""
    pack = shipped()
    total, failed = Walked("all", 0), False
    every = sorted(pack.matters.values(), key=lambda one: (one.bundle, len(one.questions)))
    for code in codes or [one.code for one in every]:
        try:
            one = walked(pack, code)
        except (AssertionError, LookupError) as error:
            sys.stdout.write(f"{code} FAILS: {error!r}\n")
            failed = True
            continue
        for name in ("cases", "covered", "leaves", "answers", "accepted", "ends", "took_s"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        sys.stdout.write(f"{one}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
