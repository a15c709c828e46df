"""Carries out MatchFace and StopFace: the camera is on between the two, and only then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devices.camera import CameraSpec, CameraState
from devices.errors import DeviceError, Fault
from devices.face.client import FaceStation, Ticket
from devices.records import FaceHint, FaceMatch
from devices.worker import DeviceWorker, Failed, Outcome
from kiosk.journey.effects import MatchFace, StopFace
from kiosk.journey.events import Event, FaceDone, FaceFailed, FaceHinted, WorldChanged
from kiosk.world.sight import Sight

_DECODE_DEADLINE_S = 10.0
_CAMERA_AWAY = frozenset({Fault.CAMERA_ABSENT, Fault.CAMERA_STALLED})


class FaceMatching:
    """The face camera and the matching process."""

    def __init__(
        self,
        spec: CameraSpec,
        reply: Callable[[Event], None],
        *,
        wlt_library: Path | None = None,
        infrared: CameraSpec | None = None,
    ) -> None:
        self._reply = reply
        self._wlt_library = wlt_library
        self._sight = Sight(spec, lambda ok: reply(WorldChanged(camera_ok=ok)))
        self._station = FaceStation(spec, self._camera_changed, infrared)
        self._decoder = DeviceWorker("portrait", unexpected=Fault.PORTRAIT_UNREADABLE)
        self._ticket: Ticket | None = None
        self._run = 0  # matches asked for; an answer to an earlier one is dropped

    @property
    def station(self) -> FaceStation:
        """Camera and engine, for the preview and for diagnosis."""
        return self._station

    def start(self) -> None:
        """Load the models; the camera stays off."""
        self._station.start()

    def latest(self) -> tuple[bytes, int, int, int] | None:
        """The preview, as screens ask for it."""
        frame = self._station.preview()
        if frame is None:
            return None
        return frame.rgb, frame.width_px, frame.height_px, frame.sequence

    def match(self, effect: MatchFace, visit: int) -> None:
        """Camera on, decode the portrait, match; an earlier match is given up."""
        self._run += 1
        run = self._run
        self._give_up()
        self._station.look(True)

        def decode() -> bytes:
            from devices.portrait import decode  # OpenCV: off the GUI thread

            return decode(effect.portrait, wlt_library=self._wlt_library).rgb

        def decoded(outcome: Outcome[bytes]) -> None:
            if run != self._run:
                return
            if isinstance(outcome, Failed):
                self._reply(FaceFailed(visit, outcome.error.fault.code))
                return
            self._ticket = self._station.match(
                outcome.value,
                threshold=effect.threshold,
                frames=effect.frames,
                deadline_s=effect.deadline_s,
                hint=hint,
                done=done,
                challenge=effect.challenge,
            )

        def hint(what: FaceHint) -> None:
            if run == self._run:
                self._reply(FaceHinted(visit, what))

        def done(result: FaceMatch | DeviceError) -> None:
            if run != self._run:
                return
            if isinstance(result, FaceMatch):
                self._reply(FaceDone(visit, result))
            elif result.fault is not Fault.CANCELLED:
                self._reply(FaceFailed(visit, result.fault.code))
                # An infrared camera that is away says nothing of the other one.
                if result.fault in _CAMERA_AWAY and self._station.infrared is None:
                    self._sight.missed(self._station.camera.state)

        self._decoder.submit(lambda _: decode(), deadline_s=_DECODE_DEADLINE_S, done=decoded)

    def stop(self, _effect: StopFace | None = None, _visit: int = 0) -> None:
        """Camera off; a match that runs is given up."""
        self._run += 1
        self._give_up()
        self._station.look(False)

    def _give_up(self) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.cancel()

    def look(self) -> None:
        """Notice a camera that is back, without opening it."""
        self._sight.look()

    def close(self) -> None:
        """End both processes."""
        self.stop()
        self._decoder.close()
        self._station.close()

    def _camera_changed(self, state: CameraState, _error: DeviceError | None) -> None:
        self._sight.changed(state)
