"""Suite 1: HPKE (RFC 9180, X25519), AES-256-GCM, SHA-256, Ed25519, all from `cryptography`.

HPKE in base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM; `info` is what
the data key is bound to. A public key is 32 raw bytes, a private key likewise.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM
from cryptography.hazmat.primitives.hpke import Suite as HpkeSuite

from kiosk.contract.suites.errors import SealError, SealFault
from kiosk.contract.suites.ports import KeyPair, KeyUse, SuiteId, key_id

_HPKE: Final = HpkeSuite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_DATA_KEY_BYTES: Final = 32


class Sha256Hasher:
    """SHA-256."""

    name: Final = "sha-256"

    def digest(self, data: bytes) -> str:
        """In lower-case hex."""
        return hashlib.sha256(data).hexdigest()


_HASHER: Final = Sha256Hasher()


@dataclass(frozen=True, slots=True)
class _Parts:
    """Both directions of AES-256-GCM under one data key."""

    sealed_key: bytes
    _cipher: AESGCM = field(repr=False)
    _bound: bytes

    def seal(self, nonce: bytes, plain: bytes) -> bytes:
        return self._cipher.encrypt(nonce, plain, self._bound)

    def open(self, nonce: bytes, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(nonce, sealed, self._bound)
        except InvalidTag:
            raise SealError(SealFault.ALTERED, "part") from None


@dataclass(frozen=True, slots=True)
class _Sealer:
    key_id: str
    _public: X25519PublicKey
    suite: SuiteId = SuiteId.INTERNATIONAL

    def start(self, bound: bytes) -> _Parts:
        data_key = secrets.token_bytes(_DATA_KEY_BYTES)
        return _Parts(_HPKE.encrypt(data_key, self._public, bound), AESGCM(data_key), bound)


@dataclass(frozen=True, slots=True)
class _Unsealer:
    key_id: str
    _private: X25519PrivateKey = field(repr=False)
    suite: SuiteId = SuiteId.INTERNATIONAL

    def start(self, sealed_key: bytes, bound: bytes) -> _Parts:
        try:
            data_key = _HPKE.decrypt(sealed_key, self._private, bound)
        except (InvalidTag, ValueError):
            raise SealError(SealFault.ALTERED, "data key") from None
        if len(data_key) != _DATA_KEY_BYTES:
            raise SealError(SealFault.ALTERED, "data key")
        return _Parts(sealed_key, AESGCM(data_key), bound)


@dataclass(frozen=True, slots=True)
class _Signer:
    key_id: str
    _private: Ed25519PrivateKey = field(repr=False)
    suite: SuiteId = SuiteId.INTERNATIONAL

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


@dataclass(frozen=True, slots=True)
class _Verifier:
    key_id: str
    _public: Ed25519PublicKey
    suite: SuiteId = SuiteId.INTERNATIONAL

    def verify(self, data: bytes, signature: bytes) -> None:
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            raise SealError(SealFault.BAD_SIGNATURE, self.key_id) from None


class International:
    """Suite 1 in software."""

    id: Final = SuiteId.INTERNATIONAL
    hasher: Final = _HASHER

    def generate(self, use: KeyUse) -> KeyPair:
        """A new X25519 or Ed25519 key."""
        made = X25519PrivateKey.generate() if use is KeyUse.SEAL else Ed25519PrivateKey.generate()
        public = made.public_key().public_bytes_raw()
        name = key_id(self.id, _HASHER, public)
        return KeyPair(name, self.id, use, public, made.private_bytes_raw())

    def sealer(self, key_id: str, public: bytes) -> _Sealer:
        """Seals to an X25519 key."""
        try:
            sealer = _Sealer(key_id, X25519PublicKey.from_public_bytes(public))
            sealer.start(b"")  # a point of small order is found here, and not at a resident's form
        except ValueError:
            raise SealError(SealFault.BAD_KEY, key_id) from None
        return sealer

    def unsealer(self, pair: KeyPair) -> _Unsealer:
        """Opens with an X25519 key."""
        try:
            return _Unsealer(pair.id, X25519PrivateKey.from_private_bytes(pair.private))
        except ValueError:
            raise SealError(SealFault.BAD_KEY, pair.id) from None

    def signer(self, pair: KeyPair) -> _Signer:
        """Signs with an Ed25519 key."""
        try:
            return _Signer(pair.id, Ed25519PrivateKey.from_private_bytes(pair.private))
        except ValueError:
            raise SealError(SealFault.BAD_KEY, pair.id) from None

    def verifier(self, key_id: str, public: bytes) -> _Verifier:
        """Verifies with an Ed25519 key."""
        try:
            return _Verifier(key_id, Ed25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise SealError(SealFault.BAD_KEY, key_id) from None
