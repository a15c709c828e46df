"""Reads one item file to an `Item`; everything wrong is reported, nothing raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from kiosk.catalogue.conditions import DATED, FACTS, both, dated, keys, tests
from kiosk.catalogue.errors import Findings, Rule
from kiosk.catalogue.library import FieldReader, MaterialReader
from kiosk.catalogue.model import (
    ALWAYS,
    Assurance,
    Capacity,
    Condition,
    Eligibility,
    FormField,
    Hours,
    Item,
    Kind,
    Material,
    Offered,
    PartyIdentity,
    PartyRole,
    QuestionKind,
    Result,
    Situation,
    Text,
    Tier,
    Untrusted,
)
from kiosk.catalogue.parts import (
    EMPTY,
    Shared,
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
from kiosk.contract.registers import RecordKind

_TOLD_BY_CARD = re.compile(r"几岁|多大年纪|年龄|周岁|性别|男还是女|哪[年天]出生|出生日期|身份证号")
_TOLD_BY_CARD_EN = re.compile(
    r"\bhow old are you\b|\byour (?:age|sex|gender|date of birth|id number)\b"
    r"|\bwhen were you born\b|\bmale or female\b|\bman or woman\b",
    re.IGNORECASE,
)
_CARD_FIELD = re.compile(r"(您的|本人的?|申请人的?)?(姓名|性别|出生日期|身份证号码?)")
_TOLD_OPTIONS = [set(kind.options) for kind in FACTS.values() if kind.options]
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
        self._own_situations: tuple[Situation, ...] = ()

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
        eligibility = self._eligibility()
        self._own_situations = self._situations(materials)
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
            questions=tuple(one for one in questions if not one.known),
            materials=materials,
            form=self._form(parties),
            situations=_eligible(eligibility, self._own_situations),
            delivery=self._delivery(),
            pledge=pledge,
            sign=fields.option("sign", At.boolean, True),
            assisted=fields.option("assisted", At.boolean, False),
            record=self._record(kind),
            effective_until=head.effective_until,
            aliases=head.aliases,
            use_rank=head.use_rank,
            confirmed=head.confirmed,
            as_of=head.as_of,
            id_card_only=fields.option("id_card_only", At.boolean, False),
            offered=fields.option("offered", _offered, Offered()),
            eligibility=eligibility,
            untrusted=fields.option(
                "untrusted", lambda at: at.choice(Untrusted, Untrusted.ASK), None
            ),
            fact_questions=tuple(one for one in questions if one.known),
        )
        fields.finish()
        self._check_clock(item)
        self._check_days(item)
        self._check_card_only(item)
        self._check_known(item)
        self._check_filled(item)
        return item

    def _check_clock(self, item: Item) -> None:
        """An item whose rules depend on today says what they do without it."""
        at = self._fields.find("untrusted")
        ruled = next((one for one in _conditions(item) if dated(one)), None)
        if ruled is not None and item.untrusted is None:
            keyed = min(key for key in keys(ruled) if key.partition(".")[2] in DATED)
            self._root.findings.add(
                Rule.CLOCK,
                self._root.file,
                self._dated_line(item),
                "untrusted",
                f"'{keyed}' depends on today, and a terminal's clock may be wrong",
                "untrusted: ask | counter | accept",
            )
        elif ruled is None and at and item.untrusted is not None:
            at.report(Rule.CLOCK, "no rule of the item depends on today", "remove it")
        elif item.untrusted is Untrusted.ACCEPT and at:
            others = _conditions(replace(item, eligibility=(), situations=self._own_situations))
            if any(dated(one) for one in others):
                at.report(
                    Rule.CLOCK,
                    "only a condition of eligibility can count as met; others depend on today too",
                    "untrusted: ask | counter",
                )

    def _check_days(self, item: Item) -> None:
        """A day is looked at in one way: two would be proven as if each knew nothing of the other.

        Either by dates, or by how many days ago it was, or by how many years ago.
        """
        tested = [test for one in _conditions(item) for test in tests(one)]
        for question in item.questions:
            if question.kind is not QuestionKind.DATE:
                continue
            days = {
                test.key
                for test in tested
                if test.key.partition(".")[0] == question.id and test.op != "answered"
            }
            if len(days) > 1:
                place = f"{self._code}/questions/{question.id}"
                file, line = self._shared.places.get(place, (self._root.file, 0))
                ways = ", ".join(sorted(key.partition(".")[2] or "dates" for key in days))
                self._root.findings.add(
                    Rule.WRONG_TEST,
                    file,
                    line,
                    f"questions.{question.id}",
                    f"one day is tested in several ways: {ways}",
                    "use one of them for every test of this question",
                )

    def _dated_line(self, item: Item) -> int:
        """The line of the first part whose condition depends on today."""
        parts = (
            *((f"eligibility/{one.id}", one.when) for one in item.eligibility),
            *((f"questions/{one.id}", one.when) for one in item.questions),
            *((f"situations/{one.id}", one.when) for one in self._own_situations),
            *((f"materials/{one.id}", one.when) for one in item.materials),
            *((f"form/{one.key}", one.when) for one in item.form),
            *((f"parties/{one.role}", one.when) for one in item.parties),
        )
        places = (self._shared.places.get(f"{self._code}/{key}") for key, w in parts if dated(w))
        return next((place[1] for place in places if place), self._root.line)

    def _check_known(self, item: Item) -> None:
        """What a card on this terminal's reader tells is not asked for."""
        cards = {one.role for one in item.parties if one.identity is PartyIdentity.CARD}
        asked: list[tuple[str, str, Text]] = [
            ("questions", one.id, one.text)
            for one in item.questions
            if one.about in cards
            and (
                _TOLD_BY_CARD.search(one.text.zh)
                or _TOLD_BY_CARD_EN.search(one.text.en)
                or {x.id for x in one.options} in _TOLD_OPTIONS
            )
        ]
        asked += [
            ("form", one.key, one.label)
            for one in item.form
            if one.about in cards and not one.prefill and _CARD_FIELD.fullmatch(one.label.zh)
        ]
        for kind, name, shown in asked:
            place = f"{self._code}/{kind}/{name}"
            file, line = self._shared.places.get(place, (self._root.file, 0))
            self._root.findings.add(
                Rule.ALREADY_KNOWN,
                file,
                line,
                f"{kind}.{name}",
                f"the card tells this: '{shown.zh}'",
                "use the fact (known: ROLE.age, .sex, …), or prefill: card.…",
            )

    def _check_filled(self, item: Item) -> None:
        """A party without a card becomes known by a field or a paper of theirs."""
        named = {one.about for one in item.form} | {one.from_whom for one in item.materials}
        named |= {one.about for one in item.questions}
        at = self._fields.find("parties")
        for one, party in zip(at.parts() if at else [], item.parties, strict=False):
            if party.identity is PartyIdentity.FORM and party.role not in named:
                one.report(
                    Rule.NOBODY_FILLS,
                    f"nothing tells who '{party.role}' is",
                    "identity: card, a form field about: it, or a material from_whom: it",
                )

    def _check_card_only(self, item: Item) -> None:
        listed = self._fields.find("materials")
        if not (item.id_card_only and listed):
            return
        for one, material in zip(listed.parts(), item.materials, strict=False):
            if material.brought:
                one.report(
                    Rule.CARD_ONLY,
                    f"'{material.id}' must be brought",
                    "source: e-licence | shared-data | terminal, satisfied_by:, "
                    "or id_card_only: false",
                )

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
                fields.option("capacity", lambda at: at.choice(Capacity, _SUBJECT), _usual(role)),
                fields.option("filled_by", text, None),
                fields.option("represents", partial(self._other, role), ""),
                fields.option("signs", At.boolean, False),
            )
            fields.finish()
            self._mark("parties", role, one)
            parties.append(party)
        return tuple(parties)

    def _other(self, own: str, at: At) -> str:
        found = self._role(at)
        if found and found == own:
            at.report(Rule.UNKNOWN_ROLE, f"'{own}' cannot act for itself", "another role")
        return found

    def _role(self, at: At) -> str:
        return at.one_of(sorted(self._roles), Rule.UNKNOWN_ROLE)

    def _materials(self, pledge: bool) -> tuple[Material, ...]:
        at = self._fields.maybe("materials")
        reader = MaterialReader(
            library=self._shared.materials,
            pledge=pledge,
            when=self._scope.condition,
            role=self._role,
        )
        materials: list[Material] = []
        for one in at.parts() if at else []:
            material = reader.read(one)
            unique(one, material.id, [known.id for known in materials])
            self._mark("materials", material.id, one)
            materials.append(material)
        return tuple(materials)

    def _form(self, parties: tuple[PartyRole, ...]) -> tuple[FormField, ...]:
        at = self._fields.maybe("form")
        reader = FieldReader(
            library=self._shared.fields,
            parties=parties,
            when=self._scope.condition,
            role=self._role,
        )
        form: list[FormField] = []
        for one in at.parts() if at else []:
            entry = reader.read(one)
            unique(one, entry.key, [known.key for known in form])
            self._mark("form", entry.key, one)
            form.append(entry)
        return tuple(form)

    def _eligibility(self) -> tuple[Eligibility, ...]:
        at = self._fields.maybe("eligibility")
        found: list[Eligibility] = []
        for one in at.parts(least=1, most=20) if at else []:
            fields = one.table()
            when = fields.maybe("when")
            reason = fields.maybe("reason")
            if when and reason is None:
                one.report(Rule.REASON, "whom it shuts out must be told why", "add reason:")
            name = fields.take("id", At.identifier, "")
            unique(one, name, [known.id for known in found])
            found.append(
                Eligibility(
                    name,
                    fields.take("text", text, EMPTY),
                    self._scope.condition(when) if when else ALWAYS,
                    reason.text() if reason else None,
                )
            )
            fields.finish()
            self._mark("eligibility", name, one)
            self._mark("situations", found[-1].situation, one)
        return tuple(found)

    def _situations(self, materials: tuple[Material, ...]) -> tuple[Situation, ...]:
        at = self._fields.maybe("situations")
        listed = at.parts() if at else []
        if at and self._code:
            self._shared.places[f"{self._code}/situations"] = (at.file, at.line)
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

    def _record(self, kind: Kind) -> RecordKind | None:
        at = self._fields.maybe("record")
        if at is None and kind is not Kind.APPLY:
            where = self._fields.find("kind")
            if where:
                where.report(
                    Rule.KIND_RECORD,
                    f"a {kind.value} shows a record, but none is named",
                    f"record: {' | '.join(RecordKind)}",
                )
        if at is None:
            return None
        if kind is Kind.APPLY:
            at.report(Rule.KIND_RECORD, "an application shows no record", "remove it")
        return at.choice(RecordKind, RecordKind.SOCIAL_INSURANCE)


