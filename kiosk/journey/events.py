"""What happened: every event that a visit understands, typed and frozen.

The first part is what people do at the screen, the second what the world answers.
Answers of the world carry the number of the visit that asked, so that a late one is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from devices.records import FaceHint, FaceMatch, Page, Portrait, PrinterStatus, ScannedCode
from kiosk.catalogue.model import Pack
from kiosk.identity.papers import DataPage, PaperKind, ReadPaper
from kiosk.journey.terms import Language, Rung, Size, Theme


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that happened."""


class Touch(Event):
    """Something a person did at the screen; it also ends an idle warning."""

    __slots__ = ()


# -- people ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Next(Touch):
    """The main action of the step, at the bottom right."""


@dataclass(frozen=True, slots=True)
class Back(Touch):
    """One step back."""


@dataclass(frozen=True, slots=True)
class Leave(Touch):
    """End this visit."""


@dataclass(frozen=True, slots=True)
class Stay(Touch):
    """The answer to "are you still here?"; any touch does the same."""


@dataclass(frozen=True, slots=True)
class Help(Touch):
    """Open or close the help of the step."""


@dataclass(frozen=True, slots=True)
class LanguageSet(Touch):
    """Show the other language."""

    language: Language


@dataclass(frozen=True, slots=True)
class SizeSet(Touch):
    """Normal or large letters."""

    size: Size


@dataclass(frozen=True, slots=True)
class ThemeSet(Touch):
    """Calm or high contrast."""

    theme: Theme


@dataclass(frozen=True, slots=True)
class GroupOpened(Touch):
    """A group of items; "" shows all groups again."""

    group: str


@dataclass(frozen=True, slots=True)
class PlainOpened(Touch):
    """One of the plain entries of large mode."""

    entry: str


@dataclass(frozen=True, slots=True)
class SearchOpened(Touch):
    """The search field was touched."""


