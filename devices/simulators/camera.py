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
PAPER_SCENES = ("paper:permit", "paper:register", "paper:form", "empty", "glare", "blurred")
GONE = "gone"
FROZEN = "frozen"  # opens, but delivers no frame: what a hung driver looks like
SCENES = (*PEOPLE_SCENES, *PAPER_SCENES, GONE, FROZEN)
RECORD_BYTES = 32


class SceneControl:
    """Directs one simulated camera. Owns a private temporary folder until `close`."""

    def __init__(self, scene: str = "nobody") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="scene-"))
        self.path = self._folder / "scene"
        self._scene = scene
        self.set(scene)

    @property
    def scene(self) -> str:
        """The scene that was set last."""
        return self._scene

    def set(self, scene: str) -> None:
        """Change what the camera sees, from its next frame on; ValueError if unknown."""
        if scene not in SCENES:
            raise ValueError(f"scene {scene!r} is not one of {', '.join(SCENES)}")
        record = scene.encode().ljust(RECORD_BYTES)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(fd, record, 0)  # one short write in place: a reader sees old or new
        finally:
            os.close(fd)
        self._scene = scene

    def face_spec(self, *, still: bool = False, fps: int = 25) -> CameraSpec:
        """A camera for faces that sees this scene: 640 x 480, mirrored preview."""
        return CameraSpec("simulated", str(self.path), 640, 480, fps, mirror=True, still=still)

    def document_spec(self, *, still: bool = False) -> CameraSpec:
        """A document camera that sees this scene: 1600 x 1200, preview 960 wide."""
        return CameraSpec(
            "simulated", str(self.path), 1600, 1200, 15, preview_width_px=960, still=still
        )

    def close(self) -> None:
        """Remove the scene file; the camera counts as gone from then on."""
        shutil.rmtree(self._folder, ignore_errors=True)
