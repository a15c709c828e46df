"""Pages from the document camera as one PDF under a size limit.

Promises:
- the pages come in their order, one to a sheet of A4 that lies as the page does;
- a JPEG that fits is embedded byte for byte: nothing is encoded twice without need;
- where the whole is too large, the largest pages give way first: a lower quality, then
  fewer pixels, never below what can still be read (`MIN_SIDE_PX`, `MIN_QUALITY`);
- the same pages and limit give the same bytes: no date, no name, no random id is in them;
- the result is never larger than the limit.

Format: ISO 32000-1, 7.5 (file structure) and 7.4.8 (DCTDecode: a JPEG file as it is).
Nothing is written to any file. Pillow is imported only where a page must be encoded again.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

LIMIT_BYTES: Final = 2_000_000
MIN_QUALITY: Final = 35
MAX_QUALITY: Final = 85
MIN_SIDE_PX: Final = 1_000  # the longer side: A4 at 85 dpi, where small print is just legible
SCALES: Final = (1.0, 0.85, 0.7, 0.55, 0.42, 0.32)

_A4_PT: Final = (595.28, 841.89)
_COLOURS: Final = {1: "/DeviceGray", 3: "/DeviceRGB"}
# Start of frame: baseline, extended and progressive (ITU-T T.81, table B.1).
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_EXIF: Final = 0xE1
_SCAN: Final = 0xDA


class NotAPage(ValueError):
    """A page is no JPEG that can be read. `page` counts from 1."""

    def __init__(self, page: int, why: str) -> None:
        super().__init__(f"page {page}: {why}")
        self.page = page


class TooLarge(ValueError):
    """The pages do not fit, however small they are made; fewer pages would."""

    def __init__(self, pages: int, limit_bytes: int) -> None:
        super().__init__(f"{pages} pages do not fit into {limit_bytes} bytes")
        self.pages = pages
        self.limit_bytes = limit_bytes


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A JPEG and what its header says."""

    data: bytes = field(repr=False)
    width_px: int
    height_px: int
    components: int
    plain: bool  # can be embedded as it is: grey or colour, and no EXIF that may turn it


def make_pdf(pages: Sequence[bytes], limit_bytes: int = LIMIT_BYTES) -> bytes:
    """One PDF of JPEG `pages`, at most `limit_bytes` long.

    Raises:
        ValueError: no page at all.
        NotAPage: a page is no readable JPEG.
        TooLarge: the pages cannot be made small enough to fit and still be read.
    """
    if not pages:
        raise ValueError("a PDF needs at least one page")
    jpegs = [_upright(page, number) for number, page in enumerate(pages, 1)]
    room = limit_bytes - (len(_write(jpegs)) - sum(len(jpeg.data) for jpeg in jpegs))
    shares = shares_of([len(jpeg.data) for jpeg in jpegs], room)
    fitting = [_within(jpeg, share) for jpeg, share in zip(jpegs, shares, strict=True)]
    found = [jpeg for jpeg in fitting if jpeg is not None]
    if len(found) < len(jpegs):
        raise TooLarge(len(pages), limit_bytes)
    pdf = _write(found)
    if len(pdf) > limit_bytes:
        raise TooLarge(len(pages), limit_bytes)
    return pdf


