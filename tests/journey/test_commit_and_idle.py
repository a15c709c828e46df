"""What ends a visit, what does not, and how long somebody may think."""

from __future__ import annotations

from datetime import datetime

import pytest
from driver import (
    APPLICANT,
    CHINA,
    DIFFERENT,
    MATCHED,
    Hall,
    receipt_number,
    sample,
    shipped,
)

from devices.records import FaceHint, Page
from kiosk.journey.core import advance, next_deadline
from kiosk.journey.effects import (
    AimDocumentCamera,
    AskCentral,
    EndReason,
    EndVisit,
    Enqueue,
    MatchFace,
    ReadCard,
    Say,
    StopDocumentCamera,
    StopFace,
    StopReading,
    TakePhoto,
)
from kiosk.journey.events import (
    AnotherMatter,
    Back,
    CaptureAsked,
    CaptureFailed,
    CardFailed,
    CardFound,
    CardRead,
    CentralAnswered,
    CentralFailed,
    ConsentGiven,
    Delivered,
    FaceDone,
    FaceFailed,
    FaceHinted,
    Help,
    ItemChosen,
    LanguageSet,
    Leave,
    Next,
    PageCaptured,
    PageKept,
    PhotoTaken,
    PrintAsked,
    Printed,
    PrintFailed,
    Recovered,
    Saved,
    SaveFailed,
    SearchOpened,
    SizeSet,
    Stay,
    TimedOut,
    TryAgain,
    TryQuestions,
    WorldChanged,
)
from kiosk.journey.terms import Language, Size, StepName
from kiosk.journey.views import LeaveView


def saving() -> Hall:
    """Handed in, and the disk has not answered."""
    hall = Hall(shipped())
    hall.start("SMK-001")
    hall.walk_to(StepName.SUBMITTED)
    assert hall.visit.submission.state == "saving"
    return hall


# -- the commit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event", [Leave(), Back(), Next(), AnotherMatter(), TimedOut(), TryAgain()]
)
def test_nothing_ends_the_visit_while_it_is_saved(event: object) -> None:
    hall = saving()
    shown = hall.send(event)  # type: ignore[arg-type]
    assert hall.at is StepName.SUBMITTED
    assert hall.visit.submission.state == "saving"
    assert not hall.ended
    assert len(hall.of(Enqueue)) == 1
    assert not shown.frame.leave
    assert not shown.frame.back


def test_not_even_a_slow_disk_ends_it_by_idling() -> None:
    hall = saving()
    assert next_deadline(hall.visit, hall.now) is None
    shown = hall.wait(3600)
    assert not hall.ended
    assert shown.frame.idle_left_s is None
    shown = hall.settle()
    assert shown.body.state == "saved"  # type: ignore[union-attr]
    hall.wait(60)
    assert hall.visit.warned_s is None, "the disk's hour is not the resident's"


def test_a_full_disk_is_said_and_tried_again_without_a_second_application() -> None:
    hall = saving()
    shown = hall.send(SaveFailed(1, "QU-01"))
    assert shown.frame.notice is not None
    assert (shown.frame.notice.key, shown.frame.notice.code) == ("disk-full", "QU-01")
    assert not shown.frame.back
    assert shown.frame.leave
    hall.send(TryAgain(), TryAgain())
    assert len(hall.of(Enqueue)) == 2
    shown = hall.send(Saved(1, receipt_number(1), f"{1:032x}"))
    assert shown.frame.notice is None
    hall.send(TryAgain(), SaveFailed(1, "QU-01"), Saved(1, receipt_number(2), f"{2:032x}"))
    assert hall.visit.submission.number == receipt_number(1)
    assert len(hall.of(Enqueue)) == 2


def test_after_a_failed_save_the_resident_may_leave() -> None:
    hall = saving()
    hall.send(SaveFailed(1, "QU-02"), Leave())
    assert hall.ended == [EndReason.LEFT]


def test_leaving_after_the_commit_passes_the_farewell_with_the_number() -> None:
    hall = saving()
    hall.settle()
    shown = hall.send(Leave())
    assert hall.at is StepName.FAREWELL
    assert shown.body.number == receipt_number(1)  # type: ignore[union-attr]
    hall.wait(20)
    assert hall.ended == [EndReason.DONE]


