"""The picture of a travel document as a face is matched with it: 102 x 126 pixels.

Nobody vouches for these bytes before they are decoded, and decoders of JPEG 2000 have had
their holes: they are decoded in a child process with little memory and time. Whatever goes
wrong is `Fault.PORTRAIT_UNREADABLE`; nothing of the picture is written to disk.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from devices.errors import DeviceError, Fault
from devices.portrait import HEIGHT_PX, RGB_BYTES, WIDTH_PX, PortraitImage
from devices.records import DocumentPortrait

DEADLINE_S: Final = 8.0  # most of it for starting a process on a busy terminal
_CHILD: Final = Path(__file__).with_name("picture_child.py")


def picture_of(portrait: DocumentPortrait, *, deadline_s: float = DEADLINE_S) -> PortraitImage:
    """Decode, cut to the shape of an ID card's portrait, and reduce.

    Blocks for up to `deadline_s`: for a device's worker. Raises
    DeviceError(PORTRAIT_UNREADABLE) with the reason.
    """
    child = None
    # A late child's exception carries what it wrote so far: it is not passed on.
    with contextlib.suppress(subprocess.TimeoutExpired):
        child = subprocess.run(
            [sys.executable, "-I", str(_CHILD), str(WIDTH_PX), str(HEIGHT_PX)],
            input=portrait.data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=deadline_s,
            check=False,
        )
    if child is None:
        raise DeviceError(Fault.PORTRAIT_UNREADABLE, "the picture's decoder did not answer")
    if child.returncode != 0 or len(child.stdout) != RGB_BYTES:
        detail = f"the picture's decoder ended with {child.returncode}"
        raise DeviceError(Fault.PORTRAIT_UNREADABLE, detail)
    return PortraitImage(child.stdout)
