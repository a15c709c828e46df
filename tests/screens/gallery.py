"""Paint every sample view into PNG files: `python tests/screens/gallery.py DIR [FILTER …]`.

A filter is a part of a file's name, such as "zh-normal-calm-portrait" or "questions".
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

# ruff: noqa: E402 - the paths above come first
from PySide6.QtWidgets import QApplication
from samples import samples

from config.themes import load_themes
from config.words import load_words
from kiosk.journey.terms import Language, Size, Theme
from screens.preview import NoPreview
from screens.shell import Shell
from screens.theme import Look

FORMATS = {"portrait": (1080, 1920), "landscape": (1920, 1080)}


def main(folder: Path, wanted: list[str]) -> None:
    """Write one picture for each sample, language, size, theme and format."""
    app = QApplication([])
    folder.mkdir(parents=True, exist_ok=True)
    shell = Shell(load_words(), Look.of(load_themes()), lambda _event: None, NoPreview())
    for shape, (width, height) in FORMATS.items():
        shell.resize(width, height)
        shell.show()
        for language in Language:
            for size in Size:
                for theme in Theme:
                    for sample in samples(language, size, theme):
                        name = f"{sample.name}-{language}-{size}-{theme}-{shape}"
                        if all(part in name for part in wanted):
                            shell.rebuild()
                            shell.show_view(sample.view)
                            app.processEvents()
                            shell.grab().save(str(folder / f"{name}.png"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Paint every sample view into PNG files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("filter", nargs="*", help="parts of a file's name; all of them must fit")
    given = parser.parse_args()
    main(given.folder, given.filter)