# -- idling -----------------------------------------------------------------------------


def _warned_after(hall: Hall) -> float:
    begun = hall.t_s
    for _ in range(2_000):
        hall.wait(1)
        if hall.visit.warned_s is not None:
            return hall.visit.warned_s - begun
    raise AssertionError("nobody was warned")


@pytest.mark.parametrize(
    ("step", "factor"),
    [
        (StepName.ITEM_GUIDE, 1.0),
        (StepName.IDENTIFY, 1.0),
        (StepName.QUESTIONS, 1.0),
        (StepName.OUTCOME, 1.0),
        (StepName.MATERIALS, 3.0),
        (StepName.FORM, 2.0),
        (StepName.DELIVERY, 1.0),
        (StepName.REVIEW, 2.0),
        (StepName.SIGN, 2.0),
        (StepName.RATE, 1.0),
    ],
)
@pytest.mark.parametrize("size", list(Size))
def test_how_long_somebody_may_think(step: StepName, factor: float, size: Size) -> None:
    hall = Hall(shipped())
    hall.send(SizeSet(size), ItemChosen("CRJ-001"))
    hall.walk_to(step)
    hall.send(SizeSet(size))
    usual_s = 180 if size is Size.LARGE else 90
    assert _warned_after(hall) == pytest.approx(usual_s * factor, abs=0.01)
    warned_s = hall.t_s
    hall.wait(20)
    assert not hall.ended, "a warning stands for at least 20 s"
    hall.wait(600)
    assert hall.ended == [EndReason.IDLE]
    assert hall.visit.pristine
    assert hall.t_s > warned_s


def test_the_seconds_left_are_seen_to_pass() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("SMK-001"))
    hall.wait(90)
    left = []
    while not hall.ended:
        left.append(hall.view.frame.idle_left_s)
        hall.wait(1)
    assert left == list(range(30, 0, -1))


@pytest.mark.parametrize("touch", [Stay(), Help(), LanguageSet(Language.EN), Back()])
def test_any_touch_ends_the_warning(touch: object) -> None:
    hall = Hall(shipped())
    hall.send(SearchOpened(), ItemChosen("SMK-001"))
    hall.wait(95)
    assert hall.view.frame.idle_left_s is not None
    shown = hall.send(touch)  # type: ignore[arg-type]
    assert shown.frame.idle_left_s is None
    hall.wait(85)
    assert hall.visit.warned_s is None
    hall.wait(6)
    assert hall.visit.warned_s is not None


def test_a_card_laid_down_during_the_warning_ends_it() -> None:
    hall = Hall(shipped())
    hall.start("SMK-001")
    hall.wait(100)
    assert hall.view.frame.idle_left_s is not None
    assert hall.send(CardFound(1)).frame.idle_left_s is None
    hall.wait(300)
    assert not hall.ended, "the machine reads"
    hall.send(CardRead(1, APPLICANT))
    hall.wait(60)
    assert not hall.ended


def test_a_card_read_at_once_ends_the_warning_too() -> None:
    hall = Hall(shipped())
    hall.start("SMK-001")
    hall.wait(118)
    hall.send(CardRead(1, APPLICANT))
    assert hall.view.frame.idle_left_s is None
    hall.wait(60)
    assert not hall.ended


def _reading(hall: Hall) -> tuple[object, ...]:
    hall.start("SMK-001")
    hall.send(CardFound(1))
    return (CardFailed(1, "RD-07"),)


def _looking(hall: Hall) -> tuple[object, ...]:
    hall.start("SMK-001")
    hall.settle()
    hall.wait(3)
    hall.send(ConsentGiven())
    return (FaceFailed(1, "FC-03"),)


def _taking(hall: Hall) -> tuple[object, ...]:
    hall.start("CRJ-001")
    hall.walk_to(StepName.MATERIALS)
    paper = next(m.id for m in hall.view.body.materials if m.state == "needed")  # type: ignore[union-attr]
    hall.send(CaptureAsked(paper), PhotoTaken())
    return (CaptureFailed(1, "FC-03"),)


