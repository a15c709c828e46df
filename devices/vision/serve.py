"""The camera's own process: opens the device on command and puts pictures on the board.

Commands are tuples `("open", session)` and `("close", session)`; answers are
`("live", session)`, `("absent", session, detail)` and `("closed", session)`. A device that
cannot be opened is tried again with growing pauses. Other commands go to a handler, which
works on full frames (`Taker.next_frame`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from devices.camera import CameraGone, CameraSpec, Frame, FrameSource, open_source
from devices.vision.board import BoardHandle, FrameBoard
from devices.vision.process import child_main
from devices.vision.sources import fill

_RETRY_S = (0.2, 0.5, 1.0, 2.0)


class Taker:
    """The thread that takes frames while the camera is wanted."""

    def __init__(self, spec: CameraSpec, board: FrameBoard, pipe: Connection[Any, Any]) -> None:
        self._spec = spec
        self._board = board
        self._pipe = pipe
        self._pipe_lock = threading.Lock()
        self._changed = threading.Condition()
        self._session = 0
        self._wanted = False
        self._frame: Frame | None = None
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()

    def send(self, message: tuple[Any, ...]) -> None:
        """Send to the parent, from any thread."""
        with self._pipe_lock:
            self._pipe.send(message)

    def want(self, wanted: bool, session: int) -> None:
        """Open or close the device; `session` comes back in the answers."""
        with self._changed:
            self._wanted = wanted
            self._session = session
            self._changed.notify_all()

    def next_frame(self, after_s: float, timeout_s: float) -> Frame | None:
        """A full frame taken after `after_s` (monotonic), None when none came in time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._frame is not None and self._frame.at_s > after_s, timeout_s
            )
            frame = self._frame
            return frame if frame and frame.at_s > after_s else None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                session = self._session
            self._look(session)
            with self._changed:
                self._frame = None
                self._board.wipe()
                session = self._session
            self.send(("closed", session))

    def _look(self, session: int) -> None:
        """Take frames until they are not wanted, over as many reconnections as it needs."""
        tries = 0
        while self._wanted:
            source = open_source(self._spec)
            try:
                source.open()
                tries = self._take(source, session, tries)
            except CameraGone as gone:
                self.send(("absent", self._session, str(gone)))
            finally:
                source.close()
            with self._changed:
                self._frame = None
                self._board.wipe()
                pause_s = _RETRY_S[min(tries, len(_RETRY_S) - 1)]
                self._changed.wait_for(lambda: not self._wanted, pause_s)
            tries += 1

    def _take(self, source: FrameSource, session: int, tries: int) -> int:
        live_session = -1
        while self._wanted:
            try:
                frame = source.read()
            except CameraGone as gone:
                self.send(("absent", self._session, str(gone)))
                return 0 if live_session >= 0 else tries
            if frame is None:
                continue
            self._show(frame)
            with self._changed:
                self._frame = frame
                session = self._session
                self._changed.notify_all()
            if live_session != session and self._wanted:
                live_session = session
                self.send(("live", session))
        return 0

    def _show(self, frame: Frame) -> None:
        width, height = self._spec.preview_size_px
        picture: Any = frame.bgr
        if picture.shape[:2] != (height, width):
            picture = fill(picture, width, height)
        pixels = self._board.begin(width, height)
        target = np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)
        if self._spec.mirror:
            picture = cv2.flip(picture, 1)
        cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=cast("npt.NDArray[np.uint8]", target))
        self._board.publish(width, height, frame.at_s, mirrored=self._spec.mirror)


Handler = Callable[[tuple[Any, ...], Taker], None]


def serve(
    boot: tuple[CameraSpec, BoardHandle],
    pipe: Connection[Any, Any],
    handler: Handler | None = None,
) -> None:
    """Obey the parent until it closes the pipe."""
    cv2.setNumThreads(1)
    spec, handle = boot
    taker = Taker(spec, FrameBoard(handle), pipe)
    while True:
        message = pipe.recv()
        match message:
            case ("open", int(session)):
                taker.want(True, session)
            case ("close", int(session)):
                taker.want(False, session)
            case _ if handler:
                handler(message, taker)


if __name__ == "__main__":
    child_main(serve)
