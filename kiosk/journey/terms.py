"""Small words shared by visit, events and views."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """Languages of the screen."""

    ZH = "zh"
    EN = "en"


class Size(StrEnum):
    """Size of letters and targets."""

    NORMAL = "normal"
    LARGE = "large"


class Theme(StrEnum):
    """Colours of the screen."""

    CALM = "calm"
    CONTRAST = "contrast"


class StepName(StrEnum):
    """The steps of a visit. Each has a file in `steps/` and a twin in `screens/`."""

    WELCOME = "welcome"
    CHOOSE = "choose"
    ITEM_GUIDE = "item_guide"
    IDENTIFY = "identify"
    VERIFY_FACE = "verify_face"
    OTHER_WAY = "other_way"
    QUESTIONS = "questions"
    OUTCOME = "outcome"
    MATERIALS = "materials"
    FORM = "form"
    DELIVERY = "delivery"
    REVIEW = "review"
    SIGN = "sign"
    RENEWED = "renewed"
    SUBMITTED = "submitted"
    RESULT = "result"
    RATE = "rate"
    LEAVE = "leave"
    FAREWELL = "farewell"


class Rung(StrEnum):
    """The ladder for those without card or face match, in this order."""

    OTHER_CARD = "other-card"
    APP_CODE = "app-code"
    AUTHORISED_PERSON = "authorised-person"
    APPOINTMENT = "appointment"
