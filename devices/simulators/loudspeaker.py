"""A player that nobody hears: keeps each WAV that it is given, or misbehaves as it is told.

Run as a program by the production driver, in a folder that says what it should do: a file
`mood` there holds "well" (the default), "crash", "hang", "refuse" or "instant". A player that is
well takes as long as the sound does; "instant" keeps it and ends at once.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

MOOD = "mood"
_HEADER_BYTES = 44


class Loudspeaker:
    """One sound card with its player."""

    def __init__(self, folder: Path, mood: str = "well") -> None:
        """Sounds are kept in `folder`, which is made."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.set(mood)

    @property
    def player(self) -> tuple[str, ...]:
        """The command to be used as a player."""
        return (sys.executable, "-I", "-S", __file__, str(self.folder))

    def set(self, mood: str) -> None:
        """How it behaves from now on."""
        part = self.folder / f"{MOOD}.part"
        part.write_text(mood, encoding="ascii")
        part.replace(self.folder / MOOD)

    @property
    def played(self) -> list[bytes]:
        """The WAV files that were played to their end, oldest first."""
        return [path.read_bytes() for path in sorted(self.folder.glob("*.wav"))]

    @property
    def begun(self) -> int:
        """How many sounds were begun, whatever became of them."""
        return len(list(self.folder.glob("*.begun")))


def _play(folder: Path) -> int:
    mood = (folder / MOOD).read_text(encoding="ascii")
    if mood == "refuse":
        sys.stderr.write("audio open error: No such file or directory\n")
        return 1
    name = f"{time.monotonic_ns():020}-{os.getpid()}"
    (folder / f"{name}.begun").touch()
    if mood == "crash":
        os.abort()
    while mood == "hang":
        time.sleep(60)
    wav = sys.stdin.buffer.read()
    if mood == "well":
        bytes_a_second = int.from_bytes(wav[28:32], "little")
        time.sleep(max(0, len(wav) - _HEADER_BYTES) / bytes_a_second)
    part = folder / f"{name}.part"
    part.write_bytes(wav)
    part.replace(folder / f"{name}.wav")
    return 0


if __name__ == "__main__":
    sys.exit(_play(Path(sys.argv[1])))
