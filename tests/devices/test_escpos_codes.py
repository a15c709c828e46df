"""Bytes of ESC/POS printers: status tables, replies in any company, dots as commands."""

from __future__ import annotations

import io
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from devices.errors import DeviceError, Fault
from devices.printers import escpos_codes as codes
from devices.printers.escpos_codes import Condition, ReplyParser, decode
from devices.printers.escpos_wire import wire_of
from devices.printers.raster import BAND_ROWS, WIDTH_DOTS, _crop, bands, draw, read_pbm
from devices.records import PaperState
from devices.worker import Cancel

FINE = {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}


def pdf(
    *, width_mm: float = 80, height_mm: float = 40, pages: int = 1, left_mm: float = 5
) -> bytes:
    """A small page with a frame, text and a diagonal."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(width_mm * mm, height_mm * mm))
    for number in range(pages):
        canvas.rect(left_mm * mm, 3 * mm, (width_mm - 2 * left_mm) * mm, (height_mm - 6) * mm)
        canvas.line(10 * mm, 5 * mm, (width_mm - 10) * mm, (height_mm - 5) * mm)
        canvas.drawString(12 * mm, height_mm / 2 * mm, f"page {number + 1}")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


# Status bytes.


@pytest.mark.parametrize(
    ("answers", "fault", "paper"),
    [
        ({}, None, PaperState.OK),
        ({4: 0x7E}, Fault.PAPER_OUT, PaperState.OUT),
        ({4: 0x1E}, None, PaperState.LOW),
        ({1: 0x1A}, Fault.PRINTER_ABSENT, PaperState.OK),
        ({1: 0x1A, 2: 0x16}, Fault.PRINTER_COVER_OPEN, PaperState.OK),
        ({1: 0x1A, 2: 0x32}, Fault.PAPER_OUT, PaperState.OUT),
        ({1: 0x1A, 2: 0x52, 3: 0x1A}, Fault.PRINTER_JAMMED, PaperState.OK),
        ({1: 0x1A, 2: 0x52, 3: 0x16}, Fault.PRINTER_JAMMED, PaperState.OK),
        ({1: 0x1A, 2: 0x52, 3: 0x32}, Fault.PRINT_FAILED, PaperState.OK),
        ({3: 0x52}, None, PaperState.OK),  # a hot head goes on by itself
        ({2: 0x1A}, None, PaperState.OK),  # somebody holds the feed button
    ],
)
def test_what_the_four_bytes_say(
    answers: dict[int, int], fault: Fault | None, paper: PaperState
) -> None:
    state = decode(FINE | answers)
    assert (state.fault, state.paper) == (fault, paper)
    assert state.online is (fault is None)


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_what_was_not_answered_is_unknown_and_never_fine(missing: int) -> None:
    state = decode({n: byte for n, byte in FINE.items() if n != missing})
    assert f"no-answer-{missing}" in state.detail
    assert state.paper is (PaperState.UNKNOWN if missing == 4 else PaperState.OK)
    assert state.online is (missing != 1)


def test_a_half_set_paper_pair_is_neither_low_nor_out() -> None:
    assert decode(FINE | {4: 0x16}).conditions == frozenset()


# Replies.

TOKENS = st.text(codes.TOKEN_ALPHABET.decode(), min_size=4, max_size=4).map(str.encode)
REAL_TIME = st.sampled_from([b for b in range(256) if codes.is_real_time(b)])
HEADS = st.sampled_from([b for b in range(256) if codes.is_automatic_head(b)])
PLAIN = st.sampled_from([b for b in range(256) if codes.is_plain(b)])
REPLIES = st.one_of(
    REAL_TIME.map(lambda b: (bytes([b]), codes.RealTime)),
    TOKENS.map(lambda t: (b"\x37\x22" + t + b"\x00", codes.ProcessId)),
    st.just((b"\x37\x25\x00", codes.Cleared)),
    st.tuples(HEADS, PLAIN, PLAIN, PLAIN).map(lambda r: (bytes(r), codes.Automatic)),
    PLAIN.map(lambda b: (bytes([b]), codes.Sensor)),
)


@given(st.lists(REPLIES, max_size=12), st.data())
def test_replies_are_told_apart_in_any_order_and_any_portions(
    replies: list[tuple[bytes, type]], data: st.DataObject
) -> None:
    wire = b"".join(raw for raw, _ in replies)
    parser = ReplyParser()
    found: list[codes.Reply] = []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        found += parser.feed(wire[:size])
        wire = wire[size:]
    assert [type(reply) for reply in found] == [kind for _, kind in replies]
    assert parser.dropped_bytes == 0


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_survived_and_little_is_kept(portions: list[bytes]) -> None:
    parser = ReplyParser()
    for portion in portions:
        parser.feed(portion)
        assert len(parser._buffer) < 7


def test_flow_control_is_no_reply_and_may_come_anywhere() -> None:
    parser = ReplyParser()
    assert parser.feed(b"\x37\x13\x22AB\x11CD\x00") == [codes.ProcessId(b"ABCD")]
    assert parser.dropped_bytes == 0


def test_automatic_status_says_what_changed() -> None:
    (report,) = ReplyParser().feed(b"\x38\x08\x0f\x00")
    assert report == codes.Automatic(
        frozenset(
            {
                Condition.OFFLINE,
                Condition.COVER_OPEN,
                Condition.CUTTER,
                Condition.PAPER_LOW,
                Condition.PAPER_OUT,
            }
        )
    )


def test_no_token_can_be_taken_for_a_status() -> None:
    assert not any(codes.is_real_time(byte) for byte in codes.TOKEN_ALPHABET)
    with pytest.raises(ValueError, match="four"):
        codes.process_id_request(b"ABC")


# Dots.


def rebuilt(commands: list[bytes]) -> np.ndarray:
    rows = []
    for command in commands:
        assert command[:4] == b"\x1dv0\x00"
        width = int.from_bytes(command[4:6], "little")
        count = int.from_bytes(command[6:8], "little")
        packed = np.frombuffer(command[8:], np.uint8).reshape(count, width)
        rows.append(np.pad(np.unpackbits(packed, axis=1), ((0, 0), (0, WIDTH_DOTS - 8 * width))))
    return np.concatenate(rows).astype(bool)


@given(st.integers(1, 3 * BAND_ROWS), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.01, 0.5]))
def test_bands_hold_every_dot_and_no_command(rows: int, seed: int, ink: float) -> None:
    dots = np.random.default_rng(seed).random((rows, WIDTH_DOTS)) < ink
    commands = [band.command for band in bands(dots)]
    again = rebuilt(commands)
    assert not (dots & ~again).any()
    # A dot more only where a byte would have begun a command.
    added = np.packbits(again, axis=1)
    assert (again != dots).sum() <= (added == 0x18).sum()
    for band in bands(dots):
        assert not any(start in band.data for start in (b"\x10\x04", b"\x10\x05", b"\x10\x14"))


def test_dots_that_look_like_a_command_get_one_dot_more() -> None:
    dots = np.zeros((1, WIDTH_DOTS), bool)
    dots[0, : 3 * 8] = np.unpackbits(np.frombuffer(b"\x10\x05\x02", np.uint8))
    (band,) = bands(dots)
    assert band.data == b"\x18\x05\x02"
    assert (rebuilt([band.command]) ^ dots).sum() == 1


def poppler(page: bytes) -> np.ndarray:
    """The page as poppler and Pillow see it, ink is True."""
    command = ["pdftoppm", "-mono", "-r", "203", "-"]
    done = subprocess.run(command, input=page, capture_output=True, check=True)
    return ~np.asarray(Image.open(io.BytesIO(done.stdout)))


def test_a_page_is_drawn_dot_by_dot_and_loses_only_margins() -> None:
    page = pdf()
    whole = poppler(page)
    left = (whole.shape[1] - WIDTH_DOTS) // 2
    assert (draw(page, Cancel()) == whole[:, left : left + WIDTH_DOTS]).all()


@pytest.mark.parametrize(
    ("first", "end", "kept"),
    [
        (40, 600, slice(32, 608)),  # both margins alike
        (3, 500, slice(3, 579)),  # as far aside as the ink asks for
        (100, 640, slice(64, 640)),
        (31, 608, slice(32, 608)),  # a frame of 577 dots loses one
        (0, 577, slice(1, 577)),
        (30, 608, None),
        (0, 640, None),
    ],
)
def test_all_ink_that_fits_is_kept_as_large_as_it_is(
    first: int, end: int, kept: slice | None
) -> None:
    dots = np.zeros((4, 640), np.bool_)
    dots[1, first:end] = True
    cropped = _crop(dots)
    if kept is None:
        assert cropped is None
    else:
        assert cropped is not None
        assert cropped.shape == (4, WIDTH_DOTS)
        assert (cropped == dots[:, kept]).all()


def test_an_empty_page_is_cut_in_its_middle() -> None:
    cropped = _crop(np.zeros((2, 640), np.bool_))
    assert cropped is not None
    assert cropped.shape == (2, WIDTH_DOTS)


def test_a_page_wider_than_the_paper_is_drawn_smaller() -> None:
    page = pdf(left_mm=1)
    dots = draw(page, Cancel())
    assert dots.shape[1] == WIDTH_DOTS
    assert len(dots) < len(poppler(page))
    assert dots[:, :20].any()
    assert dots[:, -20:].any()


def test_pages_follow_one_another_and_narrow_ones_are_centred() -> None:
    one, two = draw(pdf(width_mm=58), Cancel()), draw(pdf(width_mm=58, pages=2), Cancel())
    assert len(two) == 2 * len(one)
    inked = np.flatnonzero(one.any(axis=0))
    assert abs(int(inked[0]) - (WIDTH_DOTS - 1 - int(inked[-1]))) <= 2


@pytest.mark.parametrize("bad", [b"", b"%PDF-1.4 nothing", b"hello"])
def test_what_is_no_pdf_fails_before_anything_is_printed(bad: bytes) -> None:
    with pytest.raises(DeviceError) as caught:
        draw(bad, Cancel())
    assert caught.value.fault is Fault.PRINT_FAILED


def test_a_page_longer_than_any_receipt_is_refused() -> None:
    with pytest.raises(DeviceError, match="too long"):
        draw(pdf(height_mm=2_600), Cancel())


def test_drawing_ends_with_a_cancel() -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(DeviceError) as caught:
        draw(pdf(), cancel)
    assert caught.value.fault is Fault.CANCELLED


@given(st.binary(max_size=60))
def test_a_bitmap_that_is_none_is_a_value_error(data: bytes) -> None:
    try:
        pictures = read_pbm(b"P4\n" + data)
    except ValueError:
        return
    assert all(picture.ndim == 2 for picture in pictures)


@pytest.mark.parametrize("address", ["", "tcp:", "tcp:host", "tcp:host:0", "serial:", "usb:1", "x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        wire_of(address)
