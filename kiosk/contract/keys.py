"""Key sets: making keys, publishing and rotating them, and believing what was published.

Everything but `generate` is a pure function of its arguments. An authority key is offline: it
signs key sets and nothing else, and its public part is pinned in every terminal's settings as
`suite:base64url` (`pin`). Rotation never strands what waits: a retired key stays in the set,
and its private part with the backend, until no terminal needs it any more.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from kiosk.contract.canonical import canonical_bytes
from kiosk.contract.envelope import KeySet, KeyState, PublicKey, SignedKeySet
from kiosk.contract.suites import (
    KeyPair,
    KeyUse,
    Sealer,
    SealError,
    SealFault,
    Signer,
    SuiteId,
    Verifier,
    key_id,
    suite_of,
)


class Pin(NamedTuple):
    """An authority's public key, as settings name it."""

    suite: SuiteId
    key_id: str
    public: bytes


def generate(suite: SuiteId, use: KeyUse) -> KeyPair:
    """A new key."""
    return suite_of(suite).generate(use)


def published(pair: KeyPair, state: KeyState = KeyState.ACTIVE) -> PublicKey:
    """The public part, as a key set has it."""
    return PublicKey(id=pair.id, suite=pair.suite, use=pair.use, public=pair.public, state=state)


def key_text(suite: SuiteId, public: bytes) -> str:
    """A public key in one line, for settings and for enrolment: `suite:base64url`."""
    return f"{suite}:{base64.urlsafe_b64encode(public).decode('ascii').rstrip('=')}"


def pin(text: str) -> Pin:
    """Read `key_text` back. Raises SealError (SE-03, SE-04) for anything that is no key."""
    name, _, encoded = text.strip().partition(":")
    suite = suite_of(name)
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        public = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise SealError(SealFault.BAD_KEY, "not base64url") from None
    id_ = key_id(suite.id, suite.hasher, public)
    suite.verifier(id_, public)
    return Pin(suite.id, id_, public)


# -- publishing -----------------------------------------------------------------------------


def sign_key_set(authority: Signer, key_set: KeySet) -> SignedKeySet:
    """`key_set` with the authority's signature."""
    return SignedKeySet(
        key_set=key_set,
        suite=authority.suite,
        key_id=authority.key_id,
        signature=authority.sign(canonical_bytes(key_set)),
    )


def rotated(key_set: KeySet, fresh: Iterable[PublicKey], issued_at: datetime) -> KeySet:
    """The next version: `fresh` keys active, those that they replace retired.

    A key replaces those of its own suite and use.
    """
    new = tuple(fresh)
    replaced = {(key.suite, key.use) for key in new}
    kept = tuple(
        key.model_copy(update={"state": KeyState.RETIRED})
        if (key.suite, key.use) in replaced
        else key
        for key in key_set.keys
    )
    return _next(key_set, kept + new, issued_at)


def without(key_set: KeySet, ids: Collection[str], issued_at: datetime) -> KeySet:
    """The next version without these keys. Raises ValueError for one that is active."""
    going = [key for key in key_set.keys if key.id in ids]
    if any(key.state is KeyState.ACTIVE for key in going):
        raise ValueError("an active key has to be replaced before it can go")
    return _next(key_set, tuple(k for k in key_set.keys if k.id not in ids), issued_at)


def _next(key_set: KeySet, keys: tuple[PublicKey, ...], issued_at: datetime) -> KeySet:
    return KeySet(
        authority=key_set.authority, version=key_set.version + 1, issued_at=issued_at, keys=keys
    )


# -- believing ------------------------------------------------------------------------------


def verified(signed: SignedKeySet, pins: Iterable[Pin]) -> KeySet:
    """The key set, if a pinned authority signed it and every key is what its id says.

    Raises SealError (SE-04, SE-05, SE-06).
    """
    found = next((p for p in pins if (p.suite, p.key_id) == (signed.suite, signed.key_id)), None)
    if found is None:
        raise SealError(SealFault.NOT_PINNED, signed.key_id)
    verifier = suite_of(found.suite).verifier(found.key_id, found.public)
    verifier.verify(canonical_bytes(signed.key_set), signed.signature)
    for key in signed.key_set.keys:
        _usable(key)
    return signed.key_set


def check_newer(kept: KeySet | None, offered: KeySet) -> None:
    """Return when `offered` may replace `kept`. Raises SealError (SE-07)."""
    if kept is not None and offered.version <= kept.version:
        raise SealError(SealFault.OLDER, f"{offered.version} after {kept.version}")


def sealer_from(key_set: KeySet, suite: SuiteId) -> Sealer:
    """Seals to the active key of this suite. Raises SealError (SE-08)."""
    for key in key_set.keys:
        if (key.suite, key.use, key.state) == (suite, KeyUse.SEAL, KeyState.ACTIVE):
            return suite_of(suite).sealer(key.id, key.public)
    raise SealError(SealFault.NO_KEY, f"suite {suite}")


def verifier_from(key_set: KeySet, id_: str) -> Verifier:
    """Verifies signatures of this key, retired or not. Raises SealError (SE-02)."""
    for key in key_set.keys:
        if key.id == id_ and key.use is KeyUse.SIGN:
            return suite_of(key.suite).verifier(key.id, key.public)
    raise SealError(SealFault.UNKNOWN_KEY, id_)


def _usable(key: PublicKey) -> None:
    suite = suite_of(key.suite)
    if key.id != key_id(suite.id, suite.hasher, key.public):
        raise SealError(SealFault.BAD_KEY, key.id)
    if key.use is KeyUse.SEAL:
        suite.sealer(key.id, key.public)
    else:
        suite.verifier(key.id, key.public)
