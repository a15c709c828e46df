"""A small valid application, for tests of the backend and of its contract."""

from __future__ import annotations

import ipaddress
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kiosk.contract import (
    ApplicationDocument,
    Attachment,
    CivilTime,
    DocumentKind,
    HandedMaterial,
    ItemRef,
    MaterialStatus,
    PartyOnPaper,
    TerminalRef,
    canonical_bytes,
    digest,
)
from kiosk.contract.envelope import (
    FIRST_PREVIOUS,
    ChainEntry,
    Handover,
    Heartbeat,
    KeyState,
    SignedChainEntry,
)
from kiosk.contract.keys import generate
from kiosk.contract.sealing import (
    Sealed,
    entry_digest,
    envelope_digest,
    seal,
    sign_entry,
)
from kiosk.contract.suites import KeyPair, KeyUse, SuiteId, suite_of
from offline_queue.numbers import format_number

WAIT_S = 20


def make_document(
    running: int,
    *,
    parts: dict[str, bytes] | None = None,
    name: str = "张三",
    number: str = "99010219530412002X",
    item: str = "sample-item",
    components: tuple[str, ...] = (),
) -> ApplicationDocument:
    """A small valid application whose one material has `parts`."""
    attachments = tuple(
        Attachment(id=id_, sha256=digest(data), bytes=len(data), media_type="image/jpeg")
        for id_, data in (parts or {}).items()
    )
    return ApplicationDocument(
        application_id=uuid.uuid4().hex,
        receipt_number=format_number("LW042", running),
        terminal=TerminalRef(code="LW042"),
        item=ItemRef(code=item, kind="apply", pack="0123abcd", components=components),
        created=CivilTime(at=datetime(2026, 5, 10, 9, 0, tzinfo=UTC), clock_trusted=True),
        language="zh",
        parties=(
            PartyOnPaper(
                role="applicant",
                name=name,
                document_kind=DocumentKind.RESIDENT_ID,
                number=number,
            ),
        ),
        materials=(
            HandedMaterial(id="paper", status=MaterialStatus.HANDED_IN, attachments=attachments),
            HandedMaterial(id="photo", status=MaterialStatus.PLEDGED),
        ),
    )


def make_heartbeat(terminal: str) -> bytes:
    """What a terminal without anything to deliver says."""
    return canonical_bytes(
        Heartbeat(
            terminal=terminal,
            version="1",
            pack="p",
            queue_depth=0,
            oldest_age_s=None,
            quarantined=0,
            bytes=0,
        )
    )


class SealingTerminal:
    """Seals as a terminal does: parts, envelope, and a chain signed with its own key."""

    def __init__(self, keyring: Any, suite: SuiteId = SuiteId.INTERNATIONAL) -> None:
        self._keyring = keyring
        self._suite = suite
        self.key: KeyPair = generate(suite, KeyUse.SIGN)
        self.entries: list[SignedChainEntry] = []

    def seal(self, document: ApplicationDocument, parts: dict[str, bytes] | None = None) -> Sealed:
        """Seal to the key set's active key."""
        key = next(
            key
            for key in self._keyring.signed_set.key_set.keys
            if (key.suite, key.use, key.state) == (self._suite, KeyUse.SEAL, KeyState.ACTIVE)
        )
        return seal(
            suite_of(self._suite).sealer(key.id, key.public),
            (canonical_bytes(document), *(parts or {}).values()),
            application_id=document.application_id,
            receipt_number=document.receipt_number,
            terminal=document.terminal.code,
            created=document.created.at,
        )

    def handover(self, sealed: Sealed) -> bytes:
        """The body to post; each call is the next entry of the chain."""
        before = entry_digest(self.entries[-1].entry) if self.entries else FIRST_PREVIOUS
        entry = ChainEntry(
            suite=self._suite,
            terminal=sealed.envelope.header.terminal,
            index=len(self.entries) + 1,
            previous=before,
            application_id=sealed.envelope.header.application_id,
            digest=envelope_digest(sealed.envelope),
            at=sealed.envelope.header.created,
        )
        self.entries.append(sign_entry(suite_of(self._suite).signer(self.key), entry))
        return canonical_bytes(Handover(envelope=sealed.envelope, chain=self.entries[-1]))


def put_sealed(url: str, sealed: Sealed, ordinal: int, data: bytes | None = None) -> Any:
    """Put one sealed part."""
    header = sealed.envelope.header
    return requests.put(
        f"{url}/v1/applications/{header.application_id}/parts/{ordinal}",
        sealed.parts[ordinal] if data is None else data,
        headers={"X-Suite": header.suite.value, "Content-Type": "application/octet-stream"},
        timeout=WAIT_S,
    )


def post_sealed(url: str, id_: str, body: bytes) -> Any:
    """Post a handover."""
    return requests.post(
        f"{url}/v1/applications", body, headers={"Idempotency-Key": id_}, timeout=WAIT_S
    )


def hand_in(url: str, sealed: Sealed, body: bytes) -> Any:
    """All parts, then the handover."""
    for ordinal in range(len(sealed.parts)):
        assert put_sealed(url, sealed, ordinal).status_code in (200, 201)
    return post_sealed(url, sealed.envelope.header.application_id, body)


def make_certificate(
    name: str,
    place: Path,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    *dns: str,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate and its key as PEM files; an authority's where nobody issued it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, with_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    now = datetime.now(UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *map(x509.DNSName, dns)]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(with_key, hashes.SHA256())
    )
    (place / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (place / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made, key
