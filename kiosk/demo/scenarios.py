"""The scenarios of `kiosk demo --headless`: what happens in each, and how it should end.

A scenario raises ScriptFailed where the visit did not go as it should; then the command ends
with an exit status that is not 0.
"""

from __future__ import annotations

import functools
import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from devices.records import PaperState
from kiosk.demo import script
from kiosk.demo.chips import BANK_CARD, DATA_PAGE, PASSPORT, SOCIAL
from kiosk.demo.player import Player, Script, ScriptFailed, Until
from kiosk.journey.terms import StepName

MOST_CERTIFICATE_TOUCHES: Final = 7
BEFORE_THE_CUT: Final = "before-the-cut.json"  # what the first half tells the second
_AWAY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario: its usual item, what it changes in the settings, its script."""

    item: str
    play: Callable[[Player, str], Script]
    about: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    staffed: bool = True
    chips: bool = False  # there is a reader of social-security cards and travel documents
    stored: int = 1  # applications that the backend must have in the end


def expect(holds: bool, what: str) -> None:
    """Raises ScriptFailed unless it holds."""
    if not holds:
        raise ScriptFailed(what)


def _notice(player: Player, key: str) -> Until:
    return Until(
        lambda: player.view.frame.notice is not None and player.view.frame.notice.key == key,
        f"the notice {key}",
    )


def _kind(player: Player) -> str:
    matter = player.terminal.runtime.visit.matter
    return matter.kind.value if matter is not None else ""


def happy(player: Player, item: str) -> Script:
    """A whole visit with the line up, of somebody who suits the item."""
    can_succeed = script.cast(player, item)
    yield from script.choose(player, item)
    if _kind(player) != "apply":
        yield from _ask(player)
        return
    if not can_succeed:
        yield from _only_told(player)
        return
    yield from script.up_to_signature(player)
    yield from script.sign(player)
    yield Until(player.is_at(StepName.SUBMITTED, "received"), "the backend's answer")
    yield from script.printed(player)
    _remember_submission(player)
    yield from script.farewell(player)


def _only_told(player: Player) -> Script:
    """An item that nobody can hand in here: the visit ends at what the outcome tells."""
    yield from script.start(player)
    if player.step is StepName.IDENTIFY:
        yield from script.identify(player)
    yield from script.answer(player)
    yield Until(player.is_at(StepName.OUTCOME), "the outcome")
    expect(not player.body.can_go_on, "the outcome can be gone on from")
    player.record.facts["ended_at"] = player.body.result
    _remember_faces(player)
    player.touch("next")
    yield from script.gone(player)


def _remember_submission(player: Player) -> None:
    visit = player.terminal.runtime.visit
    player.record.facts["receipt_number"] = visit.submission.number
    player.record.facts["application_id"] = visit.submission.application_id
    _remember_faces(player)


def _remember_faces(player: Player) -> None:
    faces = {}
    for role, party in player.terminal.runtime.visit.parties.items():
        face = party.face
        faces[role] = {
            "distance": round(face.distance, 4) if face and face.distance is not None else None,
            "threshold": face.threshold if face else None,
            "frames_used": face.frames_used if face else 0,
            "matched": bool(face and face.matched),
            "liveness": face.liveness if face else "",
            "assisted": bool(party.assisted_by),
        }
    player.record.facts["verification"] = faces


def _ask(player: Player) -> Script:
    """A certificate or a query, from the item guide to the end."""
    yield from script.start(player)
    yield from script.identify(player)
    yield Until(player.is_at(StepName.RESULT), "the result")
    if player.body.state == "confirm":
        player.touch("next")
    yield Until(player.is_at(StepName.RESULT, "ready", "none"), "the backend's answer")
    if player.body.kind == "certificate":
        yield from script.printed(player)
    _remember_faces(player)
    player.record.facts["certificate_number"] = player.body.certificate_number
    yield from script.farewell(player, rating=0)


def certificate(player: Player, item: str) -> Script:
    """A certificate in at most seven touches, besides what finding a rarer one takes."""
    before = player.record.touches
    yield from script.choose(player, item)
    further = player.record.touches - before - 1  # its group, the pages of a long list
    expect(_kind(player) == "certificate", f"{item} is no certificate")
    yield from _ask(player)
    touches = player.record.touches - player.record.facts.get("settling", 0) - further
    expect(
        touches <= MOST_CERTIFICATE_TOUCHES,
        f"{touches} touches, at most {MOST_CERTIFICATE_TOUCHES}",
    )


def offline(player: Player, item: str) -> Script:
    """The line is down at the submission and comes back after the resident has left."""
    yield from script.choose(player, item)
    yield from script.up_to_signature(player)
    player.stage.backend.pull()
    yield from script.sign(player)
    yield Until(player.is_at(StepName.SUBMITTED, "saved"), "saved here")
    yield from script.printed(player)
    expect(player.body.state == "saved", "it says received without an answer")
    _remember_submission(player)
    player.record.facts["said_first"] = "saved"
    yield from script.farewell(player)
    expect(not player.stage.backend.stored(), "the backend has it although the line is down")
    player.stage.backend.restore()
    player.terminal.poke_sender()
    yield _delivered(player, _AWAY_S)


def _delivered(player: Player, deadline_s: float) -> Until:
    number = player.record.facts["receipt_number"]

    def holds() -> bool:
        delivery = player.terminal.outbox.delivery(number).result(timeout=5)
        return delivery is not None and delivery.state == "delivered"

    return Until(holds, "the delivery", deadline_s)


def wrong_person(player: Player, item: str) -> Script:
    """Somebody else's card: three tries, then the other ways."""
    yield from script.choose(player, item)
    yield from script.start(player)
    yield from script.show_card(player, "elder")
    yield from script.show_face(player, "man")
    while player.step is StepName.VERIFY_FACE and player.body.tries_left:
        yield _notice(player, "face-different")
        player.touch("again")
        yield Until(player.is_at(StepName.VERIFY_FACE, "failed"), "a decision")
    _remember_faces(player)
    matched = [face["matched"] for face in player.record.facts["verification"].values()]
    expect(matched == [False], "somebody else was matched")
    player.touch("other-way")
    yield Until(player.is_at(StepName.OTHER_WAY), "the other ways")
    player.touch("leave")
    yield Until(player.is_at(StepName.WELCOME), "the first screen")


