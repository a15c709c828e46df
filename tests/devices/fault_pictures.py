"""Cameras, the document camera and the face engine, each with its processes."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar

from fault_campaign import SERVES_AGAIN_S, Bench, CaseFailed, Inject, WrongResult, until

from devices.camera import Camera, CameraSpec, CameraState, PreviewFrame
from devices.document import DocumentCamera
from devices.errors import DeviceError
from devices.face.client import FaceStation
from devices.records import FaceHint, FaceMatch, Page
from devices.simulators import photos
from devices.simulators.camera import FROZEN, GARBAGE, GONE, TORN, SceneControl
from devices.worker import Cancel

STALL_S = 1.5
_START_S = 30.0


def _spec(spec: CameraSpec) -> CameraSpec:
    return replace(spec, stall_s=STALL_S)


def end(pid: int | None, how: signal.Signals) -> None:
    """Send a signal to a child of ours, if it runs."""
    if pid is not None:
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return


class Pictures(Bench):
    """What befalls every camera."""

    usual: ClassVar[str] = "nobody"

    def __init__(self) -> None:
        super().__init__()
        self.scene = SceneControl(self.usual)

    @property
    def camera(self) -> Camera:
        """The one that the faults befall."""
        raise NotImplementedError

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Frames that go, freeze, or are none; its process killed, or stopped."""
        return {
            "unplugged": lambda c: self._soon(c, lambda: self.scene.set(GONE)),
            "unplugged, and back": self._gone_briefly,
            "frozen": lambda c: self._soon(c, lambda: self.scene.set(FROZEN)),
            "garbage frames": lambda _: self.scene.set(GARBAGE),
            "frames of another size": lambda _: self.scene.set(TORN),
            "process killed": lambda c: self._soon(c, lambda: self._end(signal.SIGKILL)),
            "process stopped": lambda c: self._soon(c, lambda: self._end(signal.SIGSTOP)),
            "process crashed": lambda c: self._soon(c, lambda: self._end(signal.SIGSEGV)),
        }

    def _soon(self, chance: random.Random, act: Callable[[], object]) -> None:
        """At once, or in the middle of the call."""
        if chance.random() < 0.5:
            act()
        else:
            self.after(chance.uniform(0.0, 0.3), act)

    def _gone_briefly(self, chance: random.Random) -> None:
        self.scene.set(GONE)
        self.after(chance.uniform(0.05, 0.6), lambda: self.scene.set(self.usual))

    def _end(self, how: signal.Signals) -> None:
        end(self.camera.child_pid, how)

    def prepare(self, chance: random.Random) -> None:
        """The usual scene."""

    def mend(self) -> None:
        """Something to see; a process that hangs is left to be noticed."""
        self.scene.set(self.usual)

    def wait_live(self) -> None:
        """The camera is live by itself, with a picture of now."""
        camera = self.camera

        def shows() -> bool:
            if camera.state is not CameraState.LIVE:
                return False
            before = camera.board.sequence
            return until(lambda: camera.board.sequence > before + 2, 1.0)

        if not until(shows, SERVES_AGAIN_S):
            raise CaseFailed(f"no picture again, the camera is {camera.state}")


class FaceCamera(Pictures):
    """A camera alone: is there a picture of now, or does it say why not?"""

    device: ClassVar[str] = "face-camera"
    # Noticed within its `stall_s`, looked at each quarter of a second.
    deadline_s: ClassVar[float] = 3.0

    def __init__(self) -> None:
        super().__init__()
        self._errors: list[DeviceError] = []
        self._camera = Camera(_spec(self.scene.face_spec()), self._say)
        self._camera.start()

    @property
    def camera(self) -> Camera:
        """The only one."""
        return self._camera

    def _say(self, _state: CameraState, error: DeviceError | None) -> None:
        if error is not None:
            self._errors.append(error)

    def prepare(self, chance: random.Random) -> None:
        """Nothing was said yet."""
        self._errors.clear()

    def call(self, cancel: Cancel) -> object:
        """A picture taken a good second from now, unless it says before what is wrong."""
        seen: PreviewFrame | None = None
        while not self._errors:
            if cancel.remaining_s < 0.5:
                frame = self._camera.latest()
                fresh = frame is not None and (seen is None or frame.sequence > seen.sequence)
                return frame if fresh else None
            seen = self._camera.latest() or seen
            cancel.wait(0.05)
        raise self._errors[0]

    def check(self, result: object) -> None:
        """A picture of the right size, and never one that stands frozen."""
        if isinstance(result, PreviewFrame) and len(result.rgb) != 640 * 480 * 3:
            raise WrongResult("half a picture")
        if result is None and not self._errors:
            raise CaseFailed("no picture, and no word why")

    def serve(self) -> None:
        """Live again."""
        self.wait_live()

    def close(self) -> None:
        """End its process."""
        self._camera.close()
        self.scene.close()


