"""The catalogue of a demo, compiled once: whoever starts a demo again waits two seconds less.

Promises:

- What it gives is what the files say: a compiled catalogue is found under a digest of every
  file of the catalogue and of every module that reads them, so an edit is never overlooked.
- A cache that is absent, damaged or cannot be written costs time and nothing else.

A terminal in a hall takes none of this: `kiosk run` reads a pack that was installed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from kiosk.catalogue.loader import load, turns
from kiosk.catalogue.model import Pack
from kiosk.catalogue.pack import Certificate, PackError, build, open_pack
from kiosk.catalogue.search import Readings
from kiosk.catalogue_files import DEFAULT_DIRECTORY, read_directory
from kiosk.pack_files import read_pack

CACHE: Final = "KIOSK_DEMO_CACHE"
"""Names the directory of compiled catalogues; else it is the user's cache."""
_ENDING: Final = ".pack"
_ROOT: Final = Path(__file__).resolve().parents[1]
_READERS: Final = ("catalogue", "contract")  # the packages whose code decides what a file means


@dataclass(frozen=True, slots=True)
class Prepared:
    """A catalogue and, where it was compiled before, what its search needs."""

    pack: Pack
    readings: Callable[[], Readings] | None = None
    _missing: Path | None = None

    def keep(self) -> None:
        """Compile it for the next time (takes a second), unless it came from there."""
        if self._missing is not None:
            with suppress(OSError):
                _keep(self._missing, build(self.pack, Certificate()))


def prepare(directory: Path = DEFAULT_DIRECTORY, cache: Path | None = None) -> Prepared:
    """The catalogue in a directory, as in force today. Raises `CatalogueErrors`."""
    files = read_directory(directory)
    today = date.today()  # noqa: DTZ011 - which version of an item is read
    since = max((day for day in turns(files) if day <= today), default=date.min)
    place = (cache or cache_directory(os.environ)) / f"{_digest(files)}-{since}{_ENDING}"
    try:
        opened = open_pack(read_pack(place))
    except PackError:
        return Prepared(load(files, since), _missing=place)
    return Prepared(opened.pack, opened.readings)


def cache_directory(environment: Mapping[str, str]) -> Path:
    """Where compiled catalogues lie."""
    if told := environment.get(CACHE):
        return Path(told)
    home = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "/") / ".cache"
    return Path(home) / "ou-kiosk"


def _digest(files: Mapping[str, str]) -> str:
    whole = hashlib.sha256()
    code = [path for name in _READERS for path in sorted((_ROOT / name).rglob("*.py"))]
    texts = {str(path.relative_to(_ROOT)): path.read_bytes() for path in code}
    for name, data in [*texts.items(), *((name, text.encode()) for name, text in files.items())]:
        whole.update(f"{len(name.encode())} {name} {len(data)} ".encode() + data)
    return whole.hexdigest()


def _keep(place: Path, data: bytes) -> None:
    """Whole or not at all, and instead of those of other catalogues."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=place.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(part, place)
    for other in place.parent.glob(f"*{_ENDING}"):
        if other != place:
            other.unlink(missing_ok=True)
