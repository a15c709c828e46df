"""Reads what items and bundles have in common: head, guide, texts, codes."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import date

from kiosk.catalogue.errors import Findings, Rule
from kiosk.catalogue.model import (
    Confirmation,
    FormField,
    Guide,
    Material,
    Text,
)
from kiosk.catalogue.reader import CODE, SLUG, At, Fields

_PHONE = re.compile(r"[0-9][0-9 \-]{3,19}")
EMPTY = Text("", "")
NO_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all items of a catalogue refer to."""

    groups: frozenset[str]  # empty when the file is unusable: then none is unknown
    departments: frozenset[str]  # the same
    codes: frozenset[str]  # codes that the names of item files promise, readable or not
    places: dict[str, tuple[str, int]]
    materials: Mapping[str, Material] = field(default_factory=dict)  # the library's
    fields: Mapping[str, FormField] = field(default_factory=dict)  # the same


@dataclass(frozen=True, slots=True)
class Head:
    """What items and bundles have in common."""

    name: Text
    aliases: tuple[str, ...]
    group: str
    minutes: int
    comes_out: Text
    version: int
    effective_from: date
    effective_until: date | None
    use_rank: int
    confirmed: Confirmation | None
    guide: Guide
    as_of: date | None


_NO_GUIDE = Guide(EMPTY, EMPTY, EMPTY, None, None, 0, EMPTY, EMPTY, "")


def head_of(fields: Fields, shared: Shared) -> Head:
    """What items and bundles have in common, out of the keys of one file."""
    begin, end = fields.take("effective", _effective, (NO_DAY, None))
    return Head(
        name=fields.take("name", text, EMPTY),
        aliases=tuple(
            one.string() for one in fields.option("aliases", lambda at: at.parts(most=30), [])
        ),
        group=fields.take("group", lambda at: one_of(at, shared.groups, Rule.UNKNOWN_GROUP), ""),
        minutes=fields.take("minutes", lambda at: at.integer(1, 240), 1),
        comes_out=fields.take("comes_out", text, EMPTY),
        version=fields.take("version", lambda at: at.integer(1, 9999), 1),
        effective_from=begin,
        effective_until=end,
        use_rank=fields.option("use_rank", lambda at: at.integer(0, 1000), 0),
        confirmed=fields.option("confirmed", _confirmed, None),
        guide=fields.take("guide", _guide, _NO_GUIDE),
        as_of=fields.option("as_of", At.date, None),
    )


def _effective(at: At) -> tuple[date, date | None]:
    fields = at.table()
    begin = fields.take("from", At.date, NO_DAY)
    until = fields.maybe("until")
    end = until.date() if until else None
    if until and end and end < begin:
        until.report(Rule.EFFECTIVE, f"{end} is before {begin}", "the last day, or leave it out")
    fields.finish()
    return begin, end


def _confirmed(at: At) -> Confirmation:
    fields = at.table()
    confirmation = Confirmation(
        fields.take("by", At.string, ""), fields.take("on", At.date, NO_DAY)
    )
    fields.finish()
    return confirmation


def _guide(at: At) -> Guide:
    fields = at.table()
    legal, promised = fields.take("days", _days, (None, None))
    guide = Guide(
        for_whom=fields.take("for_whom", text, EMPTY),
        basis=fields.take("basis", text, EMPTY),
        fee=fields.take("fee", text, EMPTY),
        days_legal=legal,
        days_promised=promised,
        visits=fields.take("visits", lambda one: one.integer(0, 9), 0),
        result=fields.take("result", text, EMPTY),
        where=fields.take("where", text, EMPTY),
        phone=fields.take("phone", phone, ""),
        notes=tuple(note.text() for note in fields.option("notes", lambda one: one.parts(), [])),
        steps=tuple(step.text() for step in fields.option("steps", lambda one: one.parts(), [])),
    )
    fields.finish()
    return guide


def _days(at: At) -> tuple[int | None, int | None]:
    fields = at.table()
    legal, promised = (
        fields.option(key, lambda one: one.integer(0, 999), None) for key in ("legal", "promised")
    )
    fields.finish()
    if legal is not None and promised is not None and promised > legal:
        at.report(Rule.OUT_OF_RANGE, "more days are promised than the law allows", f"≤ {legal}")
    return legal, promised


def one_of(at: At, allowed: frozenset[str], rule: Rule) -> str:
    """One of the allowed words; any word while it is not known what is allowed."""
    return at.one_of(sorted(allowed), rule) if allowed else at.string()


def text(at: At) -> Text:
    """A text in both languages that is not vague."""
    return at.text()


def phone(at: At) -> str:
    """A telephone number."""
    return at.word(_PHONE, "digits, spaces and '-', quoted")


def item_code(at: At) -> str:
    """The code of an item or bundle, such as CRJ-001."""
    return at.word(CODE, "two to four capital letters, '-', three digits")


def slug(at: At) -> str:
    """An id of a group, department or plain entry."""
    return at.word(SLUG, "a small letter, then small letters, digits or '-'")


def unique(at: At, name: str, known: Container[str]) -> None:
    """Report a name that is already among the known ones."""
    if name and name in known:
        at.report(Rule.DUPLICATE_ID, f"'{name}' is already there", "give it another id")


def ids_of(at: At) -> list[str]:
    """The ids in a list of mappings, without reporting anything."""
    quiet = At(Findings(), at.file, at.key, at.node)
    return [name for one in quiet.parts() if (name := one.table().take("id", At.identifier, ""))]
