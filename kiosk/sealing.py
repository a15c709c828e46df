"""What a terminal does with keys: seals applications, signs its chain, believes the backend.

- After `seal_application` returned, nothing on this machine can read the application: the data
  key existed in that call only, and is kept in no other form than sealed to the backend.
- Only a key set that a pinned authority signed is used, and a newer one replaces an older one,
  never the reverse. What was sealed before stays as it is, under the key of its time.
- Only an acknowledgement that a key of that set signed counts as "received".
- Without a usable key set or signing key `fault` says so before a visit starts.

The terminal's own keys (one to sign in each suite) are made at the first start and never leave
the directory; their public parts are enrolled at the backend (`kiosk keys`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from kiosk.contract import (
    ApplicationDocument,
    ChainEntry,
    KeySet,
    SignedAcknowledgement,
    SignedKeySet,
    canonical_bytes,
)
from kiosk.contract.base import Model
from kiosk.contract.keys import (
    Pin,
    check_newer,
    generate,
    key_text,
    pin,
    sealer_from,
    verified,
    verifier_from,
)
from kiosk.contract.sealing import chained, seal, verify_acknowledgement
from kiosk.contract.suites import (
    KeyPair,
    KeyUse,
    Sealer,
    SealError,
    SealFault,
    Signer,
    SuiteId,
    suite_of,
)
from offline_queue.records import Receipt, Sealed, SealedPart, Submission

KEYS: Final = "keys"
_SIGNING: Final = "signing-keys.json"
_KEY_SET: Final = "key-set.json"
# How the outbox, which knows no suite, calls the hash of each.
_HASHES: Final = {SuiteId.INTERNATIONAL: "sha256", SuiteId.NATIONAL: "sm3"}


class Sealing:
    """The keys of one terminal. Used by several threads."""

    def __init__(
        self,
        directory: Path,
        *,
        terminal: str,
        suite: SuiteId,
        authority_keys: Iterable[str],
        now: Callable[[], datetime],
        first_key_set: Path | None = None,
    ) -> None:
        """`directory` is made where it is missing; `now` gives aware civil time.

        `first_key_set` is a file with a signed key set, for a terminal that was installed
        before it could reach the backend. Raises SealError (SE-03, SE-04) for a pin that is
        no key; whatever else is wrong is told by `fault`.
        """
        self._pins: tuple[Pin, ...] = tuple(pin(text) for text in authority_keys)
        self._path = directory / _KEY_SET
        self._terminal = terminal
        self._suite = suite
        self._now = now
        self._gate = threading.Lock()
        self._key_set: KeySet | None = None
        self._sealer: Sealer | None = None
        self._signer: Signer | None = None
        self._why_not = SealFault.NO_KEY
        try:
            self._signer = suite_of(suite).signer(signing_keys(directory)[suite])
        except SealError as error:
            self._why_not = error.fault
        for path in (self._path, first_key_set):
            if path is not None:
                self._offer_file(path)

    @property
    def fault(self) -> str:
        """The code of why nothing can be sealed now, "" while it can."""
        with self._gate:
            if self._signer is None:
                return SealFault.NO_SIGNING_KEY.code
            return self._why_not.code if self._sealer is None else ""

    @property
    def key_set_version(self) -> int:
        """The version of the key set in use, 0 for none."""
        with self._gate:
            return self._key_set.version if self._key_set is not None else 0

    @property
    def signer(self) -> Signer:
        """Signs as this terminal. Raises SealError (SE-09)."""
        if self._signer is None:
            raise SealError(SealFault.NO_SIGNING_KEY)
        return self._signer

    # -- key sets ---------------------------------------------------------------------------

    def offer(self, body: bytes) -> bool:
        """Use a signed key set from now on; False when it is the one in use.

        Raises SealError (SE-04 to SE-08), and ValueError for what is no key set at all.
        """
        signed = SignedKeySet.model_validate_json(body)
        key_set = verified(signed, self._pins)
        with self._gate:
            if key_set == self._key_set:
                return False
            check_newer(self._key_set, key_set)
            sealer = sealer_from(key_set, self._suite)
            _write(self._path, canonical_bytes(signed))
            self._key_set, self._sealer = key_set, sealer
        return True

    def _offer_file(self, path: Path) -> None:
        try:
            self.offer(path.read_bytes())
        except FileNotFoundError:
            return
        except SealError as error:
            if error.fault is not SealFault.OLDER:
                self._why_not = error.fault
        except (OSError, ValueError):
            self._why_not = SealFault.NO_KEY

    # -- the way out ------------------------------------------------------------------------

    def seal_application(
        self, document: ApplicationDocument, attachments: Sequence[bytes], *, lane: str = ""
    ) -> Sealed:
        """The submission of a document and its attachments, in the document's order.

        Raises SealError (SE-08) where there is no key to seal to.
        """
        return self._sealed(
            [canonical_bytes(document), *attachments],
            id_=document.application_id,
            number=document.receipt_number,
            at=document.created.at,
            lane=lane,
        )

    def reseal(self, kept: Submission) -> Sealed:
        """Seal what a version before this one kept in clear. Raises SealError, ValueError."""
        document = ApplicationDocument.model_validate_json(kept.document)
        data = {part.id: part.data for part in kept.parts}
        parts = [kept.document, *(data[part.id] for part in document.attachments())]
        return self._sealed(parts, id_=kept.id, number=kept.number, at=kept.created_at)

    def _sealed(
        self, parts: Sequence[bytes], *, id_: str, number: str, at: datetime, lane: str = ""
    ) -> Sealed:
        with self._gate:
            sealer = self._sealer
        if sealer is None:
            raise SealError(SealFault.NO_KEY)
        made = seal(
            sealer,
            parts,
            application_id=id_,
            receipt_number=number,
            terminal=self._terminal,
            created=at,
        )
        envelope = canonical_bytes(made.envelope)
        return Sealed(
            id=id_,
            number=number,
            envelope=envelope,
            digest=suite_of(sealer.suite).hasher.digest(envelope),
            parts=tuple(
                SealedPart(data, told.digest)
                for told, data in zip(made.envelope.parts, made.parts, strict=True)
            ),
            created_at=at,
            hash=_HASHES[sealer.suite],
            suite=sealer.suite,
            key_id=sealer.key_id,
            lane=lane,
        )

    def chain(self, index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
        """The outbox's next chain entry, signed, and the digest by which the next one names it.

        Raises SealError (SE-09).
        """
        signer = self.signer
        entry = ChainEntry(
            suite=signer.suite,
            terminal=self._terminal,
            index=index,
            previous=previous,
            application_id=id_,
            digest=digest,
            at=self._now(),
        )
        return chained(signer, entry)

    def acknowledged(self, body: bytes, id_: str, digest: str) -> Receipt:
        """Read an acknowledgement. Raises ValueError unless the backend signed it for these."""
        said = SignedAcknowledgement.model_validate_json(body)  # its error is a ValueError
        if (said.application_id, said.digest) != (id_, digest):
            raise ValueError("speaks of another submission")
        with self._gate:
            key_set = self._key_set
        if key_set is None:
            raise ValueError("no key set to verify with")
        try:
            verify_acknowledgement(verifier_from(key_set, said.key_id), said)
        except SealError as error:
            raise ValueError(str(error)) from None
        return Receipt(said.case_number, said.sequence, said.received_at.isoformat())


def kept_key_set(
    directory: Path, suite: SuiteId, authority_keys: Iterable[str], first_key_set: Path | None
) -> KeySet:
    """The newest key set on this disk that a terminal with these settings would seal by.

    Changes nothing, and asks the terminal's own keys only where they were made already.
    Raises SealError (SE-03 to SE-06, SE-08, SE-09).
    """
    pins = tuple(pin(text) for text in authority_keys)
    if (directory / _SIGNING).exists():
        signing_keys(directory)
    found: list[KeySet] = []
    why_not = SealFault.NO_KEY
    for path in (directory / _KEY_SET, first_key_set):
        try:
            if path is not None:
                signed = SignedKeySet.model_validate_json(path.read_bytes())
                key_set = verified(signed, pins)
                sealer_from(key_set, suite)
                found.append(key_set)
        except SealError as error:
            why_not = error.fault
        except (OSError, ValueError):
            continue  # none, or none that can be read
    if not found:
        raise SealError(why_not)
    return max(found, key=lambda one: one.version)


# -- the terminal's own keys ----------------------------------------------------------------


class _StoredKey(Model):
    id: str
    suite: SuiteId
    use: KeyUse
    public: bytes
    private: bytes = Field(repr=False)


class _StoredKeys(Model):
    keys: tuple[_StoredKey, ...]


def signing_keys(directory: Path) -> dict[SuiteId, KeyPair]:
    """The terminal's keys to sign, by suite; made when they are not there yet.

    Raises SealError (SE-09): a file that cannot be read is never replaced, since the backend
    would not know the new key.
    """
    path = directory / _SIGNING
    try:
        if not path.exists():
            _make_private(directory)
            _write_new(path, _fresh())
        stored = _StoredKeys.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise SealError(SealFault.NO_SIGNING_KEY, type(error).__name__) from None
    pairs = (KeyPair(k.id, k.suite, k.use, k.public, k.private) for k in stored.keys)
    found = {pair.suite: pair for pair in pairs if pair.use is KeyUse.SIGN}
    if set(found) != set(SuiteId):
        raise SealError(SealFault.NO_SIGNING_KEY, "a suite has no key")
    return found


def enrolment(directory: Path) -> tuple[str, ...]:
    """The public parts, one line each, as the backend enrols them. Raises SealError (SE-09)."""
    return tuple(key_text(p.suite, p.public) for p in signing_keys(directory).values())


def _fresh() -> bytes:
    pairs = [generate(suite, KeyUse.SIGN) for suite in SuiteId]
    return canonical_bytes(
        _StoredKeys(
            keys=tuple(
                _StoredKey(id=p.id, suite=p.suite, use=p.use, public=p.public, private=p.private)
                for p in pairs
            )
        )
    )


def _make_private(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and on the disk before it is used."""
    _make_private(path.parent)
    beside = _beside(path, data)
    beside.replace(path)
    _sync_directory(path.parent)


def _write_new(path: Path, data: bytes) -> None:
    """As `_write`, unless somebody else was first: then theirs stays."""
    beside = _beside(path, data)
    try:
        os.link(beside, path)
    except FileExistsError:
        return
    finally:
        beside.unlink()
    _sync_directory(path.parent)


def _beside(path: Path, data: bytes) -> Path:
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return beside


def _sync_directory(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
