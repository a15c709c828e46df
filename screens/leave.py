"""Really leave? What would be lost, and the two ways on."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import Leave
from kiosk.journey.views import LeaveView
from screens.pictures import SignPicture
from screens.toolkit import Block, BlockScreen, Button, Heading


class Screen(BlockScreen):
    """See the module."""

    middle = True

    def blocks(self, body: LeaveView) -> Sequence[Block]:
        kit = self.kit
        sub = kit.text("leave.sub.papers" if body.papers else "leave.sub")
        return (
            SignPicture(key="sign", icon="warn", tone="amber"),
            Heading(key="title", text=kit.text("leave.title"), sub=sub, centred=True),
        )

    def extra_actions(self, _body: LeaveView) -> tuple[Button, ...]:
        text = self.kit.text("leave.now")
        return (Button(key="leave-now", name="leave-now", text=text, on=Leave()),)
