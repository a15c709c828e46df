"""Carries out the document camera's effects: aim, photograph, off; and looks for codes.

The camera is on while a paper is aimed at or a code is awaited, and only then.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.camera import CameraSpec, CameraState
from devices.document.client import DocumentCamera
from devices.errors import DeviceError, Fault
from devices.face.client import Ticket
from devices.records import Page, ScannedCode
from kiosk.journey.effects import AimDocumentCamera, StopDocumentCamera, TakePhoto
from kiosk.journey.events import CaptureFailed, Event, PageCaptured, WorldChanged
from kiosk.world.codes import Seen
from kiosk.world.sight import Sight


class PaperCapture:
    """One document camera; also a `CodeSource`."""

    by_camera = True

    def __init__(self, spec: CameraSpec, reply: Callable[[Event], None]) -> None:
        self._reply = reply
        self._sight = Sight(spec, lambda ok: reply(WorldChanged(document_camera_ok=ok)))
        self._camera = DocumentCamera(spec, self._changed)
        self._ticket: Ticket | None = None
        self._code: Ticket | None = None
        self._for_code = False  # the camera is on because a code is awaited

    @property
    def camera(self) -> DocumentCamera:
        """The camera, for diagnosis."""
        return self._camera

    def start(self) -> None:
        """Start its process; the camera stays off."""
        self._camera.prewarm()

    def latest(self) -> tuple[bytes, int, int, int] | None:
        """The preview, as screens ask for it."""
        frame = self._camera.preview()
        if frame is None:
            return None
        return frame.rgb, frame.width_px, frame.height_px, frame.sequence

    def outline(self) -> tuple[tuple[float, float], ...]:
        """Where the paper lies in the preview, as screens ask for it."""
        return self._camera.outline()

    def aim(self, _effect: AimDocumentCamera, _visit: int) -> None:
        """Camera on."""
        self._camera.look(True)

    def take(self, effect: TakePhoto, visit: int) -> None:
        """Photograph; the answer is a page or a fault's code."""
        self._camera.look(True)

        def done(result: Page | DeviceError) -> None:
            if isinstance(result, Page):
                self._reply(PageCaptured(visit, result))
            elif result.fault is not Fault.CANCELLED:
                self._reply(CaptureFailed(visit, result.fault.code))

        self._ticket = self._camera.capture(effect.deadline_s, done)

    def stop(self, _effect: StopDocumentCamera | None = None, _visit: int = 0) -> None:
        """Camera off."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.cancel()
        self._camera.look(False)

    def await_code(self, wait_s: float, done: Seen) -> None:
        """Camera on, and wait for a code under it; off again with the answer."""
        self._for_code = True
        self._camera.look(True)

        def over(result: ScannedCode | DeviceError) -> None:
            if isinstance(result, ScannedCode) or result.fault is not Fault.CANCELLED:
                self._for_code = False
                self._camera.look(False)
                done(result)

        self._code = self._camera.read_code(wait_s, over)

    def give_up_code(self) -> None:
        """Camera off, where it was on for a code."""
        if self._for_code and self._code is not None:
            self._for_code = False
            self._code.cancel()
            self._camera.look(False)

    def look(self) -> None:
        """Notice a camera that is back, without opening it."""
        self._sight.look()

    def close(self) -> None:
        """End its process."""
        self.stop()
        self._camera.close()

    def _changed(self, state: CameraState, _error: DeviceError | None) -> None:
        self._sight.changed(state)
