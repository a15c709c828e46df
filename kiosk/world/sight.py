"""Whether a camera can be used, as far as that can be told without opening it.

A camera is opened only when somebody agreed to it. One that failed is therefore not tried
again behind people's backs: once it is off and its device is there, it counts as worth
another try, and the next person's try tells.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devices.camera import CameraSpec, CameraState

_BAD = frozenset({CameraState.ABSENT, CameraState.STALLED})


class Sight:
    """The last known state of one camera; `tell` hears of each change, on any thread."""

    def __init__(self, spec: CameraSpec, tell: Callable[[bool], None]) -> None:
        self._spec = spec
        self._tell = tell
        self._ok: bool | None = None
        self._off = True

    def changed(self, state: CameraState) -> None:
        """What the camera says of itself."""
        self._off = state is CameraState.OFF
        if state in _BAD:
            self._say(False)
        elif state is CameraState.LIVE:
            self._say(True)

    def missed(self, state: CameraState) -> None:
        """A picture was waited for in vain: away, whatever it said, until it says that it is live.

        `state` is the camera's own now: one that came back a moment ago does not say so again.
        """
        self._say(False)
        if state is CameraState.LIVE:
            self._say(True)

    def look(self) -> None:
        """Ask now and then: is a camera that failed worth another try?"""
        if self._ok is False and self._off and self._plugged_in():
            self._say(True)

    def _plugged_in(self) -> bool:
        if self._spec.kind != "v4l2":
            return True
        name = self._spec.device
        return Path(f"/dev/video{name}" if name.isdigit() else name).exists()

    def _say(self, ok: bool) -> None:
        if ok is not self._ok:
            self._ok = ok
            self._tell(ok)