def refuses_face(player: Player, item: str) -> Script:
    """No camera: an authorised person with a badge vouches, and the visit goes on."""
    yield from _without_camera(player, item)
    yield from _vouched_for(player)


def app_code(player: Player, item: str) -> Script:
    """No camera, but a code from the app: somebody else's is refused, one's own goes on."""
    yield from _without_camera(player, item)
    yield Until(player.is_at(StepName.OTHER_WAY), "the other ways")
    yield Until(lambda: player.can_touch("rung:app-code"), "a line that is up")
    player.touch("rung:app-code")
    yield Until(lambda: player.body.code == "waiting", "the page of the code")
    yield Until(player.sees_paper, "a picture from the camera")
    player.stage.show_code("man")
    yield _notice(player, "code-other-person")
    player.picture()
    player.stage.lay("empty")
    player.touch("again")
    yield Until(lambda: player.body.code == "waiting", "the page of the code again")
    yield Until(player.sees_paper, "a picture from the camera")
    player.stage.show_code("elder")
    yield Until(lambda: getattr(player.body, "code", "") == "known", "that it is the elder")
    player.picture()
    player.stage.lay("empty")
    yield Until(lambda: player.step is not StepName.OTHER_WAY, "the step after the code")
    yield from _handed_in(player)
    kinds = [evidence["kind"] for evidence in _only_party(player)["evidence"]]
    expect(kinds == ["card", "app-code"], f"the code is not recorded: {kinds}")


def _without_camera(player: Player, item: str) -> Script:
    """Up to the refusal of the camera."""
    yield from script.choose(player, item)
    yield from script.start(player)
    yield from script.show_card(player, "elder")
    yield Until(player.is_at(StepName.VERIFY_FACE, "consent"), "the notice and the choice")
    player.touch("consent:no")


def _vouched_for(player: Player) -> Script:
    """From the other ways to the end: a guide vouches, and the application is handed in."""
    yield Until(player.is_at(StepName.OTHER_WAY), "the other ways")
    script.turn_to(player, "rung:authorised-person")
    yield Until(player.is_at(StepName.IDENTIFY, "waiting"), "the reader, for the badge")
    player.stage.put_card("long-term")
    yield Until(player.is_at(StepName.IDENTIFY, "read"), "the badge is read")
    player.stage.take_card()
    yield Until(lambda: player.step is not StepName.IDENTIFY, "the step after the badge")
    yield from _handed_in(player)


