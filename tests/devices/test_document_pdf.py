"""Pages to one PDF: read back by poppler and pypdf, under the limit, the same each time."""

from __future__ import annotations

import io
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from devices.document.pdf import (
    LIMIT_BYTES,
    MIN_SIDE_PX,
    NotAPage,
    TooLarge,
    make_pdf,
    read_header,
    shares_of,
)
from devices.simulators import paper


@cache
def page(kind: str = "form", quality: int = 80, size: tuple[int, int] = (1200, 1700)) -> bytes:
    drawn = Image.fromarray(paper.draw(kind)[:, :, ::-1]).resize(size)
    buffer = io.BytesIO()
    drawn.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@cache
def noise(mode: str = "RGB", size: tuple[int, int] = (1500, 2000)) -> bytes:
    """A page that compresses badly, as a photographed one does."""
    rng = np.random.default_rng(7)
    depth = {"RGB": (3,), "L": (), "CMYK": (4,)}[mode]
    buffer = io.BytesIO()
    drawn = Image.fromarray(rng.integers(0, 255, (size[1], size[0], *depth), dtype=np.uint8), mode)
    drawn.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def pictures(pdf: bytes, folder: Path) -> list[bytes]:
    """What pdfimages takes out, without decoding it."""
    (folder / "in.pdf").write_bytes(pdf)
    subprocess.run(
        ["pdfimages", "-j", str(folder / "in.pdf"), str(folder / "p")],
        check=True,
        timeout=30,
        capture_output=True,
    )
    return [path.read_bytes() for path in sorted(folder.glob("p-*.jpg"))]


def drawn(pdf: bytes, folder: Path, number: int = 1) -> Image.Image:
    """What a page looks like, by pdftoppm."""
    (folder / "in.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftoppm", "-r", "60", "-f", str(number), "-l", str(number), str(folder / "in.pdf")],
        check=True,
        timeout=30,
        capture_output=True,
    )
    assert done.stderr == b""
    return Image.open(io.BytesIO(done.stdout)).convert("RGB")


def test_pages_that_fit_are_embedded_byte_for_byte(tmp_path: Path) -> None:
    pages = [page("form"), page("permit"), page("register")]
    pdf = make_pdf(pages)
    assert pictures(pdf, tmp_path) == pages
    assert len(pdf) < sum(map(len, pages)) + 3_000


def test_strict_readers_find_nothing_wrong() -> None:
    reader = PdfReader(io.BytesIO(make_pdf([page(), page("permit")])), strict=True)
    assert len(reader.pages) == 2
    assert [image.image.size for image in reader.pages[0].images] == [(1200, 1700)]  # type: ignore[union-attr]
    assert not reader.metadata


def test_a_sheet_lies_as_its_page_does(tmp_path: Path) -> None:
    pdf = make_pdf([page(), page(size=(1700, 1200))])
    boxes = [p.mediabox for p in PdfReader(io.BytesIO(pdf)).pages]
    assert [(round(box.width), round(box.height)) for box in boxes] == [(595, 842), (842, 595)]
    seen = drawn(pdf, tmp_path)
    want = Image.open(io.BytesIO(page())).convert("RGB").resize(seen.size)
    apart = np.abs(np.asarray(seen, dtype=int) - np.asarray(want, dtype=int)).mean()
    assert apart < 12


def test_too_large_a_whole_is_made_to_fit_and_small_pages_are_left_alone(tmp_path: Path) -> None:
    small, large = page("form"), noise()
    assert len(large) * 2 > LIMIT_BYTES
    pdf = make_pdf([large, small, large])
    assert len(pdf) <= LIMIT_BYTES
    assert len(pdf) > LIMIT_BYTES * 0.75, "the room that is there is used"
    out = pictures(pdf, tmp_path)
    assert out[1] == small
    assert out[0] == out[2] != large
    assert max(read_header(out[0]).width_px, read_header(out[0]).height_px) >= MIN_SIDE_PX


def test_fewer_pixels_where_less_quality_does_not_do(tmp_path: Path) -> None:
    limit = len(noise()) // 7
    pdf = make_pdf([noise()], limit)
    assert len(pdf) <= limit
    header = read_header(pictures(pdf, tmp_path)[0])
    assert MIN_SIDE_PX <= header.height_px < 2000


def test_what_could_no_longer_be_read_is_refused() -> None:
    with pytest.raises(TooLarge) as error:
        make_pdf([noise()] * 3, 100_000)
    assert (error.value.pages, error.value.limit_bytes) == (3, 100_000)


def test_the_same_pages_give_the_same_bytes() -> None:
    pages = [page(), noise()]
    assert make_pdf(pages, 600_000) == make_pdf(pages, 600_000)


def test_grey_stays_grey_and_ink_colours_become_light(tmp_path: Path) -> None:
    grey, ink = noise("L", (300, 400)), noise("CMYK", (300, 400))
    out = pictures(make_pdf([grey, ink]), tmp_path)
    assert out[0] == grey
    assert read_header(out[1]).components == 3


def test_a_picture_that_says_it_lies_is_turned(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.open(io.BytesIO(page())).save(buffer, "JPEG", exif=exif)
    (out,) = pictures(make_pdf([buffer.getvalue()]), tmp_path)
    header = read_header(out)
    assert (header.width_px, header.height_px) == (1700, 1200)
    assert b"Exif" not in out


@pytest.mark.parametrize("junk", [b"", b"\xff\xd8", b"%PDF-1.4", b"\xff\xd8\xff\xe0\x00\x02"])
def test_no_page_is_named_by_its_number(junk: bytes) -> None:
    with pytest.raises(NotAPage) as error:
        make_pdf([page(), junk])
    assert error.value.page == 2


def test_nothing_is_no_pdf() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_pdf([])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_jpeg_or_refused(junk: bytes) -> None:
    for data in (junk, b"\xff\xd8" + junk, page()[:200] + junk):
        try:
            header = read_header(data)
        except ValueError:
            continue
        assert header.width_px > 0
        assert header.height_px > 0


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=12), st.integers(0, 2_000_000))
def test_shares_fill_the_room_and_never_more(sizes: list[int], room: int) -> None:
    shares = shares_of(sizes, room)
    assert sum(shares) <= max(room, 0)
    assert all(share <= size for share, size in zip(shares, sizes, strict=True))
    if sum(sizes) > room:
        assert sum(shares) > room - len(sizes)
        given_up = [share for share, size in zip(shares, sizes, strict=True) if share < size]
        assert max(given_up) - min(given_up) <= len(sizes)
