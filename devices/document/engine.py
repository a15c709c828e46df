"""The document camera's process: the camera's, and what is done with a paper before it.

Beside the camera's own commands: `("capture", ticket, deadline_at_s, limit_bytes)` answers
`("page", ticket, Page)` or `("no-frame", ticket)`; `("outline", on)` turns on reports
`("outline", points)` of where paper lies in the preview, as parts of its width and height;
`("code", ticket, deadline_at_s)` answers `("code", ticket, ScannedCode or None)`, and `("code",
0, 0.0)` ends the search. Only codes that are shown after the search began are found.
"""

from __future__ import annotations

import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from devices.camera import CameraSpec, Frame
from devices.document import paper
from devices.scanners.camera import find_codes
from devices.vision.board import BoardHandle
from devices.vision.process import child_main
from devices.vision.serve import Taker, serve

_CANDIDATES = 4  # frames of which the sharpest is kept
_CANDIDATES_FOR_S = 0.6
_OUTLINE_EVERY_S = 0.2
_CODE_FRAME_S = 0.2


def capture(taker: Taker, ticket: int, deadline_at_s: float, limit_bytes: int) -> None:
    """Take a few fresh frames and make the sharpest a page."""
    began_s = time.monotonic()
    best: tuple[float, Frame] | None = None
    after_s = began_s
    for _ in range(_CANDIDATES):
        now_s = time.monotonic()
        enough_s = began_s + _CANDIDATES_FOR_S if best else deadline_at_s
        frame = taker.next_frame(after_s, min(enough_s, deadline_at_s) - now_s)
        if frame is None:
            break
        after_s = frame.at_s
        sharp = paper.sharpness(frame.bgr)
        if best is None or sharp > best[0]:
            best = (sharp, frame)
    if best is None:
        taker.send(("no-frame", ticket))
    else:
        taker.send(("page", ticket, paper.make_page(best[1].bgr, limit_bytes)))


class Outliner:
    """Says, a few times a second while wanted, where the paper lies."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._wanted = threading.Event()
        threading.Thread(target=self._run, name="outline", daemon=True).start()

    def want(self, on: bool) -> None:
        """Turn on or off."""
        if on:
            self._wanted.set()
        else:
            self._wanted.clear()

    def _run(self) -> None:
        pause = threading.Event()
        while self._wanted.wait():
            frame = self._taker.next_frame(time.monotonic(), 1.0)
            corners = paper.find_paper(frame.bgr) if frame else None
            points: tuple[tuple[float, float], ...] = ()
            if frame is not None and corners is not None:
                height, width = frame.bgr.shape[:2]
                points = tuple((float(x) / width, float(y) / height) for x, y in corners)
            if self._wanted.is_set():
                self._taker.send(("outline", points))
            pause.wait(_OUTLINE_EVERY_S)


class CodeSearch:
    """Looks for a code in one frame after the other; one search at a time."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._ticket = 0
        self._thorough = False

    def begin(self, ticket: int, deadline_at_s: float) -> None:
        """Search until a code is seen, the deadline, or another search; ticket 0 is none."""
        known, self._ticket = self._ticket, ticket
        if ticket not in (0, known):
            threading.Thread(target=self._run, args=(ticket, deadline_at_s), daemon=True).start()

    def _run(self, ticket: int, deadline_at_s: float) -> None:
        after_s = time.monotonic()
        while self._ticket == ticket and time.monotonic() < deadline_at_s:
            frame = self._taker.next_frame(after_s, _CODE_FRAME_S)
            if frame is None:
                continue
            after_s = frame.at_s
            # Every other look is a thorough one: a telephone held close, or light on dark.
            self._thorough = not self._thorough
            codes = find_codes(frame.bgr, thorough=self._thorough)
            if codes and self._ticket == ticket:
                self._taker.send(("code", ticket, codes[0]))
                return
        if self._ticket == ticket:
            self._taker.send(("code", ticket, None))


def run(boot: tuple[CameraSpec, BoardHandle], pipe: Connection[Any, Any]) -> None:
    """Serve the camera, and captures beside it."""
    outliners: list[Outliner] = []
    searches: list[CodeSearch] = []

    def handle(message: tuple[Any, ...], taker: Taker) -> None:
        if not outliners:
            outliners.append(Outliner(taker))
            searches.append(CodeSearch(taker))
        match message:
            case ("capture", int(ticket), float(deadline_at_s), int(limit_bytes)):
                # A thread, because "close" must be heard while a capture waits for a frame.
                threading.Thread(
                    target=capture, args=(taker, ticket, deadline_at_s, limit_bytes), daemon=True
                ).start()
            case ("outline", bool(on)):
                outliners[0].want(on)
            case ("code", int(ticket), float(deadline_at_s)):
                searches[0].begin(ticket, deadline_at_s)

    serve(boot, pipe, handle)


if __name__ == "__main__":
    child_main(run)