@dataclass(frozen=True, slots=True)
class SearchTyped(Touch):
    """The whole text of the search field."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ItemChosen(Touch):
    """An item or bundle, by code."""

    code: str


@dataclass(frozen=True, slots=True)
class TryQuestions(Touch):
    """See what I need to bring: the questions without any identity."""


@dataclass(frozen=True, slots=True)
class ConsentGiven(Touch):
    """The resident agrees to the camera."""


@dataclass(frozen=True, slots=True)
class ConsentRefused(Touch):
    """The resident does not want the camera, or takes the consent back."""


@dataclass(frozen=True, slots=True)
class TryAgain(Touch):
    """Repeat what failed: reading, matching, printing, asking, saving."""


@dataclass(frozen=True, slots=True)
class OtherWay(Touch):
    """Show the other ways to prove who one is."""


@dataclass(frozen=True, slots=True)
class RungChosen(Touch):
    """One of the other ways."""

    rung: Rung


@dataclass(frozen=True, slots=True)
class Answered(Touch):
    """An answer to the question shown, still changeable until Next.

    `value` is an option id, several ids joined by ",", "yes"/"no", digits, or an ISO date.
    """

    question: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaptureAsked(Touch):
    """Photograph this material now."""

    material: str


@dataclass(frozen=True, slots=True)
class PhotoTaken(Touch):
    """The shutter: what lies under the document camera now."""


@dataclass(frozen=True, slots=True)
class PageKept(Touch):
    """The picture is good."""


@dataclass(frozen=True, slots=True)
class Retake(Touch):
    """Take the picture again."""


@dataclass(frozen=True, slots=True)
class AnotherPage(Touch):
    """Keep this page and photograph one more of the same material."""


@dataclass(frozen=True, slots=True)
class PledgeMade(Touch):
    """This material will be brought later."""

    material: str


@dataclass(frozen=True, slots=True)
class MaterialCleared(Touch):
    """Take back what was handed in or pledged for this material."""

    material: str


@dataclass(frozen=True, slots=True)
class FieldTyped(Touch):
    """The whole text of a form field."""

    key: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryChosen(Touch):
    """How the result reaches the resident: "post" or "pick-up"."""

    method: str


@dataclass(frozen=True, slots=True)
class ChangeAsked(Touch):
    """From review: change this, then come back. `target` comes from a review row."""

    target: str


@dataclass(frozen=True, slots=True)
class Signed(Touch):
    """The signature as drawn: strokes of points, in thousandths of the pad's width and height."""

    strokes: tuple[tuple[tuple[int, int], ...], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrintAsked(Touch):
    """Print the receipt, certificate or list (again)."""


@dataclass(frozen=True, slots=True)
class Rated(Touch):
    """1 (very dissatisfied) to 5 (very satisfied); 0 takes it back."""

    level: int


@dataclass(frozen=True, slots=True)
class RatingReason(Touch):
    """One of the reasons listed for a level, chosen or taken back."""

    reason: str


@dataclass(frozen=True, slots=True)
class AnotherMatter(Touch):
    """Keep the identity, wipe the case, choose again."""


# -- the world ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FromWorld(Event):
    """An answer of the world to visit number `visit`."""

    visit: int


@dataclass(frozen=True, slots=True)
class CardFound(FromWorld):
    """A card lies on the reader; it is being read."""


@dataclass(frozen=True, slots=True)
class CardRead(FromWorld):
    """A card was read. `portrait_png` is its portrait decoded for the screen, if it could be;
    `portrait` that of a travel document, as a face is matched with it."""

    card: ReadPaper = field(repr=False)
    portrait_png: bytes | None = field(repr=False, default=None)
    portrait: Portrait | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class CardFailed(FromWorld):
    """Reading failed; `code` is a fault's code."""

    code: str


@dataclass(frozen=True, slots=True)
class CardStays(FromWorld):
    """A card that was read before still lies there and has to be taken up first; or is gone."""

    lies: bool


@dataclass(frozen=True, slots=True)
class DataPageRead(FromWorld):
    """The scanner read the machine-readable zone of a travel document."""

    page: DataPage = field(repr=False)


@dataclass(frozen=True, slots=True)
class FaceHinted(FromWorld):
    """What the person can do for a better picture."""

    hint: FaceHint


@dataclass(frozen=True, slots=True)
class FaceDone(FromWorld):
    """One try at matching ended with a decision."""

    result: FaceMatch


@dataclass(frozen=True, slots=True)
class FaceFailed(FromWorld):
    """One try at matching ended without a decision; `code` is a fault's code."""

    code: str


@dataclass(frozen=True, slots=True)
class PageCaptured(FromWorld):
    """The document camera delivered a page."""

    page: Page = field(repr=False)


@dataclass(frozen=True, slots=True)
class CaptureFailed(FromWorld):
    """No page; `code` is a fault's code."""

    code: str


@dataclass(frozen=True, slots=True)
class CodeSeen(FromWorld):
    """A code was shown, to the scanner or to the document camera: whichever saw it first."""

    code: ScannedCode = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeFailed(FromWorld):
    """No code was shown in time, or none can be; `code` is a fault's code."""

    code: str


@dataclass(frozen=True, slots=True)
class CodeOwner(FromWorld):
    """The backend says who showed the code."""

    kind: PaperKind
    name: str = field(repr=False)
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeRefused(FromWorld):
    """The code tells nobody: ID-07 it is none, ID-08 too old, ID-09 used, or a line's NW-01."""

    code: str


@dataclass(frozen=True, slots=True)
class Saved(FromWorld):
    """The application is committed on this terminal's disk."""

    number: str
    application_id: str


@dataclass(frozen=True, slots=True)
class SaveFailed(FromWorld):
    """It is not committed; nothing was handed in. `code` such as QU-01."""

    code: str


@dataclass(frozen=True, slots=True)
class Delivered(FromWorld):
    """The backend has the application and gave a case number."""

    number: str
    case_number: str


@dataclass(frozen=True, slots=True)
class DeliveryWaits(FromWorld):
    """A try at delivering failed; it goes on by itself."""

    number: str
    code: str


@dataclass(frozen=True, slots=True)
class CentralAnswered(FromWorld):
    """The backend's answer to a certificate or query."""

    title: str = field(repr=False)
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = field(repr=False)
    pdf: bytes | None = field(repr=False, default=None)
    pages_png: tuple[bytes, ...] = field(repr=False, default=())
    certificate_number: str = ""
    verify_code: str = ""
    found: bool = True


@dataclass(frozen=True, slots=True)
class CentralFailed(FromWorld):
    """No answer from the backend; `code` such as NW-01."""

    code: str


@dataclass(frozen=True, slots=True)
class Printed(FromWorld):
    """The paper is out. `what` is "receipt", "certificate", "list" or "records"."""

    what: str


@dataclass(frozen=True, slots=True)
class PrintFailed(FromWorld):
    """It is not on paper; `code` is a fault's code."""

    what: str
    code: str


@dataclass(frozen=True, slots=True)
class WorldChanged(Event):
    """What the terminal can do now. None leaves a value as it is."""

    line_up: bool | None = None
    reader_ok: bool | None = None
    id_cards: bool | None = None
    chip_cards: bool | None = None
    card_lies: bool | None = None
    card_left: bool | None = None
    scanner_ok: bool | None = None
    camera_ok: bool | None = None
    document_camera_ok: bool | None = None
    printer: PrinterStatus | None = None
    sheets: PrinterStatus | None = None
    intake_open: bool | None = None
    intake_code: str | None = None
    staffed: bool | None = None
    uses: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class RatingSaved(FromWorld):
    """The rating is kept."""


@dataclass(frozen=True, slots=True)
class Recovered(Event):
    """After a crash: these applications had been saved and their receipt is not printed."""

    stubs: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class CatalogueRenewed(Event):
    """A new catalogue serves from the next visit on; this one looks at it before handing in."""

    pack: Pack = field(repr=False)
    find: Callable[[str], tuple[str, ...]] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class TimedOut(Event):
    """A deadline of the visit has come (`kiosk.journey.visit.next_deadline`)."""
