"""Papers from the document camera: found, straightened, judged and kept small.

`DocumentCamera` is for the screen's process. `devices.document.paper` holds the pure
functions on pictures; it imports OpenCV and runs in the camera's child process.
"""

from __future__ import annotations

from devices.document.client import DocumentCamera, Outline

__all__ = ["DocumentCamera", "Outline"]
