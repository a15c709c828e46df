"""View models: everything a screen shows, as frozen data.

A screen draws a view and emits events; it decides nothing. Dynamic content (names of items,
masked data) is here as text; static words are looked up by the screen under keys of
`config/words`. A `Notice` names such a key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from kiosk.journey.terms import Language, Rung, Size, StepName, Theme


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the resident must not miss.

    `key` finds `notice.<key>` (what happened and what to do); `code` is shown small for staff.
    """

    key: str
    code: str = ""
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds every step."""

    step: StepName
    language: Language
    size: Size
    theme: Theme
    heading: str  # name of the item, or "" for the terminal's own name
    person: str  # masked name, "" before identification
    verified: bool
    progress: tuple[int, int] | None  # steps done, steps in all
    back: bool
    leave: bool
    next_key: str  # words key of the main action, "" for none
    next_enabled: bool
    notice: Notice | None
    idle_left_s: int | None  # a warning is shown, so many seconds are left
    help_open: bool
    line_up: bool
    demo: bool
    site: str


@dataclass(frozen=True, slots=True)
class ItemCard:
    """A tile or row that leads to an item."""

    code: str
    name: str
    minutes: int
    comes_out: str
    bundle: bool
    available: bool
    departments: int = 1


@dataclass(frozen=True, slots=True)
class GroupCard:
    """A tile that leads to a group."""

    id: str
    name: str
    mark: str
    count: int


@dataclass(frozen=True, slots=True)
class PlainCard:
    """A plain entry of large mode."""

    id: str
    name: str
    hint: str
    other: bool  # "something else"


@dataclass(frozen=True, slots=True)
class WelcomeView:
    """The first screen. `stubs` are numbers saved before a power cut, offered for printing."""

    popular: tuple[ItemCard, ...]
    groups: tuple[GroupCard, ...]
    plain: tuple[PlainCard, ...]
    stubs: tuple[tuple[str, str], ...] = ()  # number, when
    out_of_order: bool = False


@dataclass(frozen=True, slots=True)
class ChooseView:
    """Items of a group, of a plain entry, or found by search."""

    searching: bool
    query: str = field(repr=False)
    title: str
    group: str
    groups: tuple[GroupCard, ...]
    cards: tuple[ItemCard, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled line; `label_key` is a words key."""

    label_key: str
    text: str


@dataclass(frozen=True, slots=True)
class MaterialLine:
    """A material as the resident sees it.

    `state` is one of "needed", "handed-in", "pledged", "from-card", "from-state", "made-here".
    """

    id: str
    name: str
    hint: str
    why: str
    state: str
    pages: int = 0
    due: str = ""
    can_pledge: bool = False
    can_bring: bool = False  # the state holds it, but whoever has it here may hand it in
    current: bool = False
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemGuideView:
    """The item guide: what, for whom, papers, fee, days, where."""

    name: str
    for_whom: str
    lines: tuple[Line, ...]
    materials: tuple[MaterialLine, ...]  # what may be needed at most
    notes: tuple[str, ...]
    can_start: bool  # it can be done here and now
    blocked: Notice | None
    can_try: bool  # it has questions that can be tried without identity
    sample: bool
    departments: tuple[str, ...]
    can_print: bool = False
    printing: str = ""  # "", "printing", "printed", "failed"
    conditions: tuple[str, ...] = ()  # who may apply at all


@dataclass(frozen=True, slots=True)
class IdentifyView:
    """Put the card on the reader.

    `state`: "waiting", "occupied" (another card has to be taken up first), "reading", "failed"
    (see the frame's notice), "read" (a card was read: take it up), or "key": one field of the
    travel document's data page is to be typed.
    """

    role: str  # name of the role whose card is asked for
    role_is_applicant: bool
    state: str
    name: str = field(repr=False, default="")
    portrait_png: bytes | None = field(repr=False, default=None)
    accepts: str = "id"  # "id", "id-or-passport", "id-or-any", "passport", "any"
    paper: str = ""  # what was read: "card" (an ID card), "social", "passport"
    asked: str = ""  # with "key": "number", "birth" or "expiry"
    asked_number: int = 0  # of three
    value: str = field(repr=False, default="")
    error_key: str = ""
    can_scan: bool = False


@dataclass(frozen=True, slots=True)
class VerifyFaceView:
    """Face verification.

    `state`: "consent" (notice and choice, camera off), "looking", "away" (the camera is, and is
    waited for), "matched", "failed".
    """

    state: str
    hint: str  # a FaceHint value
    tries_left: int
    guardian: bool  # under 14: a guardian must agree
    turn: str = ""  # "left" or "right" while a turn of the head is demanded
    paper: str = "card"  # or "passport": whose portrait the face is compared with
    role: str = ""  # who stands before the camera, where it is not the one who applies


@dataclass(frozen=True, slots=True)
class RungLine:
    """One other way to prove who one is, possible here and now or not."""

    rung: Rung
    possible: bool
    reason_key: str  # words key when it is not possible, or what it means


