"""Put the card on the reader: the applicant's, another party's, or an authorised person's.

Which card it is, and at which reader, is found out. A travel document's chip opens only to who
has its data page: its three fields are typed, one a page, or the scanner reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import ClassVar, Final

from kiosk.catalogue.model import Text
from kiosk.identity.papers import DataPage, IdPaper, PaperKind, Proof, paper_of
from kiosk.identity.validity import Validity, masked, validity
from kiosk.journey.aloud import Speech, Spoken
from kiosk.journey.effects import Effect, ReadCard, ReadCode, StopCode, StopReading
from kiosk.journey.events import (
    Back,
    CardFailed,
    CardFound,
    CardRead,
    CardStays,
    CodeFailed,
    CodeSeen,
    DataPageRead,
    Event,
    FieldTyped,
    Next,
    OtherWay,
    TimedOut,
    TryAgain,
    WorldChanged,
)
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import IdentifyView, Notice
from kiosk.journey.visit import ASSISTANT, Now, Party, Place, Reading, Visit, lead_role, needs_face

NOTICES: Final[Mapping[str, str]] = {
    "RD-01": "reader-absent",
    "RD-02": "reader-silent",
    "RD-03": "reader-garbled",
    "RD-04": "reader-staff",
    "RD-05": "card-absent",
    "RD-06": "card-not-selected",
    "RD-07": "card-removed",
    "RD-08": "card-not-genuine",
    "RD-09": "card-unreadable",
    "RD-10": "card-wrong-kind",
    "RD-12": "reader-silent",
    "RD-20": "chip-reader-absent",
    "RD-21": "card-mute",
    "RD-22": "card-collision",
    "RD-24": "data-page-wrong",
    "RD-25": "card-unreadable",
    "ID-06": "card-other-reader",
}
_KEY_NEEDED: Final = "RD-23"
_KEY_WRONG: Final = "RD-24"
FIELDS: Final = ("number", "birth", "expiry")
"""Of a data page, in the order in which they are asked for; `FieldTyped` names them so."""
_CODE_WAIT_S: Final = 600.0  # as long as anybody types
_SHORTEST_NUMBER: Final = 3
_CALLS: Final = 3  # to take up a card
_ASSISTANT_NAME: Final = Text("工作人员", "Authorised person")
_INVALID: Final[Mapping[Validity, tuple[str, str]]] = {
    Validity.EXPIRED: ("card-expired", "ID-01"),
    Validity.NOT_YET: ("card-not-yet-valid", "ID-02"),
}
_EXPIRED_OTHER: Final = "card-expired-other"  # no police station renews these
_PAPERS: Final[Mapping[PaperKind, str]] = {
    PaperKind.SOCIAL_SECURITY: "social",
    PaperKind.PASSPORT: "passport",
}


def badge_of(number: str, salt: str) -> str:
    """The badge of an authorised person: SHA-256 of salt and ID number, in hex."""
    return hashlib.sha256(f"{salt}:{number}".encode()).hexdigest()


class Identify(Plain):
    """Read a card and take it as a party's identity."""

    name: ClassVar[StepName] = StepName.IDENTIFY

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Await a card at once: nothing needs to be touched."""
        return self._await(visit, now)

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """Nobody waits any more."""
        return (StopReading(), *self._stop_code(visit))

    def _await(self, visit: Visit, now: Now, typed: tuple[str, str, str] = ("", "", "")) -> Turn:
        """Read whatever card comes; what was typed opens it, should it be a travel document."""
        effect = ReadCard(
            visit.rules.card_wait_s,
            chips=visit.place.role != ASSISTANT,
            page=_page_of(typed) if all(typed) else None,
        )
        stop = self._stop_code(visit)
        reading = Reading("waiting", now.monotonic_s, typed=typed)
        waiting = replace(visit, reading=reading, field_error="")
        return Turn(waiting, (*stop, effect))

    def _stop_code(self, visit: Visit) -> tuple[Effect, ...]:
        return (StopCode(),) if visit.reading.scanning else ()

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """A card was found, read, or not; the data page is typed or scanned."""
        reading = visit.reading
        if isinstance(event, CardFound) and reading.state in ("waiting", "occupied", "failed"):
            found = replace(reading, state="reading", since_s=now.monotonic_s)
            return Turn(replace(visit, reading=found, notice=None))
        if isinstance(event, CardStays) and reading.state in ("waiting", "occupied"):
            state = "occupied" if event.lies else "waiting"
            return Turn(replace(visit, reading=replace(reading, state=state)))
        if isinstance(event, CardRead):
            return self._take(visit, event, now)
        if isinstance(event, CardFailed):
            return self._not_read(visit, event.code)
        if isinstance(event, TryAgain) and reading.state == "failed":
            return self._await(visit, now, reading.typed)
        if isinstance(event, WorldChanged) and event.card_lies and reading.state == "failed":
            return self._await(visit, now, reading.typed)  # another card was put down
        if isinstance(event, OtherWay) and visit.place.role != ASSISTANT:
            return Turn(visit, to=Place(StepName.OTHER_WAY, visit.place.role))
        if isinstance(event, (Next, TimedOut)) and reading.state == "read":
            return self._go_on(visit)
        return self._on_key(visit, event, now) if reading.state == "key" else None

    # -- the data page of a travel document -----------------------------------------------

    def _not_read(self, visit: Visit, code: str) -> Turn:
        if code in (_KEY_NEEDED, _KEY_WRONG):
            return self._ask_key(visit, code)
        key = NOTICES.get(code, "reader-staff")
        if key == "card-wrong-kind" and visit.world.chip_cards:
            key = "card-not-usable"  # more than ID cards would do
        return self._failed(visit, key, code)

    def _ask_key(self, visit: Visit, code: str) -> Turn:
        """Ask for the first field; what was typed before is shown to be mended."""
        notice = Notice(NOTICES[code], code) if code == _KEY_WRONG else None
        scanning = visit.world.scanner_ok
        reading = Reading("key", typed=visit.reading.typed, scanning=scanning)
        effects = (ReadCode(_CODE_WAIT_S),) if scanning else ()
        return Turn(replace(visit, reading=reading, notice=notice, field_error=""), effects)

    def _on_key(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        reading = visit.reading
        at = reading.asked
        if isinstance(event, DataPageRead):
            return self._await(visit, now, _typed_as(event.page, now.civil.date()))
        if isinstance(event, CodeSeen):
            again = (ReadCode(_CODE_WAIT_S),) if reading.scanning else ()
            return Turn(replace(visit, notice=Notice("code-not-page")), again)
        if isinstance(event, CodeFailed):
            return Turn(replace(visit, reading=replace(reading, scanning=False)))
        if isinstance(event, FieldTyped) and event.key == FIELDS[at]:
            typed = (*reading.typed[:at], event.text, *reading.typed[at + 1 :])
            return Turn(
                replace(visit, reading=replace(reading, typed=typed), field_error="")  # type: ignore[arg-type]
            )
        if isinstance(event, Next):
            wrong = _problem(FIELDS[at], reading.typed[at])
            if wrong:
                return Turn(replace(visit, field_error=wrong))
            if at + 1 < len(FIELDS):
                return Turn(replace(visit, reading=replace(reading, asked=at + 1)))
            return self._await(visit, now, reading.typed)
        if isinstance(event, Back):
            if at == 0:
                return self._await(visit, now)
            return Turn(replace(visit, reading=replace(reading, asked=at - 1), field_error=""))
        return None

    def _failed(self, visit: Visit, key: str, code: str) -> Turn:
        failed = replace(visit.reading, state="failed")  # what was typed opens it the next time
        return Turn(replace(visit, reading=failed, notice=Notice(key, code)))

    def _take(self, visit: Visit, event: CardRead, now: Now) -> Turn:
        role = visit.place.role
        card = paper_of(event.card, now.civil.date(), event.portrait)
        invalid = _invalid(card, now)
        if invalid is not None:
            return self._failed(visit, *invalid)
        if role == ASSISTANT:
            badge = badge_of(card.number, visit.rules.badge_salt)
            # Who vouches for others is known for sure: by a card that a SAM accepted.
            return self._vouch(visit, badge if card.proof is Proof.SAM else "", now)
        if any(p.card.number == card.number for r, p in visit.parties.items() if r != role):
            return self._failed(visit, "card-same-person", "ID-04")
        party = Party(role, card, event.portrait_png)
        return Turn(
            replace(
                visit,
                parties={**visit.parties, role: party},
                reading=Reading("read", now.monotonic_s),
                notice=None,
            )
        )

    def _vouch(self, visit: Visit, badge: str, now: Now) -> Turn:
        """An authorised person stands in for the face match; who it was is recorded."""
        role = visit.place.detail
        party = visit.parties.get(role)
        if badge not in visit.rules.badges or party is None:
            return self._failed(visit, "not-authorised", "ID-05")
        parties = {**visit.parties, role: replace(party, assisted_by=badge[:12])}
        return Turn(
            replace(visit, parties=parties, reading=Reading("read", now.monotonic_s), notice=None)
        )

    def _go_on(self, visit: Visit) -> Turn:
        if visit.place.role == ASSISTANT:
            place = Place(StepName.VERIFY_FACE, visit.place.detail)
            return Turn(replace(visit, place=place), forward=True, keep_trail=False)
        # Where the card alone proves who it is, this was the verification: Back ends here.
        matter = visit.matter
        return Turn(visit, forward=True, keep_trail=matter is None or needs_face(matter))

    def inner_back(self, visit: Visit) -> bool:
        """From the data page back to the card."""
        return visit.reading.state == "key"

    def can_go_back(self, visit: Visit) -> bool:
        """Not while the card lies there and is read, and not over a badge that vouched."""
        vouched = visit.place.role == ASSISTANT and visit.reading.state == "read"
        return visit.reading.state != "reading" and not vouched

    def idle_factor(self, visit: Visit) -> float:
        """Reading is the machine's work; to find a number on a data page takes a while."""
        return {"reading": 0.0, "key": 2.0}.get(visit.reading.state, 1.0)

    def due_s(self, visit: Visit) -> float | None:
        """After a read, go on by itself: one touch less; where it is known, once the card is up."""
        if visit.reading.state != "read":
            return None
        rules = visit.rules
        pause_s = rules.card_lies_s if visit.world.card_lies else rules.card_pause_s
        return visit.reading.since_s + pause_s

    def speech(self, visit: Visit) -> Speech | None:
        """After a read, that it is to be taken up; again while it is known to lie there."""
        if visit.reading.state != "read":
            return None
        party = visit.parties.get(visit.place.role)
        passport = party is not None and party.card.kind is PaperKind.PASSPORT
        what = Spoken.TAKE_DOCUMENT if passport else Spoken.TAKE_CARD
        return Speech(what, times=_CALLS if visit.world.card_lies else 1)

    def view(self, visit: Visit, now: Now) -> IdentifyView:
        """Whose card, and how far the reading is."""
        role, matter = visit.place.role, visit.matter
        assert matter is not None, "identify is entered with a matter"
        names = {party.role: party.name for party in matter.parties}
        reading = visit.reading
        read = reading.state == "read"
        party = visit.parties.get(role) if read else None
        keyed = reading.state == "key"
        return IdentifyView(
            role=visit.say(_ASSISTANT_NAME if role == ASSISTANT else names.get(role)),
            role_is_applicant=role == lead_role(matter),
            state=visit.reading.state,
            name=masked(party.card.shown_name) if party else "",
            portrait_png=party.portrait_png if party else None,
            accepts=self._accepts(visit),
            paper=_PAPERS.get(party.card.kind, "card") if party else "card" if read else "",
            asked=FIELDS[reading.asked] if keyed else "",
            asked_number=reading.asked + 1 if keyed else 0,
            value=reading.typed[reading.asked] if keyed else "",
            error_key=f"identify.key.error.{visit.field_error}" if visit.field_error else "",
            can_scan=reading.scanning,
        )

    def _accepts(self, visit: Visit) -> str:
        """Which cards are worth putting down; without a portrait no face can be matched."""
        matter, world = visit.matter, visit.world
        if not world.chip_cards or visit.place.role == ASSISTANT:
            return "id"
        others = "passport" if matter is not None and needs_face(matter) else "any"
        return f"id-or-{others}" if world.id_cards else others

    def action(self, visit: Visit, now: Now) -> Action:
        """After a read one may go on without waiting; each field of a data page is gone on from."""
        reading = visit.reading
        if reading.state == "key":
            return Action("action.next", bool(reading.typed[reading.asked]))
        return Action("action.next" if reading.state == "read" else "")


