"""What the world is asked to do: every effect of a visit, typed and frozen.

`kiosk.runtime` carries them out and feeds what comes of them back as events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from devices.records import Portrait
from kiosk.application.draft import Draft
from kiosk.identity.papers import DataPage
from kiosk.journey.aloud import Spoken
from kiosk.journey.terms import Language
from kiosk.receipts.content import BringList, GuideSlip, Receipt, Stub


class EndReason(StrEnum):
    """Why a visit ended."""

    DONE = "done"
    LEFT = "left"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Effect:
    """Anything the world is asked to do."""


@dataclass(frozen=True, slots=True)
class ReadCard(Effect):
    """Await a card at every reader and read it; answers CardFound, CardStays, CardRead, CardFailed.

    `chips` False leaves the readers of social-security cards and travel documents out;
    `page` opens a travel document.
    """

    wait_s: float
    chips: bool = True
    page: DataPage | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StopReading(Effect):
    """Nobody waits for a card any more."""


@dataclass(frozen=True, slots=True)
class MatchFace(Effect):
    """Switch the camera on and match; answers FaceHinted, FaceDone or FaceFailed.

    `challenge` says what must show a living head: "turn", "infrared" or "none". To which
    side is chosen by the engine and comes back as a hint: nobody can know it before.
    """

    portrait: Portrait = field(repr=False)
    threshold: float
    frames: int
    deadline_s: float
    challenge: str = "none"


@dataclass(frozen=True, slots=True)
class StopFace(Effect):
    """Switch the camera off."""


@dataclass(frozen=True, slots=True)
class AimDocumentCamera(Effect):
    """Switch the document camera on and show what it sees."""


@dataclass(frozen=True, slots=True)
class TakePhoto(Effect):
    """Photograph what lies there; answers PageCaptured or CaptureFailed."""

    deadline_s: float


@dataclass(frozen=True, slots=True)
class StopDocumentCamera(Effect):
    """Switch the document camera off."""


@dataclass(frozen=True, slots=True)
class ReadCode(Effect):
    """Await a code at the scanner and before the document camera.

    Answers CodeSeen or CodeFailed; the scanner also DataPageRead.
    """

    wait_s: float
    camera: bool = False  # the document camera looks for it as well, and is switched on for it


@dataclass(frozen=True, slots=True)
class StopCode(Effect):
    """Nobody shows a code any more."""


@dataclass(frozen=True, slots=True)
class Enqueue(Effect):
    """Save the application durably; answers Saved or SaveFailed, later Delivered and so on."""

    draft: Draft = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskCentral(Effect):
    """Ask the backend for a certificate or records; answers CentralAnswered or CentralFailed."""

    item: str
    record: str
    certificate: bool
    language: str
    document_kind: str
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    how_verified: str


@dataclass(frozen=True, slots=True)
class AskWhose(Effect):
    """Ask the backend whose code of the app this is; answers CodeOwner or CodeRefused."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Print(Effect):
    """Put something on paper; answers Printed or PrintFailed."""

    what: str
    content: Receipt | Stub | BringList | GuideSlip | None = field(default=None, repr=False)
    pdf: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeepRating(Effect):
    """Count a rating; no identity goes with it."""

    item: str
    level: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountUse(Effect):
    """Count that this matter was begun here; no identity goes with it."""

    item: str


@dataclass(frozen=True, slots=True)
class CallGuide(Effect):
    """Somebody at the screen asks for a person."""


@dataclass(frozen=True, slots=True)
class Say(Effect):
    """Say something aloud; what was being said is cut off. Nothing answers."""

    what: Spoken
    language: Language


@dataclass(frozen=True, slots=True)
class EndVisit(Effect):
    """The one way in which a visit ends: drop it, cancel what runs, wipe, build screens anew."""

    reason: EndReason
