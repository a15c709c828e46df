"""Suite 2: the national algorithms (GB/T 39786): SM2, SM3 and SM4-GCM, in software.

SM3 and SM4 come from `cryptography`. SM2 (GB/T 32918) comes from `gmalg`, which is written in
Python: some 25 ms to seal a key, and not of constant time, so that whoever can measure the
machine that opens or signs could learn about its key. An authority that must be certified
attaches a module instead (see `ports`); what is on the wire stays the same.

Forms: a public key is 04 || x || y (65 bytes), a private key 32 bytes, a signature r || s (64
bytes) with the default user id of GM/T 0009, a sealed key C1 || C3 || C2 (GM/T 0003.4).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SM3, Hash
from gmalg import SM2

from kiosk.contract.suites.errors import SealError, SealFault
from kiosk.contract.suites.ports import TAG_BYTES, KeyPair, KeyUse, SuiteId, key_id

USER_ID: Final = b"1234567812345678"
_DATA_KEY_BYTES: Final = 16
_NUMBER_BYTES: Final = 32
_POINT_BYTES: Final = 1 + 2 * _NUMBER_BYTES
_SEALED_KEY_BYTES: Final = _POINT_BYTES + 32 + _DATA_KEY_BYTES
_SIGNATURE_BYTES: Final = 2 * _NUMBER_BYTES
# The field's prime and the group's order (GB/T 32918.5).
_PRIME: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_ORDER: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93


def _sm2(private: bytes | None, public: bytes) -> Any:
    # One for each operation: it keeps the state of its hash, and threads share signers.
    return SM2(private, USER_ID, public, rnd_fn=secrets.randbits)


def _is_point(data: bytes) -> bool:
    """Whether `data` is a point of the curve, uncompressed. Its order is then the group's."""
    if len(data) != _POINT_BYTES or data[0] != 4:
        return False
    x = int.from_bytes(data[1 : 1 + _NUMBER_BYTES], "big")
    y = int.from_bytes(data[1 + _NUMBER_BYTES :], "big")
    return x < _PRIME and y < _PRIME and (y * y - (x * x - 3) * x - _B) % _PRIME == 0


def _checked_public(key_id: str, public: bytes) -> bytes:
    if not _is_point(public):
        raise SealError(SealFault.BAD_KEY, key_id)
    return public


def _checked_pair(pair: KeyPair) -> KeyPair:
    number = int.from_bytes(pair.private, "big")
    if len(pair.private) != _NUMBER_BYTES or not 1 <= number <= _ORDER - 2:
        raise SealError(SealFault.BAD_KEY, pair.id)
    _checked_public(pair.id, pair.public)
    return pair


class Sm3Hasher:
    """SM3 (GB/T 32905)."""

    name: Final = "sm3"

    def digest(self, data: bytes) -> str:
        """In lower-case hex."""
        running = Hash(SM3())
        running.update(data)
        return running.finalize().hex()


_HASHER: Final = Sm3Hasher()


@dataclass(frozen=True, slots=True)
class _Parts:
    """Both directions of SM4-GCM under one data key."""

    sealed_key: bytes
    _data_key: bytes = field(repr=False)
    _bound: bytes

    def seal(self, nonce: bytes, plain: bytes) -> bytes:
        running = Cipher(SM4(self._data_key), modes.GCM(nonce)).encryptor()
        running.authenticate_additional_data(self._bound)
        return running.update(plain) + running.finalize() + running.tag

    def open(self, nonce: bytes, sealed: bytes) -> bytes:
        if len(sealed) < TAG_BYTES:
            raise SealError(SealFault.ALTERED, "part")
        tag = sealed[-TAG_BYTES:]
        running = Cipher(SM4(self._data_key), modes.GCM(nonce, tag)).decryptor()
        running.authenticate_additional_data(self._bound)
        plain = running.update(sealed[:-TAG_BYTES])
        try:
            return plain + running.finalize()
        except InvalidTag:
            raise SealError(SealFault.ALTERED, "part") from None


@dataclass(frozen=True, slots=True)
class _Sealer:
    key_id: str
    _public: bytes
    suite: SuiteId = SuiteId.NATIONAL

    def start(self, bound: bytes) -> _Parts:
        data_key = secrets.token_bytes(_DATA_KEY_BYTES)
        sealed: bytes = _sm2(None, self._public).encrypt(data_key)
        return _Parts(sealed, data_key, bound)


@dataclass(frozen=True, slots=True)
class _Unsealer:
    key_id: str
    _pair: KeyPair = field(repr=False)
    suite: SuiteId = SuiteId.NATIONAL

    def start(self, sealed_key: bytes, bound: bytes) -> _Parts:
        point = sealed_key[:_POINT_BYTES]
        if len(sealed_key) != _SEALED_KEY_BYTES or not _is_point(point):
            raise SealError(SealFault.ALTERED, "data key")
        try:
            data_key: bytes = _sm2(self._pair.private, self._pair.public).decrypt(sealed_key)
        except Exception:  # noqa: BLE001 - whatever the library says, it does not open
            raise SealError(SealFault.ALTERED, "data key") from None
        return _Parts(sealed_key, data_key, bound)


@dataclass(frozen=True, slots=True)
class _Signer:
    key_id: str
    _pair: KeyPair = field(repr=False)
    suite: SuiteId = SuiteId.NATIONAL

    def sign(self, data: bytes) -> bytes:
        r, s = _sm2(self._pair.private, self._pair.public).sign(data)
        return bytes(r.rjust(_NUMBER_BYTES, b"\0") + s.rjust(_NUMBER_BYTES, b"\0"))


@dataclass(frozen=True, slots=True)
class _Verifier:
    key_id: str
    _public: bytes
    suite: SuiteId = SuiteId.NATIONAL

    def verify(self, data: bytes, signature: bytes) -> None:
        r, s = signature[:_NUMBER_BYTES], signature[_NUMBER_BYTES:]
        try:
            right = len(signature) == _SIGNATURE_BYTES and _sm2(None, self._public).verify(
                data, r, s
            )
        except Exception:  # noqa: BLE001 - whatever the library says, it is no signature
            right = False
        if not right:
            raise SealError(SealFault.BAD_SIGNATURE, self.key_id)


class National:
    """Suite 2 in software."""

    id: Final = SuiteId.NATIONAL
    hasher: Final = _HASHER

    def generate(self, use: KeyUse) -> KeyPair:
        """A new SM2 key; keys to seal and keys to sign have the same form."""
        private, public = SM2(rnd_fn=secrets.randbits).generate_keypair()
        name = key_id(self.id, _HASHER, public)
        return KeyPair(name, self.id, use, public, private.rjust(_NUMBER_BYTES, b"\0"))

    def sealer(self, key_id: str, public: bytes) -> _Sealer:
        """Seals to an SM2 key."""
        return _Sealer(key_id, _checked_public(key_id, public))

    def unsealer(self, pair: KeyPair) -> _Unsealer:
        """Opens with an SM2 key."""
        return _Unsealer(pair.id, _checked_pair(pair))

    def signer(self, pair: KeyPair) -> _Signer:
        """Signs with an SM2 key."""
        return _Signer(pair.id, _checked_pair(pair))

    def verifier(self, key_id: str, public: bytes) -> _Verifier:
        """Verifies with an SM2 key."""
        return _Verifier(key_id, _checked_public(key_id, public))
