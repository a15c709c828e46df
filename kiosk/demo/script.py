"""The pieces that scenarios are made of: how a person gets through each step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from PySide6.QtWidgets import QWidget

from kiosk.catalogue.model import FieldKind, Matter
from kiosk.demo.plan import Cast, Plan, plans, suited
from kiosk.demo.player import Player, Script, ScriptFailed, Until
from kiosk.journey.steps.questions import answer_text
from kiosk.journey.terms import StepName
from kiosk.journey.visit import card_facts, known_facts, lead_role

LEAD: Final = "elder"  # whose card and face the visit is
OTHER: Final = "man"  # everybody else's
_TYPED: Final[Mapping[FieldKind, str]] = {
    FieldKind.PHONE: "13800000001",
    FieldKind.NAME: "SAMPLE NAME",
    FieldKind.ADDRESS: "SAMPLE ROAD 12",
    FieldKind.DATE: "20200401",
    FieldKind.MONEY: "1200",
    FieldKind.NUMBER: "2",
    FieldKind.CODE: "SAMPLE001",
    FieldKind.PERSON_NUMBER: "990101199001010019",
    FieldKind.BANK_CARD: "0000000000000000",
    FieldKind.CREDIT_CODE: "910000000000000000",
    FieldKind.TEXT: "SAMPLE",
}
_DECISION_S: Final = 70.0  # a match, and up to three turns of the head, on a busy machine
_SPELLED: Final[Mapping[FieldKind, str]] = {
    FieldKind.NAME: "yangben",
    FieldKind.ADDRESS: "yangbenlunanduan",
    FieldKind.TEXT: "yangbendanwei",
}
_PLAIN: Final = "key:zh"
_MOST_CANDIDATES: Final = 16
_SCENES: Final = ("paper:permit", "paper:register", "paper:form")
_SIGNATURE: Final = (
    ((0.2, 0.35), (0.3, 0.3), (0.42, 0.34), (0.36, 0.5), (0.26, 0.62)),
    ((0.5, 0.28), (0.5, 0.4), (0.49, 0.55), (0.47, 0.7)),
    ((0.42, 0.48), (0.52, 0.46), (0.66, 0.44)),
    ((0.58, 0.3), (0.64, 0.42), (0.7, 0.56), (0.78, 0.66)),
)


def choose(player: Player, code: str) -> Script:
    """From the first screen to the item guide, by the shortest way that shows the item."""
    yield Until(player.is_at(StepName.WELCOME), "the first screen")
    if not player.can_touch(f"item:{code}"):
        visit = player.terminal.runtime.visit
        plain = next((p.id for p in visit.pack.plain if code in p.codes), "")
        other = next((p.id for p in visit.pack.plain if not p.codes), "")
        group = visit.pack.matters[code].group
        if player.can_touch(f"group:{group}"):
            player.touch(f"group:{group}")
        else:
            player.touch(f"plain:{plain or other}")
            yield Until(player.is_at(StepName.CHOOSE), "the list")
            if not plain:  # large letters begin with six entries; behind them are the groups
                player.touch("group:")
                yield Until(lambda: not player.body.searching, "all matters")
                turn_to(player, f"group:{group}")
                yield Until(lambda: player.body.group == group, "the group")
        yield Until(player.is_at(StepName.CHOOSE), "the list")
    turn_to(player, f"item:{code}")
    yield Until(player.is_at(StepName.ITEM_GUIDE), "the item guide")


def turn_to(player: Player, name: str) -> None:
    """Touch the button called `name`, on whichever of the next pages it is."""
    while not player.can_touch(name) and player.can_touch("page:on"):
        player.touch("page:on")
    player.touch(name)


def settle(player: Player, *, language: str, size: str) -> Script:
    """Language and size, as a resident sets them."""
    yield Until(player.is_at(StepName.WELCOME), "the first screen")
    if size == "large":
        player.touch("size")
        yield Until(lambda: player.view.frame.size == "large", "large letters")
    if language == "en":
        if not player.can_touch("language"):
            player.touch("help")
        player.touch("language")
        yield Until(lambda: player.view.frame.language == "en", "English")
        if player.view.frame.help_open:
            player.touch("help")


def start(player: Player) -> Script:
    """Begin, once the devices it needs are known, and wait for what comes after the guide."""
    yield Until(lambda: player.can_touch("next"), "that it can be begun")
    player.touch("next")
    yield Until(lambda: player.step is not StepName.ITEM_GUIDE, "the step after the item guide")


def show_card(player: Player, person: str) -> Script:
    """Lay a card on the reader until it was read, and take it up."""
    yield Until(player.is_at(StepName.IDENTIFY, "waiting", "failed"), "the reader's turn")
    player.stage.put_card(person)
    yield Until(player.is_at(StepName.IDENTIFY, "read"), "the card is read")
    player.stage.take_card()
    yield Until(lambda: player.step is not StepName.IDENTIFY, "the step after the card")


def type_data_page(player: Player, page: Mapping[str, str]) -> Script:
    """The three fields of a photo page, one after the other."""
    for name, text in page.items():
        yield Until(lambda name=name: getattr(player.body, "asked", "") == name, f"the {name}")  # type: ignore[misc]
        player.touch("key:clear")
        for char in text.replace("-", ""):
            player.touch(f"key:{char}")
        yield Until(lambda: player.view.frame.next_enabled, "a field that can be taken")
        player.touch("next")


def show_face(player: Player, person: str) -> Script:
    """Agree, and look into the camera until something is decided."""
    yield Until(player.is_at(StepName.VERIFY_FACE, "consent"), "the notice and the choice")
    player.stage.stand(person)
    player.touch("consent:yes")
    yield Until(
        lambda: player.step is not StepName.VERIFY_FACE or player.body.state == "failed",
        "a decision",
        _DECISION_S,
    )
    if player.step is not StepName.VERIFY_FACE:
        player.stage.stand("nobody")


def identify(player: Player, person: str = LEAD) -> Script:
    """Card, and face where the item asks for it."""
    yield from show_card(player, person)
    if player.step is StepName.VERIFY_FACE:
        yield from show_face(player, person)
        if player.step is StepName.VERIFY_FACE:
            raise ScriptFailed("the face was not matched")


def cast(player: Player, code: str) -> bool:
    """Whoever suits the item comes, with the usual face; False where nobody can hand it in."""
    terminal, stage = player.terminal, player.stage
    rules = terminal.runtime.visit.rules
    usual = Cast(stage.person(LEAD), stage.person(OTHER))
    matter = terminal.runtime.visit.pack.matters[code]
    found = suited(matter, usual, terminal.now().today, rules.local_prefixes)
    if found is not None:
        stage.cast = {LEAD: found.lead, OTHER: found.other}
    return found is not None


def answer(player: Player) -> Script:
    """All questions, so that the item can be handed in; other parties' cards in between.

    Where nothing can be accepted any answers do: the visit ends at its outcome.
    """
    planned: Plan = {}
    known: dict[str, object] = {}
    while player.step in (StepName.QUESTIONS, StepName.IDENTIFY):
        if player.step is StepName.IDENTIFY:
            yield from identify(player, OTHER)
            continue
        visit, here = player.terminal.runtime.visit, player.body.id
        facts = known_facts(visit, player.terminal.now())
        if here not in planned or facts != known:
            matter = visit.matter
            assert matter is not None, "questions belong to a matter"
            planned, known = _planned(player, matter), dict(facts)
        _give(player, answer_text(planned[here]))
        yield Until(lambda: player.view.frame.next_enabled, "an answer that counts")
        player.touch("next")
        yield Until(player.has_left(StepName.QUESTIONS, here), "the next question")


def _planned(player: Player, matter: Matter) -> Plan:
    """Answers that lead to acceptance with what further cards will tell, else any."""
    visit, now = player.terminal.runtime.visit, player.terminal.now()
    stage, lead = player.stage, lead_role(matter)
    others = Cast(stage.person(LEAD), stage.person(OTHER)).known(
        matter, now.today, visit.rules.local_prefixes
    )
    here = {lead, *visit.parties}  # of whom no more will be known than already is
    known = {k: v for k, v in others.items() if k.partition(".")[0] not in here}
    known |= card_facts(visit, now)
    today = now.civil.date() if now.trusted else None
    for accepted in (True, False):
        found = next(plans(matter, known, today, accepted=accepted), None)
        if found is not None:
            return found
    raise ScriptFailed("no answers lead to a decision")


def _give(player: Player, text: str) -> None:
    kind = player.body.kind
    if kind in ("number", "date"):
        digits = date.fromisoformat(text).strftime("%Y%m%d") if kind == "date" else text
        for digit in digits:
            player.touch(f"key:{digit}")
        return
    for option in text.split(","):
        player.touch(f"option:{option}")


def outcome(player: Player) -> Script:
    """Read the outcome and go on; other parties' cards come after it."""
    yield Until(player.is_at(StepName.OUTCOME), "the outcome")
    player.touch("next")
    yield Until(lambda: player.step is not StepName.OUTCOME, "the step after the outcome")
    while player.step is StepName.IDENTIFY:
        yield from identify(player, OTHER)


