"""Sample papers, drawn: what a document camera may find on its desk.

Nothing here imitates a real document closely enough to pass for one: every sheet says
样本 SAMPLE across its face, and names and numbers are placeholders.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

Picture = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float32]  # 4 x 2 (x, y): top left, top right, bottom right, bottom left

DOTS_PER_MM = 6.0
FONT = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
SIZES_MM = {"form": (210, 297), "permit": (176, 125), "register": (148, 210)}
_INK = (52, 56, 64)
_RED = (176, 58, 52)


def draw(kind: str) -> Picture:
    """A sheet seen straight from above: BGR, `DOTS_PER_MM` dots per millimetre.

    `kind` is "form" (A4), "permit" (an open booklet) or "register" (a household page).
    """
    width_mm, height_mm = SIZES_MM[kind]
    sheet = _Sheet(width_mm, height_mm, _PAPER[kind])
    _DRAWERS[kind](sheet)
    sheet.stamp()
    rgb = np.asarray(sheet.image, dtype=np.uint8)
    return np.ascontiguousarray(rgb[:, :, ::-1], dtype=np.uint8)


def desk(width_px: int, height_px: int) -> Picture:
    """An empty dark wooden desk, BGR."""
    return _desk(width_px, height_px).copy()


@lru_cache(maxsize=4)
def _desk(width_px: int, height_px: int) -> Picture:
    rng = np.random.default_rng(7)
    grain = rng.normal(0, 1, (height_px, 1)).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (1, 0), sigmaX=0.1, sigmaY=2.2), dtype=np.float32)
    waves = np.sin(np.linspace(0, 5, width_px, dtype=np.float32))[None, :] * 3
    rows = np.arange(height_px, dtype=np.float32)[:, None] + waves
    lines = grain[np.clip(rows, 0, height_px - 1).astype(np.int32), 0]
    fine = rng.normal(0, 0.35, (height_px, width_px)).astype(np.float32)
    fine = np.asarray(cv2.blur(fine, (25, 1)), dtype=np.float32)
    tone = 1.0 + 0.10 * lines / max(0.1, float(np.abs(lines).max())) + 0.12 * fine
    wood = tone[:, :, None] * np.array([38, 52, 74], dtype=np.float32)
    return np.asarray(np.clip(wood, 0, 255), dtype=np.uint8)


def lying(
    width: float, height: float, size: tuple[int, int], *, turn_deg: float, fill: float = 0.8
) -> Corners:
    """Corners (px in the frame) of a sheet lying flat before a camera that looks down aslant.

    `fill` is the part of the frame that the sheet's tighter side takes.
    """
    frame_width, frame_height = size
    scale = fill * min(frame_width / width, frame_height / height)
    half_w, half_h = width * scale / 2, height * scale / 2
    flat = np.array([(-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)])
    angle = math.radians(turn_deg)
    turned = flat @ np.array(
        [[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]
    )
    depth = 1.0 + turned[:, 1:] / frame_height * -0.14  # the far edge is a little smaller
    seen = turned / depth + np.array([frame_width / 2, frame_height / 2])
    return np.asarray(seen, dtype=np.float32)


def place(page: Picture, size: tuple[int, int], corners: Corners) -> Picture:
    """A photograph of the sheet on the desk: perspective, shadow, uneven light, soft focus."""
    width, height = size
    sheet_h, sheet_w = page.shape[:2]
    flat = np.array(
        [(0, 0), (sheet_w, 0), (sheet_w, sheet_h), (0, sheet_h)], dtype=np.float32
    ) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(flat, corners)
    # Shrinking by far aliases thin lines: blur as much as the scale asks for.
    shrink = sheet_w / max(1.0, float(np.linalg.norm(corners[1] - corners[0])))
    soft = cv2.GaussianBlur(page, (0, 0), 0.35 * shrink) if shrink > 1.2 else page
    seen = cv2.warpPerspective(soft, matrix, size, flags=cv2.INTER_LINEAR)
    white = np.full((sheet_h, sheet_w), 255, dtype=np.uint8)
    mask8 = cv2.warpPerspective(white, matrix, size, flags=cv2.INTER_LINEAR)
    mask = np.asarray(mask8, dtype=np.float32)[:, :, None] / 255
    reach = max(3.0, width / 160)
    shadow = cv2.GaussianBlur(np.roll(mask[:, :, 0], (4, 5), (0, 1)), (0, 0), reach)
    ground = desk(width, height) * (1 - 0.55 * np.asarray(shadow, dtype=np.float32)[:, :, None])
    mixed = ground * (1 - mask) + np.asarray(seen, dtype=np.float32) * mask
    across = np.linspace(0.86, 1.02, width, dtype=np.float32)[None, :, None]
    down = np.linspace(1.02, 0.92, height, dtype=np.float32)[:, None, None]
    lit = np.clip(mixed * across * down, 0, 255).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(lit, (0, 0), 0.6), dtype=np.uint8)


def phone(text: str) -> Picture:
    """A telephone whose screen shows a QR code."""
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    code = np.asarray(zxingcpp.write_barcode_to_image(barcode, scale=8), dtype=np.uint8)
    side = code.shape[0]
    picture = np.full((side * 2, side + 140, 3), 28, dtype=np.uint8)
    picture[60:-60, 30:-30] = 250
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    picture[top : top + side, left : left + side] = code[:, :, None]
    return picture


def with_glare(picture: Picture, corners: Corners) -> Picture:
    """A lamp's reflection on the sheet: print below it is washed out."""
    height, width = picture.shape[:2]
    centre = corners.mean(axis=0) + (corners[1] - corners[0]) * 0.12
    spread = float(np.linalg.norm(corners[1] - corners[0])) * 0.16
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    fall = np.exp(
        -((((xs - centre[0]) / spread) ** 2 + ((ys - centre[1]) / spread / 0.8) ** 2) ** 2)
    )
    bright = picture + fall[:, :, None].astype(np.float32) * 320
    return np.asarray(np.clip(bright, 0, 255), dtype=np.uint8)