@dataclass(frozen=True, slots=True)
class OtherWayView:
    """The ladder. `chosen` shows what to do for that rung.

    `code` is "" for the ladder itself, else how far the code from the app is: "waiting",
    "asking", "failed", "known" (`name` is whose it is, masked). `sees` says what looks for it:
    "both", "scanner" or "camera".
    """

    rungs: tuple[RungLine, ...]
    chosen: Rung | None
    phone: str
    code: str = ""
    sees: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One answer to choose."""

    id: str
    text: str
    hint: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question. `kind` is a QuestionKind value."""

    id: str
    number: int
    most_left: int
    text: str
    hint: str
    kind: str
    options: tuple[OptionLine, ...]
    value: str = field(repr=False)
    unit: str
    needed: tuple[str, ...]  # names of materials needed by the answers so far
    trial: bool
    minutes: int = 0  # at most, to the end of the visit; 0 in a trial
    cannot: bool = False  # whatever is answered now, nothing can be handed in here today
    cannot_why: str = ""  # the reason, or the answer that stands in the way


@dataclass(frozen=True, slots=True)
class OutcomePart:
    """The outcome for one item (a bundle has several)."""

    item: str
    department: str
    situation: str
    result: str  # a Result value
    reason: str


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """What the answers lead to: possible or not and why, and the list of materials."""

    result: str  # a Result value
    parts: tuple[OutcomePart, ...]
    materials: tuple[MaterialLine, ...]
    lines: tuple[Line, ...]  # fee, days, where
    trial: bool
    can_go_on: bool
    can_print: bool
    printing: str  # "", "printing", "printed", "failed"


@dataclass(frozen=True, slots=True)
class MaterialsView:
    """Handing in papers.

    `state`: "list", "aim" (preview and shutter), "taking", "check" (keep or retake).
    """

    state: str
    materials: tuple[MaterialLine, ...]
    current: MaterialLine | None
    page_jpeg: bytes | None = field(repr=False, default=None)
    page_number: int = 0
    more_pages: bool = False
    warnings: tuple[str, ...] = ()  # words keys `capture.warning.<value>`


@dataclass(frozen=True, slots=True)
class FormView:
    """One form field a page. `kind` is a FieldKind value."""

    key: str
    label: str
    hint: str
    kind: str
    value: str = field(repr=False)
    required: bool
    error_key: str  # words key, "" when fine or untouched
    number: int
    count: int
    confirm: bool  # already known: to be confirmed, or changed
    candidates: tuple[str, ...] = field(repr=False, default=())
    length: int = 0  # exactly so many characters, 0 for any number


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Post or pick-up; with post the address is asked (or confirmed) on the same page."""

    methods: tuple[str, ...]
    chosen: str
    address: str = field(repr=False)
    address_error_key: str
    department: str  # where it is picked up: the guide's place is where one applies
    phone: str


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One line to check. `target` names what to change, "" where nothing can be."""

    label: str
    value: str = field(repr=False)
    target: str


@dataclass(frozen=True, slots=True)
class ReviewSection:
    """Rows that belong together; `title_key` is a words key."""

    title_key: str
    rows: tuple[ReviewRow, ...]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """Check your answers."""

    sections: tuple[ReviewSection, ...]


@dataclass(frozen=True, slots=True)
class SignView:
    """The statement and the pad."""

    statement: tuple[str, ...]
    owed: tuple[str, ...]  # pledged materials with their dates
    strokes: tuple[tuple[tuple[int, int], ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """A value that changed; `label_key` is a words key."""

    label_key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RenewedView:
    """The rules changed while somebody filled in; with `withdrawn` nothing can be handed in."""

    withdrawn: bool
    again: tuple[str, ...]  # questions that are asked again
    more: tuple[str, ...]  # materials that are needed now, or in another form
    less: tuple[str, ...]
    values: tuple[Changed, ...]
    phone: str


@dataclass(frozen=True, slots=True)
class SubmittedView:
    """State of the submission.

    `state`: "saving", "saved" (kept here), "received" (the backend has it), "failed".
    `printing`: "", "printing", "printed", "failed", "unknown" (it may lie in the slot).
    """

    state: str
    number: str
    case_number: str
    department: str
    contact: str  # masked
    owed: tuple[tuple[str, str], ...]
    take_with: tuple[str, ...]  # words keys `take.<value>`
    printing: str
    qr_text: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """A certificate or one's own records.

    `state`: "confirm", "asking", "ready", "none", "failed". `printing` as in SubmittedView.
    """

    kind: str  # "certificate" or "query"
    state: str
    title: str
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(repr=False)
    pages_png: tuple[bytes, ...] = field(repr=False)
    certificate_number: str
    printing: str


@dataclass(frozen=True, slots=True)
class RateView:
    """The rating: five levels, voluntary, nothing preselected."""

    level: int
    reasons: tuple[str, ...]  # words keys `rate.reason.<level>.<value>`
    chosen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeaveView:
    """Whether to leave really: what was answered is lost, and photographed papers with it."""

    papers: bool


@dataclass(frozen=True, slots=True)
class FarewellView:
    """Take your things; a few seconds, then the first screen."""

    take_with: tuple[str, ...]
    number: str
    seconds_left: int
    card_lies: bool = False  # a reader tells that a card still lies there


Body: TypeAlias = (
    WelcomeView
    | ChooseView
    | ItemGuideView
    | IdentifyView
    | VerifyFaceView
    | OtherWayView
    | QuestionView
    | OutcomeView
    | MaterialsView
    | FormView
    | DeliveryView
    | ReviewView
    | SignView
    | RenewedView
    | SubmittedView
    | ResultView
    | RateView
    | LeaveView
    | FarewellView
)


@dataclass(frozen=True, slots=True)
class View:
    """A whole screen."""

    frame: Frame
    body: Body
