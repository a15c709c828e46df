"""A production terminal for `bench_app`: says when its first screen is painted, and how it rests.

It has the shipped catalogue as a pack, no devices and no backend: what a terminal has before it
has found any. Prints "painted", waits, prints its memory.
"""

from __future__ import annotations

import gc

gc.disable()  # as `kiosk run` does

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from PySide6.QtCore import QTimer  # noqa: E402

from config.settings import Settings  # noqa: E402
from kiosk.app import Terminal, application, equipment_of  # noqa: E402
from kiosk.catalogue.pack import open_pack  # noqa: E402
from kiosk.pack_files import read_pack  # noqa: E402

REST_MS = 6_000


def main(folder: str, packed: str) -> None:
    app = application()
    settings = Settings.model_validate(
        {
            "screen": {"full_screen": False},
            "reader": {"port": f"{folder}/no-reader"},
            "camera": {"device": f"{folder}/no-camera"},
            "document_camera": {"device": f"{folder}/no-camera"},
            "printer": {"server": f"{folder}/no-cups"},
            "data": {"directory": folder, "socket": f"{folder}/run/c.sock"},
            "backend": {"url": "http://127.0.0.1:9"},
        }
    )
    pack = open_pack(read_pack(Path(packed))).pack
    terminal = Terminal(settings, pack, equipment_of(settings))
    terminal.painted.connect(painted)
    terminal.begin()
    QTimer.singleShot(REST_MS, app.quit)
    app.exec()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(("VmRSS", "VmHWM")):
            print(*line.split()[:2], flush=True)
    terminal.close()


def painted() -> None:
    print("painted", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
