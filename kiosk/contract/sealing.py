"""Sealing an application, opening it, and signing what speaks of it. Pure but for randomness.

Each part is sealed under the application's own data key, with its ordinal and whether it is
the last one in the nonce and the whole header as associated data: a part that was altered,
moved, dropped, doubled or taken from elsewhere does not open, nor does anything under a changed
header. All such failures are one: SealError SE-01.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from kiosk.contract.canonical import canonical_bytes, canonical_object
from kiosk.contract.envelope import (
    AcknowledgementText,
    ChainEntry,
    Envelope,
    Header,
    PartPlace,
    SealedPart,
    SignedAcknowledgement,
    SignedChainEntry,
)
from kiosk.contract.suites import (
    NONCE_BYTES,
    TAG_BYTES,
    Sealer,
    SealError,
    SealFault,
    Signer,
    Unsealer,
    Verifier,
    suite_of,
)


class Sealed(NamedTuple):
    """An envelope and the sealed bytes of its parts, in order."""

    envelope: Envelope
    parts: tuple[bytes, ...]


def nonce(ordinal: int, last: bool) -> bytes:
    """The nonce of a part: no two parts of an application share one."""
    return ordinal.to_bytes(NONCE_BYTES - 1, "big") + bytes([last])


def seal(
    sealer: Sealer,
    parts: Sequence[bytes],
    *,
    application_id: str,
    receipt_number: str,
    terminal: str,
    created: datetime,
) -> Sealed:
    """Seal the document (part 0) and its attachments; only the key's holder can open them.

    Raises pydantic.ValidationError for no parts, too many, or ids that do not fit.
    """
    end = len(parts) - 1
    header = Header(
        suite=sealer.suite,
        key_id=sealer.key_id,
        application_id=application_id,
        receipt_number=receipt_number,
        terminal=terminal,
        created=created,
        parts=tuple(
            PartPlace(ordinal=i, size=len(part) + TAG_BYTES, last=i == end)
            for i, part in enumerate(parts)
        ),
    )
    started = sealer.start(canonical_bytes(header))
    sealed = tuple(started.seal(nonce(i, i == end), part) for i, part in enumerate(parts))
    hasher = suite_of(sealer.suite).hasher
    envelope = Envelope(
        header=header,
        sealed_key=started.sealed_key,
        parts=tuple(
            SealedPart(ordinal=i, size=len(part), digest=hasher.digest(part))
            for i, part in enumerate(sealed)
        ),
    )
    return Sealed(envelope, sealed)


def unseal(unsealer: Unsealer, envelope: Envelope, parts: Sequence[bytes]) -> tuple[bytes, ...]:
    """The document and its attachments.

    Raises SealError: SE-02 when `unsealer` has another key, SE-01 for everything else.
    """
    header = envelope.header
    if (unsealer.suite, unsealer.key_id) != (header.suite, header.key_id):
        raise SealError(SealFault.UNKNOWN_KEY, header.key_id)
    if len(parts) != len(header.parts):
        raise SealError(SealFault.ALTERED, "number of parts")
    hasher = suite_of(header.suite).hasher
    for told, part in zip(envelope.parts, parts, strict=True):
        if hasher.digest(part) != told.digest:
            raise SealError(SealFault.ALTERED, "digest of a part")
    opener = unsealer.start(envelope.sealed_key, canonical_bytes(header))
    return tuple(
        opener.open(nonce(place.ordinal, place.last), part)
        for place, part in zip(header.parts, parts, strict=True)
    )


def envelope_digest(envelope: Envelope) -> str:
    """The name of exactly these sealed bytes, by the envelope's own suite."""
    return suite_of(envelope.header.suite).hasher.digest(canonical_bytes(envelope))


# -- the chain ------------------------------------------------------------------------------


def entry_digest(entry: ChainEntry) -> str:
    """What the next entry names as its `previous`."""
    return suite_of(entry.suite).hasher.digest(canonical_bytes(entry))


def sign_entry(signer: Signer, entry: ChainEntry) -> SignedChainEntry:
    """`entry` with the terminal's signature."""
    signature = signer.sign(canonical_bytes(entry))
    return SignedChainEntry(entry=entry, key_id=signer.key_id, signature=signature)


def chained(signer: Signer, entry: ChainEntry) -> tuple[bytes, str]:
    """The canonical bytes of the signed entry, and the entry's digest; spelt once for both."""
    spelt = canonical_bytes(entry)
    signature = base64.urlsafe_b64encode(signer.sign(spelt)).decode()  # as the models spell it
    signed = canonical_object(entry=spelt, key_id=signer.key_id, signature=signature)
    return signed, suite_of(entry.suite).hasher.digest(spelt)


def verify_entry(verifier: Verifier, signed: SignedChainEntry) -> None:
    """Return when the terminal signed it. Raises SealError (SE-02, SE-05)."""
    _same_key(verifier, signed.entry.suite, signed.key_id)
    verifier.verify(canonical_bytes(signed.entry), signed.signature)


# -- acknowledgements -----------------------------------------------------------------------


def sign_acknowledgement(signer: Signer, text: AcknowledgementText) -> SignedAcknowledgement:
    """`text` with the backend's signature. Raises SealError (SE-02) if it names another key."""
    _same_key(signer, text.suite, text.key_id)
    return SignedAcknowledgement(
        **{name: getattr(text, name) for name in AcknowledgementText.model_fields},
        signature=signer.sign(canonical_bytes(text)),
    )


def verify_acknowledgement(verifier: Verifier, said: SignedAcknowledgement) -> None:
    """Return when the backend signed it. Raises SealError (SE-02, SE-05)."""
    _same_key(verifier, said.suite, said.key_id)
    text = AcknowledgementText(
        **{name: getattr(said, name) for name in AcknowledgementText.model_fields}
    )
    verifier.verify(canonical_bytes(text), said.signature)


def _same_key(key: Signer | Verifier, suite: str, key_id: str) -> None:
    if (key.suite, key.key_id) != (suite, key_id):
        raise SealError(SealFault.UNKNOWN_KEY, key_id)