@lru_cache(maxsize=32)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size_px)


class _Sheet:
    """Drawing in millimetres."""

    def __init__(self, width_mm: float, height_mm: float, tone: tuple[int, int, int]) -> None:
        self.width_mm, self.height_mm = width_mm, height_mm
        size = (round(width_mm * DOTS_PER_MM), round(height_mm * DOTS_PER_MM))
        self.image = Image.new("RGB", size, tone)
        self._pen = ImageDraw.Draw(self.image)

    def text(
        self,
        x_mm: float,
        y_mm: float,
        words: str,
        height_mm: float = 4.2,
        *,
        colour: tuple[int, int, int] = _INK,
        anchor: str = "la",
    ) -> None:
        font = _font(round(height_mm * DOTS_PER_MM))
        at = (x_mm * DOTS_PER_MM, y_mm * DOTS_PER_MM)
        self._pen.text(at, words, font=font, fill=colour, anchor=anchor)

    def line(self, x0: float, y0: float, x1: float, y1: float, width_mm: float = 0.3) -> None:
        points = [value * DOTS_PER_MM for value in (x0, y0, x1, y1)]
        self._pen.line(points, fill=_INK, width=max(1, round(width_mm * DOTS_PER_MM)))

    def box(
        self, x0: float, y0: float, x1: float, y1: float, tone: tuple[int, int, int] | None = None
    ) -> None:
        points = [value * DOTS_PER_MM for value in (x0, y0, x1, y1)]
        self._pen.rectangle(points, outline=_INK, width=2, fill=tone)

    def stamp(self) -> None:
        """样本 SAMPLE across the sheet, pale and turned, as on a specimen."""
        size = max(self.image.size)
        layer = Image.new("L", (size, size), 0)
        height = round(min(self.image.size) * 0.13)
        ImageDraw.Draw(layer).text(
            (size / 2, size / 2), "样本 SAMPLE", font=_font(height), fill=70, anchor="mm"
        )
        turned = layer.rotate(24, resample=Image.Resampling.BICUBIC)
        left, top = (size - self.image.width) // 2, (size - self.image.height) // 2
        mask = turned.crop((left, top, left + self.image.width, top + self.image.height))
        self.image.paste(Image.new("RGB", self.image.size, _RED), (0, 0), mask)


