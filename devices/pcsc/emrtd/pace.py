"""PACE: a weak password becomes strong session keys, over elliptic curves.

ICAO 9303 part 11, section 4.4 and appendix G. Generic mapping on the standardised curves, with
3DES or AES; chip authentication mapping is used as generic mapping, so it opens the chip but
does not prove that it is no copy. Integrated mapping and PACE over integers are not offered:
such a chip is opened by BAC where it has it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from devices.pcsc import tlv
from devices.pcsc.apdu import LE_ANY, CardProtocolError, Command, Transmit, exchange
from devices.pcsc.emrtd import crypto
from devices.pcsc.emrtd.crypto import (
    AES128,
    AES192,
    AES256,
    COUNTER_ENC,
    COUNTER_MAC,
    COUNTER_PACE,
    DES3,
    Suite,
)
from devices.pcsc.emrtd.curves import CURVES, Curve
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.emrtd.messaging import SecureMessaging

# id-PACE: bsi-de(0.4.0.127.0.7).2.2.4, then mapping and cipher.
_ID_PACE = bytes.fromhex("04007F0007020204")
_GENERIC, _CHIP_AUTHENTICATION = 2, 6
_MAPPINGS = (_GENERIC, _CHIP_AUTHENTICATION)
_SUITES: dict[int, Suite] = {1: DES3, 2: AES128, 3: AES192, 4: AES256}
_PASSWORD_MRZ, _PASSWORD_CAN = 1, 2
_DYNAMIC, _OID, _SEQUENCE, _INTEGER = 0x7C, 0x06, 0x30, 0x02
_PUBLIC_KEY, _POINT = 0x7F49, 0x86

Scalar = Callable[[int], int]


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """One way in which a chip offers PACE, that we can take."""

    oid: bytes
    mapping: int
    suite: Suite
    parameter_id: int
    ambiguous: bool = False  # the chip offers the same with another curve

    @property
    def curve(self) -> Curve:
        """The curve on which to begin."""
        return CURVES[self.parameter_id]


def offers(card_access: bytes) -> tuple[PaceInfo, ...]:
    """What EF.CardAccess offers and we can do, best first. Raises TlvError."""
    found: list[tuple[bytes, int]] = []
    for info in tlv.walk(tlv.find(card_access, 0x31)):
        if info.tag != _SEQUENCE:
            continue
        parts = list(tlv.walk(info.value))
        if len(parts) < 3 or parts[0].tag != _OID or not parts[0].value.startswith(_ID_PACE):
            continue
        if len(parts[0].value) == len(_ID_PACE) + 2 and parts[2].tag == _INTEGER:
            found.append((parts[0].value, int.from_bytes(parts[2].value, "big")))
    usable = [
        PaceInfo(oid, oid[-2], _SUITES[oid[-1]], parameter, [o for o, _ in found].count(oid) > 1)
        for oid, parameter in found
        if oid[-2] in _MAPPINGS and oid[-1] in _SUITES and parameter in CURVES
    ]
    return tuple(sorted(usable, key=lambda info: (_MAPPINGS.index(info.mapping), -info.oid[-1])))


def password_of(key: DocumentKey) -> tuple[int, bytes]:
    """The password's reference and the secret from which its key is derived."""
    if key.can:
        return _PASSWORD_CAN, key.can.encode("ascii")
    return _PASSWORD_MRZ, hashlib.sha1(key.information).digest()  # noqa: S324 - the standard's


def random_scalar(below: int) -> int:
    """A private key: 1 to `below` - 1."""
    return 1 + secrets.randbelow(below - 1)


def map_generic(curve: Curve, nonce: bytes, shared: tuple[int, int]) -> Curve:
    """The curve with the generator to which a nonce and a shared point lead."""
    scaled = curve.multiply(int.from_bytes(nonce, "big"), curve.g)
    mapped = curve.add(scaled, shared)
    if mapped is None:
        raise CardProtocolError("the mapping leads to infinity")
    return Curve(curve.name, curve.p, curve.a, curve.b, mapped, curve.n)


def token(info: PaceInfo, key_mac: bytes, public: bytes) -> bytes:
    """The authentication token over the other side's public key."""
    data = tlv.make(_PUBLIC_KEY, tlv.make(_OID, info.oid) + tlv.make(_POINT, public))
    return info.suite.mac(key_mac, data)


def open_chip(
    transmit: Transmit, info: PaceInfo, key: DocumentKey, scalar: Scalar = random_scalar
) -> SecureMessaging:
    """Run PACE. Raises Refused (a wrong key shows at the last step) or CardProtocolError."""
    suite, curve = info.suite, info.curve
    reference, secret = password_of(key)
    setting = tlv.make(0x80, info.oid) + tlv.make(0x83, bytes([reference]))
    if info.ambiguous:
        setting += tlv.make(0x84, bytes([info.parameter_id]))
    exchange(transmit, Command(0x00, 0x22, 0xC1, 0xA4, setting)).expect("MSE:SET AT")

    ciphered = _step(transmit, b"", 0x80, "nonce")
    if not ciphered or len(ciphered) % suite.block:
        raise CardProtocolError("length of the nonce")
    nonce = suite.decrypt(suite.derive(secret, COUNTER_PACE), ciphered)

    private = scalar(curve.n)
    ours = curve.encode(curve.multiply(private, curve.g))
    theirs = _point(curve, _step(transmit, tlv.make(0x81, ours), 0x82, "mapping"), ours)
    shared = curve.multiply(private, theirs)
    if shared is None:
        raise CardProtocolError("the mapping leads to infinity")
    mapped = map_generic(curve, nonce, shared)

    private = scalar(mapped.n)
    ours = mapped.encode(mapped.multiply(private, mapped.g))
    their_raw = _step(transmit, tlv.make(0x83, ours), 0x84, "agreement")
    shared = mapped.multiply(private, _point(mapped, their_raw, ours))
    if shared is None:
        raise CardProtocolError("the agreement leads to infinity")
    agreed = shared[0].to_bytes(curve.size_bytes, "big")
    key_enc, key_mac = suite.derive(agreed, COUNTER_ENC), suite.derive(agreed, COUNTER_MAC)

    proof = tlv.make(0x85, token(info, key_mac, their_raw))
    answer = _step(transmit, proof, 0x86, "authentication", last=True)
    if not crypto.same(answer, token(info, key_mac, ours)):
        raise CardProtocolError("the chip's proof")
    return SecureMessaging(suite, key_enc, key_mac, 0)


def _step(transmit: Transmit, data: bytes, want: int, what: str, *, last: bool = False) -> bytes:
    command = Command(0x00 if last else 0x10, 0x86, 0, 0, tlv.make(_DYNAMIC, data), LE_ANY)
    answer = exchange(transmit, command).expect(f"PACE {what}")
    try:
        return tlv.find(answer, _DYNAMIC, want)
    except tlv.TlvError:
        reason = "form"
    raise CardProtocolError(f"PACE {what}: {reason}")


def _point(curve: Curve, raw: bytes, ours: bytes) -> tuple[int, int]:
    if raw == ours:
        raise CardProtocolError("the chip sent our own key back")
    try:
        return curve.decode(raw)
    except ValueError:
        reason = "not on the curve"
    raise CardProtocolError(f"the chip's key: {reason}")