def papers(player: Player) -> Script:
    """Photograph every paper; pledge one where that is allowed and another is handed in."""
    if player.step is not StepName.MATERIALS:
        return
    wanted = [line for line in player.body.materials if line.state == "needed"]
    pledged = next((line.id for line in wanted[1:] if line.can_pledge), "")
    for number, line in enumerate(wanted):
        name = f"pledge:{line.id}" if line.id == pledged else f"capture:{line.id}"
        while player.can_touch("page:back"):
            player.touch("page:back")
        while not player.can_touch(name):
            player.touch("page:on")
        player.stage.lay(_SCENES[number % len(_SCENES)])
        player.touch(name)
        if line.id != pledged:
            yield Until(player.is_at(StepName.MATERIALS, "aim"), "the document camera")
            yield Until(player.sees_paper, "a picture from the camera")
            yield Until(lambda: player.can_touch("shutter"), "the shutter")
            player.touch("shutter")
            yield Until(player.is_at(StepName.MATERIALS, "check"), "the page")
            player.touch("keep")
        yield Until(player.is_at(StepName.MATERIALS, "list"), "the list of papers")
    player.stage.lay("empty")
    player.touch("next")
    yield Until(lambda: player.step is not StepName.MATERIALS, "the step after the papers")


def form(player: Player) -> Script:
    """Type or confirm every field, choose the delivery."""
    while player.step is StepName.FORM:
        body = player.body
        if not body.confirm and not body.value:
            kind = FieldKind(body.kind)
            # The switch to plain letters is there only beside a pinyin board.
            if kind in _SPELLED and player.view.frame.language == "zh" and player.can_touch(_PLAIN):
                _spell(player, _SPELLED[kind])
            else:
                _type(player, _TYPED[kind].ljust(body.length, "0")[: body.length or None])
        here = body.key
        player.touch("next")
        yield Until(player.has_left(StepName.FORM, here), "the next field")
    if player.step is StepName.DELIVERY:
        methods = player.body.methods
        player.touch(f"delivery:{'pick-up' if 'pick-up' in methods else methods[0]}")
        yield Until(lambda: player.view.frame.next_enabled, "a way of delivery")
        player.touch("next")
        yield Until(lambda: player.step is not StepName.DELIVERY, "the step after delivery")


