"""The catalogue as frozen data: what an item asks, needs, decides and gives.

A condition is data, never code (`kiosk.catalogue.conditions` evaluates it). Texts are
bilingual; both languages are always there (the loader sees to it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from kiosk.contract.registers import RecordKind


@dataclass(frozen=True, slots=True)
class Text:
    """One text in the two languages of the terminal."""

    zh: str
    en: str

    def in_(self, language: str) -> str:
        """The text in "zh" or "en"."""
        return self.en if language == "en" else self.zh


class Kind(StrEnum):
    """What kind of thing an item is; it chooses the sequence of steps."""

    APPLY = "apply"
    CERTIFICATE = "certificate"
    QUERY = "query"


class Assurance(StrEnum):
    """How sure the terminal must be of who stands before it."""

    NONE = "none"
    CARD = "card"
    CARD_AND_FACE = "card-and-face"


class QuestionKind(StrEnum):
    """How a question is answered."""

    ONE = "one"
    MANY = "many"
    YES_NO = "yes-no"
    NUMBER = "number"
    DATE = "date"


class FieldKind(StrEnum):
    """What is typed into a form field; it chooses keypad and check."""

    NAME = "name"
    PHONE = "phone"
    ADDRESS = "address"
    DATE = "date"
    MONEY = "money"
    NUMBER = "number"
    CODE = "code"  # letters and digits: a plate, a licence
    PERSON_NUMBER = "person-number"  # of somebody's identity card, or other document
    BANK_CARD = "bank-card"
    CREDIT_CODE = "credit-code"  # the unified social credit code of a company
    TEXT = "text"


class PartyIdentity(StrEnum):
    """How a party becomes known."""

    CARD = "card"  # a card on this terminal's reader
    FORM = "form"  # what the resident types and papers show


class Source(StrEnum):
    """Where a material comes from."""

    RESIDENT = "resident"  # photographed by the document camera
    CARD = "card"  # the card that was read already tells it: at most confirmed
    E_LICENCE = "e-licence"  # the state already holds it: fetched by the department
    SHARED_DATA = "shared-data"  # another office's register tells it: looked up, no document
    TERMINAL = "terminal"  # made here, such as a signed statement


class Result(StrEnum):
    """What a situation leads to."""

    ACCEPT = "accept"
    COUNTER = "counter"
    NOT_POSSIBLE = "not-possible"


class Untrusted(StrEnum):
    """What an item's dated rules do while the terminal's clock is not trusted."""

    ASK = "ask"  # the resident says how old, how long ago
    COUNTER = "counter"  # a counter decides
    ACCEPT = "accept"  # dated conditions of eligibility count as met; the department looks


class Tier(StrEnum):
    """Where a terminal stands."""

    DISTRICT = "district"
    STREET = "street"
    VILLAGE = "village"
    BANK = "bank"


class Hours(StrEnum):
    """When a site offers an item."""

    ALWAYS = "always"
    STAFFED = "staffed"  # while a guide stands beside the terminal


class Capacity(StrEnum):
    """As what a party takes part."""

    APPLICANT = "applicant"
    AGENT = "agent"  # acts for another, with their letter of authority
    GUARDIAN = "guardian"
    LEGAL_REPRESENTATIVE = "legal-representative"  # of a company or institution
    CO_SIGNER = "co-signer"  # must agree and sign too
    SUBJECT = "subject"  # about whom it is: a child, a deceased


Answer: TypeAlias = str | bool | int | date | frozenset[str]
"""One option id, yes or no, a number, a date, or the set of chosen option ids."""

Fact: TypeAlias = str | int | bool
"""What a party's document tells: "applicant.age" and so on."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as data.

    `op` is one of "all", "any", "not" (over `parts`), "always", or a test of one question or
    fact named by `key`: "in" (accepted answers), "at_least", "under", "before", "from" (dates),
    "answered".
    """

    op: str
    key: str = ""
    values: tuple[Answer, ...] = ()
    parts: tuple[Condition, ...] = ()


ALWAYS = Condition("always")


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose."""

    id: str
    text: Text
    hint: Text | None = None
    alone: bool = False  # of "many": excludes every other option, as "none of these" does


@dataclass(frozen=True, slots=True)
class Question:
    """One question, one page."""

    id: str
    text: Text
    kind: QuestionKind
    about: str  # role
    options: tuple[Option, ...] = ()
    hint: Text | None = None
    when: Condition = ALWAYS
    unit: Text | None = None
    minimum: int | None = None
    maximum: int | None = None
    earliest: date | None = None
    latest: date | None = None
    always: bool = False  # asked even where its answer settles nothing: it is wanted as such
    known: str = ""  # the fact that it asks for where no document tells it: "child.age"


