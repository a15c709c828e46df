"""From the papers to the end: a touch makes its event, an update keeps what is there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QWidget
from samples import paper_png, samples

from config.words import Words
from kiosk.journey import events as e
from kiosk.journey.steps.rate import REASONS
from kiosk.journey.terms import Language, Size, StepName, Theme
from kiosk.journey.views import (
    DeliveryView,
    FarewellView,
    MaterialsView,
    RateView,
    ResultView,
    SubmittedView,
    View,
)
from screens.preview import NoPreview
from screens.registry import MODULES
from screens.shell import Shell
from screens.submitted import ReceiptWidget, qr_matrix
from screens.theme import Look
from screens.toolkit import BlockWidget


def _view(name: str, language: Language = Language.ZH, size: Size = Size.NORMAL) -> View:
    return {s.name: s.view for s in samples(language, size, Theme.CALM)}[name]


@pytest.mark.parametrize(
    ("sample", "name", "event"),
    [
        ("materials", "capture:proof", e.CaptureAsked("proof")),
        ("materials", "pledge:proof", e.PledgeMade("proof")),
        ("materials", "clear:permit", e.MaterialCleared("permit")),
        ("materials-aim", "shutter", e.PhotoTaken()),
        ("materials-aim", "back", e.Back()),
        ("materials-check", "keep", e.PageKept()),
        ("materials-check", "retake", e.Retake()),
        ("materials-check-poor", "more-page", e.AnotherPage()),
        ("form-phone", "key:backspace", e.FieldTyped("contact_phone", "1385770000")),
        ("form-code", "key:Z", e.FieldTyped("plate", "C12345Z")),
        ("form-confirm", "next", e.Next()),
        ("delivery", "delivery:post", e.DeliveryChosen("post")),
        ("delivery-post", "delivery:pick-up", e.DeliveryChosen("pick-up")),
        ("review", "change:questions:q", e.ChangeAsked("questions:q")),
        ("sign-owed", "clear-signature", e.Signed(())),
        ("sign-owed", "next", e.Next()),
        ("leave", "leave-now", e.Leave()),
        ("leave-papers", "next", e.Next()),
        ("submitted", "another", e.AnotherMatter()),
        ("submitted", "next", e.Next()),
        ("submitted-print-failed", "print", e.PrintAsked()),
        ("submitted-failed", "again", e.TryAgain()),
        ("result-confirm", "next", e.Next()),
        ("result-failed", "again", e.TryAgain()),
        ("result-none", "another", e.AnotherMatter()),
        ("result-records", "another", e.AnotherMatter()),
        ("result-certificate-failed", "print", e.PrintAsked()),
        ("rate", "rate:5", e.Rated(5)),
        ("rate", "rate:1", e.Rated(1)),
        ("rate", "next", e.Next()),
        ("rate-bad", "reason:unclear", e.RatingReason("unclear")),
        ("rate-bad", "rate:1", e.Rated(1)),
        ("farewell", "next", e.Next()),
    ],
)
def test_a_touch_makes_its_event(
    shell: Shell, emitted: list[e.Event], sample: str, name: str, event: e.Event
) -> None:
    shell.show_view(_view(sample))
    assert shell.touch(name)
    assert emitted == [event]


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        ("materials", "capture:permit"),  # done
        ("materials", "capture:hukou"),  # the state has it
        ("materials", "pledge:stay"),  # must be shown
        ("materials-taking", "shutter"),
        ("materials-check", "more-page"),
        ("review", "change:"),
        ("submitted", "print"),  # it is on paper
        ("submitted-saving", "another"),
        ("submitted-saving", "next"),
        ("result-asking", "again"),
        ("result-certificate-printing", "print"),
        ("result-certificate-printed", "print"),
        ("rate", "reason:slow"),
    ],
)
def test_what_cannot_be_done_cannot_be_touched(
    shell: Shell, emitted: list[e.Event], sample: str, name: str
) -> None:
    shell.show_view(_view(sample))
    assert not shell.touch(name)
    assert emitted == []


def test_every_step_has_its_screen() -> None:
    assert MODULES.keys() == set(StepName)


@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080)])
@pytest.mark.parametrize("language", Language)
def test_what_is_owed_is_seen_without_turning_a_page(
    shell: Shell, language: Language, shape: tuple[int, int]
) -> None:
    shell.resize(*shape)
    shell.show_view(_view("submitted-received", language, Size.LARGE))
    assert "owed" in {
        block.block.key for block in shell.findChildren(BlockWidget) if block.isVisibleTo(shell)
    }


@pytest.mark.parametrize("sample", ["submitted-print-failed", "submitted-print-unknown"])
@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080)])
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
def test_a_number_that_is_not_on_paper_is_on_the_first_page(
    shell: Shell, language: Language, size: Size, shape: tuple[int, int], sample: str
) -> None:
    shell.resize(*shape)
    shell.show_view(_view(sample, language, size))
    assert [w for w in shell.findChildren(ReceiptWidget) if w.isVisibleTo(shell)]


# -- delivery -----------------------------------------------------------------------------


def test_the_address_is_written_on_the_board(shell: Shell, emitted: list[e.Event]) -> None:
    shown = _view("delivery-post")
    assert isinstance(shown.body, DeliveryView)
    shell.show_view(shown)
    assert shell.touch("edit")
    assert shell.touch("key:backspace")
    assert emitted == [e.FieldTyped("delivery_address", shown.body.address[:-1])]
    assert shell.touch("edit-done")
    assert shell.touch("delivery:pick-up")


def test_choosing_pick_up_elsewhere_puts_the_board_away(shell: Shell) -> None:
    shown = _view("delivery-post")
    assert isinstance(shown.body, DeliveryView)
    shell.show_view(shown)
    assert shell.touch("edit")
    shell.show_view(replace(shown, body=replace(shown.body, chosen="pick-up")))
    assert shell.touchable("key:space") is None
    shell.show_view(shown)
    assert shell.touchable("key:space") is None


# -- papers -------------------------------------------------------------------------------


class _Documents:
    def __init__(self) -> None:
        self.asked = 0
        self.picture: tuple[bytes, int, int, int] | None = None
        self.corners: tuple[tuple[float, float], ...] = ()

    def latest(self) -> tuple[bytes, int, int, int] | None:
        self.asked += 1
        return self.picture

    def outline(self) -> tuple[tuple[float, float], ...]:
        return self.corners


def test_the_document_camera_is_looked_at_only_while_aiming(
    shell: Shell, words: Words, look: Look, emitted: list[e.Event]
) -> None:
    documents = _Documents()
    documents.picture = (b"\xc8\x10\x10" * (64 * 48), 64, 48, 7)
    own = Shell(words, look, emitted.append, NoPreview(), documents=documents)
    try:
        own.resize(1080, 1920)
        own.show()
        own.show_view(_view("materials"))
        assert documents.asked == 0
        own.show_view(_view("materials-aim"))
        assert documents.asked > 0
        preview = own.findChild(QWidget, "preview")
        assert preview is not None
        middle = preview.grab().toImage().pixelColor(preview.rect().center())
        assert (middle.red(), middle.green()) == (0xC8, 0x10)
        laid = preview.grab().toImage()
        documents.corners = ((0.25, 0.5), (0.75, 0.5), (0.75, 0.8), (0.25, 0.8))
        preview._look()  # type: ignore[attr-defined]
        found = preview.grab().toImage()
        assert found.pixelColor(preview.rect().center()) != middle, "a line along its upper edge"
        documents.corners = ()
        preview._look()  # type: ignore[attr-defined]
        assert preview.grab().toImage() == laid
        own.show_view(_view("materials-check"))
        asked = documents.asked
        preview = own.findChild(QWidget, "preview")
        assert preview is None
        assert documents.asked == asked
    finally:
        own.close()
        own.deleteLater()


def test_a_changed_paper_keeps_the_other_widgets(shell: Shell) -> None:
    shown = _view("materials")
    assert isinstance(shown.body, MaterialsView)
    shell.show_view(shown)
    kept = shell.touchable("capture:stay")
    assert kept is not None
    papers = tuple(
        replace(p, state="pledged", due="12-05") if p.id == "proof" else p
        for p in shown.body.materials
    )
    shell.show_view(replace(shown, body=replace(shown.body, materials=papers)))
    assert shell.touchable("capture:stay") is kept
    assert shell.touchable("clear:proof") is not None
    assert shell.touchable("capture:proof") is None


# -- the number ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("size", Size)
def test_without_paper_the_number_is_larger_and_the_code_too(
    shell: Shell, size: Size, language: Language
) -> None:
    heights = []
    for name in ("submitted", "submitted-print-failed"):
        shell.rebuild()
        shell.show_view(_view(name, language, size))
        receipt = shell.findChild(ReceiptWidget, "receipt")
        assert isinstance(receipt, ReceiptWidget)
        assert "LW042-00317-6" in receipt.accessibleName()
        assert receipt.isVisibleTo(shell), "the number is on the first page"
        heights.append(receipt.height())
    assert heights[1] > heights[0] * 1.4


def test_the_code_is_painted_as_it_is_computed(shell: Shell) -> None:
    shell.show_view(_view("submitted-print-failed"))
    receipt = shell.findChild(ReceiptWidget, "receipt")
    assert isinstance(receipt, ReceiptWidget)
    code = qr_matrix("OUKIOSK:LW042-00317-6")
    image = receipt.grab().toImage()
    found = _modules(image, len(code))
    assert found == code


def _modules(image: QImage, count: int) -> tuple[tuple[bool, ...], ...]:
    """Read a painted code by its black corner, as a scanner begins."""
    black = [
        (x, y)
        for y in range(image.height())
        for x in range(image.width())
        if image.pixel(x, y) & 0xFFFFFF == 0
    ]
    left, top = min(x for x, _ in black), min(y for _, y in black)
    right = max(x for x, _ in black)
    module = (right - left + 1) / (count - 8)  # without the quiet zone
    centre = [(at - 4 + 0.5) * module for at in range(count)]
    return tuple(
        tuple(image.pixel(round(left + x), round(top + y)) & 0xFFFFFF == 0 for x in centre)
        for y in centre
    )


def test_saved_and_delivered_say_different_things(words: Words) -> None:
    for language in ("zh", "en"):
        saved = words.text("submitted.saved.sub", language, department="D")
        received = words.text("submitted.received.sub", language, department="D")
        assert saved != received
        assert "D" in saved
        assert "D" in received


# -- certificate, rating, farewell ----------------------------------------------------------


def test_the_pages_of_a_certificate_are_turned(shell: Shell, emitted: list[e.Event]) -> None:
    shown = _view("result-certificate-printed")
    assert isinstance(shown.body, ResultView)
    shell.show_view(replace(shown, body=replace(shown.body, pages_png=(paper_png(),) * 3)))
    assert not shell.touch("page:back")
    assert shell.touch("page:on")
    assert shell.touch("page:on")
    assert not shell.touch("page:on")
    assert shell.touch("page:back")
    assert emitted == []


def test_nothing_is_chosen_beforehand(shell: Shell, words: Words) -> None:
    shell.show_view(_view("rate"))
    chosen = words.text("chosen", "zh")
    levels = [b for b in shell.findChildren(QAbstractButton) if b.objectName().startswith("rate:")]
    assert len(levels) == 5
    assert not [b for b in levels if chosen in b.accessibleName()]
    shell.show_view(_view("rate-good"))
    assert [b.objectName() for b in levels if chosen in b.accessibleName()] == ["rate:5"]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("level", range(1, 6))
def test_every_reason_has_its_words(shell: Shell, language: Language, level: int) -> None:
    shown = _view("rate", language)
    reasons = REASONS[level]
    shell.show_view(replace(shown, body=RateView(level, reasons, ())))
    for reason in reasons:
        assert shell.touch(f"reason:{reason}")


def test_farewell_names_what_lies_there(shell: Shell, words: Words) -> None:
    shown = _view("farewell")
    shell.show_view(shown)
    said = " ".join(w.accessibleName() for w in shell.findChildren(QWidget) if w.isVisibleTo(shell))
    for key in ("take.card", "take.papers", "take.receipt"):
        assert words.text(key, "zh") in said
    assert "LW042-00317-6" in said
    shell.show_view(replace(shown, body=FarewellView(("take.certificate",), "", 3)))
    said = " ".join(w.accessibleName() for w in shell.findChildren(QWidget) if w.isVisibleTo(shell))
    assert words.text("take.certificate", "zh") in said
    assert "LW042" not in said


def test_no_number_is_shown_before_it_is_saved(shell: Shell) -> None:
    shown = _view("submitted-saving")
    assert isinstance(shown.body, SubmittedView)
    shell.show_view(shown)
    assert shell.findChild(ReceiptWidget, "receipt") is None
