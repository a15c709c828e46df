"""Materials and form fields, in the shared library or in an item, whole or with overrides.

Promises:

- A shared material or field is read once, in its own file, and reported there.
- An entry `use: ID` is the shared one with what the item says instead; what it does not say
  stays as in the library. A field's label and kind cannot be changed: one meaning, one key.
- Every material has a basis, and one that the resident brings a review point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from kiosk.catalogue.errors import Rule
from kiosk.catalogue.model import (
    ALWAYS,
    Condition,
    FieldKind,
    FormField,
    Material,
    PartyIdentity,
    PartyRole,
    ReviewPoint,
    SampleLine,
    Source,
)
from kiosk.catalogue.parts import EMPTY, text, unique
from kiosk.catalogue.reader import At, Fields
from kiosk.catalogue.source import Scalar

MATERIAL_FORMS = ("original", "copy", "photo", "statement")
REVIEWERS = ("person", "machine")
PREFILLS = ("card.name", "card.number", "card.address")
SUBSTITUTES = (Source.E_LICENCE, Source.SHARED_DATA)
MAX_PLEDGE_DAYS = 365

When = Callable[[At], Condition]
T = TypeVar("T")

_BLANK = Material("", EMPTY, "", Source.RESIDENT, EMPTY, ())
_NO_FIELD = FormField("", EMPTY, FieldKind.TEXT)


class MaterialReader:
    """Reads materials of the library or, with `library`, of one item."""

    def __init__(
        self,
        *,
        library: Mapping[str, Material] | None = None,
        pledge: bool = True,
        when: When | None = None,
        role: Callable[[At], str] | None = None,
    ) -> None:
        self._library = library
        self._pledge = pledge
        self._when = when
        self._role = role

    def read(self, at: At) -> Material:
        """One material; everything wrong is reported."""
        fields = at.table()
        use = fields.maybe("use") if self._library is not None else None
        base = self._used(use) if use else None
        known = base or _BLANK

        def own(key: str, how: Callable[[At], T], value: T, *, needed: bool = True) -> T:
            must = needed and base is None and use is None
            return fields.take(key, how, value) if must else fields.option(key, how, value)

        name = use.node.text if use and isinstance(use.node, Scalar) else ""
        source = own("source", lambda one: one.choice(Source, Source.RESIDENT), known.source)
        material = Material(
            id=self._id(fields, name, use),
            name=own("name", text, known.name),
            form=own("form", lambda one: one.one_of(MATERIAL_FORMS), known.form),
            source=source,
            basis=own("basis", text, known.basis),
            review=self._review(fields, source, base),
            hint=own("hint", text, known.hint, needed=False),
            pages=own("pages", lambda one: one.integer(1, 50), known.pages, needed=False),
            when=self._condition(fields),
            why=own("why", text, known.why, needed=False),
            pledge_days=self._pledge_days(fields, known.pledge_days),
            from_whom=own("from_whom", self._role, "applicant", needed=False)
            if self._role
            else "applicant",
            copies=own("copies", lambda one: one.integer(1, 20), known.copies, needed=False),
            satisfied_by=own("satisfied_by", _substitutes, known.satisfied_by, needed=False),
            sample=own("sample", _sample, known.sample, needed=False),
        )
        fields.finish()
        return material

    def _used(self, use: At) -> Material | None:
        library = self._library or {}
        name = use.one_of(sorted(library), Rule.UNKNOWN_SHARED)
        return library.get(name)

    def _id(self, fields: Fields, used: str, use: At | None) -> str:
        if use is None:
            return fields.take("id", At.identifier, "")
        return fields.option("as", At.identifier, used)

    def _condition(self, fields: Fields) -> Condition:
        return fields.option("when", self._when, ALWAYS) if self._when else ALWAYS

    def _review(
        self, fields: Fields, source: Source, base: Material | None
    ) -> tuple[ReviewPoint, ...]:
        needed = source is Source.RESIDENT and not (base and base.review)
        at = fields.need("review") if needed else fields.maybe("review")
        if at is None:
            return base.review if base else ()
        return review_points(at, 1 if source is Source.RESIDENT else 0)

    def _pledge_days(self, fields: Fields, known: int | None) -> int | None:
        at = fields.find("pledge_days")
        if at is None:
            return known if self._pledge else None
        if isinstance(at.node, Scalar) and at.node.empty:
            return None
        if not self._pledge:
            at.report(Rule.PLEDGE, "", "pledge: true for the item, or leave this out")
        return at.integer(1, MAX_PLEDGE_DAYS)


def review_points(at: At, least: int) -> tuple[ReviewPoint, ...]:
    """The review points in a list."""
    points: list[ReviewPoint] = []
    for one in at.parts(least=least, most=30):
        fields = one.table()
        point = ReviewPoint(
            fields.take("id", At.identifier, ""),
            fields.take("check", text, EMPTY),
            fields.take("by", lambda a: a.one_of(REVIEWERS), ""),
            fields.take("fails", text, EMPTY),
        )
        fields.finish()
        unique(one, point.id, [known.id for known in points])
        points.append(point)
    return tuple(points)


def _substitutes(at: At) -> tuple[Source, ...]:
    found: list[Source] = []
    for one in at.parts(most=len(SUBSTITUTES)):
        name = one.one_of([source.value for source in SUBSTITUTES])
        unique(one, name, found)
        if name:
            found.append(Source(name))
    return tuple(found)


def _sample(at: At) -> tuple[SampleLine, ...]:
    lines = []
    for one in at.parts(least=1, most=40):
        fields = one.table()
        lines.append(
            SampleLine(fields.take("label", text, EMPTY), fields.take("filled", text, EMPTY))
        )
        fields.finish()
    return tuple(lines)


class FieldReader:
    """Reads form fields of the library or, with `library`, of one item."""

    def __init__(
        self,
        *,
        library: Mapping[str, FormField] | None = None,
        parties: tuple[PartyRole, ...] = (),
        when: When | None = None,
        role: Callable[[At], str] | None = None,
    ) -> None:
        self._library = library
        self._with_card = {one.role for one in parties if one.identity is PartyIdentity.CARD}
        self._when = when
        self._role = role

    def read(self, at: At) -> FormField:
        """One field; everything wrong is reported."""
        fields = at.table()
        use = fields.maybe("use") if self._library is not None else None
        library = self._library or {}
        if use:
            base = library.get(use.one_of(sorted(library), Rule.UNKNOWN_SHARED), _NO_FIELD)
        else:
            base = FormField(
                fields.take("key", At.identifier, ""),
                fields.take("label", text, EMPTY),
                fields.take("kind", lambda a: a.choice(FieldKind, FieldKind.TEXT), FieldKind.TEXT),
            )
        about = fields.option("about", self._role, "applicant") if self._role else "applicant"
        field = replace(
            base,
            about=about,
            hint=fields.option("hint", text, base.hint),
            required=fields.option("required", At.boolean, base.required),
            when=fields.option("when", self._when, ALWAYS) if self._when else ALWAYS,
            prefill=self._prefill(fields, about, base),
            length=fields.option("length", lambda a: a.integer(2, 32), base.length),
        )
        fields.finish()
        return field

    def _prefill(self, fields: Fields, about: str, base: FormField) -> str:
        at = fields.find("prefill")
        if at is None:
            return base.prefill if about in self._with_card or self._role is None else ""
        if isinstance(at.node, Scalar) and at.node.empty:
            return ""
        source = at.one_of(PREFILLS, Rule.PREFILL)
        if source and about and self._role and about not in self._with_card:
            at.report(
                Rule.PREFILL, f"no card of '{about}' is read", "leave it out, or identity: card"
            )
        return source
