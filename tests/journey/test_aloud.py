"""What is said aloud: at its moment, once, in the language of the screen, and nothing personal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driver import APPLICANT, RULES, Hall, sample, shipped
from hypothesis import given
from hypothesis import strategies as st

from config.words import Words, load_words
from devices.records import FaceHint
from kiosk.journey.aloud import Saying, Speech, Spoken, follow
from kiosk.journey.effects import EndVisit, Say
from kiosk.journey.events import (
    AnotherMatter,
    CardRead,
    ConsentGiven,
    FaceHinted,
    Help,
    ItemChosen,
    LanguageSet,
    Leave,
    Next,
    Printed,
    PrintFailed,
    SizeSet,
    Stay,
    WorldChanged,
)
from kiosk.journey.terms import Language, Size, StepName


def said(hall: Hall) -> list[str]:
    """Everything so far."""
    return [effect.what.value for effect in hall.of(Say)]


def news(hall: Hall) -> list[tuple[str, str]]:
    """What was said since this was last asked, and in which language."""
    found = [(e.what.value, e.language.value) for e in hall.effects if isinstance(e, Say)]
    hall.effects.clear()
    return found


def looking() -> Hall:
    hall = Hall(shipped(), rules=replace(RULES, face_liveness="turn"))
    hall.start("SB-001")
    hall.settle()
    hall.wait(3)
    hall.send(ConsentGiven())
    news(hall)
    return hall


@pytest.mark.parametrize("language", list(Language))
def test_each_demanded_turn_is_said_when_it_is_shown(language: Language) -> None:
    hall = looking()
    hall.send(LanguageSet(language))
    for hint, heard in (
        (FaceHint.NONE, []),
        (FaceHint.TURN_LEFT, ["turn-left"]),
        (FaceHint.TURN_LEFT, []),
        (FaceHint.TURN_BACK, ["turn-back"]),
        (FaceHint.LOOK_STRAIGHT, []),
        (FaceHint.TURN_LEFT, ["turn-left"]),  # after a break: a new demand
        (FaceHint.TURN_RIGHT, ["turn-right"]),
    ):
        hall.send(FaceHinted(hall.number, hint))
        assert news(hall) == [(one, language.value) for one in heard], hint


def test_nothing_is_said_again_because_the_screen_changes() -> None:
    hall = looking()
    hall.send(FaceHinted(hall.number, FaceHint.TURN_RIGHT))
    assert news(hall) == [("turn-right", "zh")]
    hall.send(
        LanguageSet(Language.EN),
        SizeSet(Size.LARGE),
        Help(),
        WorldChanged(line_up=False),
        WorldChanged(card_lies=True),
        Help(),
    )
    hall.wait(30)
    assert news(hall) == []


def test_a_card_is_asked_back_once_where_no_reader_tells_that_it_lies_there() -> None:
    hall = Hall(shipped())
    hall.start("SB-001")
    hall.settle()
    assert news(hall) == [("take-card", "zh")]
    hall.wait(10)
    assert hall.at is StepName.VERIFY_FACE
    assert news(hall) == []


def test_a_card_that_is_known_to_lie_there_is_asked_back_until_it_is_taken() -> None:
    hall = Hall(sample())
    hall.start("PEN-001")
    news(hall)
    hall.send(WorldChanged(card_lies=True), CardRead(hall.number, APPLICANT))
    hall.wait(8)
    assert news(hall) == [("take-card", "zh")] * 2
    hall.send(WorldChanged(card_lies=False))
    hall.wait(30)
    assert news(hall) == []


def test_nobody_is_called_without_end() -> None:
    hall = Hall(sample())
    hall.start("PEN-001")
    hall.send(WorldChanged(card_lies=True), CardRead(hall.number, APPLICANT))
    hall.wait(RULES.card_lies_s + 10)
    assert said(hall) == ["take-card"] * 3


def at_farewell(hall: Hall, code: str = "CRJ-001") -> None:
    hall.send(ItemChosen(code))
    hall.walk_to(StepName.SUBMITTED)
    hall.settle()
    hall.wait(4)
    hall.settle()


def test_a_receipt_is_announced_once_it_is_printed() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"))
    hall.walk_to(StepName.SUBMITTED)
    hall.settle()
    news(hall)
    hall.wait(4)
    assert news(hall) == [], "it is not printed yet"
    hall.send(Printed(hall.number, "receipt"))
    hall.send(Help(), Help())
    assert news(hall) == [("take-receipt", "zh")]
    hall.send(AnotherMatter())
    hall.wait(5)
    assert news(hall) == []


def test_a_receipt_that_may_not_be_there_is_not_announced() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"))
    hall.walk_to(StepName.SUBMITTED)
    hall.settle()
    hall.wait(4)
    hall.send(PrintFailed(hall.number, "receipt", "PR-04"))
    assert "take-receipt" not in said(hall)


def test_a_certificate_is_announced_too() -> None:
    hall = Hall(shipped())
    hall.start("SB-001")
    hall.walk_to(StepName.RESULT, plan={})
    hall.send(Next())
    hall.settle()
    assert said(hall)[-1] == "take-pages"


def test_on_leaving_everything_is_to_be_taken_along() -> None:
    hall = Hall(shipped())
    at_farewell(hall)
    news(hall)
    hall.walk_to(StepName.FAREWELL)
    hall.wait(3)
    assert news(hall) == [("take-things", "zh")]


def test_who_leaves_a_card_is_called_back_in_their_language() -> None:
    hall = Hall(shipped())
    at_farewell(hall)
    hall.send(WorldChanged(card_lies=True), LanguageSet(Language.EN))
    hall.walk_to(StepName.FAREWELL)
    news(hall)
    hall.wait(13)
    assert news(hall) == [("card-lies", "en")] * 2
    hall.send(Next())
    assert isinstance(hall.effects[-1], EndVisit)
    assert news(hall) == [("card-left", "en")]


@pytest.mark.parametrize("how", ["leave", "idle"])
def test_however_a_visit_ends_a_card_left_behind_is_called_out(how: str) -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"), WorldChanged(card_lies=True))
    news(hall)
    hall.send(Leave()) if how == "leave" else hall.wait(125)
    assert news(hall)[-1:] == [("card-left", "zh")]
    assert hall.ended


def test_on_the_first_screen_it_is_called_out_twice_more_unless_somebody_takes_it() -> None:
    hall = Hall(shipped())
    hall.send(WorldChanged(card_left=True))
    assert news(hall) == [], "the end of the visit said it"
    hall.wait(300)
    assert news(hall) == [("card-left", "zh")] * 2
    taken = Hall(shipped())
    taken.send(WorldChanged(card_left=True))
    taken.wait(12)
    taken.send(WorldChanged(card_left=False))
    taken.wait(300)
    assert news(taken) == [("card-left", "zh")]
    other = Hall(shipped())
    other.send(WorldChanged(card_left=True), ItemChosen("CRJ-001"))
    other.wait(60)
    assert news(other) == [], "whoever came next is not called a forgetful one"


def test_whether_somebody_is_there_is_asked_once_each_time() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"), LanguageSet(Language.EN))
    hall.wait(100)
    hall.send(Stay())
    assert news(hall) == [("still-there", "en")]
    hall.wait(100)
    assert news(hall) == [("still-there", "en")]


def test_what_is_said_is_on_the_list_short_and_names_nobody() -> None:
    words: Words = load_words()
    spoken = {key.removeprefix("voice.") for key in words.zh if key.startswith("voice.")}
    assert spoken == {one.value for one in Spoken} | {"test"}
    for one in spoken:
        zh, en = words.zh[f"voice.{one}"], words.en[f"voice.{one}"]
        assert "{" not in zh + en, "nothing of a visit can be filled in"
        assert len(zh) <= 20
        assert len(en.split()) <= 12


_SPEECHES = st.one_of(
    st.none(),
    st.builds(
        Speech,
        st.sampled_from([Spoken.TAKE_CARD, Spoken.CARD_LIES]),
        after_s=st.sampled_from([0.0, 5.0]),
        again_s=st.sampled_from([3.0, 7.0]),
        times=st.integers(1, 3),
    ),
)


@given(st.lists(st.tuples(_SPEECHES, st.sampled_from([0.0, 1.0, 4.0])), max_size=20))
def test_counting_out_never_says_more_than_was_wanted(
    wanted: list[tuple[Speech | None, float]],
) -> None:
    saying, now_s, stretch, last = Saying(), 0.0, 0, None
    for speech, later_s in wanted:
        now_s += later_s
        what = speech.what if speech is not None else None
        stretch = stretch if what is last and what is not None else 0
        last = what
        saying, heard = follow(saying, speech, now_s)
        if heard is not None:
            assert speech is not None
            assert heard is speech.what
            stretch += 1
            assert stretch <= speech.times
        assert saying.due_s is None or saying.due_s > now_s or heard is not None
        assert follow(saying, speech, now_s)[0].due_s is None or speech is not None
