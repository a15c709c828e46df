"""What stands on a receipt, as plain data: nothing here knows fonts, paper or printers.

A receipt (提交回执) says what was handed in and where it is now. It never says that a
department has accepted anything: that is the acceptance notice (受理凭证), from the backend.
Names and contacts arrive masked; `mask_name` and `mask_phone` are the one way to do it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

Language = Literal["zh", "en"]


class Delivery(StrEnum):
    """Where the application is at the moment of printing."""

    KEPT = "kept"  # saved on this terminal, will be sent
    RECEIVED = "received"  # the backend has acknowledged it


@dataclass(frozen=True, slots=True)
class Owed:
    """A material that the resident pledged to bring, and until when."""

    name: str
    due: date | None = None
    days: int = 0  # from the day of handing in; said where the clock may be wrong


@dataclass(frozen=True, slots=True)
class Component:
    """One item of a bundle, and the department that handles it."""

    item: str
    department: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Everything that is printed after a submission.

    `saved_at` is civil time at the terminal; with `clock_trusted` False the receipt says
    that the clock may be wrong. `case_number` belongs to `Delivery.RECEIVED` only.
    `qr` is the text of the QR code (an address or plain text), "" for none. `ask_phone`
    and `ask_hours` say how to ask; `take_along` is what lies on the terminal (ID card, …).
    """

    language: Language
    item: str
    number: str
    saved_at: datetime
    clock_trusted: bool
    terminal: str
    site: str
    delivery: Delivery
    applicant: str = field(default="", repr=False)
    department: str = ""
    situation: str = ""
    case_number: str = ""
    components: tuple[Component, ...] = ()
    handed_in: tuple[str, ...] = ()
    owed: tuple[Owed, ...] = ()
    result_by: str = field(default="", repr=False)
    result_note: str = ""
    contact: str = field(default="", repr=False)
    ask_phone: str = ""
    ask_hours: str = ""
    take_along: tuple[str, ...] = ()
    qr: str = ""
    sample: bool = False
    simulated: bool = False

    def __post_init__(self) -> None:
        if not self.number:
            raise ValueError("a receipt needs its number")
        if self.case_number and self.delivery is not Delivery.RECEIVED:
            raise ValueError("only a received application has a case number")


@dataclass(frozen=True, slots=True)
class Stub:
    """What can be said after a crash, when the visit is gone: nothing personal."""

    language: Language
    number: str
    saved_at: datetime
    clock_trusted: bool
    terminal: str
    delivery: Delivery
    site: str = ""
    ask_phone: str = ""
    ask_hours: str = ""
    qr: str = ""
    simulated: bool = False

    def __post_init__(self) -> None:
        if not self.number:
            raise ValueError("a stub needs its number")


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One line of a material's sample: what is asked, and how it is filled in."""

    label: str
    filled: str


@dataclass(frozen=True, slots=True)
class BringMaterial:
    """One line of a bring list: what, why it is needed, where one gets it.

    From `form` ("original", "copy", "photo", "statement") on: for the item guide.
    """

    name: str
    why: str = ""
    source: str = ""
    copies: str = ""
    form: str = ""
    count: int = 1
    pledge_days: int | None = None
    basis: str = ""
    checks: tuple[str, ...] = ()
    sample: tuple[SampleRow, ...] = ()


@dataclass(frozen=True, slots=True)
class BringList:
    """What to bring for one item and situation, from questions answered without a card.

    `not_today` says why it cannot succeed as answered ("" where it can); `already_held` are
    materials that the state holds, so nobody needs to bring them.
    """

    language: Language
    item: str
    materials: tuple[BringMaterial, ...]
    situation: str = ""
    not_today: str = ""
    already_held: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    where: str = ""
    hours: str = ""
    fee: str = ""
    days: str = ""
    ask_phone: str = ""
    printed_on: date | None = None
    terminal: str = ""
    site: str = ""
    qr: str = ""
    sample: bool = False
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class GuideSlip:
    """The item guide (办事指南) on paper: nothing in it is about anybody.

    `materials` are all that may be needed; which of them, the questions say. `situations`
    are (name, result, reason) of those that cannot be handed in at a terminal.
    """

    language: Language
    code: str
    item: str
    version: int
    effective_from: date
    for_whom: str
    basis: str
    fee: str
    days_legal: int | None
    days_promised: int | None
    visits: int
    result: str
    where: str
    phone: str
    effective_until: date | None = None
    as_of: date | None = None
    confirmed_by: str = ""
    confirmed_on: date | None = None
    conditions: tuple[str, ...] = ()
    situations: tuple[tuple[str, str, str], ...] = ()
    materials: tuple[BringMaterial, ...] = ()
    already_held: tuple[str, ...] = ()
    by_card: tuple[str, ...] = ()  # told by the card that is read here
    made_here: tuple[BringMaterial, ...] = ()  # statements that the terminal writes, to be signed
    steps: tuple[str, ...] = ()
    usual_steps: tuple[str, ...] = ()  # words keys `receipt.guide-step-<value>`, without steps
    departments: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    printed_on: date | None = None
    terminal: str = ""
    site: str = ""
    sample: bool = False
    simulated: bool = False


def mask_name(name: str) -> str:
    """The first character and two stars, whatever the length: 陈**, J**.

    A name's length is not told, and a rare or private-use first character stays as it is.
    """
    stripped = name.strip()
    return stripped[:1] + "**" if stripped else ""


def mask_phone(phone: str) -> str:
    """Three digits, four stars, the last four: 138****6612; a short number keeps two."""
    digits = "".join(char for char in phone if char.isdigit())
    if len(digits) >= 11:
        return f"{digits[:3]}****{digits[-4:]}"
    return "*" * 4 + digits[-2:] if digits else ""
