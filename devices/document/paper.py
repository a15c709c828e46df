"""Pure functions on a photograph of a paper: find its edge, straighten, judge, encode.

Pictures are uint8, height x width x 3, blue first; corners are float32, 4 x 2 (x, y) in px,
in the order top left, top right, bottom right, bottom left as they lie in the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from devices.records import Page

Picture = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float32]

JPEG_LIMIT_BYTES = 700_000
_SEARCH_WIDTH_PX = 640  # where paper is looked for; corners are refined in the full picture
_LEAST_PART = 0.06  # of the picture; anything smaller is not the paper
_MOST_PART = 0.985  # of the picture; more is the picture's own edge
_A4 = 297 / 210
_A4_NEAR = 0.045  # relative; a sheet that is so near to A4 is A4
_USUAL_LENS = 1.0  # focal length in picture widths: 53 degrees across
_LONG_SIDE_PX = 1754  # A4 at 150 dpi: readable, and small enough to send
_SHARP_LEAST = 165.0  # edges 2 px wide, see `sharpness`
_PRINT_LEAST = 20.0  # grey levels; less is noise and the grain of paper
_DARK_MEAN = 85.0
_TRIM_PX = 1.5
_SHARP_SIDE_PX = 1000  # blur is judged on a page of this size: what matters is the print
_GLARE_PART = 0.006
_QUALITIES = (90, 84, 78, 70, 60, 50)


def find_paper(picture: Picture) -> Corners | None:
    """The corners of the paper, None when no four-sided bright sheet is found.

    Several ways to tell paper from desk are tried (brightness, local contrast, edges), and
    the best quadrilateral of all wins, so that neither a busy desk nor a pale one nor a
    shadow across it decides alone.
    """
    scale = min(1.0, _SEARCH_WIDTH_PX / picture.shape[1])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    grey = _grey(small)
    best: tuple[float, Corners] | None = None
    for mask in _masks(small, grey):
        for corners in _quadrilaterals(mask):
            score = _score(corners, grey)
            if score > 0 and (best is None or score > best[0]):
                best = (score, corners)
    if best is None:
        return None
    # Pixel centres: the middle of a small pixel is not the corner of the large one.
    rough = (best[1] + 0.5) / scale - 0.5
    return _refine(_grey(picture), rough.astype(np.float32), 1 / scale)


def straighten(picture: Picture, corners: Corners) -> Picture:
    """The paper seen straight from above, in its true proportions, A4 where it is near that."""
    across, down = true_size(corners, (picture.shape[1], picture.shape[0]))
    ratio = max(across, down) / max(1e-6, min(across, down))
    if abs(ratio / _A4 - 1) < _A4_NEAR:
        ratio = _A4
    seen = max(
        _distance(corners[0], corners[1]),
        _distance(corners[1], corners[2]),
        _distance(corners[2], corners[3]),
        _distance(corners[3], corners[0]),
    )
    long_side = round(min(_LONG_SIDE_PX, max(seen, 64)))
    short_side = max(1, round(long_side / ratio))
    width, height = (long_side, short_side) if across > down else (short_side, long_side)
    # The edge itself is half desk: it stays just outside the page.
    low, right, bottom = -0.5 - _TRIM_PX, width - 0.5 + _TRIM_PX, height - 0.5 + _TRIM_PX
    target = np.array([(low, low), (right, low), (right, bottom), (low, bottom)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    flat = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(flat, dtype=np.uint8)


def true_size(corners: Corners, frame_px: tuple[int, int]) -> tuple[float, float]:
    """Width and height of the paper in proportion, undoing the perspective.

    From the vanishing points of its two pairs of sides and a camera whose axis meets the
    picture's middle. Where they do not tell the lens, because sides are almost parallel, a
    usual one is assumed: there it matters little.
    """
    points = np.asarray(corners, dtype=np.float64) - np.array(frame_px, dtype=np.float64) / 2
    m1, m2, m3, m4 = (np.array([x, y, 1.0]) for x, y in points[[0, 1, 3, 2]])
    k2 = np.dot(np.cross(m1, m4), m3) / np.dot(np.cross(m2, m4), m3)
    k3 = np.dot(np.cross(m1, m4), m2) / np.dot(np.cross(m3, m4), m2)
    n2, n3 = k2 * m2 - m1, k3 * m3 - m1  # directions of the sides, up to the lens
    usual = float(max(frame_px)) * _USUAL_LENS
    focal_squared = usual**2
    if abs(n2[2]) > 0.02 and abs(n3[2]) > 0.02:
        told = -(n2[0] * n3[0] + n2[1] * n3[1]) / (n2[2] * n3[2])
        if (usual / 2.5) ** 2 < told < (usual * 2.5) ** 2:  # else corners are too inexact
            focal_squared = told
    lens = np.array([1 / focal_squared, 1 / focal_squared, 1.0])
    return math.sqrt(float(np.sum(n2 * n2 * lens))), math.sqrt(float(np.sum(n3 * n3 * lens)))


def warnings_of(page: Picture, *, edge_found: bool = True) -> tuple[str, ...]:
    """What a resident should know before keeping this page, most important first."""
    checks = (
        ("no-edge", not edge_found),
        ("dark", _is_dark(page)),
        ("blurred", sharpness(page) < _SHARP_LEAST),
        ("glare", has_glare(page)),
    )
    return tuple(name for name, found in checks if found)


def sharpness(page: Picture) -> float:
    """How steep the edges of print are: 1000 times the gradient over the local range.

    A step blurred by s px has about 400 / s whatever its contrast, the light on it, and how
    much else is printed. A page without print has nothing to be blurred and gets 1000.
    """
    grey = _grey(page)
    shrink = _SHARP_SIDE_PX / max(grey.shape)
    if shrink < 1:
        small = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        grey = np.asarray(small, dtype=np.uint8)
    margin_y, margin_x = grey.shape[0] // 20, grey.shape[1] // 20
    inner = grey[margin_y : grey.shape[0] - margin_y, margin_x : grey.shape[1] - margin_x]
    calm = np.asarray(cv2.GaussianBlur(inner, (0, 0), 0.7), dtype=np.float32)
    across = np.asarray(cv2.Sobel(calm, cv2.CV_32F, 1, 0, scale=1 / 8))
    down = np.asarray(cv2.Sobel(calm, cv2.CV_32F, 0, 1, scale=1 / 8))
    window = np.ones((13, 13), dtype=np.uint8)
    span = np.asarray(cv2.dilate(calm, window)) - np.asarray(cv2.erode(calm, window))
    most = float(np.percentile(span, 99.5))
    printed = span >= max(_PRINT_LEAST, 0.4 * most)
    if most < _PRINT_LEAST or not printed.any():
        return 1000.0
    steepness = np.hypot(across, down)[printed] / span[printed]
    return float(1000 * np.percentile(steepness, 92))


def has_glare(page: Picture) -> bool:
    """A spot of pure white that is much brighter than the paper around it."""
    grey = _grey(page)
    paper = float(np.median(grey))
    if paper > 246:
        return False  # the whole page is bright: white paper, well lit
    clipped = (grey >= 252).astype(np.uint8)
    opened = cv2.morphologyEx(clipped, cv2.MORPH_OPEN, np.ones((7, 7), dtype=np.uint8))
    return float(np.asarray(opened).mean()) > _GLARE_PART


def encode_jpeg(picture: Picture, limit_bytes: int = JPEG_LIMIT_BYTES) -> bytes:
    """JPEG of at most `limit_bytes`: quality first, then size is given up.

    ValueError when not even a thumbnail fits.
    """
    image = picture
    while True:
        for quality in _QUALITIES:
            good, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if good and data.size <= limit_bytes:
                return bytes(data)
        if min(image.shape[:2]) < 16:
            raise ValueError("the picture does not fit")
        smaller = cv2.resize(image, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
        image = np.asarray(smaller, dtype=np.uint8)


def make_page(picture: Picture, limit_bytes: int = JPEG_LIMIT_BYTES) -> Page:
    """All of it: one photograph in, one page out. Without an edge the whole picture is kept."""
    corners = find_paper(picture)
    image = picture if corners is None else straighten(picture, corners)
    warnings = warnings_of(image, edge_found=corners is not None)
    return Page(
        jpeg=encode_jpeg(image, limit_bytes),
        width_px=int(image.shape[1]),
        height_px=int(image.shape[0]),
        straightened=corners is not None,
        warnings=warnings,
    )


def _grey(picture: Picture) -> Grey:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def _is_dark(page: Picture) -> bool:
    return float(np.percentile(_grey(page), 80)) < _DARK_MEAN


def _masks(small: Picture, grey: Grey) -> Iterator[Grey]:
    """Ways to tell paper from desk, each a picture of 0 and 255."""
    calm = np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.2), dtype=np.uint8)
    _, bright = cv2.threshold(calm, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    yield np.asarray(bright, dtype=np.uint8)
    # Paper has little colour where wood and cloth have much.
    saturation = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2HSV), dtype=np.uint8)[:, :, 1]
    _, plain = cv2.threshold(saturation, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    yield np.asarray(plain, dtype=np.uint8)
    for low, high in ((20, 60), (50, 140)):
        edges = cv2.Canny(calm, low, high)
        thick = cv2.dilate(edges, np.ones((3, 3), dtype=np.uint8))
        yield np.asarray(thick, dtype=np.uint8)


def _quadrilaterals(mask: Grey) -> Iterator[Corners]:
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), dtype=np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    area = mask.shape[0] * mask.shape[1]
    large = sorted(contours, key=cv2.contourArea, reverse=True)[:4]
    for contour in large:
        hull = cv2.convexHull(contour)
        if not area * _LEAST_PART <= cv2.contourArea(hull) <= area * _MOST_PART:
            continue
        for way in _FOUR_POINTS:
            points = way(np.asarray(hull, dtype=np.float32))
            if points is not None:
                yield in_order(points)


def _by_simplifying(hull: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    around = cv2.arcLength(hull, True)
    for part in (0.01, 0.02, 0.03, 0.05, 0.08):
        points = np.asarray(cv2.approxPolyDP(hull, part * around, True), dtype=np.float32)
        if len(points) == 4:
            return points.reshape(4, 2)
        if len(points) < 4:
            return None
    return None


def _by_smallest_box(hull: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The fallback for a sheet with a folded corner or a thumb on it."""
    return np.asarray(cv2.boxPoints(cv2.minAreaRect(hull)), dtype=np.float32)