def _asking(hall: Hall) -> tuple[object, ...]:
    hall.start("SF-001")
    hall.walk_to(StepName.RESULT, plan={})
    return (CentralFailed(1, "NW-01"),)


@pytest.mark.parametrize("working", [_reading, _looking, _taking, _asking])
def test_nobody_idles_while_the_machine_works(working) -> None:
    hall = Hall(shipped())
    ends = working(hall)
    hall.wait(1_000)
    assert not hall.ended
    assert hall.view.frame.idle_left_s is None
    hall.send(*ends)
    place = hall.visit.place
    hall.wait(80)
    assert hall.visit.warned_s is None, "the machine's time is not the resident's"
    assert hall.visit.place == place
    hall.wait(900)
    assert hall.ended == [EndReason.IDLE]


def test_a_terminal_at_rest_waits_for_nothing() -> None:
    hall = Hall(shipped())
    assert next_deadline(hall.visit, hall.now) is None
    hall.send(LanguageSet(Language.EN))
    hall.wait(100)
    assert hall.ended == [EndReason.IDLE], "the next one finds Chinese"
    assert hall.visit.language is Language.ZH


# -- the one end ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "stop"),
    [
        (StepName.IDENTIFY, StopReading),
        (StepName.VERIFY_FACE, StopFace),
        (StepName.MATERIALS, StopDocumentCamera),
        (StepName.QUESTIONS, None),
    ],
)
@pytest.mark.parametrize("how", ["leave", "idle"])
def test_whatever_runs_is_stopped_with_the_visit(
    step: StepName, stop: type | None, how: str
) -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    if step is StepName.VERIFY_FACE:
        hall.settle()
        hall.wait(3)
    else:
        hall.walk_to(step)
    assert hall.at is step
    before = len(hall.effects)
    hall.send(Leave()) if how == "leave" else hall.wait(1_000)
    if hall.at is StepName.LEAVE:  # asked where there is something to lose
        hall.send(Leave())
    kinds = [type(e) for e in hall.effects[before:]]
    asked = [Say] if how == "idle" else []  # whether somebody is there
    assert kinds == [*asked, *([stop] if stop else []), EndVisit]
    assert hall.ended == [EndReason.LEFT if how == "leave" else EndReason.IDLE]


@pytest.mark.parametrize("step", [StepName.MATERIALS, StepName.FORM, StepName.REVIEW])
def test_what_was_filled_in_is_not_lost_by_one_touch(step: StepName) -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    before = hall.walk_to(step)
    visit = hall.visit
    shown = hall.send(Leave())
    assert isinstance(shown.body, LeaveView)
    assert shown.body.papers == (step is not StepName.MATERIALS)
    assert not hall.ended
    assert not shown.frame.back
    assert hall.send(Next()).body == before.body, "staying leads back to where it was left"
    assert (hall.visit.trail, hall.visit.answers) == (visit.trail, visit.answers)
    hall.send(Leave(), Leave())
    assert hall.ended == [EndReason.LEFT]


@pytest.mark.parametrize("state", ["aim", "taking", "check"])
def test_a_page_that_was_not_kept_yet_is_there_after_staying(state: str) -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    hall.walk_to(StepName.MATERIALS)
    paper = next(m.id for m in hall.view.body.materials if m.state == "needed")  # type: ignore[union-attr]
    hall.send(CaptureAsked(paper))
    if state != "aim":
        hall.send(PhotoTaken())
    if state == "check":
        hall.settle()
    assert hall.view.body.state == state  # type: ignore[union-attr]
    shown = hall.send(Leave())
    assert shown.body == LeaveView(papers=state == "check")
    hall.settle()  # a photo that comes now is of nobody
    aimed = len(hall.of(AimDocumentCamera))
    shown = hall.send(Next())
    assert shown.body.state == ("check" if state == "check" else "aim")  # type: ignore[union-attr]
    assert len(hall.of(AimDocumentCamera)) - aimed == (state != "check")
    if state != "check":
        hall.send(PhotoTaken())
        hall.settle()
    hall.send(PageKept())
    assert next(m for m in hall.view.body.materials if m.id == paper).state == "handed-in"  # type: ignore[union-attr]