class PaperCamera(Pictures):
    """The document camera: a page, or the reason."""

    device: ClassVar[str] = "document-camera"
    deadline_s: ClassVar[float] = 2.5
    # For the frame that is being worked on (`_GRACE_S`).
    slack_s: ClassVar[float] = 2.0
    usual: ClassVar[str] = "paper:form"

    def __init__(self) -> None:
        super().__init__()
        self._camera = DocumentCamera(_spec(self.scene.document_spec()))
        self._camera.look(True)

    @property
    def camera(self) -> Camera:
        """The only one."""
        return self._camera

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """And what lies there, or does not."""
        return {
            **super().kinds,
            "no paper": lambda _: self.scene.set("empty"),
            "glare": lambda _: self.scene.set("glare"),
            "blurred": lambda _: self.scene.set("blurred"),
        }

    def call(self, cancel: Cancel) -> object:
        """Photograph the paper."""
        return self._shoot(self.deadline_s)

    def _shoot(self, deadline_s: float) -> Page:
        results: list[Page | DeviceError] = []
        over = threading.Event()

        def done(result: Page | DeviceError) -> None:
            results.append(result)
            over.set()

        self._camera.capture(deadline_s, done)
        over.wait(deadline_s + _START_S)
        if len(results) != 1:
            raise RuntimeError(f"{len(results)} ends of one capture")
        (result,) = results
        if isinstance(result, DeviceError):
            raise result
        return result

    def check(self, result: object) -> None:
        """A page is a whole JPEG, and one of a bad scene says so."""
        if result is None:
            return
        assert isinstance(result, Page)
        if not (result.jpeg.startswith(b"\xff\xd8") and result.jpeg.endswith(b"\xff\xd9")):
            raise WrongResult("no picture")
        if self.scene.scene in (GARBAGE, TORN) and not result.warnings:
            raise WrongResult("noise is taken for a page")

    def serve(self) -> None:
        """A straight page again."""
        self.wait_live()
        self.serve_by(lambda _: self._shoot(10.0).straightened)

    def close(self) -> None:
        """End its process."""
        self._camera.close()
        self.scene.close()


class FaceEngine(Pictures):
    """Matching: who it is, or the reason; never somebody else."""

    device: ClassVar[str] = "face-engine"
    deadline_s: ClassVar[float] = 3.0
    # For the frame that is being worked on (`_GRACE_S`).
    slack_s: ClassVar[float] = 2.0
    usual: ClassVar[str] = "hopper"
    threshold = 0.48

    def __init__(self) -> None:
        super().__init__()
        self._portraits = {
            person: photos.rgb_of(photos.portrait_webp(person)) for person in photos.PEOPLE
        }
        self.station = FaceStation(_spec(self.scene.face_spec()))
        self.station.start()
        self.station.look(True)
        self._portrait = self._portraits["hopper"]
        self._may_match = True

    @property
    def camera(self) -> Camera:
        """The live face's."""
        return self.station.camera

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """And of the engine, and of who stands there."""
        return {
            **super().kinds,
            "engine killed": lambda c: self._soon(c, lambda: self._end_engine(signal.SIGKILL)),
            "engine stopped": lambda c: self._soon(c, lambda: self._end_engine(signal.SIGSTOP)),
            "engine crashed": lambda c: self._soon(c, lambda: self._end_engine(signal.SIGSEGV)),
            "somebody else": lambda _: self._stand("astronaut"),
            "two people": lambda _: self._stand("two-people"),
            "nobody": lambda _: self._stand("nobody"),
            "no face in the portrait": self._no_portrait,
            "somebody else midway": lambda c: self.after(
                c.uniform(0.0, 0.5), lambda: self.scene.set("astronaut")
            ),
        }

    def _end_engine(self, how: signal.Signals) -> None:
        end(self.station.engine_pid, how)

    def _stand(self, scene: str) -> None:
        """From before the match, so that no earlier frame may be used."""
        self._may_match = False
        self.scene.set(scene)
        camera = self.camera
        seen = camera.board.sequence
        until(lambda: camera.board.sequence > seen + 3, 5.0)

    def _no_portrait(self, chance: random.Random) -> None:
        self._may_match = False
        self._portrait = chance.randbytes(len(self._portrait))

    def prepare(self, chance: random.Random) -> None:
        """Who stands there has laid down their own card."""
        self._portrait = self._portraits["hopper"]
        self._may_match = True

    def call(self, cancel: Cancel) -> object:
        """Compare who stands there with the card."""
        return self._match(self.deadline_s)

    def _match(self, deadline_s: float) -> FaceMatch:
        results: list[FaceMatch | DeviceError] = []
        over = threading.Event()

        def done(result: FaceMatch | DeviceError) -> None:
            results.append(result)
            over.set()

        def hint(_: FaceHint) -> None:
            pass

        self.station.match(
            self._portrait,
            threshold=self.threshold,
            frames=2,
            deadline_s=deadline_s,
            hint=hint,
            done=done,
        )
        over.wait(deadline_s + _START_S)
        if len(results) != 1:
            raise RuntimeError(f"{len(results)} ends of one match")
        (result,) = results
        if isinstance(result, DeviceError):
            raise result
        return result

    def check(self, result: object) -> None:
        """Nobody is taken for somebody else."""
        if isinstance(result, FaceMatch) and result.matched and not self._may_match:
            raise WrongResult("matched with the portrait of somebody else")

    def serve(self) -> None:
        """The right person is recognised again."""
        self.scene.set(self.usual)
        self.wait_live()
        self._portrait = self._portraits["hopper"]
        self.serve_by(lambda _: self._match(20.0).matched)

    def close(self) -> None:
        """End both processes."""
        self.station.close()
        self.scene.close()
