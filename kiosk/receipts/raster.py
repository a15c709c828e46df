"""A PDF page as a picture, through poppler's `pdftoppm`.

For the demo's `receipt.png` and for tests; nothing that is printed depends on it.
"""

from __future__ import annotations

import subprocess

_DEADLINE_S = 20.0


class RasterError(RuntimeError):
    """poppler is missing or could not draw the page."""


def render_png(pdf: bytes, dpi: int = 203, page: int = 1) -> bytes:
    """Page `page` (from 1) of `pdf` as a PNG at `dpi`; 203 is a receipt printer's own.

    Raises RasterError. Blocks for about 100 ms: not for the GUI thread.
    """
    command = ["pdftoppm", "-png", "-r", str(dpi), "-f", str(page), "-l", str(page), "-"]
    try:
        done = subprocess.run(
            command, input=pdf, capture_output=True, timeout=_DEADLINE_S, check=False
        )
    except FileNotFoundError as error:
        raise RasterError("pdftoppm is missing (Debian: poppler-utils)") from error
    except subprocess.TimeoutExpired as error:
        raise RasterError(f"pdftoppm took longer than {_DEADLINE_S} s") from error
    if done.returncode or not done.stdout.startswith(b"\x89PNG"):
        raise RasterError(f"pdftoppm ended with {done.returncode}")
    return done.stdout