def _invalid(card: IdPaper, now: Now) -> tuple[str, str] | None:
    found = _INVALID.get(validity(card, now.today))
    if found is not None and card.kind in _PAPERS:
        return _EXPIRED_OTHER if found[1] == "ID-01" else found[0], found[1]
    return found


def _problem(name: str, text: str) -> str:
    """What is wrong with a field: "number" or "date", "" if nothing is."""
    if name == "number":
        plain = text.replace("-", "")
        fits = len(plain) >= _SHORTEST_NUMBER and plain.isascii() and plain.isalnum()
        return "" if fits else "number"
    return "" if _day(text) is not None else "date"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _page_of(typed: tuple[str, str, str]) -> DataPage:
    """As it stands in the machine-readable zone; the dates were looked at before."""
    number, *dates = typed
    birth, expiry = (text.replace("-", "")[2:] for text in dates)
    return DataPage(number.replace("-", "").upper(), birth, expiry)


def _typed_as(page: DataPage, today: date) -> tuple[str, str, str]:
    """A scanned data page as it would have been typed; a birth lies in the past."""
    born, ends = page.birth_yymmdd, page.expiry_yymmdd
    century = "20" if born[:2] <= f"{today:%y}" else "19"
    return (page.number, _iso(century + born), _iso("20" + ends))


def _iso(digits: str) -> str:
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