def _assurance(at: At) -> tuple[Assurance, Text]:
    fields = at.table()
    level = fields.take("level", lambda one: one.choice(Assurance, Assurance.NONE), Assurance.NONE)
    reason = fields.take("reason", text, EMPTY)
    fields.finish()
    return level, reason


def _offered(at: At) -> Offered:
    fields = at.table()
    listed = fields.maybe("tiers")
    tiers: list[Tier] = []
    for one in listed.parts(least=1, most=len(Tier)) if listed else []:
        tier = one.one_of([tier.value for tier in Tier])
        unique(one, tier, tiers)
        if tier:
            tiers.append(Tier(tier))
    offered = Offered(
        tuple(tiers) or tuple(Tier),
        fields.option("hours", lambda one: one.choice(Hours, Hours.ALWAYS), Hours.ALWAYS),
        fields.option("elsewhere", text, None),
    )
    fields.finish()
    return offered


def _conditions(item: Item) -> Iterator[Condition]:
    yield from (one.when for one in item.parties)
    yield from (one.when for one in item.questions)
    yield from (one.when for one in item.materials)
    yield from (one.when for one in item.form)
    yield from (one.when for one in item.situations)


_SUBJECT = Capacity.SUBJECT


def _usual(role: str) -> Capacity:
    """What a role is called tells what it is; the rest are those about whom it is."""
    named = {one.value.replace("-", "_"): one for one in Capacity}
    return named.get(role, _SUBJECT)


def _eligible(
    eligibility: tuple[Eligibility, ...], situations: tuple[Situation, ...]
) -> tuple[Situation, ...]:
    """The situations with those of the ineligible before them, each excluding the next."""
    before: list[Condition] = []
    shut_out: list[Situation] = []
    for one in eligibility:
        if one.when.op == "always":
            continue
        refused = Condition("not", parts=(one.when,))
        name, when = one.situation, both(*before, refused)
        shut_out.append(Situation(name, one.text, when, Result.NOT_POSSIBLE, (), one.reason))
        before.append(one.when)
    kept = tuple(replace(one, when=both(*before, one.when)) for one in situations)
    return (*shut_out, *kept)
