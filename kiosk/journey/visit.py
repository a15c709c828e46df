"""The visit: everything personal of it is in this frozen value, and nowhere else.

Where the visit is, is a `Place`; the places behind it are its trail, which Back walks.
Answers, papers and fields that no longer count stay here, so that choosing an old answer
brings back what depended on it; `kiosk.journey.route` says what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from devices.records import FaceMatch, Page, PaperState, PrinterStatus
from kiosk.catalogue.engine import Path, walk
from kiosk.catalogue.model import Answer, Assurance, Fact, Matter, Pack, PartyIdentity, Text
from kiosk.identity.papers import IdPaper
from kiosk.identity.validity import Today, facts
from kiosk.journey.aloud import Saying
from kiosk.journey.terms import Language, Rung, Size, StepName, Theme
from kiosk.journey.views import Notice

ASSISTANT: Final = "assistant"  # role of the authorised person; never a party of the case


@dataclass(frozen=True, slots=True)
class Now:
    """The two clocks. `civil` never runs below its high-water mark; waiting uses `monotonic_s`."""

    monotonic_s: float
    civil: datetime
    trusted: bool

    @property
    def today(self) -> Today:
        """The civil day with its trust."""
        return Today(self.civil.date(), self.trusted)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is fixed for a terminal: where it stands, its limits and patience."""

    terminal: str
    site: Text
    counter: Text
    phone: str
    tier: str = "street"
    demo: bool = False
    face_threshold: float = 0.50
    face_frames: int = 3
    face_tries: int = 3
    face_deadline_s: float = 15.0
    face_liveness: str = "none"  # "turn", "infrared" or "none"
    card_wait_s: float = 60.0
    card_pause_s: float = 2.0  # how long "take your card" is shown after a read
    card_lies_s: float = 20.0  # at most so long, where the reader tells that it is not taken
    idle_normal_s: float = 90.0
    idle_large_s: float = 180.0
    idle_warning_s: float = 30.0
    farewell_s: float = 8.0
    app_codes: bool = False  # the backend knows codes of the province's app
    badge_salt: str = field(default="", repr=False)
    badges: tuple[str, ...] = field(default=(), repr=False)
    local_prefixes: tuple[str, ...] = ("浙江省温州市", "温州市")