def _draw_form(sheet: _Sheet) -> None:
    sheet.text(105, 22, "业务申请表（样本）", 9, anchor="ma")
    sheet.text(105, 35, "Application form · specimen", 4, anchor="ma")
    rows = (
        ("申请人姓名", "样本甲"),
        ("证件类型", "居民身份证"),
        ("证件号码", "××××××××××××××××××"),
        ("联系电话", "×××××××××××"),
        ("住址", "样本省样本市样本区样本街道 1 号"),
        ("申请事项", "样本事项"),
        ("代办人", "—"),
        ("取件方式", "□ 邮寄   ☑ 自取".replace("☑", "■")),
    )
    for number, (label, value) in enumerate(rows):
        y = 48 + number * 14
        sheet.box(20, y, 70, y + 14, (236, 238, 240))
        sheet.box(70, y, 190, y + 14)
        sheet.text(24, y + 4.5, label, 4.6)
        sheet.text(75, y + 4.5, value, 4.6)
    sheet.text(20, 170, "申请说明", 5)
    for number in range(7):
        sheet.text(20, 180 + number * 9, "本表为样本，内容仅供演示，不代表任何真实人员与事项。", 4)
        sheet.line(20, 186 + number * 9, 190, 186 + number * 9, 0.15)
    sheet.text(120, 258, "申请人（签名）：", 4.6)
    sheet.line(155, 264, 190, 264)
    sheet.text(120, 270, "日期：    年   月   日", 4.6)


def _draw_permit(sheet: _Sheet) -> None:
    sheet.line(0, sheet.height_mm / 2, sheet.width_mm, sheet.height_mm / 2, 0.2)
    sheet.text(88, 8, "通行证（样本）", 7, anchor="ma", colour=(36, 70, 110))
    sheet.text(88, 19, "TRAVEL PERMIT · SPECIMEN", 3.6, anchor="ma", colour=(36, 70, 110))
    sheet.box(12, 68, 44, 108, (206, 214, 222))
    sheet.text(28, 84, "照片", 5, anchor="ma")
    rows = (
        ("姓名 Name", "样本甲"),
        ("性别 Sex", "—"),
        ("出生日期 Date of birth", "××××.××.××"),
        ("有效期限 Valid until", "××××.××.××"),
        ("签发机关 Authority", "样本机关"),
        ("证件号码 No.", "C×××××××"),
    )
    for number, (label, value) in enumerate(rows):
        y = 67 + number * 7
        sheet.text(50, y, label, 3)
        sheet.text(102, y - 0.6, value, 4.2)
    sheet.text(12, 112, "P<SAMPLE<<SPECIMEN<<<<<<<<<<<<<<<<<<<<<<<<<<", 4)
    for number in range(3):
        sheet.text(14, 30 + number * 9, "签注页：本页为样本，不具任何效力。", 4.2)


def _draw_register(sheet: _Sheet) -> None:
    sheet.text(74, 12, "常住人口登记卡（样本）", 6.4, anchor="ma")
    left = ("姓名", "曾用名", "出生地", "籍贯", "出生日期", "文化程度", "婚姻状况", "兵役状况")
    right = ("户主或与户主关系", "性别", "民族", "宗教信仰", "身高", "血型", "职业", "服务处所")
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        y = 28 + number * 15
        sheet.box(10, y, 36, y + 15)
        sheet.box(36, y, 74, y + 15)
        sheet.box(74, y, 106, y + 15)
        sheet.box(106, y, 138, y + 15)
        sheet.text(12, y + 5.5, a, 3.6)
        sheet.text(39, y + 5, "样本", 4.2)
        sheet.text(76, y + 5.5, b, 3.2)
        sheet.text(109, y + 5, "样本", 4.2)
    sheet.box(10, 148, 138, 176)
    sheet.text(12, 152, "何时由何地迁来本址", 3.6)
    sheet.text(39, 162, "样本市样本区样本街道 1 号", 4.4)
    sheet.text(80, 186, "承办人签章：样本", 4)
    sheet.text(80, 194, "登记日期：××××年××月××日", 4)


_PAPER = {"form": (243, 243, 240), "permit": (226, 233, 238), "register": (240, 234, 220)}
_DRAWERS: dict[str, Callable[[_Sheet], None]] = {
    "form": _draw_form,
    "permit": _draw_permit,
    "register": _draw_register,
}
