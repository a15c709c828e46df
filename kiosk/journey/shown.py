"""Pieces of view models that several steps show alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from devices.records import PaperState, PrinterStatus
from kiosk.application.fields import grouped, problem
from kiosk.catalogue.asking import causes
from kiosk.catalogue.engine import Path
from kiosk.catalogue.model import (
    Answer,
    FieldKind,
    Kind,
    Material,
    Matter,
    Question,
    Situation,
    Source,
)
from kiosk.catalogue.offers import offered_here
from kiosk.catalogue.search import ranks
from kiosk.journey.route import materials_of, paper_done
from kiosk.journey.views import GroupCard, ItemCard, Line, MaterialLine, Notice
from kiosk.journey.visit import (
    Now,
    Visit,
    known_facts,
    needs_card,
    needs_face,
    owed_until,
)

_STATE_BY_SOURCE: Final[Mapping[Source, str]] = {
    Source.CARD: "from-card",
    Source.E_LICENCE: "from-state",
    Source.SHARED_DATA: "from-state",
    Source.TERMINAL: "made-here",
}

_PAPER_LOW: Final = "paper-low"
_MOST_CAUSES: Final = 2  # answers named as why a material is needed


def blocked(visit: Visit, matter: Matter, now: Now) -> Notice | None:
    """Why this cannot be done at this terminal now, None when it can."""
    world = visit.world
    today = now.civil.date() if now.trusted else None
    elsewhere = offered_here(matter, visit.rules.tier, world.staffed, today)
    if elsewhere is not None:
        values = [("where", visit.say(elsewhere.where))]
        if elsewhere.day is not None:
            values.append(("day", day_text(visit, elsewhere.day)))
        return Notice(elsewhere.key, values=tuple(values))
    if matter.line and not world.line_up:
        return Notice("line-needed", "NW-01")
    if matter.kind is Kind.APPLY and not world.intake_open:
        return Notice("queue-closed", world.intake_code or "QU-03")
    if needs_card(matter) and not world.reader_ok:
        return Notice("reader-absent", "RD-01")
    vouched = matter.assisted and world.staffed
    if needs_face(matter) and not world.camera_ok and not vouched:
        return Notice("camera-absent", "CM-01")
    return None


def with_paper_notice(visit: Visit, status: PrinterStatus, key: str) -> Visit:
    """The visit told what is wrong with a printer before it is needed, or that it is well again.

    `key` is the notice's where nothing can be printed; with little paper it still can. Another
    notice is left as it is.
    """
    if visit.notice is not None and visit.notice.key not in (key, _PAPER_LOW):
        return visit
    out = status.paper is PaperState.OUT
    notice = Notice(_PAPER_LOW) if status.paper is PaperState.LOW else None
    if out or not status.online:
        notice = Notice(key, status.code or ("PR-02" if out else "PR-01"))
    return replace(visit, notice=notice)


def printing_shown(visit: Visit, what: str) -> str:
    """How far a print is, as screens know it: what may be on paper can be printed again."""
    state = visit.printing.get(what, "")
    return "failed" if state == "unknown" else state


def item_card(visit: Visit, matter: Matter, now: Now) -> ItemCard:
    """A tile that leads to a matter."""
    return ItemCard(
        code=matter.code,
        name=visit.say(matter.name),
        minutes=matter.minutes,
        comes_out=visit.say(matter.comes_out),
        bundle=matter.bundle,
        available=blocked(visit, matter, now) is None,
        departments=len(matter.departments),
    )


def by_use(visit: Visit) -> list[Matter]:
    """All matters, those used most (in general, and here) first."""
    rank = ranks(visit.pack, visit.world.uses)
    return sorted(visit.pack.matters.values(), key=lambda m: (-rank.get(m.code, 0), m.code))


def group_cards(visit: Visit) -> tuple[GroupCard, ...]:
    """The groups with how many matters each has."""
    counts: dict[str, int] = {}
    for matter in visit.pack.matters.values():
        counts[matter.group] = counts.get(matter.group, 0) + 1
    return tuple(
        GroupCard(group.id, visit.say(group.name), group.mark, counts.get(group.id, 0))
        for group in visit.pack.groups
    )


def guide_lines(visit: Visit, matter: Matter) -> tuple[Line, ...]:
    """Fee, days, result and where, as labelled lines."""
    guide = matter.guide
    lines = [Line("guide.fee", visit.say(guide.fee))]
    if guide.days_promised is not None:
        lines.append(Line("guide.days", days_text(visit, guide.days_promised)))
    lines.append(Line("guide.result", visit.say(guide.result)))
    lines.append(Line("guide.where", visit.say(guide.where)))
    lines.append(Line("guide.phone", guide.phone))
    return tuple(lines)


def conditions_of(visit: Visit, matter: Matter) -> tuple[str, ...]:
    """Who may apply at all, told before anything is asked."""
    return tuple(dict.fromkeys(visit.say(one.text) for one in matter.eligibility))


def situation_text(visit: Visit, code: str, situation: Situation) -> str:
    """The situation as it is told; of a condition that does not hold, what it asks for."""
    name = visit.say(situation.name)
    if not any(situation.id == one.situation for one in visit.pack.items[code].eligibility):
        return name
    return f"要求：{name}" if visit.language == "zh" else f"Required: {name}"


def said_text(visit: Visit, question: Question, answer: Answer) -> str:
    """What somebody answered, in the words of the question."""
    if isinstance(answer, bool):
        yes = ("是" if answer else "不是") if visit.language == "zh" else "yes" if answer else "no"
        return f"{visit.say(question.text)} {yes}"
    if isinstance(answer, date):
        return day_text(visit, answer)
    if isinstance(answer, int):
        return f"{answer} {visit.say(question.unit)}".strip()
    chosen = answer if isinstance(answer, frozenset) else {answer}
    comma = "、" if visit.language == "zh" else ", "
    return comma.join(visit.say(one.text) for one in question.options if one.id in chosen)


def quoted(visit: Visit, said: Iterable[tuple[Question, Answer]]) -> str:
    """Answers as quotations, one after the other."""
    texts = [said_text(visit, question, answer) for question, answer in said]
    if visit.language == "zh":
        return "、".join(f"“{text}”" for text in texts)
    return ", ".join(f'"{text}"' for text in texts)


def whys(visit: Visit, path: Path, now: Now) -> Mapping[str, str]:
    """Why each material is needed: the catalogue's own words, else the answers that led to it."""
    matter = visit.matter
    if matter is None:
        return {}
    today = now.civil.date() if now.trusted else None
    said = causes(matter, path, known_facts(visit, now), today)
    before = "因为您回答了" if visit.language == "zh" else "Because you answered "
    return {
        one.id: visit.say(one.why)
        or (before + quoted(visit, said[one.id][:_MOST_CAUSES]) if said[one.id] else "")
        for one in path.materials
    }


