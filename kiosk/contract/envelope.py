"""What goes over the wire around a sealed application: envelope, chain, acknowledgement, keys.

Nothing in here says who somebody is or what they asked for: item, media types and file names
are inside the sealed document. A part's size is told, since the bytes show it anyway.
Signatures stand over the canonical bytes of what they are of (`kiosk.contract.sealing`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from kiosk.contract.base import HexId, Model, Moment, NotEmpty, ReceiptNo, Short, TerminalCode
from kiosk.contract.suites.ports import TAG_BYTES, KeyUse, SuiteId

MOST_PARTS: Final = 256

KeyId = Annotated[str, StringConstraints(pattern=r"^[12]-[0-9a-f]{20}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Ordinal = Annotated[int, Field(ge=0, lt=MOST_PARTS)]
SealedSize = Annotated[int, Field(ge=TAG_BYTES)]
FaultCode = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}-[0-9]{2})?$")]
Signature = Annotated[bytes, Field(min_length=64, max_length=64)]
PublicBytes = Annotated[bytes, Field(min_length=32, max_length=256)]

FIRST_PREVIOUS: Final = "0" * 64


class PartPlace(Model):
    """One part's place in the order, and its size when sealed."""

    ordinal: Ordinal
    size: SealedSize
    last: bool


class Header(Model):
    """What every part is bound to. Part 0 is the document, then the attachments in its order."""

    version: Literal[1] = 1
    suite: SuiteId
    key_id: KeyId
    application_id: HexId
    receipt_number: ReceiptNo
    terminal: TerminalCode
    created: Moment
    parts: Annotated[tuple[PartPlace, ...], Field(min_length=1, max_length=MOST_PARTS)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        end = len(self.parts) - 1
        if any((p.ordinal, p.last) != (i, i == end) for i, p in enumerate(self.parts)):
            raise ValueError("parts count from 0 without a gap, and the last one says so")
        return self


class SealedPart(Model):
    """A sealed part by the digest of its sealed bytes (the suite's hash)."""

    ordinal: Ordinal
    size: SealedSize
    digest: Digest


class Envelope(Model):
    """A sealed application without its bytes. Its digest names it everywhere."""

    header: Header
    sealed_key: Annotated[bytes, Field(min_length=32, max_length=4096, repr=False)]
    parts: tuple[SealedPart, ...]

    @model_validator(mode="after")
    def _as_in_the_header(self) -> Self:
        told = [(place.ordinal, place.size) for place in self.header.parts]
        if [(part.ordinal, part.size) for part in self.parts] != told:
            raise ValueError("the parts are not those of the header")
        return self


class SealedPartList(Model):
    """All parts of one application that the backend has."""

    parts: tuple[SealedPart, ...]


class ChainEntry(Model):
    """A terminal's word that it saved this envelope, as its `index`-th, after `previous`.

    `index` counts from 1 without a gap; `previous` is the digest of the entry before (by that
    entry's suite), FIRST_PREVIOUS for the first.
    """

    suite: SuiteId
    terminal: TerminalCode
    index: Annotated[int, Field(ge=1)]
    previous: Digest
    application_id: HexId
    digest: Digest
    at: Moment


class SignedChainEntry(Model):
    """A chain entry and the terminal's signature over it."""

    entry: ChainEntry
    key_id: KeyId
    signature: Signature


class Handover(Model):
    """What is posted once every part is there."""

    envelope: Envelope
    chain: SignedChainEntry


class AcknowledgementText(Model):
    """What an acknowledgement says; the same for good, whenever it is asked for."""

    suite: SuiteId
    key_id: KeyId
    application_id: HexId
    digest: Digest
    receipt_number: ReceiptNo
    case_number: NotEmpty
    sequence: Annotated[int, Field(ge=1)]
    received_at: Moment


class SignedAcknowledgement(AcknowledgementText):
    """The backend has this application, whole. Signed over everything but the signature."""

    signature: Signature


class KeyState(StrEnum):
    """Whether a key is still used for new things."""

    ACTIVE = "active"
    RETIRED = "retired"


class PublicKey(Model):
    """A key of the backend. `id` follows from suite and public part."""

    id: KeyId
    suite: SuiteId
    use: KeyUse
    public: PublicBytes
    state: KeyState = KeyState.ACTIVE


class KeySet(Model):
    """The backend's keys. A higher `version` replaces a lower one, never the reverse."""

    authority: Short
    version: Annotated[int, Field(ge=1)]
    issued_at: Moment
    keys: Annotated[tuple[PublicKey, ...], Field(max_length=256)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({key.id for key in self.keys}) != len(self.keys):
            raise ValueError("a key is in the set once")
        return self


class SignedKeySet(Model):
    """A key set signed by an authority, whose public key the terminal's settings name."""

    key_set: KeySet
    suite: SuiteId
    key_id: KeyId
    signature: Signature


class Heartbeat(Model):
    """A terminal tells how it is. Nothing personal, and nothing of a visit.

    `key_ids_in_use` are the keys to which something still waits sealed: the backend keeps their
    private parts. `line` is whether the terminal thought the line up before this. `intake` is
    whether applications are taken in, `intake_code` why not, or what it warns of.
    """

    terminal: TerminalCode
    version: Short
    pack: Short
    queue_depth: Annotated[int, Field(ge=0)]
    oldest_age_s: Annotated[float, Field(ge=0)] | None
    quarantined: Annotated[int, Field(ge=0)]
    bytes: Annotated[int, Field(ge=0)]
    key_ids_in_use: tuple[KeyId, ...] = ()
    key_set_version: Annotated[int, Field(ge=0)] = 0
    line: bool = True
    intake: Literal["open", "warning", "closed"] = "open"
    intake_code: FaultCode = ""


class HeartbeatAnswer(Model):
    """What the backend has that the terminal may lack. 0 and "": nothing published."""

    key_set_version: Annotated[int, Field(ge=0)] = 0
    pack_version: Short = ""
