"""Looks one touch ahead while nothing happens, so that the touch finds its texts at hand.

What a touch would show is worked out without doing anything, laid out out of sight and painted
once: letters are shaped, lines counted, small pictures made. What is shown never changes by it.
`work` does a part that takes a few milliseconds; whoever calls it stops when something happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kiosk.journey.events import Event
from kiosk.journey.views import View
from screens.shell import Shell


class Ahead:
    """Studies the screens to which the touches on the screen shown lead, each once."""

    def __init__(self, shell: Shell, foresee: Callable[[Event], View | None]) -> None:
        """`foresee` says what an event would show; None where that is not to be prepared."""
        self._shell = shell
        self._foresee = foresee
        self._shown: View | None = None
        self._parts: Iterator[None] = iter(())

    def shown(self, view: View) -> bool:
        """`view` is shown; True if it is another one and there is work to do for it.

        What was planned for the last one is left undone.
        """
        if view == self._shown:
            return False
        self._shown, self._parts = view, self._study()
        return True

    def work(self) -> bool:
        """Do one small part; False when nothing is left to do."""
        return next(self._parts, self) is not self

    def _study(self) -> Iterator[None]:
        for event in self._shell.offered():
            view = self._foresee(event)
            yield
            if view is not None:
                yield from self._shell.study(view)
