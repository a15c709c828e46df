"""A stolen disk shows nothing: the whole terminal in a process, searched alive, cut and restarted.

What is planted is what the visit really held: the card's name, number and address, the phone,
the form, the answers, and every page as the camera gave it.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from disk_search import needles, search, search_open

from central_backend.keyring import in_memory
from kiosk.contract import canonical_bytes
from kiosk.demo.stage import KEY_SET

HERE = Path(__file__).resolve().parent
DEADLINE_S = 100.0


class Machine:
    """What outlives a power cut: the terminal's disk, and beside it the simulated world."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.disk = folder / "disk"
        self.world = folder / "world"
        self._socket = socket
        made = in_memory(datetime.now(UTC))
        self._pin = made.authority_pin
        self.world.mkdir()
        (self.world / KEY_SET).write_bytes(canonical_bytes(made.keyring.signed_set))
        for name in ("tmp", "home", "work", "data"):
            (self.disk / name).mkdir(parents=True)

    @contextmanager
    def running(self, *, recover: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """The terminal's process. Its temporary files, home and log are on the disk."""
        with (self.disk / "terminal.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "whole_terminal.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.disk / "work",
                env={
                    **os.environ,
                    "TMPDIR": str(self.disk / "tmp"),
                    "HOME": str(self.disk / "home"),
                    "XDG_CACHE_HOME": str(self.disk / "home" / "cache"),
                    "XDG_RUNTIME_DIR": str(self.disk / "tmp"),
                    "QT_QPA_PLATFORM": "offscreen",
                },
            )
        try:
            told: dict[str, Any] = {
                "url": "http://127.0.0.1:9",  # nobody answers: the application has to wait
                "pin": self._pin,
                "world": str(self.world),
                "data": str(self.disk / "data"),
                "socket": str(self._socket),
                "recover": recover,
            }
            assert process.stdin is not None
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


@pytest.mark.timeout(3 * DEADLINE_S)
def test_a_stolen_disk_shows_nothing_of_anybody(tmp_path: Path, short_dir: Path) -> None:
    machine = Machine(tmp_path, short_dir / "control.sock")
    with machine.running() as process:
        assert process.stdout is not None
        known = json.loads(process.stdout.readline())
        assert "error" not in known, known
        pages = [base64.b64decode(page) for page in known["pages"]]
        wanted = needles(known["texts"], pages)
        assert {"name", "number", "address", "phone"} <= set(known["texts"])
        assert len(pages) >= 2
        assert len(wanted) > 200
        limits = Path(f"/proc/{process.pid}/limits").read_text("utf-8")
        core = next(line for line in limits.splitlines() if "core file" in line)
        assert core.split()[4:6] == ["0", "0"], "a core file would hold the whole visit"
        # Right after the commit, before the WAL was folded back.
        assert search(machine.disk, wanted) == []
        assert search_open(process.pid, wanted) == []
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE_S)
    assert (machine.disk / "data" / "outbox" / "outbox.db").stat().st_size > 0
    held = sum(path.stat().st_size for path in (machine.disk / "data" / "outbox").iterdir())
    assert held > sum(map(len, pages)), "the application is there, and cannot be read"
    assert search(machine.disk, wanted) == []
    with machine.running(recover=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"", "it says nothing unless something went wrong"
        assert process.wait(DEADLINE_S) == 0
    assert search(machine.disk, wanted) == []
    plant(machine, known["texts"]["name"])
    assert search(machine.disk, wanted) == ["name in gb18030 in home/planted"]


def plant(machine: Machine, text: str) -> None:
    """The search itself is able to fail."""
    (machine.disk / "home" / "planted").write_bytes(b"\0" * 5000 + text.encode("gb18030"))
