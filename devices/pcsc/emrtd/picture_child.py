"""Decodes one picture: bytes on standard input, WIDTH x HEIGHT RGB on standard output.

Run as `python -I picture_child.py WIDTH HEIGHT`. Ends with a status that is not 0 for whatever
is no JPEG or JPEG 2000 of a sensible size.
"""

from __future__ import annotations

import io
import resource
import sys
import warnings

from PIL import Image, ImageOps

_MEMORY_BYTES = 1 << 30
_CPU_S = 6
_MOST_BYTES = 1 << 18
_MOST_PIXELS = 4_000_000
_FORMATS = ("JPEG", "JPEG2000")


def main() -> None:
    """See the module."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    size = (int(sys.argv[1]), int(sys.argv[2]))
    picture = Image.open(io.BytesIO(sys.stdin.buffer.read(_MOST_BYTES)), formats=_FORMATS)
    if picture.width * picture.height > _MOST_PIXELS:
        sys.exit(1)
    # Passports show head and shoulders as ID cards do, a little taller: that is cut off below.
    fitted = ImageOps.fit(picture.convert("RGB"), size, centering=(0.5, 0.0))
    sys.stdout.buffer.write(fitted.tobytes())


if __name__ == "__main__":
    main()