def days_text(visit: Visit, days: int) -> str:
    """How long the department takes, as people say it."""
    if days == 0:
        return "当场办好" if visit.language == "zh" else "While you wait"
    if visit.language == "zh":
        return f"{days} 个工作日"
    return f"{days} working day{'' if days == 1 else 's'}"


def material_line(
    visit: Visit, material: Material, now: Now, why: str | None = None
) -> MaterialLine:
    """A material and what has become of it."""
    paper = visit.papers.get(material.id)
    state = _STATE_BY_SOURCE.get(material.source, "from-state" if material.held else "needed")
    due = ""
    if material.source is Source.RESIDENT and paper is not None and paper_done(visit, material):
        state = "pledged" if paper.pledged else "handed-in"
        if paper.pledged and material.pledge_days is not None:
            due = due_text(visit, material.pledge_days, now)
    matter = visit.matter
    return MaterialLine(
        id=material.id,
        name=visit.say(material.name),
        hint="" if state == "from-state" else visit.say(material.hint),  # how to bring it
        why=visit.say(material.why) if why is None else why,
        state=state,
        pages=len(paper.pages) if paper is not None else 0,
        due=due,
        can_pledge=(
            material.brought
            and material.pledge_days is not None
            and matter is not None
            and matter.pledge
        ),
        can_bring=material.source is Source.RESIDENT and state == "from-state",
        current=visit.capturing.material == material.id,
        checks=tuple(visit.say(point.check) for point in material.review),
    )


def due_text(visit: Visit, pledge_days: int, now: Now) -> str:
    """The day a paper is due; the number of days where the clock is not trusted."""
    due = owed_until(pledge_days, now)
    if due is not None:
        return day_text(visit, due)
    return f"{pledge_days} 天内" if visit.language == "zh" else f"within {pledge_days} days"


_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]


def day_text(visit: Visit, day: date) -> str:
    """A day as people write it."""
    if visit.language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def field_text(visit: Visit, kind: FieldKind, value: str) -> str:
    """What stands in a field, as people read it: a telephone in groups, a day, an amount."""
    if kind is FieldKind.DATE and not problem(kind, value, required=True):
        return day_text(visit, date.fromisoformat(value))
    if kind is FieldKind.MONEY:
        return f"{value} 元" if visit.language == "zh" else f"{value} yuan"
    return grouped(kind, value)


def material_lines(visit: Visit, path: Path, now: Now) -> tuple[MaterialLine, ...]:
    """All materials of what can be handed in here, each with why it is needed."""
    why = whys(visit, path, now)
    return tuple(material_line(visit, one, now, why[one.id]) for one in materials_of(path))
