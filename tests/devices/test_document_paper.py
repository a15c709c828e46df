"""Papers are found where they lie, straightened in their true proportions, and judged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.document import paper
from devices.simulators import paper as sample

SIZE = (960, 720)
KINDS = sorted(sample.SIZES_MM)
SHEETS = {
    kind: np.asarray(cv2.resize(sample.draw(kind), None, fx=0.6, fy=0.6), dtype=np.uint8)
    for kind in KINDS
}


def photo(kind: str, **lying: float) -> tuple[paper.Picture, paper.Corners]:
    sheet = SHEETS[kind]
    corners = sample.lying(sheet.shape[1], sheet.shape[0], SIZE, turn_deg=3.0, **lying)
    return sample.place(sheet, SIZE, corners), corners


@st.composite
def perspectives(draw: st.DrawFn) -> tuple[str, paper.Corners]:
    """A sheet of any kind, turned up to 30 degrees, each corner pushed by a hand's breadth."""
    kind = draw(st.sampled_from(KINDS))
    sheet = SHEETS[kind]
    corners = sample.lying(
        sheet.shape[1],
        sheet.shape[0],
        SIZE,
        turn_deg=draw(st.floats(-30, 30)),
        fill=draw(st.floats(0.45, 0.72)),
    )
    push = st.floats(-0.035, 0.035)
    for corner in corners:
        corner += np.array([draw(push), draw(push)], dtype=np.float32) * SIZE[1]
    shift = st.floats(-0.05, 0.05)
    corners += np.array([draw(shift), draw(shift)], dtype=np.float32) * SIZE[1]
    margin = 8
    corners[:, 0] = corners[:, 0].clip(margin, SIZE[0] - margin)
    corners[:, 1] = corners[:, 1].clip(margin, SIZE[1] - margin)
    return kind, corners


@settings(max_examples=25)
@given(perspectives(), st.floats(0.5, 1.0), st.floats(0.3, 1.6))
def test_corners_are_found_within_three_pixels(
    lying: tuple[str, paper.Corners], light: float, blur_px: float
) -> None:
    kind, corners = lying
    picture = sample.place(SHEETS[kind], SIZE, corners)
    worse = cv2.GaussianBlur(cv2.convertScaleAbs(picture, alpha=light), (0, 0), blur_px)
    noise = np.random.default_rng(3).normal(0, 3, worse.shape)
    seen = np.clip(worse + noise, 0, 255).astype(np.uint8)
    found = paper.find_paper(seen)
    assert found is not None
    # The order begins at another corner when a sheet is turned far: compare as a ring.
    assert min(np.abs(np.roll(found, k, axis=0) - corners).max() for k in range(4)) <= 3.0


