"""Sealing and signing as ports, with two suites of algorithms behind them.

What was sealed opens only whole, in its order, under the header it was sealed with, and only
for the holder of the private key; anything else fails with one typed error. `SUITES` has the
software suites by id; `attach` puts a certified module's suite (`ports`) in the place of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
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


_attached: Final[dict[SuiteId, Suite]] = {}
_METHODS: Final = ("hasher", "generate", "sealer", "unsealer", "signer", "verifier")


def suite_of(id_: str) -> Suite:
    """The suite of this id: an attached module's, else the software's. Raises SealError (SE-03)."""
    try:
        suite = SuiteId(id_)
        return _attached.get(suite) or SUITES[suite]
    except (ValueError, KeyError):
        raise SealError(SealFault.UNKNOWN_SUITE) from None


def attach(name: str) -> None:
    """Let a module's suite do what the software one of its id did, in this process, from now on.

    `name` is "package.module:object" as the settings name it, the object a `Suite`; "" attaches
    nothing. Raises SealError (SE-03) for what cannot be loaded or is no suite.
    """
    if not name:
        return
    module, _, attribute = name.partition(":")
    try:
        suite: Suite = getattr(import_module(module), attribute)
        id_ = SuiteId(suite.id)
        missing = [method for method in _METHODS if not hasattr(suite, method)]
    except Exception as error:  # noqa: BLE001 - whatever a vendor's library raises
        raise SealError(SealFault.UNKNOWN_SUITE, f"{name}: {type(error).__name__}") from None
    if missing:
        raise SealError(SealFault.UNKNOWN_SUITE, f"{name} has no {missing[0]}")
    _attached[id_] = suite


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
    "attach",
    "key_id",
    "suite_of",
]
