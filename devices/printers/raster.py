"""A PDF as dots on receipt paper: drawn by poppler, cut into bands for a GS v 0 printer.

80 mm paper prints its middle 72 mm: 576 dots at 203 dpi. A page that is wider loses its
margins, as evenly as its ink allows, and never its content: where the ink is wider than the
paper the page is drawn smaller instead. One dot more is let go: a frame of just 72 mm covers
577 where its edges fall between two dots, and for an eighth of a millimetre nobody's receipt
is to become a tenth smaller and its QR code blurred.

A band is one whole command. It is as wide as its ink, because white need not be sent: over
a serial line that is a third of the time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from devices.errors import DeviceError, Fault
from devices.worker import Cancel

WIDTH_DOTS = 576
DPI = 203
BAND_ROWS = 24
# Two and a half metres: no receipt, but a mistake.
MAX_ROWS = 20_000
DRAW_DEADLINE_S = 15.0
_POLL_S = 0.02

Dots = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Band:
    """One GS v 0 command: its head, and the dots row by row, eight to a byte, ink is 1."""

    head: bytes
    data: bytes = field(repr=False)

    @property
    def command(self) -> bytes:
        """The bytes to send."""
        return self.head + self.data


def draw(pdf: bytes, cancel: Cancel, *, deadline_s: float = DRAW_DEADLINE_S) -> Dots:
    """All pages of `pdf`, one below the other, as an array of shape (rows, 576), ink is True.

    Blocks some 100 ms while poppler draws in a process of its own, which ends with a cancel.
    Raises DeviceError: PRINT_FAILED with the reason, CANCELLED, DEADLINE.
    """
    dots = _pages(pdf, ["-r", str(DPI)], cancel, deadline_s)
    cropped = _crop(dots)
    if cropped is None:
        scaled = ["-r", str(DPI), "-scale-to-x", str(WIDTH_DOTS), "-scale-to-y", "-1"]
        cropped = _crop(_pages(pdf, scaled, cancel, deadline_s))
    if cropped is None:
        raise DeviceError(Fault.PRINT_FAILED, "the page does not fit the paper")
    return cropped


def bands(dots: Dots) -> Iterator[Band]:
    """Cut dots of shape (rows, 576) into commands."""
    for top in range(0, len(dots), BAND_ROWS):
        part = dots[top : top + BAND_ROWS]
        inked = np.flatnonzero(part.any(axis=0))
        width_bytes = int(inked[-1]) // 8 + 1 if len(inked) else 1
        data = np.packbits(part[:, : width_bytes * 8], axis=1).tobytes()
        size = width_bytes.to_bytes(2, "little") + len(part).to_bytes(2, "little")
        yield Band(b"\x1dv0\x00" + size, without_commands(data))


# DLE EOT, DLE ENQ and DLE DC4 act at once, even among dots: they would be carried out.
_REAL_TIME_STARTS = (b"\x10\x04", b"\x10\x05", b"\x10\x14")


def without_commands(data: bytes) -> bytes:
    """Dots that no printer takes for a real-time command: one dot more where they would be."""
    for start in _REAL_TIME_STARTS:
        data = data.replace(start, bytes([0x18]) + start[1:])
    return data


def read_pbm(data: bytes) -> list[Dots]:
    """The pictures of a binary PBM stream. Raises ValueError if it is none."""
    pictures: list[Dots] = []
    at = 0
    while at < len(data):
        fields: list[bytes] = []
        while len(fields) < 3:
            end = at
            while end < len(data) and not data[end : end + 1].isspace():
                end += 1
            if end >= len(data) or end - at > 8:
                raise ValueError("head of the picture")
            fields.append(data[at:end])
            at = end + 1
        magic, width, height = fields
        if magic != b"P4" or not width.isdigit() or not height.isdigit():
            raise ValueError("no binary bitmap")
        row_bytes = (int(width) + 7) // 8
        size = row_bytes * int(height)
        if not size or len(data) - at < size:
            raise ValueError("size of the picture")
        packed = np.frombuffer(data, np.uint8, size, at).reshape(int(height), row_bytes)
        pictures.append(np.unpackbits(packed, axis=1, count=int(width)).astype(np.bool_))
        at += size
    return pictures


def _pages(pdf: bytes, options: list[str], cancel: Cancel, deadline_s: float) -> Dots:
    try:
        pages = read_pbm(_poppler(pdf, options, cancel, deadline_s))
    except ValueError as error:
        reason = str(error)
    else:
        if not pages:
            raise DeviceError(Fault.PRINT_FAILED, "a PDF without pages")
        if sum(len(page) for page in pages) > MAX_ROWS:
            raise DeviceError(Fault.PRINT_FAILED, "the pages are too long for a roll")
        width = max(page.shape[1] for page in pages)
        return np.concatenate([_centred(page, width) for page in pages])
    raise DeviceError(Fault.PRINT_FAILED, f"pdftoppm: {reason}")


def _poppler(pdf: bytes, options: list[str], cancel: Cancel, deadline_s: float) -> bytes:
    """What pdftoppm writes. Both files are in memory alone: nothing reaches a disk."""
    until = time.monotonic() + deadline_s
    with _memory() as source, _memory() as target:
        source.write(pdf)
        source.flush()
        source.seek(0)
        try:
            process = subprocess.Popen(
                ["pdftoppm", "-mono", *options, "-"],
                stdin=source,
                stdout=target,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise DeviceError(Fault.PRINT_FAILED, "pdftoppm is missing") from error
        try:
            while process.poll() is None:
                cancel.raise_if_cancelled()
                if time.monotonic() >= until:
                    raise DeviceError(Fault.PRINT_FAILED, "pdftoppm took too long")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_S)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            raise DeviceError(Fault.PRINT_FAILED, f"pdftoppm ended with {process.returncode}")
        target.seek(0)
        return target.read()


def _memory() -> BinaryIO:
    return os.fdopen(os.memfd_create("page"), "w+b")


def _centred(dots: Dots, width: int) -> Dots:
    left = (width - dots.shape[1]) // 2
    right = width - dots.shape[1] - left
    return np.pad(dots, ((0, 0), (left, right)))


def _crop(dots: Dots) -> Dots | None:
    """576 columns with all ink but one dot's breadth at most; None if more would be lost."""
    surplus = dots.shape[1] - WIDTH_DOTS
    if surplus <= 0:
        return _centred(dots, WIDTH_DOTS)
    left = surplus // 2
    inked = np.flatnonzero(dots.any(axis=0))
    if len(inked):
        first, end = int(inked[0]), int(inked[-1]) + 1
        if end - first > WIDTH_DOTS + 1:
            return None
        least, most = sorted((first, end - WIDTH_DOTS))
        left = min(max(left, least), most)
    return dots[:, left : left + WIDTH_DOTS]