def _handed_in(player: Player) -> Script:
    """From the questions to the end, of whoever is known by now."""
    yield from script.from_questions_to_signature(player)
    yield from script.sign(player)
    yield Until(player.is_at(StepName.SUBMITTED, "received"), "the backend's answer")
    yield from script.printed(player)
    _remember_submission(player)
    yield from script.farewell(player, rating=0)


def social_card(player: Player, item: str) -> Script:
    """A social-security card: it has no portrait, so a guide vouches instead of a camera."""
    yield from script.choose(player, item)
    yield from script.start(player)
    player.stage.put_card(BANK_CARD)
    yield _notice(player, "card-not-usable")
    player.stage.take_card()
    yield Until(lambda: not player.terminal.runtime.visit.world.card_lies, "the empty reader")
    yield from script.show_card(player, SOCIAL)  # put down, it is read: nothing to touch
    yield _notice(player, "face-no-portrait")
    yield from _vouched_for(player)
    party = _only_party(player)
    expect(party["document_kind"] == "social-security", "it is not recorded as what it is")
    expect(party["evidence"][0]["proof"] == "not-authenticated", "a proof is claimed")


def passport(player: Player, item: str) -> Script:
    """A passport: its photo page is typed, first wrongly; its picture is matched."""
    yield from script.choose(player, item)
    yield from script.start(player)
    player.stage.put_card(PASSPORT)
    yield Until(player.is_at(StepName.IDENTIFY, "key"), "the photo page is asked for")
    yield from script.type_data_page(player, {**DATA_PAGE, "expiry": "2034-06-24"})
    yield _notice(player, "data-page-wrong")
    player.picture()
    yield from script.type_data_page(player, DATA_PAGE)
    yield Until(player.is_at(StepName.IDENTIFY, "read"), "the passport is read")
    player.stage.take_card()
    yield Until(player.is_at(StepName.VERIFY_FACE), "the camera's turn")
    yield from script.show_face(player, "man")
    yield from script.from_questions_to_signature(player)
    yield from script.sign(player)
    yield Until(player.is_at(StepName.SUBMITTED, "received"), "the backend's answer")
    yield from script.printed(player)
    _remember_submission(player)
    yield from script.farewell(player, rating=0)
    party = _only_party(player)
    expect(party["document_kind"] == "passport", "it is not recorded as what it is")
    proofs = [evidence["proof"] for evidence in party["evidence"]]
    expect(proofs == ["signed", None], f"card signed, then the face: {proofs}")


def _only_party(player: Player) -> Any:
    (stored,) = player.stage.backend.stored()
    (party,) = stored["document"]["parties"]
    return party


def no_match_at_night(player: Player, item: str) -> Script:
    """Not recognised, and nobody is there: the screen says what is possible now."""
    yield from script.choose(player, item)
    yield from script.start(player)
    yield from script.show_card(player, "elder")
    yield from script.show_face(player, "man")
    _remember_faces(player)
    player.touch("other-way")
    yield Until(player.is_at(StepName.OTHER_WAY), "the other ways")
    possible = {line.rung.value: line.possible for line in player.body.rungs}
    expect(not possible["authorised-person"], "an authorised person is offered at night")
    expect(possible["appointment"], "no appointment is offered")
    script.turn_to(player, "rung:appointment")
    yield Until(lambda: player.body.chosen == "appointment", "how to get an appointment")
    player.picture()
    player.touch("leave")
    yield Until(player.is_at(StepName.WELCOME), "the first screen")


def card_removed(player: Player, item: str) -> Script:
    """The card is taken away while it is read; the second time it stays."""
    yield from script.choose(player, item)
    yield from script.start(player)
    player.stage.reader.remove_after_bytes(400)
    player.stage.put_card("elder")
    yield _notice(player, "card-removed")
    player.picture()
    player.stage.reader.heal()
    player.touch("again")
    yield from script.identify(player)
    yield Until(player.is_at(StepName.RESULT, "confirm"), "the confirmation")
    player.touch("next")
    yield from script.printed(player)
    _remember_faces(player)
    yield from script.farewell(player, rating=0)


def expired_card(player: Player, item: str) -> Script:
    """The card has expired: said at once, and the visit can be left."""
    yield from script.choose(player, item)
    yield from script.start(player)
    player.stage.put_card("expired")
    yield _notice(player, "card-expired")
    player.picture()
    player.stage.take_card()
    expect(not player.terminal.runtime.visit.parties, "an expired card was taken")
    player.touch("leave")
    yield Until(player.is_at(StepName.WELCOME), "the first screen")


