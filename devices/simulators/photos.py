"""Two real people for the demo, from photographs that two Python wheels ship.

Both are public domain: Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in
matplotlib's sample data). Only the files are read; neither package is imported. What the
card holds and what stands before the camera differ in crop, tone and loss, so that a match
is a comparison and not the same picture twice. It is still the same exposure: distances in
the demo are kinder than those between a card and a living person.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

PORTRAIT_WIDTH_PX = 102
PORTRAIT_HEIGHT_PX = 126
PORTRAIT_BYTES = 1024  # the portrait block of a card
PEOPLE = ("astronaut", "hopper")


class PhotoMissing(Exception):
    """The wheel that ships a person's photograph is not installed."""


@dataclass(frozen=True, slots=True)
class _Person:
    distribution: str
    path: str
    face_px: tuple[int, int, int, int]  # left, top, width, height: brow to chin
    live_px: tuple[int, int, int, int]  # left, top, right, bottom of what the camera may see


_PEOPLE = {
    "astronaut": _Person(
        "scikit-image", "skimage/data/astronaut.png", (174, 76, 92, 92), (60, 0, 390, 262)
    ),
    "hopper": _Person(
        "matplotlib",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        (180, 139, 187, 187),
        (0, 0, 512, 600),
    ),
}


def photo_path(person: str) -> Path:
    """The photograph's file; PhotoMissing when its wheel is not installed."""
    entry = _PEOPLE[person]
    try:
        found = metadata.distribution(entry.distribution).locate_file(entry.path)
    except metadata.PackageNotFoundError:
        raise PhotoMissing(f"{entry.distribution} is not installed") from None
    path = Path(str(found))
    if not path.is_file():
        raise PhotoMissing(f"{entry.distribution} does not ship {entry.path}")
    return path


def live(person: str) -> tuple[npt.NDArray[np.uint8], tuple[int, int, int, int]]:
    """The person as a camera may see them: RGB picture and the face's box in it (px)."""
    import numpy as np
    from PIL import Image

    entry = _PEOPLE[person]
    with Image.open(photo_path(person)) as photo:
        picture = np.asarray(photo.convert("RGB").crop(entry.live_px), dtype=np.uint8)
    left, top, width, height = entry.face_px
    return picture, (left - entry.live_px[0], top - entry.live_px[1], width, height)


def portrait_of(person: str) -> bytes:
    """102 x 126 RGB bytes as a card's decoder gives them: tight crop, pale, a little lossy."""
    return portrait_image(person).tobytes()


def portrait_image(person: str) -> Image.Image:
    """The same as a picture."""
    from PIL import Image

    entry = _PEOPLE[person]
    left, top, width, height = entry.face_px
    # A card shows head and shoulders: the face box takes a good half of the width.
    crop_width = width * 1.72
    crop_height = crop_width * PORTRAIT_HEIGHT_PX / PORTRAIT_WIDTH_PX
    centre_x, centre_y = left + width * 0.52, top + height * 0.47
    box = (
        round(centre_x - crop_width / 2),
        round(centre_y - crop_height / 2),
        round(centre_x + crop_width / 2),
        round(centre_y + crop_height / 2),
    )
    with Image.open(photo_path(person)) as photo:
        return as_portrait(photo, box)


def as_portrait(photo: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Cut `box` out of a photo and give it the look of a card's portrait."""
    from PIL import Image, ImageEnhance, ImageOps

    cut = photo.convert("RGB").crop(box)
    small = cut.resize((PORTRAIT_WIDTH_PX, PORTRAIT_HEIGHT_PX), Image.Resampling.LANCZOS)
    pale = ImageEnhance.Color(small).enhance(0.35)
    flat = ImageEnhance.Contrast(ImageOps.autocontrast(pale, cutoff=1)).enhance(0.85)
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=70)
    with Image.open(io.BytesIO(buffer.getvalue())) as lossy:
        return lossy.convert("RGB")


def portrait_webp(person: str) -> bytes:
    """The portrait as a card carries it: a WebP of at most 1,024 bytes."""
    return webp_within(portrait_image(person), PORTRAIT_BYTES)


def webp_within(image: Image.Image, limit_bytes: int) -> bytes:
    """The best WebP of a picture that fits; ValueError when even the worst does not."""
    best = b""
    low, high = 0, 100
    while low <= high:
        quality = (low + high) // 2
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= limit_bytes:
            best, low = buffer.getvalue(), quality + 1
        else:
            high = quality - 1
    if not best:
        raise ValueError("the picture does not fit")
    return best


def rgb_of(webp: bytes) -> bytes:
    """Decode a portrait back to 102 x 126 RGB bytes."""
    from PIL import Image

    with Image.open(io.BytesIO(webp)) as image:
        return image.convert("RGB").tobytes()
