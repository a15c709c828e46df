"""The commit and what came of it: saving, saved here, received, or not saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from kiosk.identity.papers import PaperKind
from kiosk.journey.aloud import Speech, Spoken
from kiosk.journey.effects import Enqueue, Print
from kiosk.journey.events import (
    AnotherMatter,
    Event,
    Next,
    PrintAsked,
    Saved,
    SaveFailed,
    TimedOut,
    TryAgain,
)
from kiosk.journey.receipt_of import department_of, qr_text, receipt_of
from kiosk.journey.renewal import renewal
from kiosk.journey.route import contact_of, papers_asked
from kiosk.journey.shown import due_text
from kiosk.journey.steps.item_guide import fresh_case
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Notice, SubmittedView
from kiosk.journey.visit import Now, Paper, Place, Submission, Visit, path_of
from kiosk.receipts.content import mask_phone

NOTICES: Final = {
    "QU-01": "disk-full",
    "QU-02": "queue-error",
    "QU-03": "queue-closed",
    "SE-08": "queue-closed",  # no key to seal to
    "SE-09": "queue-closed",  # no key to sign with
}
_ON_PAPER: Final = frozenset({"printed", "unknown"})  # something lies, or may lie, in the slot
PRINT_AFTER_S: Final = 2.5
"""How long the receipt waits for the backend's word before it says "kept here"."""


class Submitted(Plain):
    """Save, say so only after the commit, print, and say "received" only after the answer."""

    name: ClassVar[StepName] = StepName.SUBMITTED

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Save at once."""
        if visit.submission.state in ("saved", "received"):
            return Turn(visit)
        if renewal(visit, now) is not None:
            return Turn(visit, to=Place(StepName.RENEWED), keep_trail=False)
        return self._save(visit, now)

    def _save(self, visit: Visit, now: Now) -> Turn:
        visit = replace(visit, submission=Submission("saving"), notice=None)
        return Turn(visit, (Enqueue(draft_of(visit, now)),))

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Saved or not; print, another matter, on."""
        submission = visit.submission
        if isinstance(event, Saved) and submission.state == "saving":
            saved = replace(
                submission,
                state="saved",
                number=event.number,
                application_id=event.application_id,
                saved_at=now.civil,
                saved_s=now.monotonic_s,
            )
            return Turn(replace(visit, submission=saved, touched_s=now.monotonic_s))
        if isinstance(event, SaveFailed) and submission.state == "saving":
            notice = Notice(NOTICES.get(event.code, "queue-error"), event.code)
            return Turn(
                replace(
                    visit,
                    submission=replace(submission, state="failed"),
                    notice=notice,
                    touched_s=now.monotonic_s,
                )
            )
        if isinstance(event, TryAgain) and submission.state == "failed":
            return self._save(visit, now)
        if submission.state not in ("saved", "received"):
            return None
        if isinstance(event, TimedOut) and not visit.printing.get("receipt"):
            return self._print(visit, now)
        if isinstance(event, PrintAsked) and visit.printing.get("receipt") in ("failed", "unknown"):
            return self._print(visit, now)
        if isinstance(event, AnotherMatter):
            return Turn(fresh_case(visit, ""), to=Place(StepName.CHOOSE), keep_trail=False)
        if isinstance(event, Next):
            return Turn(visit, forward=True, keep_trail=False)
        return None

    def _print(self, visit: Visit, now: Now) -> Turn:
        visit = replace(visit, printing={**visit.printing, "receipt": "printing"}, notice=None)
        return Turn(visit, (Print("receipt", content=receipt_of(visit, now)),))

    def can_go_back(self, visit: Visit) -> bool:
        """Never over the commit."""
        return False

    def due_s(self, visit: Visit) -> float | None:
        """Print by itself: at once when received, a little later when kept."""
        submission = visit.submission
        if submission.state == "received" and not visit.printing.get("receipt"):
            return submission.saved_s
        if submission.state == "saved" and not visit.printing.get("receipt"):
            at_once = bool(submission.waits) or not visit.world.line_up
            return submission.saved_s + (0.0 if at_once else PRINT_AFTER_S)
        return None

    def speech(self, visit: Visit) -> Speech | None:
        """The receipt is there."""
        printed = visit.printing.get("receipt") == "printed"
        return Speech(Spoken.TAKE_RECEIPT) if printed else None

    def view(self, visit: Visit, now: Now) -> SubmittedView:
        """State, number, what is owed, what to take along."""
        submission = visit.submission
        path = path_of(visit, now)
        owed = tuple(
            (visit.say(m.name), due_text(visit, m.pledge_days, now))
            for m in papers_asked(path)
            if m.pledge_days is not None and visit.papers.get(m.id, Paper()).pledged
        )
        return SubmittedView(
            state=submission.state,
            number=submission.number,
            case_number=submission.case_number,
            department=department_of(visit, path),
            contact=mask_phone(contact_of(visit, path)),
            owed=owed,
            take_with=things(visit),
            printing=visit.printing.get("receipt", ""),
            qr_text=qr_text(visit),
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """Done, once it is saved."""
        return Action("action.done" if visit.submission.state in ("saved", "received") else "")


_TAKE: Final[Mapping[PaperKind, str]] = {
    PaperKind.SOCIAL_SECURITY: "take.social",
    PaperKind.PASSPORT: "take.passport",
}


def things(visit: Visit) -> tuple[str, ...]:
    """What may still lie on the terminal: words keys `take.<value>`."""
    found = []
    kinds = {party.card.kind for party in visit.parties.values()}
    others = {_TAKE[kind] for kind in kinds if kind in _TAKE}
    if kinds - _TAKE.keys():
        found.append("take.card")
    found += sorted(others)
    if visit.world.card_lies and not found:
        found.append("take.any-card")
    if any(paper.pages for paper in visit.papers.values()):
        found.append("take.papers")
    if visit.printing.get("receipt") in _ON_PAPER:
        found.append("take.receipt")
    if {visit.printing.get("certificate"), visit.printing.get("records")} & _ON_PAPER:
        found.append("take.certificate")
    return tuple(found)
