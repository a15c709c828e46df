"""Basic access control: three fields of the data page become a protected session.

ICAO 9303 part 11, section 4.3 and appendix D. A wrong key is told from a broken chip: the chip
answers a wrong key with a status of its own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from devices.pcsc.apdu import CardProtocolError, Command, Refused, Transmit, exchange
from devices.pcsc.emrtd import crypto
from devices.pcsc.emrtd.crypto import COUNTER_ENC, COUNTER_MAC, DES3
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.emrtd.messaging import SecureMessaging

_NONCE_BYTES = 8
_SEED_BYTES = 16
_ANSWER_BYTES = 40

Random = Callable[[int], bytes]


def keys_of(seed: bytes) -> tuple[bytes, bytes]:
    """Enciphering and MAC key of a seed."""
    return DES3.derive(seed, COUNTER_ENC), DES3.derive(seed, COUNTER_MAC)


def seed_of(key: DocumentKey) -> bytes:
    """The seed that the data page stands for."""
    return hashlib.sha1(key.information).digest()[:_SEED_BYTES]  # noqa: S324 - the standard's


def open_chip(transmit: Transmit, key: DocumentKey, random: Random = os.urandom) -> SecureMessaging:
    """Authenticate to a chip whose application is selected.

    Raises Refused with the chip's status if it does not accept the key, CardProtocolError if
    its answer is not that of a chip that knows it.
    """
    key_enc, key_mac = keys_of(seed_of(key))
    challenge = Command(0x00, 0x84, 0, 0, le=_NONCE_BYTES)
    chip_nonce = exchange(transmit, challenge).expect("GET CHALLENGE")
    if len(chip_nonce) != _NONCE_BYTES:
        raise CardProtocolError("length of the challenge")
    nonce, seed = random(_NONCE_BYTES), random(_SEED_BYTES)
    ciphered = DES3.encrypt(key_enc, nonce + chip_nonce + seed)
    proof = ciphered + DES3.mac(key_mac, ciphered)
    command = Command(0x00, 0x82, 0, 0, proof, _ANSWER_BYTES)
    answer = exchange(transmit, command).expect("EXTERNAL AUTHENTICATE")
    ciphered, mac = answer[: -crypto.MAC_BYTES], answer[-crypto.MAC_BYTES :]
    if len(answer) != _ANSWER_BYTES or not crypto.same(DES3.mac(key_mac, ciphered), mac):
        raise CardProtocolError("the chip's proof")
    plain = DES3.decrypt(key_enc, ciphered)
    if plain[:_NONCE_BYTES] != chip_nonce or plain[_NONCE_BYTES : 2 * _NONCE_BYTES] != nonce:
        raise CardProtocolError("the chip's proof is of another session")
    shared = bytes(a ^ b for a, b in zip(seed, plain[2 * _NONCE_BYTES :], strict=True))
    counter = int.from_bytes(chip_nonce[4:] + nonce[4:], "big")
    return SecureMessaging(DES3, *keys_of(shared), counter)


def is_wrong_key(error: Refused) -> bool:
    """Whether a chip refused because it was given another document's data."""
    # 6300 by the standard; chips in the field also say these.
    return error.sw in (0x6300, 0x6982, 0x6985, 0x6988) or error.sw & 0xFFF0 == 0x63C0
