"""Cards to put on a simulated reader, of people who do not exist.

Every number has a valid check digit and cannot belong to anybody: the residents' begin with
99, an area code that is not assigned, and the others have the running number 000. Places are
invented too.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from devices.portrait import encode_webp
from devices.records import CardLayout, IdCard, Sex, check_digit
from devices.samv import textblock
from devices.samv.protocol import ADDRESSES, PORTRAIT_BYTES
from devices.samv.textblock import ADDRESS_BYTES


@dataclass(frozen=True, slots=True)
class CardOnReader:
    """What a card tells a reader: its blocks as they go over the wire."""

    text: bytes = field(repr=False)
    portrait: bytes = field(repr=False)  # 1,024 bytes; zeros where there is no portrait
    fingerprint: bytes = field(default=b"", repr=False)  # 0, 512 or 1,024 bytes
    addresses: bytes = field(default=b"", repr=False)  # 4 x 70 bytes, or none
    genuine: bool = True  # False: card and SAM do not accept each other


def make_card(
    card: IdCard,
    portrait: NDArray[np.uint8] | None = None,
    *,
    fingerprint: bytes = b"",
    genuine: bool = True,
) -> CardOnReader:
    """A card that says what `card` says.

    `portrait` is an RGB image of shape (126, 102, 3), or None for a card without one.
    It holds four added addresses at most. Raises TextBlockError, naming the field, for what
    the card's layout cannot hold, and ValueError for an image or addresses that do not fit.
    """
    return CardOnReader(
        text=textblock.encode(card),
        portrait=bytes(PORTRAIT_BYTES) if portrait is None else encode_webp(portrait),
        fingerprint=fingerprint,
        addresses=_address_block(card.added_addresses),
        genuine=genuine,
    )


def _address_block(addresses: tuple[str, ...]) -> bytes:
    if not addresses:
        return b""
    if len(addresses) > ADDRESSES:
        raise ValueError("a card holds four added addresses")
    block = b""
    for address in (*addresses, *[""] * (ADDRESSES - len(addresses))):
        raw = address.encode("utf-16-le")
        if len(raw) > ADDRESS_BYTES:
            raise ValueError("an added address holds 35 characters")
        block += raw + b" \x00" * ((ADDRESS_BYTES - len(raw)) // 2)
    return block


def numbered(first17: str) -> str:
    """A number with its check digit."""
    return first17 + check_digit(first17)


_ELDER = IdCard(
    layout=CardLayout.RESIDENT,
    name="陈秀英",
    english_name="",
    sex=Sex.FEMALE,
    nation="01",
    nationality="",
    birth=date(1953, 4, 12),
    address="虚构省样例市东湖区向阳路12号3幢402室",
    number=numbered("99010219530412002"),
    issuer="样例市公安局",
    valid_from=date(2013, 6, 1),
    valid_to=None,
    long_term=True,
)
_MAN = replace(
    _ELDER,
    name="王建国",
    sex=Sex.MALE,
    birth=date(1985, 8, 20),
    address="虚构省样例市西山区望江街8号",
    number=numbered("99010319850820003"),
    valid_from=date(2016, 3, 15),
    valid_to=date(2036, 3, 15),
    long_term=False,
)
_PERMIT = replace(
    _MAN,
    layout=CardLayout.PERMIT,
    name="林样例",
    sex=Sex.FEMALE,
    nation="",
    birth=date(1992, 11, 5),
    number=numbered("83000019921105000"),
    valid_from=date(2024, 5, 20),
    valid_to=date(2029, 5, 20),
    pass_number="T0000000",  # noqa: S106 - a travel pass
    issue_count="02",
)
_FOREIGN_2017 = replace(
    _MAN,
    layout=CardLayout.FOREIGN_2017,
    name="安娜",
    english_name="SAMPLE, ANNA",
    sex=Sex.FEMALE,
    nation="",
    nationality="ZZZ",
    birth=date(1988, 2, 29),
    address="",
    number="ZZZ990088022900",
    issuer="0000",
    valid_from=date(2019, 10, 8),
    valid_to=date(2029, 10, 7),
)
_FOREIGN_2023 = replace(
    _FOREIGN_2017,
    layout=CardLayout.FOREIGN_2023,
    name="样本",
    english_name="SAMPLE, MAXIMILIAN",
    sex=Sex.MALE,
    birth=date(1979, 7, 1),
    number=numbered("99999919790701000"),
    issuer="",
    valid_from=date(2024, 1, 10),
    valid_to=date(2034, 1, 9),
    issue_count="01",
)

PEOPLE: dict[str, IdCard] = {
    "elder": _ELDER,
    "man": _MAN,
    "long-term": replace(
        _ELDER,
        name="周玉兰",
        birth=date(1961, 9, 30),
        number=numbered("99010219610930004"),
        valid_from=date(2011, 2, 1),
    ),
    "expired": replace(
        _MAN,
        name="李样本",
        birth=date(1990, 1, 1),
        number=numbered("99010319900101001"),
        valid_from=date(2009, 1, 1),
        valid_to=date(2019, 1, 1),
    ),
    # Extension B lies beyond 16 bits; 䶮 is missing from many fonts and input methods.
    "rare": replace(
        _MAN,
        name="𠮷䶮",
        birth=date(1998, 12, 24),
        number=numbered("99010319981224005"),
        valid_from=date(2018, 12, 24),
        valid_to=date(2028, 12, 24),
    ),
    "child": replace(
        _ELDER,
        name="王小样",
        birth=date(2017, 6, 1),
        number=numbered("99010320170601004"),
        address=_MAN.address,
        valid_from=date(2023, 9, 1),
        valid_to=date(2028, 9, 1),
        long_term=False,
    ),
    "permit": _PERMIT,
    "foreign-2017": _FOREIGN_2017,
    "foreign-2023": _FOREIGN_2023,
}
