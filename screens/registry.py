"""Which class shows which step. A step whose screen is not built yet gets a plain page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

from kiosk.journey.terms import StepName
from screens.toolkit import Block, BlockScreen, Heading, Kit, StepScreen

MODULES: Mapping[StepName, str] = MappingProxyType(
    {
        StepName.WELCOME: "screens.welcome",
        StepName.CHOOSE: "screens.choose",
        StepName.ITEM_GUIDE: "screens.item_guide",
        StepName.IDENTIFY: "screens.identify",
        StepName.VERIFY_FACE: "screens.verify_face",
        StepName.OTHER_WAY: "screens.other_way",
        StepName.QUESTIONS: "screens.questions",
        StepName.OUTCOME: "screens.outcome",
        StepName.MATERIALS: "screens.materials",
        StepName.FORM: "screens.form",
        StepName.DELIVERY: "screens.delivery",
        StepName.REVIEW: "screens.review",
        StepName.SIGN: "screens.sign",
        StepName.RENEWED: "screens.renewed",
        StepName.SUBMITTED: "screens.submitted",
        StepName.RESULT: "screens.result",
        StepName.RATE: "screens.rate",
        StepName.LEAVE: "screens.leave",
        StepName.FAREWELL: "screens.farewell",
    }
)
"""The module of a step; its class is called `Screen`."""


class PlainScreen(BlockScreen):
    """The name of a step and nothing else."""

    def blocks(self, _body: Any) -> Sequence[Block]:
        return (Heading(key="title", text=self.frame.step.value),)


def screen_for(step: StepName, kit: Kit) -> StepScreen:
    """A new screen for `step`."""
    name = MODULES.get(step)
    if name is None:
        return PlainScreen(kit)
    made: StepScreen = import_module(name).Screen(kit)
    return made
