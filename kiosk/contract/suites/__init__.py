"""Sealing and signing as ports, with two suites of algorithms behind them.

What was sealed opens only whole, in its order, under the header it was sealed with, and only
for the holder of the private key; anything else fails with one typed error. `SUITES` has the
software suites by id; a certified module is attached as `ports` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from kiosk.contract.suites.errors import SealError, SealFault
from kiosk.contract.suites.international import International
from kiosk.contract.suites.national import National
from kiosk.contract.suites.ports import (
    NONCE_BYTES,
    TAG_BYTES,
    Hasher,
    KeyPair,
    KeyUse,
    PartOpener,
    PartSealer,
    Sealer,
    Signer,
    Suite,
    SuiteId,
    Unsealer,
    Verifier,
    key_id,
)

SUITES: Final[Mapping[SuiteId, Suite]] = MappingProxyType(
    {SuiteId.INTERNATIONAL: International(), SuiteId.NATIONAL: National()}
)


def suite_of(id_: str) -> Suite:
    """The suite of this id. Raises SealError (SE-03)."""
    try:
        return SUITES[SuiteId(id_)]
    except (ValueError, KeyError):
        raise SealError(SealFault.UNKNOWN_SUITE) from None


__all__ = [
    "NONCE_BYTES",
    "SUITES",
    "TAG_BYTES",
    "Hasher",
    "KeyPair",
    "KeyUse",
    "PartOpener",
    "PartSealer",
    "SealError",
    "SealFault",
    "Sealer",
    "Signer",
    "Suite",
    "SuiteId",
    "Unsealer",
    "Verifier",
    "key_id",
    "suite_of",
]