_PRINTER_UNKNOWN: Final = PrinterStatus(online=True, paper=PaperState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class World:
    """What the terminal can do at this moment."""

    line_up: bool = True
    reader_ok: bool = True  # some card can be read
    id_cards: bool = True  # by a SAM-V reader
    chip_cards: bool = False  # social-security cards and travel documents, through PC/SC
    card_lies: bool = False  # some card lies on a reader that can tell
    card_left: bool = False  # and has lain there since an earlier visit
    scanner_ok: bool = False
    camera_ok: bool = True
    document_camera_ok: bool = True
    printer: PrinterStatus = _PRINTER_UNKNOWN  # of receipts and lists
    sheets: PrinterStatus = _PRINTER_UNKNOWN  # of certificates; it may be the same one
    intake_open: bool = True
    intake_code: str = ""  # why it is closed, for staff
    staffed: bool = False
    # How often each matter was begun here of late; no identity is in it.
    uses: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the visit is: a step, for whom (a role), and which of its pages."""

    step: StepName
    role: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who takes part, and the evidence for who they are."""

    role: str
    card: IdPaper = field(repr=False)
    portrait_png: bytes | None = field(default=None, repr=False)
    face: FaceMatch | None = None
    assisted_by: str = ""  # badge of the authorised person who vouched
    app_code: bool = False  # showed a code of the app that the backend knew as theirs
    consented: bool = False

    @property
    def verified(self) -> bool:
        """Somebody or something saw that the card is theirs."""
        matched = self.face is not None and self.face.matched
        return matched or self.app_code or bool(self.assisted_by)


@dataclass(frozen=True, slots=True)
class Paper:
    """What became of one material: its pages, or a pledge to bring it."""

    pages: tuple[Page, ...] = field(default=(), repr=False)
    pledged: bool = False


@dataclass(frozen=True, slots=True)
class Browse:
    """Looking for an item."""

    group: str = ""
    entry: str = ""
    searching: bool = False
    query: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """The card readers' part.

    "waiting", "occupied" (a card lies there that was read before), "reading", "failed", "read",
    or "key": the data page of the travel document on the reader is asked for. `typed` are its
    number and two ISO dates, `asked` says which of them is asked now.
    """

    state: str = "waiting"
    since_s: float = 0.0
    asked: int = 0
    typed: tuple[str, str, str] = field(default=("", "", ""), repr=False)
    scanning: bool = False


@dataclass(frozen=True, slots=True)
class Facing:
    """The camera's part: "consent", "looking", "away", "matched", "failed"."""

    state: str = "consent"
    hint: str = ""
    tries: int = 0
    since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Coding:
    """The code from the app: "waiting", "asking" (the backend), "failed", "known"."""

    state: str = "waiting"
    since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Capturing:
    """The document camera's part: "list", "aim", "taking", "check"."""

    state: str = "list"
    material: str = ""
    page: Page | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """The commit: "", "saving", "saved", "received", "failed"."""

    state: str = ""
    number: str = ""
    application_id: str = ""
    case_number: str = ""
    saved_at: datetime | None = None
    saved_s: float = 0.0
    waits: str = ""  # code of the last failed try at delivering


@dataclass(frozen=True, slots=True)
class Central:
    """The backend's answer to a certificate or query: "confirm", "asking", "ready", ..."""

    state: str = "confirm"
    title: str = field(default="", repr=False)
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(default=(), repr=False)
    pdf: bytes | None = field(default=None, repr=False)
    pages_png: tuple[bytes, ...] = field(default=(), repr=False)
    certificate_number: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """Nothing is preselected."""

    level: int = 0
    reasons: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit, from the first touch to the farewell."""

    number: int
    pack: Pack = field(repr=False)  # long
    rules: Rules
    world: World
    touched_s: float
    find: Callable[[str], tuple[str, ...]] = field(repr=False, compare=False)  # search by text
    place: Place = Place(StepName.WELCOME)
    trail: tuple[Place, ...] = ()  # where Back leads
    passed: frozenset[Place] = frozenset()  # gone on from, and not come back to
    language: Language = Language.ZH
    size: Size = Size.NORMAL
    theme: Theme = Theme.CALM
    touches: int = 0
    warned_s: float | None = None
    help_open: bool = False
    notice: Notice | None = None
    matter_code: str = ""
    trial: bool = False
    fast: bool = False  # skip what is complete: after a trial, or back to review
    parties: Mapping[str, Party] = field(default_factory=dict, repr=False)
    told: Mapping[str, Fact] = field(default_factory=dict, repr=False)
    answers: Mapping[str, Answer] = field(default_factory=dict, repr=False)
    draft: str | None = field(default=None, repr=False)  # typed, not yet an answer
    papers: Mapping[str, Paper] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    confirmed_fields: frozenset[str] = frozenset()
    field_error: str = ""
    delivery: str = ""
    strokes: tuple[tuple[tuple[int, int], ...], ...] = field(default=(), repr=False)
    browse: Browse = Browse()
    reading: Reading = Reading()
    facing: Facing = Facing()
    # Looks that came to nothing, by card number: reading the same card again gives no new ones.
    face_tries: Mapping[str, int] = field(default_factory=dict, repr=False)
    rung: Rung | None = None
    coding: Coding = Coding()
    capturing: Capturing = Capturing()
    submission: Submission = Submission()
    central: Central = Central()
    printing: Mapping[str, str] = field(default_factory=dict)
    rating: Rating = Rating()
    farewell_s: float = 0.0
    saying: Saying = field(default_factory=Saying)
    # A catalogue that came while the visit was under way; it counts when this is handed in.
    newer: Pack | None = field(default=None, repr=False)
    newer_find: Callable[[str], tuple[str, ...]] | None = field(
        default=None, repr=False, compare=False
    )
    outcome_seen: tuple[tuple[str, str], ...] = ()  # item and situation, as last shown
    stubs: tuple[tuple[str, datetime], ...] = ()

    @property
    def matter(self) -> Matter | None:
        """What the visit is about; None while choosing."""
        return self.pack.matters.get(self.matter_code)

    @property
    def pristine(self) -> bool:
        """Nobody has touched anything that another person should not find."""
        return (
            self.place.step is StepName.WELCOME
            and not self.parties
            and self.language is Language.ZH
            and self.size is Size.NORMAL
            and self.theme is Theme.CALM
            and not self.help_open
            and self.notice is None
        )

    def say(self, text: Text | None) -> str:
        """The text in the visit's language, "" for none."""
        return text.in_(self.language) if text is not None else ""


def lead_role(matter: Matter) -> str:
    """The role of the person at the terminal: the first that shows a card in every case."""
    for party in matter.parties:
        if party.identity is PartyIdentity.CARD and party.when.op == "always":
            return party.role
    return matter.parties[0].role if matter.parties else "applicant"


def needs_card(matter: Matter) -> bool:
    """The item asks for an identity."""
    return matter.assurance is not Assurance.NONE


def needs_face(matter: Matter) -> bool:
    """The item asks that the face belong to the card."""
    return matter.assurance is Assurance.CARD_AND_FACE


def card_facts(visit: Visit, now: Now) -> dict[str, Fact]:
    """Facts by "role.name" that the cards tell; no age while the clock is not trusted."""
    return {
        f"{party.role}.{name}": value
        for party in visit.parties.values()
        for name, value in facts(party.card, now.today, visit.rules.local_prefixes).items()
    }


def told_facts(visit: Visit, now: Now) -> dict[str, Fact]:
    """Facts that were asked for and that no card tells, of those who take part."""
    by_card = card_facts(visit, now)
    path = path_of(visit, now)
    owners = {party.role for party in path.parties}
    if not now.trusted:  # how long ago an answered date was; else today tells it
        owners |= path.on_path.keys()
    return {
        name: value
        for name, value in visit.told.items()
        if name not in by_card and name.partition(".")[0] in owners
    }


def known_facts(visit: Visit, now: Now) -> dict[str, Fact]:
    """Facts by "role.name": what was told, overruled by what cards say."""
    return {**visit.told, **card_facts(visit, now)}


def path_of(visit: Visit, now: Now) -> Path:
    """The path of answers through the visit's matter.

    Raises:
        ValueError: while nothing is chosen.
    """
    matter = visit.matter
    if matter is None:
        raise ValueError("no matter is chosen")
    today = now.civil.date() if now.trusted else None
    return walk(matter, visit.answers, known_facts(visit, now), today)


def owed_until(pledge_days: int, now: Now) -> date | None:
    """The day a pledged material is due; None when the clock is not trusted (say the days)."""
    if not now.trusted:
        return None
    return date.fromordinal(now.civil.date().toordinal() + pledge_days)
