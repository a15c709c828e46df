"""Looks for planted personal data in whatever a terminal left on its disk.

Each text is looked for in the encodings that a Chinese terminal could write it in, and each
page in pieces, so that a part of a database page or of a temporary file is found as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
PIECE_BYTES = 48
PIECE_EVERY_BYTES = 1024


def needles(texts: Mapping[str, str], pages: Iterable[bytes]) -> dict[bytes, str]:
    """What to look for, and what each is called. Names that say nothing of the person."""
    found: dict[bytes, str] = {}
    for name, text in texts.items():
        for encoding in ENCODINGS:
            found.setdefault(text.encode(encoding), f"{name} in {encoding}")
        found.setdefault(text.encode("unicode_escape"), f"{name} escaped")
    for at, page in enumerate(pages):
        for begin in range(0, len(page) - PIECE_BYTES, PIECE_EVERY_BYTES):
            piece = page[begin : begin + PIECE_BYTES]
            if len(set(piece)) > PIECE_BYTES // 4:  # a run of one byte is in every file
                found.setdefault(piece, f"page {at} at {begin}")
    return found


def search(root: Path, wanted: Mapping[bytes, str]) -> list[str]:
    """Each needle that is in some file below `root`, and in which."""
    return [
        f"{name} in {path.relative_to(root)}"
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
        for name in _in(path.read_bytes(), wanted)
    ]


def search_open(pid: int, wanted: Mapping[bytes, str]) -> list[str]:
    """The same in files that the process holds open, deleted ones included."""
    found = []
    folder = Path(f"/proc/{pid}/fd")
    for link in folder.iterdir():
        try:
            target = os.readlink(link)
            data = link.read_bytes() if target.startswith("/") and link.is_file() else b""
        except OSError:
            continue
        if not target.startswith(("/dev/", "/proc/", "/memfd:")):
            found += [f"{name} in open {target}" for name in _in(data, wanted)]
    return found


def _in(data: bytes, wanted: Mapping[bytes, str]) -> list[str]:
    data = data.strip(b"\0")  # the ballast is nothing but zeros, and long
    return [name for needle, name in wanted.items() if needle in data]
