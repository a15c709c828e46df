"""Codes in pictures: what a printer or a phone shows, read back, turned, soiled or none."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import segno
import zxingcpp
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from devices.records import ScannedCode
from devices.scanners.camera import MAX_PIXELS, find_codes

Picture = NDArray[np.uint8]


def qr(text: str, scale: int = 5) -> Picture:
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="png", scale=scale, border=4)
    return np.array(Image.open(out).convert("L"))


def bar(text: str, kind: str) -> Picture:
    barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    drawn = np.asarray(zxingcpp.write_barcode_to_image(barcode, scale=3))
    return np.pad(drawn, 30, constant_values=255)


def on_a_desk(
    code: Picture, angle_deg: float, *, light: float = 0.8, noise: float = 8.0
) -> Picture:
    """The code as a camera sees it: turned, on a grey desk, unevenly lit, with noise."""
    desk = np.full((480, 640), 120, np.uint8)
    shown = code if code.shape[0] <= 300 else cv2.resize(code, (300, 300))
    top, left = (480 - shown.shape[0]) // 2, (640 - shown.shape[1]) // 2
    desk[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    turn = cv2.getRotationMatrix2D((320, 240), angle_deg, 1.0)
    turned = cv2.warpAffine(desk, turn, (640, 480), borderValue=(120,)).astype(np.float64)
    shade = np.linspace(light, 1.0, 640)
    grain = np.random.default_rng(1).normal(0, noise, turned.shape)
    grey = np.clip(turned * shade + grain, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    "text",
    ["LW042-00317-6", "https://example.org/q/LW042-00317-6", "温州市鹿城区", "㛃𠮷", "1" * 900],
)
def test_a_qr_code_says_what_it_was_made_of(text: str) -> None:
    assert find_codes(qr(text, 3)) == (ScannedCode(text, "qr-code"),)


@pytest.mark.parametrize(
    ("kind", "text", "symbology"),
    [
        ("Code128", "ABC-12345", "code-128"),
        ("Code39", "ABC123", "code-39"),
        ("EAN13", "6901234567892", "ean-upc"),
        ("DataMatrix", "data matrix", "data-matrix"),
        ("PDF417", "pdf 417", "pdf417"),
        ("Aztec", "aztec", "aztec"),
        ("ITF", "12345670", "itf"),
    ],
)
def test_other_symbologies(kind: str, text: str, symbology: str) -> None:
    assert find_codes(bar(text, kind)) == (ScannedCode(text, symbology),)


@pytest.mark.parametrize("angle_deg", [0, 17, 45, 90, 133, 180, 271])
def test_a_code_may_lie_in_any_direction(angle_deg: float) -> None:
    assert [code.text for code in find_codes(on_a_desk(qr("turned"), angle_deg))] == ["turned"]


def test_several_codes_come_from_the_top_down_and_each_once() -> None:
    one, two = qr("one"), qr("two")
    assert one.shape == two.shape
    picture = np.concatenate([two, one, one])
    assert [code.text for code in find_codes(picture)] == ["two", "one"]


def test_light_on_dark_is_for_the_thorough() -> None:
    picture = 255 - qr("dark")
    assert find_codes(picture) == ()
    assert [code.text for code in find_codes(picture, thorough=True)] == ["dark"]


def test_only_what_is_asked_for_is_looked_for() -> None:
    assert find_codes(bar("ABC-12345", "Code128"), symbologies=("QRCode",)) == ()


def test_a_damaged_code_is_none_and_a_soiled_one_is_mended() -> None:
    soiled = qr("soiled but mended by its own redundancy")
    soiled[60:75, 60:75] = 0
    assert len(find_codes(soiled)) == 1
    destroyed = qr("destroyed")
    destroyed[30:100, 30:100] = 128
    assert find_codes(destroyed) == ()


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31m", "bell\x07"])
def test_a_code_with_control_characters_is_no_text(text: str) -> None:
    assert find_codes(qr(text)) == ()


def test_a_large_picture_is_made_smaller() -> None:
    large = np.kron(qr("large"), np.ones((16, 16), np.uint8))
    assert min(large.shape) > 2_000
    assert [code.text for code in find_codes(large)] == ["large"]


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((4, 4), np.float64),
        np.broadcast_to(np.uint8(0), (MAX_PIXELS, 2)),
    ],
)
def test_what_is_no_picture_is_refused(picture: Picture) -> None:
    with pytest.raises(ValueError, match="picture"):
        find_codes(picture)


@settings(max_examples=60)
@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=60)))
def test_any_picture_is_survived(picture: Picture) -> None:
    assert isinstance(find_codes(picture, thorough=True), tuple)


def test_what_a_code_says_is_in_no_log() -> None:
    assert "secret" not in repr(ScannedCode("secret", "qr-code"))
