"""There and back on a USB stick: a real outbox, a real import, and the acknowledgements home."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from backend_help import WAIT_S, SealingTerminal, make_document

from central_backend import cli, keyring
from kiosk.contract import canonical_bytes
from kiosk.contract.envelope import (
    ChainEntry,
    SignedAcknowledgement,
)
from kiosk.contract.export import ExportedApplication, ExportManifest, SignedExportManifest
from kiosk.contract.keys import key_text, verifier_from
from kiosk.contract.sealing import (
    entry_digest,
    envelope_digest,
    sign_entry,
    verify_acknowledgement,
)
from kiosk.contract.suites import suite_of
from offline_queue import Outbox, State
from offline_queue.export import Exported, export, import_acknowledgements
from offline_queue.records import Receipt, Sealed, SealedPart


def test_a_terminal_without_a_line_delivers_by_hand(tmp_path: Path) -> None:
    keys, authority = tmp_path / "keys", ["--authority-key", str(tmp_path / "authority.key")]
    place = ["--database", f"sqlite:///{tmp_path}/c.db", "--keys", str(keys)]
    assert cli.main(["keys", "init", "--keys", str(keys), *authority]) == 0
    key_set = keyring.DirectoryKeyring(keys).signed_set.key_set
    terminal = SealingTerminal(keyring.DirectoryKeyring(keys))
    signer = suite_of(terminal.key.suite).signer(terminal.key)
    public = key_text(terminal.key.suite, terminal.key.public)
    assert cli.main(["terminals", "enrol", "LW042", public, *place[:2]]) == 0

    def chain(index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
        entry = ChainEntry(
            suite=signer.suite,
            terminal="LW042",
            index=index,
            previous=previous,
            application_id=id_,
            digest=digest,
            at=datetime.now(UTC),
        )
        return canonical_bytes(sign_entry(signer, entry)), entry_digest(entry)

    def manifest(items: tuple[Exported, ...]) -> bytes:
        told = ExportManifest(
            terminal="LW042",
            created=datetime.now(UTC),
            applications=tuple(
                ExportedApplication(
                    application_id=item.id,
                    receipt_number=item.number,
                    handover=item.handover,
                    parts=item.parts,
                )
                for item in items
            ),
        )
        return canonical_bytes(
            SignedExportManifest(
                manifest=told,
                suite=signer.suite,
                key_id=signer.key_id,
                signature=signer.sign(canonical_bytes(told)),
            )
        )

    def acknowledged(body: bytes, id_: str, digest: str) -> Receipt:
        said = SignedAcknowledgement.model_validate_json(body)
        assert (said.application_id, said.digest) == (id_, digest)
        verify_acknowledgement(verifier_from(key_set, said.key_id), said)
        return Receipt(said.case_number, said.sequence, said.received_at.isoformat())

    stick = tmp_path / "stick"
    stick.mkdir()
    with Outbox.open(tmp_path / "queue", terminal="LW042", chain=chain) as outbox:
        for page in (b"one page", b"another page"):
            number = outbox.reserve_number().result(WAIT_S)
            parts = {"a": page}
            document = make_document(int(number.split("-")[1]), parts=parts, number=number)
            sealed = terminal.seal(document, parts)
            told = zip(sealed.parts, sealed.envelope.parts, strict=True)
            outbox.enqueue(
                Sealed(
                    id=document.application_id,
                    number=number,
                    envelope=canonical_bytes(sealed.envelope),
                    digest=envelope_digest(sealed.envelope),
                    parts=tuple(SealedPart(data, part.digest) for data, part in told),
                    created_at=document.created.at,
                )
            ).result(WAIT_S)
        done = export(outbox, stick, manifest, terminal="LW042", at="2026-05-10")
        (file,) = done.files
        assert cli.main(["import", str(file), *place]) == 0
        home = file.with_suffix(".acknowledgements.json")
        assert import_acknowledgements(outbox, home, acknowledged).delivered == 2
        assert outbox.status().result(WAIT_S).counts[State.DELIVERED] == 2
        assert import_acknowledgements(outbox, home, acknowledged).known == 2
    assert cli.main(["audit", *place[:2]]) == 0
