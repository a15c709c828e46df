"""Catalogue texts to one checked `Pack`, or to everything that is wrong with them.

Promises:

- `load` returns a `Pack` in which every reference leads somewhere, every text is there in
  both languages and every condition fits what it tests; or it raises `CatalogueErrors`
  with all findings. It raises nothing else, whatever the texts say.
- The pack's hash depends on what the catalogue says, not on how it is formatted.
- No text is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol, TypeVar

from kiosk.catalogue.conditions import FACTS, FactKind, fact_kind, keys
from kiosk.catalogue.digest import digest
from kiosk.catalogue.errors import CatalogueErrors, Findings, Rule
from kiosk.catalogue.matters import of_bundle, of_item
from kiosk.catalogue.model import (
    ALWAYS,
    Answer,
    Assurance,
    Bundle,
    Condition,
    Confirmation,
    Department,
    FieldKind,
    FormField,
    Group,
    Guide,
    Item,
    Kind,
    Material,
    Matter,
    Option,
    Pack,
    PartyIdentity,
    PartyRole,
    PlainEntry,
    Question,
    QuestionKind,
    Record,
    Result,
    ReviewPoint,
    Situation,
    Source,
    Text,
)
from kiosk.catalogue.reader import CODE, SLUG, At, Fields, nearest
from kiosk.catalogue.source import Listing, Scalar, Table, parse

GROUPS, DEPARTMENTS, PLAIN = "groups.yaml", "departments.yaml", "plain.yaml"
MATERIAL_FORMS = ("original", "copy", "photo", "statement")
REVIEWERS = ("person", "machine")
PREFILLS = ("card.name", "card.number", "card.address")
DELIVERIES = ("post", "pick-up")
COMBINERS = ("any", "all", "not", "answered")
NONE_OF_THESE = ("none", "none_of_these")  # ids of options that stand alone by themselves
PLAIN_ENTRIES = 6
MAX_NUMBER = 999_999_999
_PHONE = re.compile(r"[0-9][0-9 \-]{3,19}")
_EMPTY = Text("", "")
_NO_DAY = date(2000, 1, 1)
_EARLIEST, _LATEST = date(1900, 1, 1), date(2100, 1, 1)


def load(files: Mapping[str, str]) -> Pack:
    """The pack made of these files (path within the catalogue, with `/`, to text).

    Raises `CatalogueErrors` with every finding.
    """
    findings = Findings()
    pack = _Catalogue(files, findings).read()
    if len(findings) or pack is None:
        raise CatalogueErrors(findings.all())
    return pack


class _Catalogue:
    """Reads all files in the order of what refers to what."""

    def __init__(self, files: Mapping[str, str], findings: Findings) -> None:
        self._files = files
        self._findings = findings
        self._places: dict[str, tuple[str, int]] = {}

    def read(self) -> Pack | None:
        groups = self._list(GROUPS, _group)
        departments = {one.id: one for one in self._list(DEPARTMENTS, _department)}
        shared = _Shared(
            frozenset(one.id for one in groups),
            frozenset(departments),
            frozenset(path[6:-5].upper() for path in self._files if _place(path) == "items"),
            self._places,
        )
        items = self._items(shared)
        matters: dict[str, Matter] = {code: of_item(item) for code, item in items.items()}
        bundles = self._bundles(shared, items, matters)
        promised = {path[8:-5].upper() for path in self._files if _place(path) == "bundles"}
        known = {*items, *matters, *shared.codes, *promised}
        plain = self._list(PLAIN, lambda at: _plain(at, known))
        self._check_plain(plain)
        self._check_shared_fields(items)
        for path in sorted(self._files):
            if path not in (GROUPS, DEPARTMENTS, PLAIN) and not _place(path):
                self._findings.add(
                    Rule.STRAY_FILE,
                    path,
                    0,
                    "",
                    "this file does not belong here",
                    f"{GROUPS}, {DEPARTMENTS}, {PLAIN}, items/*.yaml or bundles/*.yaml",
                )
        if len(self._findings):
            return None
        content = (groups, sorted(departments.values(), key=lambda one: one.id), plain)
        return Pack(
            hash=digest((content, list(items.values()), list(bundles.values()))),
            groups=tuple(groups),
            departments=departments,
            plain=tuple(plain),
            items=items,
            bundles=bundles,
            matters=matters,
            places=self._places,
        )

    def _root(self, path: str) -> At | None:
        node = parse(path, self._files[path], self._findings)
        return At(self._findings, path, "", node) if node is not None else None

    def _list(self, path: str, how: Callable[[At], NamedT]) -> list[NamedT]:
        if path not in self._files:
            self._findings.add(Rule.MISSING_FILE, path, 0, "", "this file is missing", "add it")
            return []
        root = self._root(path)
        found = [how(at) for at in root.parts(least=1)] if root else []
        ids = [one.id for one in found]
        for index, one in enumerate(ids):
            if one and one in ids[:index] and root:
                root.parts()[index].report(Rule.DUPLICATE_ID, f"'{one}' is already there")
        return found

    def _items(self, shared: _Shared) -> dict[str, Item]:
        items: dict[str, Item] = {}
        for path in sorted(path for path in self._files if _place(path) == "items"):
            root = self._root(path)
            item = _ItemReader(root, shared).read() if root else None
            if root and item and item.code:
                _same_name(root, item.code, items)
                items.setdefault(item.code, item)
        return dict(sorted(items.items()))

    def _bundles(
        self, shared: _Shared, items: Mapping[str, Item], matters: dict[str, Matter]
    ) -> dict[str, Bundle]:
        bundles: dict[str, Bundle] = {}
        for path in sorted(path for path in self._files if _place(path) == "bundles"):
            root = self._root(path)
            before = len(self._findings)
            bundle = _bundle(root, shared, items) if root else None
            if not (root and bundle and bundle.code):
                continue
            _same_name(root, bundle.code, {**items, **bundles})
            bundles.setdefault(bundle.code, bundle)
            if len(self._findings) == before and items.keys() >= set(bundle.items):
                matter, problems = of_bundle(bundle, [items[code] for code in bundle.items])
                for rule, key, message in problems:
                    line = self._places.get(f"{bundle.code}/{key}", (path, root.line))[1]
                    self._findings.add(rule, path, line, key, message, "make them the same")
                if matter:
                    matters[bundle.code] = matter
        return dict(sorted(bundles.items()))

    def _check_plain(self, plain: list[PlainEntry]) -> None:
        """Large mode has six entries; the last, and only it, opens the search."""
        if not plain:
            return
        if len(plain) != PLAIN_ENTRIES or [bool(one.codes) for one in plain] != [True] * (
            PLAIN_ENTRIES - 1
        ) + [False]:
            self._findings.add(
                Rule.PLAIN,
                PLAIN,
                1,
                "",
                f"{len(plain)} entries, {sum(not one.codes for one in plain)} without codes",
                f"{PLAIN_ENTRIES} entries; the last, and only it, has codes: []",
            )

    def _check_shared_fields(self, items: Mapping[str, Item]) -> None:
        """A field's key has one meaning everywhere: an answer given once may be offered again."""
        first: dict[str, tuple[str, FormField]] = {}
        for code, item in items.items():
            for one in item.form:
                other, known = first.setdefault(one.key, (code, one))
                if known.kind != one.kind:
                    file, line = self._places.get(f"{code}/form/{one.key}", ("", 0))
                    self._findings.add(
                        Rule.CONFLICT,
                        file,
                        line,
                        f"form.{one.key}",
                        f"'{one.key}' is {one.kind.value} here but {known.kind.value} in {other}",
                        "one key, one meaning: use another key",
                    )