@dataclass(frozen=True, slots=True)
class ReviewPoint:
    """What is checked on a material, by whom, and what to say when it fails."""

    id: str
    check: Text
    by: str  # "person" or "machine"
    fails: Text


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One line of a material's sample: blank it shows the label, filled in both."""

    label: Text
    filled: Text


@dataclass(frozen=True, slots=True)
class Material:
    """A document that a situation may need."""

    id: str
    name: Text
    form: str  # "original", "copy", "photo", "statement"
    source: Source
    basis: Text  # why it may be asked for
    review: tuple[ReviewPoint, ...]
    hint: Text | None = None
    pages: int = 1  # most pages photographed
    when: Condition = ALWAYS
    why: Text | None = None
    pledge_days: int | None = None  # may be brought later, within so many days
    from_whom: str = "applicant"  # role
    copies: int = 1  # how many of it
    satisfied_by: tuple[Source, ...] = ()  # what may take its place: E_LICENCE, SHARED_DATA
    sample: tuple[SampleLine, ...] = ()

    @property
    def held(self) -> bool:
        """The state has it or can look it up: nobody is asked to bring the paper."""
        return self.source in _STATE or any(one in _STATE for one in self.satisfied_by)

    @property
    def brought(self) -> bool:
        """The resident is asked to bring it."""
        return self.source is Source.RESIDENT and not self.held


_STATE = frozenset((Source.E_LICENCE, Source.SHARED_DATA))


@dataclass(frozen=True, slots=True)
class FormField:
    """One thing typed or confirmed. `key` is shared across items: one meaning, one key."""

    key: str
    label: Text
    kind: FieldKind
    about: str = "applicant"
    hint: Text | None = None
    required: bool = True
    when: Condition = ALWAYS
    prefill: str = ""  # "card.name", "card.number", "card.address": confirmed, not typed
    length: int = 0  # exactly so many characters; 0: as many as its kind allows


@dataclass(frozen=True, slots=True)
class Situation:
    """The case within an item that the answers select; exactly one fits."""

    id: str
    name: Text
    when: Condition
    result: Result
    materials: tuple[str, ...] = ()
    reason: Text | None = None  # told for every result but ACCEPT


@dataclass(frozen=True, slots=True)
class Eligibility:
    """A condition that must hold for anyone to apply; told before anything is asked.

    With a condition, the loader makes a situation `not_ID` of it: not possible, with its
    reason. Without one it is told, and the department looks.
    """

    id: str
    text: Text
    when: Condition = ALWAYS  # true: may apply
    reason: Text | None = None  # what is said to whom it does not hold

    @property
    def situation(self) -> str:
        """The id of the situation of those for whom it does not hold."""
        return f"not_{self.id}"[:40]


@dataclass(frozen=True, slots=True)
class Offered:
    """Where and when a site offers an item; `elsewhere` says where it is done otherwise."""

    tiers: tuple[Tier, ...] = tuple(Tier)
    hours: Hours = Hours.ALWAYS
    elsewhere: Text | None = None  # None: the guide's `where`


@dataclass(frozen=True, slots=True)
class PartyRole:
    """A role in an item, and how whoever fills it becomes known."""

    role: str
    name: Text
    identity: PartyIdentity
    when: Condition = ALWAYS
    capacity: Capacity = Capacity.SUBJECT
    filled_by: Text | None = None  # who may take this part
    represents: str = ""  # role for whom an agent, guardian or representative acts
    signs: bool = False  # signs besides whoever leads the visit