def out_of_paper(player: Player, item: str) -> Script:
    """No paper: the number in large letters and the code on the screen instead."""
    player.stage.paper(there=False)
    yield from script.choose(player, item)
    yield from script.up_to_signature(player)
    yield from script.sign(player)
    yield Until(player.is_at(StepName.SUBMITTED, "received"), "the backend's answer")
    yield Until(lambda: player.body.printing == "failed", "the printer's refusal")
    expect(bool(player.body.number) and bool(player.body.qr_text), "no number on the screen")
    player.picture()
    _remember_submission(player)
    expect(player.stage.receipts.status().paper is PaperState.OUT, "the paper came back")
    yield from script.farewell(player, rating=0)


def idle(player: Player, item: str) -> Script:
    """Nobody touches any more: a warning with enough time, then the visit is wiped."""
    yield from script.choose(player, item)
    yield from script.start(player)
    yield from script.show_card(player, "elder")
    yield Until(lambda: player.view.frame.idle_left_s is not None, "the warning")
    player.picture()
    yield Until(player.is_at(StepName.WELCOME), "the end of the visit", 40.0)
    visit = player.terminal.runtime.visit
    expect(not visit.parties and not visit.matter_code, "something of the visit is left")


def power_cut(player: Player, item: str) -> Script:
    """The process dies right after the commit. See `after_power_cut` for what follows."""
    yield from script.choose(player, item)
    yield from script.up_to_signature(player)
    player.at_once = True
    _remember_faces(player)
    player.terminal.outbox.add_listener(functools.partial(_die, player))
    yield from script.sign(player)
    yield Until(lambda: False, "the power cut")


def _die(player: Player, _number: str) -> None:
    """On the outbox's own thread, between the commit and all that could follow it."""
    known = {
        "began_s": player.began_s,
        "touches": player.record.touches,
        "facts": player.record.facts,
        "steps": [asdict(shown) for shown in player.record.shown],
    }
    (player.stage.folder / BEFORE_THE_CUT).write_text(json.dumps(known), encoding="utf-8")
    os.kill(os.getpid(), signal.SIGKILL)


def after_power_cut(player: Player, _item: str) -> Script:
    """Started again: the number is said, its stub printed, the application delivered once."""
    yield Until(player.is_at(StepName.WELCOME), "the first screen")
    yield Until(lambda: bool(player.body.stubs), "the number that was saved")
    player.record.facts["receipt_number"] = player.body.stubs[0][0]
    player.picture()
    player.touch("print")
    yield Until(lambda: any(what == "stub" for what, _ in player.stage.papers), "the stub on paper")
    yield Until(lambda: player.terminal.runtime.visit.printing.get("stub") == "printed", "the stub")
    yield _delivered(player, _AWAY_S)


SCENARIOS: Final[Mapping[str, Scenario]] = {
    "happy": Scenario("CRJ-001", happy, "a whole visit with the line up"),
    "certificate": Scenario("SB-001", certificate, "a certificate in seven touches", stored=0),
    "offline": Scenario(
        "GG-001",
        offline,
        "the line is down at submission and comes back; the head is turned on demand",
        # Time enough for three turns on a machine that is busy.
        settings={"face": {"liveness": "turn", "deadline_s": 60.0}},
    ),
    "wrong-person": Scenario("SB-001", wrong_person, "somebody else's card", stored=0),
    "refuses-face": Scenario("GG-001", refuses_face, "no camera, an authorised person vouches"),
    "app-code": Scenario("GG-001", app_code, "no camera, a code from the province's app"),
    "social-card": Scenario(
        "GG-001", social_card, "a social-security card, an authorised person vouches", chips=True
    ),
    "passport": Scenario("CRJ-001", passport, "a passport, its photo page typed", chips=True),
    "no-match-at-night": Scenario(
        "GG-001", no_match_at_night, "not recognised, and nobody is there", staffed=False, stored=0
    ),
    "card-removed": Scenario("SB-001", card_removed, "the card is taken away mid-read", stored=0),
    "expired-card": Scenario("GG-001", expired_card, "the card has expired", stored=0),
    "out-of-paper": Scenario("SMK-001", out_of_paper, "the receipt printer has no paper"),
    "idle": Scenario(
        "GG-001",
        idle,
        "nobody touches any more",
        settings={"idle": {"normal_s": 2.0, "large_s": 3.0, "warning_s": 20.0}},
        stored=0,
    ),
    "power-cut": Scenario("GG-001", power_cut, "the power goes right after the commit"),
}