def shares_of(sizes: Sequence[int], room: int) -> list[int]:
    """How many bytes each page may have: small ones theirs, large ones the rest in equal parts."""
    shares = list(sizes)
    if sum(sizes) <= room:
        return shares
    left, waiting = room, len(sizes)
    for at in sorted(range(len(sizes)), key=lambda at: (sizes[at], at)):
        shares[at] = max(0, min(sizes[at], left // waiting))
        left -= shares[at]
        waiting -= 1
    return shares


def read_header(data: bytes) -> Jpeg:
    """Size and kind of a JPEG from its markers (ITU-T T.81, annex B); ValueError if it is none."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    at, exif = 2, False
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError("a marker is missing")
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker in _BARE:
            at += 2
            continue
        if marker == _SCAN:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in _FRAMES and at + 10 <= len(data):
            bits, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
            if bits != 8 or not width or not height:
                raise ValueError("an unusual picture")
            plain = components in _COLOURS and not exif
            return Jpeg(data, width, height, components, plain)
        exif = exif or (marker == _EXIF and data[at + 4 : at + 8] == b"Exif")
        at += 2 + max(2, length)
    raise ValueError("no picture's size")


def _upright(data: bytes, number: int) -> Jpeg:
    """A page that a PDF can embed."""
    try:
        jpeg = read_header(data)
        return jpeg if jpeg.plain else _encode(jpeg, 1.0, MAX_QUALITY)
    except (ValueError, OSError) as error:
        raise NotAPage(number, str(error) or type(error).__name__) from None


def _within(jpeg: Jpeg, share: int) -> Jpeg | None:
    """The page in at most `share` bytes: the most pixels that do, at their best quality."""
    if len(jpeg.data) <= share:
        return jpeg
    longer = max(jpeg.width_px, jpeg.height_px)
    for scale in SCALES:
        if scale < 1.0 and longer * scale < MIN_SIDE_PX:
            break
        best = _best(jpeg, scale, share)
        if best is not None:
            return best
    return None


def _best(jpeg: Jpeg, scale: float, share: int) -> Jpeg | None:
    best = _encode(jpeg, scale, MIN_QUALITY)
    if len(best.data) > share:
        return None
    low, high = MIN_QUALITY + 1, MAX_QUALITY
    while low <= high:
        quality = (low + high) // 2
        tried = _encode(jpeg, scale, quality)
        if len(tried.data) <= share:
            best, low = tried, quality + 1
        else:
            high = quality - 1
    return best


def _encode(jpeg: Jpeg, scale: float, quality: int) -> Jpeg:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(jpeg.data), formats=["JPEG"]) as opened:
        picture = ImageOps.exif_transpose(opened)
        picture = picture.convert("L" if picture.mode == "L" else "RGB")
        if scale < 1.0:
            size = (round(picture.width * scale), round(picture.height * scale))
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
    return read_header(buffer.getvalue())


def _write(jpegs: Sequence[Jpeg]) -> bytes:
    """Catalogue, page tree, and for each page itself, its drawing and its picture."""
    first = 3
    kids = " ".join(f"{first + 3 * at} 0 R" for at in range(len(jpegs)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(jpegs)} /Kids [{kids}] >>".encode(),
    ]
    for at, jpeg in enumerate(jpegs):
        bodies.extend(_page(jpeg, first + 3 * at))
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(bodies) + 1,
        table,
    )
    return bytes(out)


def _page(jpeg: Jpeg, number: int) -> tuple[bytes, bytes, bytes]:
    lying = jpeg.width_px > jpeg.height_px
    sheet_w, sheet_h = _A4_PT[::-1] if lying else _A4_PT
    scale = min(sheet_w / jpeg.width_px, sheet_h / jpeg.height_px)
    width, height = jpeg.width_px * scale, jpeg.height_px * scale
    left, bottom = (sheet_w - width) / 2, (sheet_h - height) / 2
    drawing = f"q {width:.2f} 0 0 {height:.2f} {left:.2f} {bottom:.2f} cm /P Do Q".encode()
    page = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {sheet_w} {sheet_h}]"
        f" /Contents {number + 1} 0 R"
        f" /Resources << /XObject << /P {number + 2} 0 R >> >> >>"
    ).encode()
    picture = (
        f"<< /Type /XObject /Subtype /Image /Width {jpeg.width_px} /Height {jpeg.height_px}"
        f" /ColorSpace {_COLOURS[jpeg.components]} /BitsPerComponent 8"
        f" /Filter /DCTDecode /Length {len(jpeg.data)} >>\nstream\n"
    ).encode()
    return (
        page,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing),
        picture + jpeg.data + b"\nendstream",
    )
