"""The steps of a visit, one file each; `STEPS` finds the one that a place names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.journey.steps.choose import Choose
from kiosk.journey.steps.delivery import Delivery
from kiosk.journey.steps.farewell import Farewell
from kiosk.journey.steps.form import Form
from kiosk.journey.steps.identify import Identify
from kiosk.journey.steps.item_guide import ItemGuide
from kiosk.journey.steps.leave import Leave
from kiosk.journey.steps.materials import Materials
from kiosk.journey.steps.other_way import OtherWayStep
from kiosk.journey.steps.outcome import Outcome
from kiosk.journey.steps.questions import Questions
from kiosk.journey.steps.rate import Rate
from kiosk.journey.steps.renewed import Renewed
from kiosk.journey.steps.result import Result
from kiosk.journey.steps.review import Review
from kiosk.journey.steps.sign import Sign
from kiosk.journey.steps.submitted import Submitted
from kiosk.journey.steps.verify_face import VerifyFace
from kiosk.journey.steps.welcome import Welcome
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Step

_ALL: Final[tuple[Step, ...]] = (
    Welcome(),
    Choose(),
    ItemGuide(),
    Identify(),
    VerifyFace(),
    OtherWayStep(),
    Questions(),
    Outcome(),
    Materials(),
    Form(),
    Delivery(),
    Review(),
    Sign(),
    Renewed(),
    Submitted(),
    Result(),
    Rate(),
    Leave(),
    Farewell(),
)
STEPS: Final[Mapping[StepName, Step]] = {step.name: step for step in _ALL}