@given(
    points=st.permutations([(10.0, 12.0), (200.0, 5.0), (210.0, 300.0), (4.0, 280.0)]),
)
def test_corners_come_in_one_order(points: list[tuple[float, float]]) -> None:
    ordered = paper.in_order(points).tolist()
    assert ordered == [[10, 12], [200, 5], [210, 300], [4, 280]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sheet_is_straightened_to_what_was_drawn(kind: str) -> None:
    picture, _ = photo(kind, fill=0.85)
    corners = paper.find_paper(picture)
    assert corners is not None
    flat = paper.straighten(picture, corners)
    sheet = SHEETS[kind]
    drawn_ratio = sheet.shape[1] / sheet.shape[0]
    assert flat.shape[1] / flat.shape[0] == pytest.approx(drawn_ratio, rel=0.02)
    drawn = cv2.resize(sheet, (flat.shape[1], flat.shape[0]), interpolation=cv2.INTER_AREA)
    one, other = print_of(flat), print_of(np.asarray(drawn, dtype=np.uint8))
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.93
    moved = np.roll(one, 6, axis=1)  # the measure does see print that is 6 px out of place
    assert np.corrcoef(moved.ravel(), other.ravel())[0, 1] < 0.8


def print_of(picture: paper.Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What is printed, without the light on it and the finest focus."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    soft = np.asarray(cv2.GaussianBlur(grey, (0, 0), 2), dtype=np.float32)
    return soft - np.asarray(cv2.GaussianBlur(soft, (0, 0), 20), dtype=np.float32)


@pytest.mark.parametrize(("ratio", "wanted"), [(1.33, 1.33), (1.40, 297 / 210), (1.60, 1.60)])
def test_proportions_near_a4_become_a4_and_others_stay(ratio: float, wanted: float) -> None:
    picture = np.full((720, 960, 3), 200, dtype=np.uint8)
    height = 400.0
    corners = np.array(
        [(100, 100), (100 + height * ratio, 100), (100 + height * ratio, 500), (100, 500)],
        dtype=np.float32,
    )
    flat = paper.straighten(picture, corners)
    assert flat.shape[1] / flat.shape[0] == pytest.approx(wanted, rel=0.004)


@given(
    st.floats(0.55, 1.8),
    st.floats(-25, 25),
    st.floats(-25, 25),
    st.floats(-30, 30),
)
def test_proportions_survive_any_tilt(
    ratio: float, tilt_x_deg: float, tilt_y_deg: float, turn_deg: float
) -> None:
    """Against a pinhole camera that is computed here on its own."""
    rx, ry, rz = np.radians((tilt_x_deg, tilt_y_deg, turn_deg))
    about_x = np.array([[1, 0, 0], [0, np.cos(rx), -np.sin(rx)], [0, np.sin(rx), np.cos(rx)]])
    about_y = np.array([[np.cos(ry), 0, np.sin(ry)], [0, 1, 0], [-np.sin(ry), 0, np.cos(ry)]])
    about_z = np.array([[np.cos(rz), -np.sin(rz), 0], [np.sin(rz), np.cos(rz), 0], [0, 0, 1]])
    sheet = np.array([(-ratio, -1, 0), (ratio, -1, 0), (ratio, 1, 0), (-ratio, 1, 0)]) * 0.5
    seen = sheet @ (about_x @ about_y @ about_z).T + np.array([0, 0, 3.0])
    flat = seen[:, :2] / seen[:, 2:] * 1080 + np.array([480, 360])
    across, down = paper.true_size(flat.astype(np.float32), (960, 720))
    # The lens here is not quite the usual one that is assumed where sides are parallel.
    assert across / down == pytest.approx(ratio, rel=0.04)


def test_an_empty_desk_and_a_white_wall_have_no_paper() -> None:
    assert paper.find_paper(sample.desk(*SIZE)) is None
    assert paper.find_paper(np.full((720, 960, 3), 235, dtype=np.uint8)) is None


@given(st.integers(0, 2**32 - 1), st.integers(8, 200), st.integers(8, 200))
@settings(max_examples=25)
def test_any_picture_gives_a_page(seed: int, width: int, height: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    page = paper.make_page(picture)
    assert page.jpeg.startswith(b"\xff\xd8")
    assert page.width_px > 0


def test_a_good_page_has_no_warnings() -> None:
    for kind in KINDS:
        page = paper.make_page(photo(kind, fill=0.9)[0])
        assert page.straightened
        assert page.warnings == (), kind


def test_an_unprinted_sheet_is_not_called_blurred() -> None:
    sheet = np.full((891, 630, 3), 238, dtype=np.uint8)
    corners = sample.lying(630, 891, SIZE, turn_deg=2.0)
    page = paper.make_page(sample.place(sheet, SIZE, corners))
    assert page.straightened
    assert page.warnings == ()


@pytest.mark.parametrize("kind", KINDS)
def test_warnings_name_what_is_wrong(kind: str) -> None:
    picture, corners = photo(kind, fill=0.9)
    blurred = np.asarray(cv2.GaussianBlur(picture, (0, 0), 3.5), dtype=np.uint8)
    assert paper.make_page(blurred).warnings == ("blurred",)
    assert paper.make_page(sample.with_glare(picture, corners)).warnings == ("glare",)
    dark = np.asarray(cv2.convertScaleAbs(picture, alpha=0.3), dtype=np.uint8)
    assert "dark" in paper.make_page(dark).warnings
    cut = np.ascontiguousarray(picture[:, : SIZE[0] // 2])  # the sheet leaves the picture
    page = paper.make_page(cut)
    assert not page.straightened
    assert "no-edge" in page.warnings
    assert (page.width_px, page.height_px) == (SIZE[0] // 2, SIZE[1])


@pytest.mark.parametrize("limit_bytes", [300_000, 60_000, 6_000])
def test_a_page_fits_the_limit(limit_bytes: int) -> None:
    noisy = np.random.default_rng(1).integers(0, 256, (720, 960, 3), dtype=np.uint8)
    data = paper.encode_jpeg(noisy, limit_bytes)
    assert len(data) <= limit_bytes
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    with pytest.raises(ValueError, match="does not fit"):
        paper.encode_jpeg(noisy, 50)