def test_who_is_asked_and_goes_away_idles_as_everywhere() -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    hall.walk_to(StepName.REVIEW)
    hall.send(Leave())
    hall.wait(90 + 30 + 2)
    assert hall.ended == [EndReason.IDLE]


def test_who_has_nothing_to_lose_is_not_asked() -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    hall.walk_to(StepName.QUESTIONS)
    hall.send(Leave())
    assert hall.ended == [EndReason.LEFT], "nothing was answered yet"
    hall.send(ItemChosen("CRJ-001"), TryQuestions())
    hall.walk_to(StepName.OUTCOME)
    hall.send(Leave())
    assert hall.ended == [EndReason.LEFT] * 2, "questions were only tried"


def test_a_face_that_matched_is_not_matched_again_after_staying() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"), TryQuestions())
    hall.walk_to(StepName.OUTCOME)
    hall.send(Next())
    hall.walk_to(StepName.VERIFY_FACE, StepName.IDENTIFY)
    hall.settle()
    hall.wait(3)
    hall.send(ConsentGiven(), FaceDone(1, MATCHED))
    assert hall.at is StepName.VERIFY_FACE
    hall.send(Leave())
    assert hall.at is StepName.LEAVE
    shown = hall.send(Next())
    assert hall.at not in (StepName.IDENTIFY, StepName.VERIFY_FACE)
    assert not shown.frame.back, "nobody goes back over the verification"


def test_late_answers_of_an_ended_visit_change_nothing() -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    hall.send(Leave())
    assert hall.number == 2
    late = [
        CardFound(1),
        CardRead(1, APPLICANT),
        CardFailed(1, "RD-01"),
        FaceHinted(1, FaceHint.NO_FACE),
        FaceDone(1, DIFFERENT),
        FaceFailed(1, "FC-01"),
        PageCaptured(1, Page(b"", 1, 1, straightened=True)),
        CaptureFailed(1, "CM-01"),
        Saved(1, receipt_number(9), f"{9:032x}"),
        SaveFailed(1, "QU-01"),
        Delivered(1, receipt_number(9), "C"),
        CentralAnswered(1, "t", ()),
        CentralFailed(1, "NW-01"),
        Printed(1, "receipt"),
        PrintFailed(1, "receipt", "PR-02"),
    ]
    for start in ("", "CRJ-001"):
        if start:
            hall.start(start)
        for event in late:
            assert advance(hall.visit, event, hall.now) == (hall.visit, ())


def test_every_answer_of_the_world_is_asked_for_once() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.WELCOME)
    kinds = [type(e) for e in hall.effects]
    assert kinds.count(ReadCard) == 1
    assert kinds.count(MatchFace) == 1
    assert kinds.count(Enqueue) == 1
    assert kinds.count(AskCentral) == 0
    (handed,) = hall.of(Enqueue)
    assert kinds.count(TakePhoto) == len(handed.draft.attachments) - 1  # type: ignore[attr-defined]
    assert kinds[-1] is EndVisit


# -- after the commit -------------------------------------------------------------------


def test_another_matter_keeps_who_it_is_and_nothing_else() -> None:
    hall = saving()
    hall.settle()
    before = hall.visit
    hall.send(AnotherMatter())
    assert hall.at is StepName.CHOOSE
    visit = hall.visit
    assert visit.parties == before.parties
    assert visit.language == before.language
    for name in ("answers", "told", "papers", "form", "strokes", "printing"):
        assert not getattr(visit, name), name
    assert visit.submission.state == ""
    assert not visit.delivery
    assert not hall.ended
    asked = len(hall.of(MatchFace))
    hall.send(ItemChosen("SB-001"), Next())
    assert hall.at is StepName.RESULT, "the same face is not looked at twice"
    assert len(hall.of(MatchFace)) == asked
    assert hall.view.frame.person == "欧**"


def test_another_matter_takes_the_householder_of_the_first_for_nobody() -> None:
    hall = Hall(shipped())
    hall.start("HJ-001")
    hall.walk_to(StepName.SUBMITTED)
    hall.settle()
    if "householder" not in hall.visit.parties:
        pytest.fail("this way needs the householder's card")
    hall.send(AnotherMatter())
    assert set(hall.visit.parties) == {"applicant"}