_FOUR_POINTS: tuple[Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32] | None], ...] = (
    _by_simplifying,
    _by_smallest_box,
)


def in_order(points: Sequence[Sequence[float]] | npt.NDArray[np.float32]) -> Corners:
    """Four points as top left, top right, bottom right, bottom left: clockwise on screen."""
    four = np.asarray(points, dtype=np.float32).reshape(4, 2)
    centre = four.mean(axis=0)
    angles = np.arctan2(four[:, 1] - centre[1], four[:, 0] - centre[0])
    around = four[np.argsort(angles)]
    first = int(np.argmin(around.sum(axis=1)))
    return np.roll(around, -first, axis=0)


def _score(corners: Corners, grey: Grey) -> float:
    """How much these corners look like a sheet; 0 when they do not.

    Area, times how right its angles are, times how much brighter it is inside than out, times
    how closely its border follows a step in brightness.
    """
    if not cv2.isContourConvex(corners.reshape(-1, 1, 2)):
        return 0.0
    height, width = grey.shape
    edge = 3  # px; a sheet that leaves the picture has no corner there
    if corners.min() < -edge or corners[:, 0].max() > width + edge:
        return 0.0
    if corners[:, 1].max() > height + edge:
        return 0.0
    part = cv2.contourArea(corners) / (width * height)
    if not _LEAST_PART <= part <= _MOST_PART:
        return 0.0
    worst = 0.0
    for index in range(4):
        one = corners[index - 1] - corners[index]
        other = corners[(index + 1) % 4] - corners[index]
        cosine = abs(float(one @ other)) / max(1e-6, float(np.hypot(*one) * np.hypot(*other)))
        worst = max(worst, cosine)
    if worst > 0.6:
        return 0.0
    step = _border_step(corners, grey)
    if step < 6.0:
        return 0.0
    return math.sqrt(part) * (1 - worst) * min(step, 60.0)


