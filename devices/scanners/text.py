"""What a scanner sent, as a code: clean text, and the symbology where it is told.

A code is text on one or more lines. Control characters, lone surrogates and noncharacters
are no text: a code that holds them, or is longer than `MAX_CHARS`, is unreadable, never
shortened or mended.
"""

from __future__ import annotations

import unicodedata

from devices.records import ScannedCode

# The longest text that a QR code holds (numbers only) has 7,089; forms and e-licences stay
# far below this.
MAX_CHARS = 4_096

# The second character of an AIM identifier (ISO/IEC 15424), as zxing names these families.
_AIM = {
    "A": "code-39",
    "C": "code-128",
    "E": "ean-upc",
    "F": "codabar",
    "G": "code-93",
    "I": "itf",
    "L": "pdf417",
    "Q": "qr-code",
    "U": "maxicode",
    "d": "data-matrix",
    "e": "databar",
    "z": "aztec",
}
_AIM_CHARS = 3
_ALLOWED_CONTROL = frozenset("\t\r\n")
_NO_TEXT = frozenset({"Cc", "Cs"})


def is_text(text: str) -> bool:
    """Whether a code may say this."""
    return 0 < len(text) <= MAX_CHARS and not any(
        (unicodedata.category(char) in _NO_TEXT and char not in _ALLOWED_CONTROL)
        or ord(char) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(char) <= 0xFDEF
        for char in text
    )


def code_of(text: str | None, *, aim: bool = False) -> ScannedCode | None:
    """The code that a scanner's line is; None where it is none.

    With `aim` the scanner is set to begin each line with an AIM identifier such as `]Q1`.
    """
    if text is None:
        return None
    symbology = ""
    if aim and text[:1] == "]" and len(text) > _AIM_CHARS:
        symbology = _AIM.get(text[1], "")
        text = text[_AIM_CHARS:]
    return ScannedCode(text, symbology) if is_text(text) else None


def decode(raw: bytes) -> str | None:
    """A line as text: UTF-8, else GB 18030, as Chinese scanners and codes have it."""
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
