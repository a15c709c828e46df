"""The ports behind which the algorithms stand.

A *suite* is one choice of algorithms under one id, which travels in every envelope, chain
entry, acknowledgement and key. Whoever seals, opens, signs or verifies knows these ports and
no algorithm.

A certified cryptographic module (a card or an HSM, reached for instance through GM/T 0018) is
attached as a `Suite` of its own, which the settings of terminal and backend name
(`kiosk.contract.suites.attach`). The ports are cut so that no secret has to leave it:
`Sealer.start` makes the data key and hands out only its sealed form and a handle that seals
parts; `Unsealer.start` is the reverse; `Signer` is told what to sign. `KeyPair.private` may then
hold a reference to a slot in the module instead of a key: only the module that made it reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16  # what sealing adds to a part, in either suite


class SuiteId(StrEnum):
    """Which algorithms."""

    INTERNATIONAL = "1"
    NATIONAL = "2"  # GB/T 39786: SM2, SM3, SM4


class KeyUse(StrEnum):
    """What a key is for; no key is for both."""

    SEAL = "seal"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key and its public part. `id` follows from suite and public part."""

    id: str
    suite: SuiteId
    use: KeyUse
    public: bytes
    private: bytes = field(repr=False)


class Hasher(Protocol):
    """The suite's hash."""

    @property
    def name(self) -> str:
        """As RFC 9530 or the standard spells it: "sha-256", "sm3"."""
        ...

    def digest(self, data: bytes) -> str:
        """The hash of `data` in lower-case hex, 64 digits."""
        ...


class PartSealer(Protocol):
    """Seals the parts of one application under a data key that exists nowhere else."""

    @property
    def sealed_key(self) -> bytes:
        """The data key, readable to the recipient alone."""
        ...

    def seal(self, nonce: bytes, plain: bytes) -> bytes:
        """`plain` sealed, TAG_BYTES longer. Never twice with the same nonce."""
        ...


class Sealer(Protocol):
    """Seals to one recipient's public key; cannot open."""

    @property
    def suite(self) -> SuiteId:
        """The suite's id."""
        ...

    @property
    def key_id(self) -> str:
        """The recipient's key."""
        ...

    def start(self, bound: bytes) -> PartSealer:
        """A fresh data key. Nothing opens later unless `bound` is given again, unchanged."""
        ...


class PartOpener(Protocol):
    """Opens the parts of one application."""

    def open(self, nonce: bytes, sealed: bytes) -> bytes:
        """The plain bytes. Raises SealError (SE-01) when anything does not fit."""
        ...


class Unsealer(Protocol):
    """Opens what was sealed to one key."""

    @property
    def suite(self) -> SuiteId:
        """The suite's id."""
        ...

    @property
    def key_id(self) -> str:
        """The key that it holds."""
        ...

    def start(self, sealed_key: bytes, bound: bytes) -> PartOpener:
        """Recover the data key. Raises SealError (SE-01)."""
        ...


class Signer(Protocol):
    """Signs with one key."""

    @property
    def suite(self) -> SuiteId:
        """The suite's id."""
        ...

    @property
    def key_id(self) -> str:
        """The key that it holds."""
        ...

    def sign(self, data: bytes) -> bytes:
        """A signature of `data`, 64 bytes."""
        ...


class Verifier(Protocol):
    """Verifies signatures of one key."""

    @property
    def suite(self) -> SuiteId:
        """The suite's id."""
        ...

    @property
    def key_id(self) -> str:
        """The key whose signatures it knows."""
        ...

    def verify(self, data: bytes, signature: bytes) -> None:
        """Return when `signature` is one of `data`; raises SealError (SE-05) otherwise."""
        ...


class Suite(Protocol):
    """One choice of algorithms. Its methods raise SealError (SE-04) for what is no key."""

    @property
    def id(self) -> SuiteId:
        """What envelopes say."""
        ...

    @property
    def hasher(self) -> Hasher:
        """The suite's hash."""
        ...

    def generate(self, use: KeyUse) -> KeyPair:
        """A new key."""
        ...

    def sealer(self, key_id: str, public: bytes) -> Sealer:
        """Seals to the holder of the private part."""
        ...

    def unsealer(self, pair: KeyPair) -> Unsealer:
        """Opens what was sealed to `pair`."""
        ...

    def signer(self, pair: KeyPair) -> Signer:
        """Signs as `pair`."""
        ...

    def verifier(self, key_id: str, public: bytes) -> Verifier:
        """Verifies signatures of the holder of the private part."""
        ...


def key_id(suite: SuiteId, hasher: Hasher, public: bytes) -> str:
    """The name of a key: it follows from the key, so two keys never share one."""
    return f"{suite}-{hasher.digest(public)[:20]}"
