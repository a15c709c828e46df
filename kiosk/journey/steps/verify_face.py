"""Does this face belong to this card? First a plain notice and consent; the camera is off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from devices.records import FaceHint, PortraitFormat
from kiosk.identity.papers import PaperKind
from kiosk.identity.validity import age
from kiosk.journey.aloud import Speech, Spoken
from kiosk.journey.effects import Effect, MatchFace, StopFace
from kiosk.journey.events import (
    ConsentGiven,
    ConsentRefused,
    Event,
    FaceDone,
    FaceFailed,
    FaceHinted,
    Next,
    OtherWay,
    TimedOut,
    TryAgain,
    WorldChanged,
)
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Notice, VerifyFaceView
from kiosk.journey.visit import Facing, Now, Place, Visit, lead_role

NOTICES: Final[Mapping[str, str]] = {
    "CM-01": "camera-absent",
    "CM-02": "camera-stalled",
    "FC-01": "face-engine",
    "FC-02": "face-portrait",
    "FC-03": "face-not-seen",
    "FC-04": "face-different",
    "FC-05": "face-not-live",
    "RD-11": "face-portrait",
}
# Faults that another look would not mend: straight to the other ways.
_NO_USE_AGAIN: Final = frozenset({"FC-02", "RD-11"})
# The terminal's own faults cost nobody a try. A camera that is away is waited for.
_CAMERA_AWAY: Final = frozenset({"CM-01", "CM-02"})
_OWN_FAULTS: Final = frozenset({*_CAMERA_AWAY, "FC-01"})
_TURNS: Final[Mapping[str, str]] = {
    FaceHint.TURN_LEFT.value: "left",
    FaceHint.TURN_RIGHT.value: "right",
}
_HEARD: Final[Mapping[str, Speech]] = {
    FaceHint.TURN_LEFT.value: Speech(Spoken.TURN_LEFT),
    FaceHint.TURN_RIGHT.value: Speech(Spoken.TURN_RIGHT),
    FaceHint.TURN_BACK.value: Speech(Spoken.TURN_BACK),  # who looks aside cannot read it
}
_GUARDIAN_UNDER_YEARS: Final = 14  # PIPL art. 31: a guardian's consent
_MATCHED_PAUSE_S: Final = 1.2


class VerifyFace(Plain):
    """Consent, look, match; limited tries; then the ladder."""

    name: ClassVar[StepName] = StepName.VERIFY_FACE

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Ask for consent each time; tries with this card go on counting.

        Where there is no portrait to match with, no camera is asked for: to the other ways.
        """
        party = visit.parties.get(visit.place.role)
        if party is not None and party.card.portrait is None:
            other = Place(StepName.OTHER_WAY, visit.place.role)
            visit = replace(visit, notice=Notice("face-no-portrait"))
            return Turn(visit, to=other, keep_trail=False)
        tries = visit.face_tries.get(party.card.number, 0) if party is not None else 0
        state = "consent" if tries < visit.rules.face_tries else "failed"
        return Turn(replace(visit, facing=Facing(state, tries=tries)))

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """The camera goes off."""
        return (StopFace(),)

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Consent, hints, the decision, a camera that is back."""
        facing = visit.facing
        if isinstance(event, (ConsentRefused, OtherWay)) and facing.state != "matched":
            return self._other(visit, refused=isinstance(event, ConsentRefused))
        if isinstance(event, ConsentGiven) and facing.state == "consent":
            return self._look(visit, now)
        again = facing.state == "away" or (facing.state == "failed" and self._tries_left(visit))
        if isinstance(event, TryAgain) and again:
            return self._look(visit, now)
        if isinstance(event, WorldChanged) and facing.state == "away" and event.camera_ok:
            return self._look(visit, now)
        if isinstance(event, FaceHinted) and facing.state == "looking":
            return Turn(replace(visit, facing=replace(facing, hint=event.hint.value)))
        if isinstance(event, FaceDone) and facing.state == "looking":
            return self._decided(visit, event, now)
        if isinstance(event, FaceFailed) and facing.state == "looking":
            return self._failed(visit, event.code)
        if isinstance(event, (Next, TimedOut)) and facing.state == "matched":
            return Turn(visit, forward=True, keep_trail=False)
        return None

    def _look(self, visit: Visit, now: Now) -> Turn:
        party = visit.parties[visit.place.role]
        portrait = party.card.portrait
        if portrait is None or portrait.format is PortraitFormat.UNKNOWN:
            return self._failed(visit, "RD-11")
        rules = visit.rules
        parties = {**visit.parties, party.role: replace(party, consented=True)}
        facing = Facing("looking", tries=visit.facing.tries, since_s=now.monotonic_s)
        effect = MatchFace(
            portrait,
            rules.face_threshold,
            rules.face_frames,
            rules.face_deadline_s,
            rules.face_liveness,
        )
        return Turn(replace(visit, parties=parties, facing=facing, notice=None), (effect,))

    def _decided(self, visit: Visit, event: FaceDone, now: Now) -> Turn:
        party = replace(visit.parties[visit.place.role], face=event.result)
        visit = replace(visit, parties={**visit.parties, party.role: party})
        if not event.result.matched:
            return self._failed(visit, "FC-04")
        facing = replace(visit.facing, state="matched", hint="", since_s=now.monotonic_s)
        return Turn(replace(visit, facing=facing, notice=None), (StopFace(),))

    def _failed(self, visit: Visit, code: str) -> Turn:
        notice = Notice(NOTICES.get(code, "face-engine"), code)
        if code in _OWN_FAULTS:
            # The camera stays wanted while it is away: it is seen at once when it is back.
            away = code in _CAMERA_AWAY
            facing = Facing("away" if away else "failed", tries=visit.facing.tries)
            return Turn(replace(visit, facing=facing, notice=notice), () if away else (StopFace(),))
        tries = visit.rules.face_tries if code in _NO_USE_AGAIN else visit.facing.tries + 1
        number = visit.parties[visit.place.role].card.number
        visit = replace(
            visit,
            facing=Facing("failed", tries=tries),
            face_tries={**visit.face_tries, number: tries},
            notice=notice,
        )
        return Turn(visit, (StopFace(),))

    def _other(self, visit: Visit, *, refused: bool) -> Turn:
        role = visit.place.role
        if refused:
            party = replace(visit.parties[role], consented=False)
            parties = {**visit.parties, role: party}
            visit = replace(visit, parties=parties, notice=Notice("face-refused"))
        return Turn(visit, to=Place(StepName.OTHER_WAY, role))

    def _tries_left(self, visit: Visit) -> int:
        return max(0, visit.rules.face_tries - visit.facing.tries)

    def can_go_back(self, visit: Visit) -> bool:
        """Not once it is decided that it is them."""
        return visit.facing.state != "matched"

    def idle_factor(self, visit: Visit) -> float:
        """Matching is the machine's work."""
        return 0.0 if visit.facing.state == "looking" else 1.0

    def due_s(self, visit: Visit) -> float | None:
        """After a match, go on by itself."""
        if visit.facing.state == "matched":
            return visit.facing.since_s + _MATCHED_PAUSE_S
        return None

    def speech(self, visit: Visit) -> Speech | None:
        """Each demanded turn, when it is shown, and the way back."""
        facing = visit.facing
        return _HEARD.get(facing.hint) if facing.state == "looking" else None

    def view(self, visit: Visit, now: Now) -> VerifyFaceView:
        """The notice, the preview's hint, or what came of it."""
        party = visit.parties.get(visit.place.role)
        young = (
            party is not None
            and now.trusted
            and party.card.birth is not None
            and age(party.card.birth, now.civil.date()) < _GUARDIAN_UNDER_YEARS
        )
        passport = party is not None and party.card.kind is PaperKind.PASSPORT
        return VerifyFaceView(
            state=visit.facing.state,
            hint=visit.facing.hint,
            tries_left=self._tries_left(visit),
            guardian=young,
            turn=_TURNS.get(visit.facing.hint, ""),
            paper="passport" if passport else "card",
            role=self._other_person(visit),
        )

    def _other_person(self, visit: Visit) -> str:
        """Who is to stand before the camera; "" for who applies, who stands there already."""
        matter, role = visit.matter, visit.place.role
        if matter is None or role == lead_role(matter):
            return ""
        return next((visit.say(p.name) for p in matter.parties if p.role == role), "")

    def action(self, visit: Visit, now: Now) -> Action:
        """The choices are on the page."""
        return Action("")
