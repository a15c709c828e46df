"""What may be sent to a card at all. Every byte on its way to a card passes here.

A wrong PIN, sent three times, locks a resident's card for good. So this is a list of what is
allowed, not of what is forbidden: VERIFY (20, 21), CHANGE REFERENCE DATA (24), RESET RETRY
COUNTER (2C), everything that writes, and PACE with a PIN have no entry and cannot be sent,
whoever asks. `service.Connection.transmit`, the only caller of SCardTransmit, checks first.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.errors import DeviceError, Fault
from devices.pcsc import tlv

_SECURE = 0x0C  # the class byte's bits for secure messaging
_MUTUAL_BYTES = 40
# PACE passwords that no try counter guards: 1 the machine-readable zone, 2 the number printed
# on the card. 3 is the PIN, 4 the PUK.
_HARMLESS_PASSWORDS = (b"\x01", b"\x02")
_UID_OF_READER = bytes.fromhex("FFCA000000")
_UID_OF_ID_CARD = bytes.fromhex("0036000008")


def _plain_or_secure(apdu: bytes) -> bool:
    return apdu[0] & ~_SECURE == 0


def _mutual_authenticate(apdu: bytes) -> bool:
    return apdu[0] == 0 and apdu[2:5] == bytes([0, 0, _MUTUAL_BYTES])


def _set_pace(apdu: bytes) -> bool:
    if apdu[0] != 0 or apdu[2:4] != b"\xc1\xa4" or len(apdu) < 5:
        return False
    try:
        passwords = [item.value for item in tlv.walk(apdu[5 : 5 + apdu[4]]) if item.tag == 0x83]
    except tlv.TlvError:
        return False
    return len(passwords) == 1 and passwords[0] in _HARMLESS_PASSWORDS


def _general_authenticate(apdu: bytes) -> bool:
    return apdu[0] in (0x00, 0x10) and apdu[2:4] == b"\x00\x00"


_ALLOWED: dict[int, Callable[[bytes], bool]] = {
    0x22: _set_pace,
    0x36: lambda apdu: apdu == _UID_OF_ID_CARD,
    0x82: _mutual_authenticate,
    0x84: _plain_or_secure,  # GET CHALLENGE
    0x86: _general_authenticate,
    0xA4: _plain_or_secure,  # SELECT
    0xB0: _plain_or_secure,  # READ BINARY
    0xB1: _plain_or_secure,  # READ BINARY with a long offset
    0xB2: _plain_or_secure,  # READ RECORD
    0xC0: _plain_or_secure,  # GET RESPONSE
}


def is_allowed(apdu: bytes) -> bool:
    """Whether a command can do no harm to a card."""
    if apdu == _UID_OF_READER:
        return True
    if len(apdu) < 4 or apdu[0] == 0xFF:
        return False
    rule = _ALLOWED.get(apdu[1])
    return rule is not None and rule(apdu)


def check(apdu: bytes) -> None:
    """Raise DeviceError(COMMAND_FORBIDDEN) for what may not be sent."""
    if not is_allowed(apdu):
        raise DeviceError(Fault.COMMAND_FORBIDDEN, f"INS {apdu[1]:02X}" if apdu[1:] else "empty")
