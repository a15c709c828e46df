"""Find out which card lies on the reader, without harming it.

First the two SELECTs, which by standard change nothing; then the two commands that only ask for
a UID and that other cards refuse as unknown. A UID is looked at for its length and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.pcsc import socialcard
from devices.pcsc.apdu import LE_ANY, SW, CardProtocolError, Command, exchange, select_name
from devices.pcsc.card import Card
from devices.pcsc.emrtd import lds
from devices.records import CardKind, UnknownCard

_UID_OF_ID_CARD = Command(0x00, 0x36, 0, 0, le=8)
_UID_OF_READER = Command(0xFF, 0xCA, 0, 0, le=LE_ANY)
_ID_CARD_UID_BYTES = 8
# How a chip that opens by PACE only answers before it was opened.
_LOCKED = frozenset({SW.SECURITY_NOT_SATISFIED, SW.CONDITIONS_NOT_SATISFIED})


def kind_of(card: Card) -> CardKind:
    """Social or travel, else unknown: `uid_of` looks closer. Raises DeviceError of the reader."""
    if _tries(socialcard.is_selected, card):
        return CardKind.SOCIAL
    if _tries(_has_travel_application, card):
        return CardKind.TRAVEL
    return CardKind.UNKNOWN


def uid_of(card: Card) -> UnknownCard:
    """Whether an unknown card has a UID, and whether it is a resident ID card's."""
    if _uid_bytes(card, _UID_OF_ID_CARD) == _ID_CARD_UID_BYTES:
        return UnknownCard(CardKind.RESIDENT_ID, uid_present=True)
    return UnknownCard(CardKind.UNKNOWN, uid_present=_uid_bytes(card, _UID_OF_READER) > 0)


def _tries(probe: Callable[[Card], bool], card: Card) -> bool:
    try:
        return probe(card)
    except CardProtocolError:
        return False


def _has_travel_application(card: Card) -> bool:
    answer = exchange(card.transmit, select_name(lds.APPLICATION, answer=False))
    return answer.ok or answer.sw in _LOCKED


def _uid_bytes(card: Card, command: Command) -> int:
    try:
        answer = exchange(card.transmit, command)
    except CardProtocolError:
        return 0
    return len(answer.data) if answer.ok else 0