class _Named(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


NamedT = TypeVar("NamedT", bound=_Named)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all items of a catalogue refer to."""

    groups: frozenset[str]  # empty when the file is unusable: then none is unknown
    departments: frozenset[str]  # the same
    codes: frozenset[str]  # codes that the names of item files promise, readable or not
    places: dict[str, tuple[str, int]]


def _place(path: str) -> str:
    """ "items" or "bundles" for a file that belongs there, else ""."""
    directory, _, name = path.partition("/")
    right = directory in ("items", "bundles") and name.endswith(".yaml") and "/" not in name
    return directory if right else ""


def _same_name(root: At, code: str, known: Mapping[str, object]) -> None:
    name = root.file.rpartition("/")[2]
    if name != f"{code.lower()}.yaml":
        root.report(Rule.FILE_NAME, f"the code is {code}", f"call the file {code.lower()}.yaml")
    if code in known:
        root.report(Rule.DUPLICATE_ID, f"{code} is already used", "give it another code")


def _one_of(at: At, allowed: frozenset[str], rule: Rule) -> str:
    """One of the allowed words; any word while it is not known what is allowed."""
    return at.one_of(sorted(allowed), rule) if allowed else at.string()


def _text(at: At) -> Text:
    return at.text()


def _clear_text(at: At) -> Text:
    return at.text(vague=True)


def _phone(at: At) -> str:
    return at.word(_PHONE, "digits, spaces and '-', quoted")


def _code(at: At) -> str:
    return at.word(CODE, "two to four capital letters, '-', three digits")


def _slug(at: At) -> str:
    return at.word(SLUG, "a small letter, then small letters, digits or '-'")


def _group(at: At) -> Group:
    fields = at.table()
    group = Group(fields.take("id", _slug, ""), fields.take("name", _text, _EMPTY), "")
    mark = fields.need("mark")
    sign = mark.string() if mark else ""
    if mark and len(sign) != 1:
        mark.report(Rule.BAD_TEXT, f"'{sign[:20]}' is not one character", "one character")
    fields.finish()
    return Group(group.id, group.name, sign[:1])


def _department(at: At) -> Department:
    fields = at.table()
    department = Department(
        fields.take("id", _slug, ""),
        fields.take("name", _text, _EMPTY),
        fields.take("phone", _phone, ""),
    )
    fields.finish()
    return department


def _plain(at: At, codes_known: set[str]) -> PlainEntry:
    fields = at.table()
    codes = fields.take("codes", lambda one: one.parts(), [])
    entry = PlainEntry(
        fields.take("id", _slug, ""),
        fields.take("name", _text, _EMPTY),
        fields.option("hint", _text, None),
        tuple(code.one_of(sorted(codes_known), Rule.UNKNOWN_ITEM) for code in codes),
    )
    fields.finish()
    return entry


def _effective(at: At) -> tuple[date, date | None]:
    fields = at.table()
    begin = fields.take("from", At.date, _NO_DAY)
    until = fields.maybe("until")
    end = until.date() if until else None
    if until and end and end < begin:
        until.report(Rule.EFFECTIVE, f"{end} is before {begin}", "the last day, or leave it out")
    fields.finish()
    return begin, end


def _confirmed(at: At) -> Confirmation:
    fields = at.table()
    confirmation = Confirmation(
        fields.take("by", At.string, ""), fields.take("on", At.date, _NO_DAY)
    )
    fields.finish()
    return confirmation


def _guide(at: At) -> Guide:
    fields = at.table()
    legal, promised = fields.take("days", _days, (None, None))
    guide = Guide(
        for_whom=fields.take("for_whom", _text, _EMPTY),
        basis=fields.take("basis", _text, _EMPTY),
        fee=fields.take("fee", _text, _EMPTY),
        days_legal=legal,
        days_promised=promised,
        visits=fields.take("visits", lambda one: one.integer(0, 9), 0),
        result=fields.take("result", _text, _EMPTY),
        where=fields.take("where", _text, _EMPTY),
        phone=fields.take("phone", _phone, ""),
        notes=tuple(note.text() for note in fields.option("notes", lambda one: one.parts(), [])),
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


@dataclass(slots=True)
class _Scope:
    """What a condition may refer to at one place of an item."""

    questions: dict[str, Question] = field(default_factory=dict)
    later: frozenset[str] = frozenset()  # ids of questions that come later
    roles: frozenset[str] = frozenset()
    later_roles: frozenset[str] = frozenset()
    guards: dict[str, frozenset[str]] = field(default_factory=dict)  # role: its questions

    def condition(self, at: At) -> Condition:
        """The condition at this place; `ALWAYS` in place of what does not fit."""
        parts = [self._entry(key, one) for key, one in at.table()]
        if not parts:
            return ALWAYS
        return parts[0] if len(parts) == 1 else Condition("all", parts=tuple(parts))

    def _entry(self, key: str, at: At) -> Condition:
        if key in ("any", "all"):
            listed = at.parts(least=1, most=50)
            return Condition(key, parts=tuple(self.condition(one) for one in listed) or (ALWAYS,))
        if key == "not":
            return Condition("not", parts=(self.condition(at),))
        if key == "answered":
            return self._answered(at)
        if "." in key:
            return self._fact(key, at)
        question = self._question(key, at)
        if question is None:
            return ALWAYS
        options = tuple(option.id for option in question.options)
        return _test(key, question.kind, options, at)

    def _answered(self, at: At) -> Condition:
        key = at.string()
        return Condition("answered", key) if key and self._question(key, at) else ALWAYS

    def _question(self, key: str, at: At) -> Question | None:
        question = self.questions.get(key)
        if question is None and key in self.later:
            at.report(
                Rule.LATER_QUESTION,
                f"the question '{key}' comes later",
                "move it up, or ask about an earlier one",
            )
        elif question is None:
            facts = [f"{role}.{name}" for role in sorted(self.roles) for name in FACTS]
            at.report(
                Rule.UNKNOWN_QUESTION,
                f"there is no question '{key[:60]}'",
                nearest(key, [*self.questions, *facts, *COMBINERS]),
            )
        return question

    def _fact(self, key: str, at: At) -> Condition:
        role, _, name = key.partition(".")
        kind = fact_kind(key)
        if kind is None:
            allowed = nearest(name, FACTS)
            at.report(Rule.UNKNOWN_QUESTION, f"there is no fact '{name[:60]}'", allowed)
            return ALWAYS
        if role not in self.roles:
            message, rule = f"no party has the role '{role[:60]}'", Rule.UNKNOWN_ROLE
            if role in self.later_roles:
                message, rule = f"the party '{role}' comes later", Rule.LATER_QUESTION
            at.report(rule, message, nearest(role, sorted(self.roles)))
            return ALWAYS
        late = sorted(self.guards.get(role, frozenset()) - set(self.questions))
        if late:
            at.report(
                Rule.LATER_QUESTION,
                f"whether '{role}' takes part depends on '{late[0]}', which comes later",
                "move that question up",
            )
        return _test(key, kind.kind, kind.options, at, kind)


def _test(
    key: str, kind: QuestionKind, options: tuple[str, ...], at: At, fact: FactKind | None = None
) -> Condition:
    """One test, in the shape that the kind of question or fact takes."""
    if kind is QuestionKind.YES_NO:
        word = at.node.text if isinstance(at.node, Scalar) and at.node.plain else ""
        if word not in ("true", "false"):
            at.report(Rule.WRONG_TEST, f"'{key}' is answered by yes or no", "true or false")
        return Condition("in", key, (word == "true",))
    if kind in (QuestionKind.NUMBER, QuestionKind.DATE):
        return _limits(key, kind, at, fact)
    values: list[Answer] = []
    for one in at.parts(least=1) if isinstance(at.node, Listing) else [at]:
        if not isinstance(one.node, Scalar):
            one.report(Rule.WRONG_TEST, f"'{key}' is answered by an option", nearest("", options))
            continue
        value = one.one_of(options, Rule.UNKNOWN_OPTION)
        if value in values:
            one.report(Rule.DUPLICATE_ID, f"'{value}' is listed twice")
        values.append(value)
    return Condition("in", key, tuple(values))


def _limits(key: str, kind: QuestionKind, at: At, fact: FactKind | None) -> Condition:
    number = kind is QuestionKind.NUMBER
    names = ("at_least", "under") if number else ("from", "before")
    if not isinstance(at.node, Table):
        what = "a number" if number else "a date"
        at.report(
            Rule.WRONG_TEST,
            f"'{key}' is {what}",
            f"{{{names[0]}: …}}, {{{names[1]}: …}} or both",
        )
        return ALWAYS
    fields = at.table()
    parts: list[Condition] = []
    values: list[Answer] = []
    for name in names:
        limit = fields.maybe(name)
        if limit is None:
            continue
        most = fact.maximum if fact else MAX_NUMBER
        value: Answer = limit.integer(-MAX_NUMBER, most) if number else limit.date()
        parts.append(Condition(name, key, (value,)))
        values.append(value)
    fields.finish()
    if not parts:
        at.report(Rule.WRONG_TEST, "no limit is given", " or ".join(names))
    if len(values) == 2 and values[0] >= values[1]:  # type: ignore[operator]
        at.report(Rule.WRONG_TEST, "no value lies between these limits", "lower limit first")
    if len(parts) == 1:
        return parts[0]
    return Condition("all", parts=tuple(parts)) if parts else ALWAYS


class _ItemReader:
    """Reads one item file."""

    def __init__(self, root: At, shared: _Shared) -> None:
        self._root = root
        self._shared = shared
        self._fields = root.table()
        self._roles: frozenset[str] = frozenset()
        self._scope = _Scope()
        self._code = ""

    def read(self) -> Item:
        fields = self._fields
        self._code = fields.take("code", _code, "")
        head = _head(fields, self._shared)
        self._roles = self._role_names()
        guards = self._guards()
        questions = _questions(fields, self._roles, guards, {}, self._mark)
        self._scope = _Scope(
            {one.id: one for one in questions}, frozenset(), self._roles, guards=guards
        )
        parties = self._parties()
        pledge = fields.option("pledge", At.boolean, False)
        materials = self._materials(pledge)
        level, reason = fields.take("assurance", _assurance, (Assurance.NONE, _EMPTY))
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
        return _one_of(at, self._shared.departments, Rule.UNKNOWN_DEPARTMENT)

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
            words = _words(when) if when else frozenset()
            guards[fields.take("role", At.identifier, "")] = words & self._question_ids()
        return guards

    def _question_ids(self) -> frozenset[str]:
        at = self._fields.find("questions")
        return frozenset(_ids(at)) if at else frozenset()

    def _parties(self) -> tuple[PartyRole, ...]:
        at = self._fields.find("parties")
        parties: list[PartyRole] = []
        for one in at.parts(least=1, most=9) if at else []:
            fields = one.table()
            role = fields.take("role", At.identifier, "")
            earlier = frozenset(party.role for party in parties)
            _unique(one, role, earlier)
            scope = _Scope(
                self._scope.questions,
                frozenset(),
                earlier,
                self._roles - earlier,
                self._scope.guards,
            )
            party = PartyRole(
                role,
                fields.take("name", _text, _EMPTY),
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
            _unique(one, material.id, [known.id for known in materials])
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
            name=fields.take("name", _clear_text, _EMPTY),
            form=fields.take("form", lambda one: one.one_of(MATERIAL_FORMS), ""),
            source=source,
            basis=fields.take("basis", _text, _EMPTY),
            review=_review(review, least) if review else (),
            hint=fields.option("hint", _clear_text, None),
            pages=fields.option("pages", lambda one: one.integer(1, 50), 1),
            when=fields.option("when", self._scope.condition, ALWAYS),
            why=fields.option("why", _clear_text, None),
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
                fields.take("label", _text, _EMPTY),
                fields.take("kind", lambda a: a.choice(FieldKind, FieldKind.TEXT), FieldKind.TEXT),
                about,
                fields.option("hint", _text, None),
                fields.option("required", At.boolean, True),
                fields.option("when", self._scope.condition, ALWAYS),
                source,
            )
            fields.finish()
            _unique(one, key, [known.key for known in form])
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
            _unique(one, situation.id, [known.id for known in situations])
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
            _unique(one, name, needed)
            needed.append(name)
        situation = Situation(
            fields.take("id", At.identifier, ""),
            fields.take("name", _text, _EMPTY),
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
            _unique(one, name, found)
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


@dataclass(frozen=True, slots=True)
class _Head:
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


_NO_GUIDE = Guide(_EMPTY, _EMPTY, _EMPTY, None, None, 0, _EMPTY, _EMPTY, "")


def _head(fields: Fields, shared: _Shared) -> _Head:
    begin, end = fields.take("effective", _effective, (_NO_DAY, None))
    return _Head(
        name=fields.take("name", _text, _EMPTY),
        aliases=tuple(
            one.string() for one in fields.option("aliases", lambda at: at.parts(most=30), [])
        ),
        group=fields.take("group", lambda at: _one_of(at, shared.groups, Rule.UNKNOWN_GROUP), ""),
        minutes=fields.take("minutes", lambda at: at.integer(1, 240), 1),
        comes_out=fields.take("comes_out", _text, _EMPTY),
        version=fields.take("version", lambda at: at.integer(1, 9999), 1),
        effective_from=begin,
        effective_until=end,
        use_rank=fields.option("use_rank", lambda at: at.integer(0, 1000), 0),
        confirmed=fields.option("confirmed", _confirmed, None),
        guide=fields.take("guide", _guide, _NO_GUIDE),
    )


def _assurance(at: At) -> tuple[Assurance, Text]:
    fields = at.table()
    level = fields.take("level", lambda one: one.choice(Assurance, Assurance.NONE), Assurance.NONE)
    reason = fields.take("reason", _text, _EMPTY)
    fields.finish()
    return level, reason


def _review(at: At, least: int) -> tuple[ReviewPoint, ...]:
    points: list[ReviewPoint] = []
    for one in at.parts(least=least, most=30):
        fields = one.table()
        point = ReviewPoint(
            fields.take("id", At.identifier, ""),
            fields.take("check", _text, _EMPTY),
            fields.take("by", lambda a: a.one_of(REVIEWERS), ""),
            fields.take("fails", _text, _EMPTY),
        )
        fields.finish()
        _unique(one, point.id, [known.id for known in points])
        points.append(point)
    return tuple(points)


def _questions(
    fields: Fields,
    roles: frozenset[str],
    guards: dict[str, frozenset[str]],
    known: Mapping[str, Question],
    mark: Callable[[str, str, At], None],
) -> tuple[Question, ...]:
    at = fields.maybe("questions")
    if at is None:
        return ()
    every = frozenset(_ids(at))
    earlier: dict[str, Question] = dict(known)
    questions: list[Question] = []
    for one in at.parts(most=80):
        scope = _Scope(dict(earlier), every - set(earlier), roles, guards=guards)
        question = _question(one, scope)
        _unique(one, question.id, [known.id for known in questions])
        if question.id in COMBINERS:
            one.report(Rule.BAD_NAME, f"'{question.id}' has a meaning in conditions", "rename it")
        mark("questions", question.id, one)
        questions.append(question)
        earlier.setdefault(question.id, question)
    return tuple(questions)


def _question(at: At, scope: _Scope) -> Question:
    fields = at.table()
    name = fields.take("id", At.identifier, "")
    kind_at = fields.need("kind")
    kind = kind_at.choice(QuestionKind, QuestionKind.ONE) if kind_at else QuestionKind.ONE
    limits = {
        key: fields.maybe(key) for key in ("unit", "minimum", "maximum", "earliest", "latest")
    }
    numeric = kind is QuestionKind.NUMBER
    for key, one in limits.items():
        right = numeric if key in ("unit", "minimum", "maximum") else kind is QuestionKind.DATE
        if one and not right:
            one.report(Rule.LIMITS, f"'{key}' does not fit a question of kind {kind.value}")
    least, most = (_number(limits[key]) for key in ("minimum", "maximum"))
    first, last = (_day(limits[key]) for key in ("earliest", "latest"))
    if numeric and (least is None or most is None or least >= most):
        at.report(Rule.LIMITS, "a number needs its limits", "minimum: and maximum:, in this order")
    if first and last and first >= last:
        at.report(Rule.LIMITS, "the limits leave no day", "earliest: before latest:")
    unit = limits["unit"]
    question = Question(
        id=name,
        text=fields.take("text", _clear_text, _EMPTY),
        kind=kind,
        about=fields.option(
            "about",
            lambda one: one.one_of(sorted(scope.roles), Rule.UNKNOWN_ROLE),
            "applicant",
        ),
        options=_options(at, fields, kind) if kind_at else (),
        hint=fields.option("hint", _clear_text, None),
        when=fields.option("when", scope.condition, ALWAYS),
        unit=unit.text() if unit else None,
        minimum=least,
        maximum=most,
        earliest=first or (_EARLIEST if kind is QuestionKind.DATE else None),
        latest=last or (_LATEST if kind is QuestionKind.DATE else None),
        always=fields.option("always", At.boolean, False),
    )
    fields.finish()
    return question


def _number(at: At | None) -> int | None:
    return at.integer(-MAX_NUMBER, MAX_NUMBER) if at else None


def _day(at: At | None) -> date | None:
    return at.date() if at else None


def _options(at: At, fields: Fields, kind: QuestionKind) -> tuple[Option, ...]:
    listed = fields.maybe("options")
    chosen = kind in (QuestionKind.ONE, QuestionKind.MANY)
    if listed and not chosen:
        listed.report(Rule.OPTIONS, f"a question of kind {kind.value} has no options", "remove")
    parts = listed.parts(most=40) if listed else []
    if chosen and len(parts) < 2:
        at.report(Rule.OPTIONS, f"{len(parts)} option(s) to choose from", "at least two options")
    options: list[Option] = []
    for one in parts:
        option_fields = one.table()
        option = Option(
            option_fields.take("id", At.identifier, ""),
            option_fields.take("text", _clear_text, _EMPTY),
            option_fields.option("hint", _clear_text, None),
        )
        alone = option_fields.maybe("alone")
        if alone and kind is not QuestionKind.MANY:
            alone.report(Rule.OPTIONS, "only of several answers one can stand alone", "remove it")
        if kind is QuestionKind.MANY:
            option = replace(option, alone=alone.boolean() if alone else option.id in NONE_OF_THESE)
        option_fields.finish()
        _unique(one, option.id, [known.id for known in options])
        options.append(option)
    return tuple(options) if chosen else ()


def _unique(at: At, name: str, known: Container[str]) -> None:
    if name and name in known:
        at.report(Rule.DUPLICATE_ID, f"'{name}' is already there", "give it another id")


def _ids(at: At) -> list[str]:
    """The ids in a list of mappings, without reporting anything."""
    quiet = At(Findings(), at.file, at.key, at.node)
    return [name for one in quiet.parts() if (name := one.table().take("id", At.identifier, ""))]


def _words(at: At) -> frozenset[str]:
    """Every key within a condition that was not read yet."""
    found: set[str] = set()
    quiet = At(Findings(), at.file, at.key, at.node)
    for key, one in quiet.table():
        if key in ("any", "all"):
            found.update(*(_words(part) for part in one.parts()))
        elif key == "not":
            found |= _words(one)
        else:
            found.add(one.string() if key == "answered" else key)
    return frozenset(found)


def _bundle(root: At, shared: _Shared, items: Mapping[str, Item]) -> Bundle:
    fields = root.table()
    code = fields.take("code", _code, "")
    head = _head(fields, shared)
    listed = fields.take("items", lambda at: at.parts(least=2, most=20), [])
    codes: list[str] = []
    for one in listed:
        name = one.one_of(sorted({*items, *shared.codes}), Rule.UNKNOWN_ITEM)
        _unique(one, name, codes)
        codes.append(name)
    parts = [items[name] for name in codes if name in items]
    roles = frozenset(party.role for item in parts for party in item.parties)
    ids = frozenset(question.id for item in parts for question in item.questions)
    guards = {party.role: keys(party.when) & ids for item in parts for party in item.parties}

    def mark(kind: str, name: str, at: At) -> None:
        if code and name:
            shared.places.setdefault(f"{code}/{kind}/{name}", (at.file, at.line))

    questions = _questions(fields, roles | {"applicant"}, guards, {}, mark)
    scope = _Scope({one.id: one for one in questions}, ids, roles, guards=guards)
    include: dict[str, Condition] = {}
    at = fields.maybe("include")
    for name, one in at.table() if at else []:
        if name not in codes:
            one.report(Rule.UNKNOWN_ITEM, f"'{name[:40]}' is no item of it", nearest(name, codes))
        include[name] = scope.condition(one)
        mark("include", name, one)
    fields.finish()
    return Bundle(
        code=code,
        name=head.name,
        group=head.group,
        minutes=head.minutes,
        comes_out=head.comes_out,
        version=head.version,
        effective_from=head.effective_from,
        guide=head.guide,
        items=tuple(codes),
        include=include,
        questions=questions,
        aliases=head.aliases,
        use_rank=head.use_rank,
        confirmed=head.confirmed,
        effective_until=head.effective_until,
    )
