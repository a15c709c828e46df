"""The ciphers of ICAO 9303 part 11: two-key 3DES with the retail MAC, and AES with CMAC.

Key derivation is section 9.7.1, padding ISO/IEC 9797-1 method 2, the retail MAC ISO/IEC
9797-1 algorithm 3.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MAC_BYTES = 8
COUNTER_ENC, COUNTER_MAC, COUNTER_PACE = 1, 2, 3
_DES_BYTES = 8


def pad(data: bytes, block: int) -> bytes:
    """Append 80 and zeros up to a multiple of `block`."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes:
    """Undo `pad`. Raises ValueError if there is no padding."""
    stripped = data.rstrip(b"\x00")
    if not stripped or stripped[-1] != 0x80:
        raise ValueError("padding")
    return stripped[:-1]


def same(a: bytes, b: bytes) -> bool:
    """Compare without telling by time where the first difference is."""
    return hmac.compare_digest(a, b)


def odd_parity(key: bytes) -> bytes:
    """DES keys as the standard prints them: the lowest bit of each byte makes it odd."""
    return bytes(byte & 0xFE | (byte >> 1).bit_count() & 1 ^ 1 for byte in key)


def _triple_des(key: bytes) -> TripleDES:
    # The library wants three keys; the third is the first.
    return TripleDES(key + key[:_DES_BYTES] if len(key) == 2 * _DES_BYTES else key * 3)


def retail_mac(key: bytes, padded: bytes) -> bytes:
    """DES-CBC with the key's first half; the last block with both. `padded` is whole blocks."""
    first, last = padded[:-_DES_BYTES], padded[-_DES_BYTES:]
    chained = bytes(_DES_BYTES)
    if first:
        single = Cipher(_triple_des(key[:_DES_BYTES]), modes.CBC(chained)).encryptor()
        chained = (single.update(first) + single.finalize())[-_DES_BYTES:]
    final = Cipher(_triple_des(key), modes.CBC(chained)).encryptor()
    return final.update(last) + final.finalize()


@dataclass(frozen=True, slots=True)
class Suite:
    """One choice of ciphers."""

    name: str
    key_bytes: int
    block: int
    digest: str  # of the key derivation

    def derive(self, secret: bytes, counter: int) -> bytes:
        """A key from a shared secret: KDF(secret, counter)."""
        raw = hashlib.new(self.digest, secret + counter.to_bytes(4, "big")).digest()
        key = raw[: self.key_bytes]
        return odd_parity(key) if self.is_des else key

    @property
    def is_des(self) -> bool:
        """Whether this is 3DES."""
        return self.block == _DES_BYTES

    def encrypt(self, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
        """CBC over whole blocks; the start value is zero unless given."""
        run = Cipher(self._algorithm(key), modes.CBC(iv or bytes(self.block))).encryptor()
        return run.update(data) + run.finalize()

    def decrypt(self, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
        """The inverse. Raises ValueError for what is not whole blocks."""
        run = Cipher(self._algorithm(key), modes.CBC(iv or bytes(self.block))).decryptor()
        return run.update(data) + run.finalize()

    def mac(self, key: bytes, data: bytes) -> bytes:
        """Eight bytes over `data`, which need not be padded."""
        if self.is_des:
            return retail_mac(key, pad(data, _DES_BYTES))
        run = cmac.CMAC(algorithms.AES(key))
        run.update(data)
        return run.finalize()[:MAC_BYTES]

    def start_value(self, key: bytes, counter: bytes) -> bytes:
        """The start value of secure messaging: zero for 3DES, the enciphered counter for AES."""
        return bytes(self.block) if self.is_des else self.encrypt(key, counter)

    def _algorithm(self, key: bytes) -> TripleDES | algorithms.AES:
        return _triple_des(key) if self.is_des else algorithms.AES(key)


DES3 = Suite("3DES", 16, 8, "sha1")
AES128 = Suite("AES-128", 16, 16, "sha1")
AES192 = Suite("AES-192", 24, 16, "sha256")
AES256 = Suite("AES-256", 32, 16, "sha256")