def test_a_late_receipt_of_the_first_matter_does_not_count_for_the_second() -> None:
    hall = saving()
    hall.settle()
    hall.wait(3)  # the receipt is being printed
    assert hall.visit.printing == {"receipt": "printing"}
    hall.send(AnotherMatter(), ItemChosen("GSH-001"), Next(), Printed(1, "receipt"))
    assert not hall.visit.printing
    hall.send(PrintFailed(1, "receipt", "PR-02"))
    assert not hall.visit.printing
    hall.waiting.clear()
    prints = len(hall.effects)
    hall.walk_to(StepName.RATE)
    assert any(getattr(e, "what", "") == "receipt" for e in hall.effects[prints:])


def test_the_receipt_says_received_only_once_it_is() -> None:
    for early in (True, False):
        hall = saving()
        hall.settle()
        if early:
            hall.send(Delivered(1, receipt_number(1), "C-1"))
        hall.wait(0.0 if early else 3.0)
        (paper,) = [e for e in hall.effects if getattr(e, "what", "") == "receipt"]
        content = paper.content  # type: ignore[attr-defined]
        assert content.delivery.value == ("received" if early else "kept")
        assert bool(content.case_number) == early
        shown = hall.send(Delivered(1, receipt_number(1), "C-1"))
        assert shown.body.state == "received"  # type: ignore[union-attr]
        hall.wait(10)
        assert len([e for e in hall.effects if getattr(e, "what", "") == "receipt"]) == 1


def test_of_another_number_nothing_is_believed() -> None:
    hall = saving()
    hall.settle()
    hall.send(Delivered(1, receipt_number(7), "C-7"))
    assert hall.visit.submission.state == "saved"


def test_paper_that_failed_is_said_and_printed_again_when_asked() -> None:

    for code, key in (
        ("PR-01", "printer-absent"),
        ("PR-02", "paper-out"),
        ("PR-03", "print-failed"),
        ("PR-04", "print-unknown"),
        ("PR-99", "print-failed"),
    ):
        hall = saving()
        hall.settle()
        hall.wait(3)
        hall.waiting.clear()
        shown = hall.send(PrintFailed(1, "receipt", code))
        assert shown.frame.notice is not None
        assert shown.frame.notice.key == key
        state = "unknown" if code == "PR-04" else "failed"
        assert shown.body.printing == state  # type: ignore[union-attr]
        assert shown.body.number == receipt_number(1)  # type: ignore[union-attr]
        hall.wait(20)
        prints = [e for e in hall.effects if getattr(e, "what", "") == "receipt"]
        assert len(prints) == 1, "only on a touch"
        hall.send(PrintAsked(), PrintAsked())
        hall.settle()
        prints = [e for e in hall.effects if getattr(e, "what", "") == "receipt"]
        assert len(prints) == 2
        assert hall.view.body.printing == "printed"  # type: ignore[union-attr]


def test_after_a_crash_the_stub_is_offered_and_printed() -> None:

    hall = Hall(shipped())
    at = datetime(2026, 11, 21, 9, 30, tzinfo=CHINA)
    shown = hall.send(Recovered(((receipt_number(3), at),)))
    assert shown.body.stubs == ((receipt_number(3), "2026-11-21 09:30"),)  # type: ignore[union-attr]
    hall.send(PrintAsked(), PrintAsked(), PrintAsked())
    stubs = [e for e in hall.effects if getattr(e, "what", "") == "stub"]
    assert len(stubs) == 1, "an impatient finger gets one paper"
    assert stubs[0].content.number == receipt_number(3)  # type: ignore[attr-defined]
    hall.settle()
    assert hall.visit.printing == {"stub": "printed"}


def test_the_world_outlives_the_visit() -> None:
    hall = Hall(shipped())
    hall.send(WorldChanged(line_up=False), ItemChosen("SB-001"))
    shown = hall.view
    assert shown.body.blocked.key == "line-needed"  # type: ignore[union-attr]
    hall.send(Next())
    assert hall.at is StepName.ITEM_GUIDE
    hall.send(Leave())
    assert not hall.visit.world.line_up