def _type(player: Player, text: str) -> None:
    if not player.can_touch(f"key:{text[0]}") and player.can_touch("key:abc"):
        player.touch("key:abc")
    for char in text:
        name = "key:space" if char == " " else f"key:{char}"
        if not player.can_touch(name):
            name = f"key:{char.lower()}"
        if not player.can_touch(name) and player.can_touch("key:123"):
            player.touch("key:123")
        player.touch(name)
        if not char.isdigit() and player.can_touch("key:abc"):
            player.touch("key:abc")


def _spell(player: Player, letters: str) -> None:
    """Pinyin, and the first candidate until all of it is Chinese."""
    for letter in letters:
        player.touch(f"key:{letter}")
    for _ in range(_MOST_CANDIDATES):
        if not player.can_touch("cand:0"):
            return
        player.touch("cand:0")
    raise ScriptFailed("the pinyin never became Chinese")


def check(player: Player) -> Script:
    """Check the answers."""
    yield Until(player.is_at(StepName.REVIEW), "the review")
    player.touch("next")
    yield Until(lambda: player.step is not StepName.REVIEW, "the step after the review")


def sign(player: Player) -> Script:
    """Sign and hand in."""
    if player.step is not StepName.SIGN:
        return
    pad = player.terminal.window.findChild(QWidget, "signature")
    if not isinstance(pad, QWidget):
        raise ScriptFailed("there is no pad to sign on")
    for stroke in _SIGNATURE:
        player.draw(pad, list(stroke))
    yield Until(lambda: player.view.frame.next_enabled, "the signature")
    player.touch("next")
    yield Until(player.is_at(StepName.SUBMITTED), "handing in")


def up_to_signature(player: Player) -> Script:
    """From the item guide to the page where one signs."""
    yield from start(player)
    if player.step is StepName.IDENTIFY:
        yield from identify(player)
    yield from from_questions_to_signature(player)


def from_questions_to_signature(player: Player) -> Script:
    """Whoever is identified already goes on from here."""
    yield from answer(player)
    yield from outcome(player)
    yield from papers(player)
    yield from form(player)
    yield from check(player)


def printed(player: Player) -> Script:
    """Wait for the paper."""
    yield Until(lambda: getattr(player.body, "printing", "") == "printed", "the paper")
    player.picture()


def farewell(player: Player, *, rating: int = 5) -> Script:
    """Rate, take one's things, leave."""
    player.touch("next")
    yield Until(player.is_at(StepName.RATE), "the rating")
    if rating:
        player.touch(f"rate:{rating}")
    player.touch("next")
    yield from gone(player)


def gone(player: Player) -> Script:
    """The farewell, and the terminal is anybody's again; it ends by itself as well."""
    yield Until(player.is_at(StepName.FAREWELL), "the farewell")
    if player.view.frame.size != "large":
        player.touch("next")
    yield Until(player.is_at(StepName.WELCOME), "the first screen")