@dataclass(frozen=True, slots=True)
class Guide:
    """The item guide (办事指南)."""

    for_whom: Text
    basis: Text
    fee: Text
    days_legal: int | None
    days_promised: int | None
    visits: int
    result: Text
    where: Text
    phone: str
    notes: tuple[Text, ...] = ()
    steps: tuple[Text, ...] = ()  # what happens, in order; empty: the usual steps


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Which authority confirmed the item, and when. Without one it is a sample."""

    by: str
    on: date


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a resident can ask for (事项)."""

    code: str
    name: Text
    group: str
    kind: Kind
    department: str
    assurance: Assurance
    assurance_reason: Text
    line: bool  # needs the line to the backend now
    minutes: int
    comes_out: Text  # a few words for the tile: what comes out
    version: int
    effective_from: date
    guide: Guide
    parties: tuple[PartyRole, ...]
    questions: tuple[Question, ...]
    materials: tuple[Material, ...]
    form: tuple[FormField, ...]
    situations: tuple[Situation, ...]
    delivery: tuple[str, ...] = ()  # "post", "pick-up"; empty: nothing to deliver
    pledge: bool = False
    sign: bool = True
    assisted: bool = False  # an authorised person may stand in for the face match
    record: RecordKind | None = None
    effective_until: date | None = None
    aliases: tuple[str, ...] = ()
    use_rank: int = 0  # higher is used more
    confirmed: Confirmation | None = None
    as_of: date | None = None  # when these facts were gathered
    id_card_only: bool = False  # 一证通办: nothing but the ID card is brought
    offered: Offered = Offered()
    eligibility: tuple[Eligibility, ...] = ()
    untrusted: Untrusted | None = None  # None: no rule of the item depends on today
    fact_questions: tuple[Question, ...] = ()  # words for facts that no document tells

    @property
    def sample(self) -> bool:
        """True while no authority has confirmed the item."""
        return self.confirmed is None


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several items of several departments, applied for as one (一件事一次办).

    Questions, fields and materials with the same id are asked for once. Questions of its own
    come first; `include` says in which cases a component takes part, `settled` what the event
    answers by itself: by item, then by question id or "ROLE.name".
    """

    code: str
    name: Text
    group: str
    minutes: int
    comes_out: Text
    version: int
    effective_from: date
    guide: Guide
    items: tuple[str, ...]
    include: Mapping[str, Condition] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    aliases: tuple[str, ...] = ()
    use_rank: int = 0
    confirmed: Confirmation | None = None
    effective_until: date | None = None
    as_of: date | None = None
    progress: tuple[str, ...] = ()  # departments, in the order in which they handle it
    settled: Mapping[str, Mapping[str, Answer | Fact]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # items without which, if they take part, the rest is of no use
    fact_questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Component:
    """One item within a matter, and when it takes part."""

    item: Item
    include: Condition = ALWAYS
    needed: bool = False  # where it takes part and cannot be handed in, nothing can


@dataclass(frozen=True, slots=True)
class Matter:
    """What a visit is about: one item, or the merged items of a bundle.

    Everything the steps need is here in one shape, so that no step knows bundles.
    """

    code: str
    name: Text
    group: str
    kind: Kind
    assurance: Assurance
    assurance_reason: Text
    line: bool
    minutes: int
    comes_out: Text
    guide: Guide
    departments: tuple[str, ...]
    effective_from: date  # of a bundle: the day on which the last of its items begins
    effective_until: date | None  # the last day; of a bundle the first on which an item ends
    components: tuple[Component, ...]
    parties: tuple[PartyRole, ...]
    questions: tuple[Question, ...]
    materials: tuple[Material, ...]
    form: tuple[FormField, ...]
    delivery: tuple[str, ...]
    pledge: bool
    sign: bool
    assisted: bool
    record: RecordKind | None
    sample: bool
    bundle: bool
    id_card_only: bool = False
    offered: Offered = Offered()
    eligibility: tuple[Eligibility, ...] = ()
    fact_questions: tuple[Question, ...] = ()
    untrusted: Untrusted | None = None  # of a bundle the strictest of its items


@dataclass(frozen=True, slots=True)
class Group:
    """One of the ten groups of the welcome screen."""

    id: str
    name: Text
    mark: str  # one character in the tile's circle


@dataclass(frozen=True, slots=True)
class PlainEntry:
    """One of the six entries of large mode: a plain verb that leads to items."""

    id: str
    name: Text
    hint: Text | None
    codes: tuple[str, ...]  # empty: "something else", which opens the search


@dataclass(frozen=True, slots=True)
class Department:
    """Who decides."""

    id: str
    name: Text
    phone: str


@dataclass(frozen=True, slots=True)
class Pack:
    """A whole checked catalogue; a visit keeps the pack with which it began."""

    hash: str
    groups: tuple[Group, ...]
    departments: Mapping[str, Department]
    plain: tuple[PlainEntry, ...]
    items: Mapping[str, Item]
    bundles: Mapping[str, Bundle]
    matters: Mapping[str, Matter]  # by item or bundle code
    # Where a part stands, by "CODE/situations/ID": (file, line). For messages only.
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict, compare=False, repr=False)