def _border_step(corners: Corners, grey: Grey) -> float:
    """Brightness just inside minus just outside, the weakest side's median (grey levels)."""
    centre = corners.mean(axis=0)
    sides = []
    for index in range(4):
        start, end = corners[index], corners[(index + 1) % 4]
        along = start + (end - start) * np.linspace(0.08, 0.92, 40)[:, None]
        normal = np.array([end[1] - start[1], start[0] - end[0]], dtype=np.float32)
        normal /= max(1e-6, float(np.hypot(*normal)))
        if float(normal @ (centre - start)) < 0:
            normal = -normal
        inside = _sample(grey, along + normal * 4)
        outside = _sample(grey, along - normal * 4)
        sides.append(float(np.median(inside - outside)))
    return min(sides)


def _sample(grey: Grey, points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    xs = np.clip(np.rint(points[:, 0]).astype(int), 0, grey.shape[1] - 1)
    ys = np.clip(np.rint(points[:, 1]).astype(int), 0, grey.shape[0] - 1)
    return np.asarray(grey[ys, xs], dtype=np.float32)


def _refine(grey: Grey, corners: Corners, reach_px: float) -> Corners:
    """Fit a line to each side's steepest step and take where the lines cross."""
    calm = np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0), dtype=np.float32)
    reach = max(4.0, 4 * reach_px)
    offsets = np.arange(-reach, reach + 0.25, 0.5, dtype=np.float32)
    centre = corners.mean(axis=0)
    lines = []
    for index in range(4):
        start, end = corners[index], corners[(index + 1) % 4]
        length = _distance(start, end)
        count = int(min(200, max(20, length / 3)))
        along = start + (end - start) * np.linspace(0.06, 0.94, count, dtype=np.float32)[:, None]
        normal = np.array([end[1] - start[1], start[0] - end[0]], dtype=np.float32)
        normal /= max(1e-6, float(np.hypot(*normal)))
        if float(normal @ (centre - start)) < 0:
            normal = -normal
        spots = along[:, None, :] + normal[None, None, :] * offsets[None, :, None]
        profile = cv2.remap(
            calm,
            np.ascontiguousarray(spots[:, :, 0]),
            np.ascontiguousarray(spots[:, :, 1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        rise = np.diff(np.asarray(profile, dtype=np.float32), axis=1)
        best = rise.argmax(axis=1)
        strong = rise.max(axis=1) >= max(2.0, 0.4 * float(np.median(rise.max(axis=1))))
        if strong.sum() < 8:
            return corners
        at = offsets[best] + 0.25
        points = (along + normal * at[:, None])[strong].astype(np.float32)
        lines.append(np.asarray(cv2.fitLine(points, cv2.DIST_HUBER, 0, 0.01, 0.01)).ravel())
    crossed = [_cross(lines[index - 1], lines[index]) for index in range(4)]
    refined = np.array(crossed, dtype=np.float32)
    if not np.isfinite(refined).all() or float(np.abs(refined - corners).max()) > 4 * reach:
        return corners
    return refined


def _cross(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> tuple[float, float]:
    vx, vy, x, y = (float(value) for value in one)
    ux, uy, p, q = (float(value) for value in other)
    turn = vx * uy - vy * ux
    if abs(turn) < 1e-6:
        return math.nan, math.nan
    t = ((p - x) * uy - (q - y) * ux) / turn
    return x + t * vx, y + t * vy


def _distance(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))
