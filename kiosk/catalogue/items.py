"""Reads one item file to an `Item`; everything wrong is reported, nothing raises."""

from __future__ import annotations

from kiosk.catalogue.errors import Findings, Rule
from kiosk.catalogue.model import (
    ALWAYS,
    Assurance,
    FieldKind,
    FormField,
    Item,
    Kind,
    Material,
    PartyIdentity,
    PartyRole,
    Record,
    Result,
    ReviewPoint,
    Situation,
    Source,
    Text,
)
from kiosk.catalogue.parts import (
    EMPTY,
    Shared,
    clear_text,
    head_of,
    ids_of,
    item_code,
    one_of,
    text,
    unique,
)
from kiosk.catalogue.questions import questions_of
from kiosk.catalogue.reader import At
from kiosk.catalogue.scope import Scope, words_of
from kiosk.catalogue.source import Listing

MATERIAL_FORMS = ("original", "copy", "photo", "statement")
REVIEWERS = ("person", "machine")
PREFILLS = ("card.name", "card.number", "card.address")
DELIVERIES = ("post", "pick-up")


class ItemReader:
    """Reads one item file."""

    def __init__(self, root: At, shared: Shared) -> None:
        self._root = root
        self._shared = shared
        self._fields = root.table()
        self._roles: frozenset[str] = frozenset()
        self._scope = Scope()
        self._code = ""

    def read(self) -> Item:
        fields = self._fields
        self._code = fields.take("code", item_code, "")
        head = head_of(fields, self._shared)
        self._roles = self._role_names()
        guards = self._guards()
        questions = questions_of(fields, self._roles, guards, {}, self._mark)
        self._scope = Scope(
            {one.id: one for one in questions}, frozenset(), self._roles, guards=guards
        )
        parties = self._parties()
        pledge = fields.option("pledge", At.boolean, False)
        materials = self._materials(pledge)
        level, reason = fields.take("assurance", _assurance, (Assurance.NONE, EMPTY))
        kind = fields.take("kind", lambda at: at.choice(Kind, Kind.APPLY), Kind.APPLY)
        item = Item(
            code=self._code,
            name=head.name,
            group=head.group,
            kind=kind,
            department=fields.take("department", self._department, ""),
            assurance=level,
            assurance_reason=reason,
            line=fields.take("line", At.boolean, False),
            minutes=head.minutes,
            comes_out=head.comes_out,
            version=head.version,
            effective_from=head.effective_from,
            guide=head.guide,
            parties=parties,
            questions=questions,
            materials=materials,
            form=self._form(parties),
            situations=self._situations(materials),
            delivery=self._delivery(),
            pledge=pledge,
            sign=fields.option("sign", At.boolean, True),
            assisted=fields.option("assisted", At.boolean, False),
            record=self._record(kind),
            effective_until=head.effective_until,
            aliases=head.aliases,
            use_rank=head.use_rank,
            confirmed=head.confirmed,
        )
        fields.finish()
        return item

    def _mark(self, kind: str, name: str, at: At) -> None:
        if self._code and name:
            self._shared.places.setdefault(f"{self._code}/{kind}/{name}", (at.file, at.line))

    def _department(self, at: At) -> str:
        return one_of(at, self._shared.departments, Rule.UNKNOWN_DEPARTMENT)

    def _role_names(self) -> frozenset[str]:
        at = self._fields.need("parties")
        if at is None:
            return frozenset()
        quiet = At(Findings(), at.file, at.key, at.node)
        names = [one.table().take("role", At.identifier, "") for one in quiet.parts()]
        if "applicant" not in names:
            at.report(Rule.UNKNOWN_ROLE, "nobody is the applicant", "add the role 'applicant'")
        return frozenset(names) - {""}

    def _guards(self) -> dict[str, frozenset[str]]:
        """For each role, the questions on which its taking part depends."""
        at = self._fields.find("parties")
        guards: dict[str, frozenset[str]] = {}
        for one in At(Findings(), at.file, at.key, at.node).parts() if at else []:
            fields = one.table()
            when = fields.maybe("when")
            words = words_of(when) if when else frozenset()
            guards[fields.take("role", At.identifier, "")] = words & self._question_ids()
        return guards

    def _question_ids(self) -> frozenset[str]:
        at = self._fields.find("questions")
        return frozenset(ids_of(at)) if at else frozenset()

    def _parties(self) -> tuple[PartyRole, ...]:
        at = self._fields.find("parties")
        parties: list[PartyRole] = []
        for one in at.parts(least=1, most=9) if at else []:
            fields = one.table()
            role = fields.take("role", At.identifier, "")
            earlier = frozenset(party.role for party in parties)
            unique(one, role, earlier)
            scope = Scope(
                self._scope.questions,
                frozenset(),
                earlier,
                self._roles - earlier,
                self._scope.guards,
            )
            party = PartyRole(
                role,
                fields.take("name", text, EMPTY),
                fields.take(
                    "identity",
                    lambda at: at.choice(PartyIdentity, PartyIdentity.CARD),
                    PartyIdentity.CARD,
                ),
                fields.option("when", scope.condition, ALWAYS),
            )
            fields.finish()
            self._mark("parties", role, one)
            parties.append(party)
        return tuple(parties)

    def _role(self, at: At) -> str:
        return at.one_of(sorted(self._roles), Rule.UNKNOWN_ROLE)

    def _materials(self, pledge: bool) -> tuple[Material, ...]:
        at = self._fields.maybe("materials")
        materials: list[Material] = []
        for one in at.parts() if at else []:
            material = self._material(one, pledge)
            unique(one, material.id, [known.id for known in materials])
            self._mark("materials", material.id, one)
            materials.append(material)
        return tuple(materials)

    def _material(self, at: At, pledge: bool) -> Material:
        fields = at.table()
        days = fields.maybe("pledge_days")
        if days and not pledge:
            days.report(Rule.PLEDGE, "", "pledge: true for the item, or leave this out")
        source = fields.take(
            "source", lambda one: one.choice(Source, Source.RESIDENT), Source.RESIDENT
        )
        review = fields.need("review") if source is Source.RESIDENT else fields.maybe("review")
        least = 1 if source is Source.RESIDENT else 0
        material = Material(
            id=fields.take("id", At.identifier, ""),
            name=fields.take("name", clear_text, EMPTY),
            form=fields.take("form", lambda one: one.one_of(MATERIAL_FORMS), ""),
            source=source,
            basis=fields.take("basis", text, EMPTY),
            review=_review(review, least) if review else (),
            hint=fields.option("hint", clear_text, None),
            pages=fields.option("pages", lambda one: one.integer(1, 50), 1),
            when=fields.option("when", self._scope.condition, ALWAYS),
            why=fields.option("why", clear_text, None),
            pledge_days=days.integer(1, 365) if days else None,
            from_whom=fields.option("from_whom", self._role, "applicant"),
        )
        fields.finish()
        return material

    def _form(self, parties: tuple[PartyRole, ...]) -> tuple[FormField, ...]:
        at = self._fields.maybe("form")
        with_card = {one.role for one in parties if one.identity is PartyIdentity.CARD}
        form: list[FormField] = []
        for one in at.parts() if at else []:
            fields = one.table()
            about = fields.option("about", self._role, "applicant")
            prefill = fields.maybe("prefill")
            source = prefill.one_of(PREFILLS, Rule.PREFILL) if prefill else ""
            if prefill and source and about and about not in with_card:
                prefill.report(
                    Rule.PREFILL, f"no card of '{about}' is read", "leave it out, or identity: card"
                )
            key = fields.take("key", At.identifier, "")
            entry = FormField(
                key,
                fields.take("label", text, EMPTY),
                fields.take("kind", lambda a: a.choice(FieldKind, FieldKind.TEXT), FieldKind.TEXT),
                about,
                fields.option("hint", text, None),
                fields.option("required", At.boolean, True),
                fields.option("when", self._scope.condition, ALWAYS),
                source,
            )
            fields.finish()
            unique(one, key, [known.key for known in form])
            self._mark("form", key, one)
            form.append(entry)
        return tuple(form)

    def _situations(self, materials: tuple[Material, ...]) -> tuple[Situation, ...]:
        at = self._fields.maybe("situations")
        listed = at.parts() if at else []
        if not listed and (at is None or isinstance(at.node, Listing)):
            self._root.findings.add(
                Rule.NO_SITUATION,
                self._root.file,
                at.line if at else self._root.line,
                "situations",
                "",
                "give at least one situation",
            )
        situations: list[Situation] = []
        for one in listed:
            situation = self._situation(one, [material.id for material in materials])
            unique(one, situation.id, [known.id for known in situations])
            self._mark("situations", situation.id, one)
            situations.append(situation)
        self._used(materials, situations)
        return tuple(situations)

    def _situation(self, at: At, materials: list[str]) -> Situation:
        fields = at.table()
        result = fields.take("result", lambda one: one.choice(Result, Result.ACCEPT), Result.ACCEPT)
        reason = fields.maybe("reason")
        if reason is None and result is not Result.ACCEPT:
            at.report(Rule.REASON, f"the result is {result.value}", "add reason: {zh: …, en: …}")
        needed: list[str] = []
        for one in fields.option("materials", lambda a: a.parts(), []):
            name = one.one_of(materials, Rule.UNKNOWN_MATERIAL)
            unique(one, name, needed)
            needed.append(name)
        situation = Situation(
            fields.take("id", At.identifier, ""),
            fields.take("name", text, EMPTY),
            fields.option("when", self._scope.condition, ALWAYS),
            result,
            tuple(needed),
            reason.text() if reason else None,
        )
        fields.finish()
        return situation

    def _used(self, materials: tuple[Material, ...], situations: list[Situation]) -> None:
        used = {name for situation in situations for name in situation.materials}
        at = self._fields.find("materials")
        for one, material in zip(at.parts() if at else [], materials, strict=False):
            if material.id and material.id not in used:
                one.report(
                    Rule.UNUSED_MATERIAL,
                    f"no situation needs '{material.id}'",
                    "name it in a situation, or remove it",
                )

    def _delivery(self) -> tuple[str, ...]:
        at = self._fields.maybe("delivery")
        found: list[str] = []
        for one in at.parts() if at else []:
            name = one.one_of(DELIVERIES)
            unique(one, name, found)
            found.append(name)
        return tuple(found)

    def _record(self, kind: Kind) -> Record | None:
        at = self._fields.maybe("record")
        if at is None and kind is not Kind.APPLY:
            where = self._fields.find("kind")
            if where:
                where.report(
                    Rule.KIND_RECORD,
                    f"a {kind.value} shows a record, but none is named",
                    f"record: {' | '.join(Record)}",
                )
        if at is None:
            return None
        if kind is Kind.APPLY:
            at.report(Rule.KIND_RECORD, "an application shows no record", "remove it")
        return at.choice(Record, Record.SOCIAL_INSURANCE)


def _assurance(at: At) -> tuple[Assurance, Text]:
    fields = at.table()
    level = fields.take("level", lambda one: one.choice(Assurance, Assurance.NONE), Assurance.NONE)
    reason = fields.take("reason", text, EMPTY)
    fields.finish()
    return level, reason


def _review(at: At, least: int) -> tuple[ReviewPoint, ...]:
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
