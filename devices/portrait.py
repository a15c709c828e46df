"""The portrait of a card, decoded: 1,024 bytes in, 102 x 126 pixels out.

The block's header chooses the decoder. WLT, what real cards carry, has no open decoder: it
goes to the vendor's library at a path from the settings, in a child process that may crash,
hang or scribble without harm to the terminal. WebP is what simulated cards carry in the same
1,024 bytes. Whatever goes wrong is `Fault.PORTRAIT_UNREADABLE`, with a reason for the
technician. Nothing of a portrait is left on disk, and what a killed process left in memory is
swept by the next decoding.

The WLT path was proven with a stand-in library of the documented interface, not with a
vendor's own.
"""

from __future__ import annotations

import bisect
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from devices.errors import DeviceError, Fault
from devices.records import Portrait, PortraitFormat

WIDTH_PX = 102
HEIGHT_PX = 126
BLOCK_BYTES = 1_024
RGB_BYTES = WIDTH_PX * HEIGHT_PX * 3

# A decoder takes some 20 ms; most of this is starting a process on a busy terminal.
WLT_DEADLINE_S = 5.0
# What the vendor's library returns instead of a picture.
_WLT_FAILURES = {
    -1: "cannot decode",
    -4: "format",
    -5: "library is not licensed",
    -100: "neither unpack nor GetBmp",  # told by the child process
}

_BEST_QUALITY = 80
_WORST_QUALITY = 1


@dataclass(frozen=True, slots=True)
class PortraitImage:
    """A decoded portrait: rows from the top, three bytes a pixel, red first."""

    rgb: bytes = field(repr=False)
    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX

    def pixels(self) -> NDArray[np.uint8]:
        """The same as a read-only array of shape (126, 102, 3)."""
        return np.frombuffer(self.rgb, np.uint8).reshape(self.height_px, self.width_px, 3)


def decode(
    portrait: Portrait,
    *,
    wlt_library: Path | None = None,
    wlt_deadline_s: float = WLT_DEADLINE_S,
) -> PortraitImage:
    """Decode a portrait block. Raises DeviceError(PORTRAIT_UNREADABLE) with the reason.

    `wlt_library` is the vendor's shared library. May take `wlt_deadline_s` for WLT, a
    millisecond for WebP: call it from a device's worker.
    """
    if portrait.format is PortraitFormat.RGB and len(portrait.data) == RGB_BYTES:
        return PortraitImage(portrait.data)
    decoders: dict[PortraitFormat, Callable[[], bytes]] = {
        PortraitFormat.WEBP: lambda: _decode_webp(portrait.data),
        PortraitFormat.WLT: lambda: _decode_wlt(portrait.data, wlt_library, wlt_deadline_s),
    }
    decoder = decoders.get(portrait.format)
    if decoder is None:
        raise _unreadable("unknown header")
    if len(portrait.data) != BLOCK_BYTES:
        raise _unreadable("length of the block")
    return PortraitImage(decoder())


def encode_webp(image: NDArray[np.uint8]) -> bytes:
    """An RGB image of shape (126, 102, 3) as a 1,024-byte WebP block, padded with zeros.

    The best quality that fits. Raises ValueError for another shape, or for a picture that
    does not fit at any quality (white noise; faces do).
    """
    from PIL import Image

    if image.shape != (HEIGHT_PX, WIDTH_PX, 3) or image.dtype != np.uint8:
        raise ValueError("a portrait is an array of bytes of shape (126, 102, 3)")
    picture = Image.fromarray(image)

    def encoded(quality: int) -> bytes:
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=6)
        return out.getvalue()

    # Size grows with quality, nearly: halve first, then step down to what really fits.
    qualities = range(_WORST_QUALITY, _BEST_QUALITY + 1)
    above = bisect.bisect_right(qualities, BLOCK_BYTES, key=lambda q: len(encoded(q)))
    for quality in reversed(qualities[: max(1, above)]):
        block = encoded(quality)
        if len(block) <= BLOCK_BYTES:
            return block.ljust(BLOCK_BYTES, b"\x00")
    raise ValueError("the picture does not fit into a portrait block")


def _unreadable(reason: str) -> DeviceError:
    return DeviceError(Fault.PORTRAIT_UNREADABLE, reason)


def _decode_webp(block: bytes) -> bytes:
    import cv2

    size_bytes = int.from_bytes(block[4:8], "little") + 8
    if size_bytes > len(block):
        raise _unreadable("length of the WebP")
    # The size is read before decoding: a kilobyte of WebP can ask for a gigabyte of pixels.
    if block[12:16] != b"VP8 " or block[23:26] != b"\x9d\x01\x2a":
        raise _unreadable("not a plain lossy WebP")
    width_px = int.from_bytes(block[26:28], "little") & 0x3FFF
    height_px = int.from_bytes(block[28:30], "little") & 0x3FFF
    if (width_px, height_px) != (WIDTH_PX, HEIGHT_PX):
        raise _unreadable("size of the picture")
    try:
        image = cv2.imdecode(np.frombuffer(block[:size_bytes], np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None or image.shape != (HEIGHT_PX, WIDTH_PX, 3):
        raise _unreadable("damaged WebP")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).tobytes()


def _decode_wlt(block: bytes, library: Path | None, deadline_s: float) -> bytes:
    if library is None:
        raise _unreadable("no WLT decoder configured")
    if not library.is_file():
        raise _unreadable("the configured WLT decoder is missing")
    # An own directory in memory: some of these libraries write a picture file unasked.
    home = _MEMORY if _MEMORY.is_dir() else Path(tempfile.gettempdir())
    _sweep(home)
    with tempfile.TemporaryDirectory(
        prefix=f"wlt-{os.getpid()}-", dir=home, ignore_cleanup_errors=True
    ) as private:
        child = None
        # A late child's exception carries what it wrote so far: it is not passed on.
        with contextlib.suppress(subprocess.TimeoutExpired):
            child = subprocess.run(
                [sys.executable, "-I", str(_WLT_CHILD), str(library.resolve()), str(os.getpid())],
                input=block,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=private,
                timeout=deadline_s,
                check=False,
            )
    if child is None:
        raise _unreadable("the WLT decoder did not answer")
    if child.returncode != 0:
        raise _unreadable(f"the WLT decoder ended with {child.returncode}")
    code = int.from_bytes(child.stdout[:4], "little", signed=True)
    pixels = child.stdout[4:]
    if code != 1:
        raise _unreadable(f"WLT decoder: {_WLT_FAILURES.get(code, 'unknown')} ({code})")
    if len(pixels) != RGB_BYTES:
        raise _unreadable("length of the decoded WLT")
    bottom_up_bgr = np.frombuffer(pixels, np.uint8).reshape(HEIGHT_PX, WIDTH_PX, 3)
    return bottom_up_bgr[::-1, :, ::-1].tobytes()


def _sweep(home: Path) -> None:
    """Remove what a process left behind that was killed while it decoded."""
    for left in home.glob("wlt-*-*"):
        owner = left.name.split("-")[1]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)


_MEMORY = Path("/dev/shm")
_WLT_CHILD = Path(__file__).with_name("samv") / "wlt_child.py"
