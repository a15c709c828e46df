"""A simulated camera's remote control: what stands or lies before it can change at run time.

The camera itself (`devices.simulators.stage`) runs in the camera's own process and goes the
same way as a real one; this half is for the process that directs the scene, and imports
neither NumPy nor OpenCV. The scene's name travels through a small file of fixed length.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from devices.camera import CameraSpec

PEOPLE_SCENES = ("astronaut", "hopper", "nobody", "two-people", "dark", "far", "blurry")
# Somebody who tries to pass for another: a printed photograph, flat, bent, or bent and tilted
# about a diagonal; a telephone's screen with a film of a person (who turns as demanded, as no
# real film would); somebody else who turns.
ATTACK_SCENES = ("photo", "bent", "bent-askew", "screen", "swap")
PAPER_SCENES = ("paper:permit", "paper:register", "paper:form", "empty", "glare", "blurred")
GONE = "gone"
FROZEN = "frozen"  # opens, but delivers no frame: what a hung driver looks like
GARBAGE = "garbage"  # frames of nothing but noise: what a loose cable looks like
TORN = "torn"  # frames of a size that nobody asked for
SCENES = (*PEOPLE_SCENES, *ATTACK_SCENES, *PAPER_SCENES, GONE, FROZEN, GARBAGE, TORN)
CODE = "code:"  # and what it says: a telephone whose screen shows it as a QR code
POSES = ("", "left", "right")
RECORD_BYTES = 128


class SceneControl:
    """Directs one simulated camera. Owns a private temporary folder until `close`."""

    def __init__(self, scene: str = "nobody") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="scene-"))
        self.path = self._folder / "scene"
        self._scene = scene
        self._pose = ""
        self.obedient = True  # whether who stands there does what `follow` says
        self.set(scene)

    @property
    def scene(self) -> str:
        """The scene that was set last."""
        return self._scene

    def set(self, scene: str) -> None:
        """Change what the camera sees, from its next frame on; ValueError if unknown."""
        shown = scene.removeprefix(CODE)
        if scene not in SCENES and (shown == scene or not _fits(shown)):
            raise ValueError(f"scene {scene!r} is not one of {', '.join(SCENES)}")
        self._scene, self._pose = scene, ""
        self._write()

    def turn(self, pose: str) -> None:
        """Whoever stands there turns the head "left" or "right" (their own), or "" back."""
        if pose not in POSES:
            raise ValueError(f"pose {pose!r} is not one of {', '.join(POSES)}")
        if pose != self._pose:
            self._pose = pose
            self._write()

    def follow(self, hint: str) -> None:
        """Do what a `FaceHint` says, as an obedient person would: turn, and turn back."""
        pose = hint.removeprefix("turn-")
        if self.obedient:
            self.turn(pose if pose in POSES else "")

    def _write(self) -> None:
        record = f"{self._scene}|{self._pose}".encode().ljust(RECORD_BYTES)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(fd, record, 0)  # one short write in place: a reader sees old or new
        finally:
            os.close(fd)

    def face_spec(self, *, still: bool = False, fps: int = 25) -> CameraSpec:
        """A camera for faces that sees this scene: 640 x 480, mirrored preview."""
        return CameraSpec("simulated", str(self.path), 640, 480, fps, mirror=True, still=still)

    def infrared_spec(self) -> CameraSpec:
        """An infrared camera beside the one for faces."""
        return CameraSpec("simulated", str(self.path), 640, 480, 25, mirror=True, infrared=True)

    def document_spec(self, *, still: bool = False) -> CameraSpec:
        """A document camera that sees this scene: 1600 x 1200, preview 960 wide."""
        return CameraSpec(
            "simulated", str(self.path), 1600, 1200, 15, preview_width_px=960, still=still
        )

    def close(self) -> None:
        """Remove the scene file; the camera counts as gone from then on."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _fits(text: str) -> bool:
    """Whether a scene's record can carry this code."""
    return text.isascii() and text.isprintable() and "|" not in text and 0 < len(text) <= 100
