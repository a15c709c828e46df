"""The terminal's keys: made once, believed only when pinned, and never able to read again."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from central_backend.keyring import Made, in_memory
from kiosk.cli import main
from kiosk.contract import (
    AcknowledgementText,
    ApplicationDocument,
    Envelope,
    SignedChainEntry,
    SignedKeySet,
    canonical_bytes,
)
from kiosk.contract.keys import generate, key_text, pin, published, rotated, sign_key_set
from kiosk.contract.sealing import entry_digest, sign_acknowledgement, unseal, verify_entry
from kiosk.contract.suites import KeyPair, KeyUse, SealError, SuiteId, suite_of
from kiosk.sealing import Sealing, enrolment, signing_keys
from offline_queue import Outbox, Part, Submission
from offline_queue.limits import Limits

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BACKEND: Made = in_memory(NOW)
FIRST = canonical_bytes(BACKEND.keyring.signed_set)
NAME = "欧阳测试"
PICTURE = b"\xff\xd8a page\xff\xd9"


def sealing(folder: Path, suite: str = "1", pins=(BACKEND.authority_pin,), **changes) -> Sealing:
    return Sealing(
        folder / "keys",
        terminal="LW042",
        suite=SuiteId(suite),
        authority_keys=pins,
        now=lambda: NOW,
        **changes,
    )


def document(pages: tuple[bytes, ...] = (PICTURE,)) -> ApplicationDocument:
    plain = {
        "application_id": "ab" * 16,
        "receipt_number": "LW042-00001-7",
        "terminal": {"code": "LW042"},
        "item": {"code": "GG-001", "kind": "apply", "pack": "p"},
        "created": {"at": NOW.isoformat(), "clock_trusted": True},
        "language": "zh",
        "parties": [{"role": "applicant", "name": NAME, "document_kind": "resident-id"}],
        "materials": [
            {
                "id": "form",
                "status": "handed_in",
                "attachments": [
                    {
                        "id": f"form-{at}",
                        "sha256": hashlib.sha256(page).hexdigest(),
                        "bytes": len(page),
                        "media_type": "image/jpeg",
                    }
                    for at, page in enumerate(pages)
                ],
            }
        ],
    }
    return ApplicationDocument.model_validate_json(json.dumps(plain))


class Authority:
    """Somebody with an authority's key, and a set of keys to publish."""

    def __init__(self) -> None:
        self.key = generate(SuiteId.INTERNATIONAL, KeyUse.SIGN)
        self.pin = key_text(self.key.suite, self.key.public)
        self.pairs: dict[str, KeyPair] = {}
        self.key_set = BACKEND.keyring.signed_set.key_set.model_copy(update={"keys": ()})
        self.rotate()

    def rotate(self) -> bytes:
        """The next version, signed; each suite has new keys."""
        fresh = [generate(suite, use) for suite in SuiteId for use in KeyUse]
        self.pairs |= {pair.id: pair for pair in fresh}
        self.key_set = rotated(self.key_set, [published(pair) for pair in fresh], NOW)
        return self.body

    @property
    def body(self) -> bytes:
        signer = suite_of(self.key.suite).signer(self.key)
        return canonical_bytes(sign_key_set(signer, self.key_set))


# -- the terminal's own keys --------------------------------------------------------------------


def test_the_terminals_keys_are_made_once_and_are_for_its_user_alone(tmp_path: Path) -> None:
    sealing(tmp_path)
    first = signing_keys(tmp_path / "keys")
    assert signing_keys(tmp_path / "keys") == first
    assert set(first) == set(SuiteId)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["signing-keys.json"]


def test_enrolment_tells_the_public_parts_alone(tmp_path: Path) -> None:
    lines = enrolment(tmp_path)
    pairs = signing_keys(tmp_path)
    assert lines == tuple(key_text(p.suite, p.public) for p in pairs.values())
    held = (tmp_path / "signing-keys.json").read_text()
    for pair in pairs.values():
        assert pair.private.hex() not in "".join(lines)
        assert repr(pair.private) not in repr(pairs)
    assert "private" in held


@pytest.mark.parametrize("broken", [b"", b"{}", b'{"keys":[]}', b"\xff\xfe"])
def test_a_broken_key_file_closes_the_intake_and_is_not_replaced(
    tmp_path: Path, broken: bytes
) -> None:
    """A new key would be one that the backend does not know."""
    path = tmp_path / "keys" / "signing-keys.json"
    path.parent.mkdir()
    path.write_bytes(broken)
    assert sealing(tmp_path).fault == "SE-09"
    assert path.read_bytes() == broken
    with pytest.raises(SealError, match="SE-09"):
        sealing(tmp_path).chain(1, "0" * 64, "ab" * 16, "0" * 64)


# -- key sets -----------------------------------------------------------------------------------


def test_without_a_key_set_nothing_can_be_sealed(tmp_path: Path) -> None:
    made = sealing(tmp_path)
    assert (made.fault, made.key_set_version) == ("SE-08", 0)
    with pytest.raises(SealError, match="SE-08"):
        made.seal_application(document(), [PICTURE])


@pytest.mark.parametrize("suite", ["1", "2"])
def test_a_key_set_is_used_from_now_on_and_after_a_restart(tmp_path: Path, suite: str) -> None:
    made = sealing(tmp_path, suite)
    assert made.offer(FIRST) is True
    assert made.offer(FIRST) is False
    assert (made.fault, made.key_set_version) == ("", 1)
    again = sealing(tmp_path, suite)
    assert (again.fault, again.key_set_version) == ("", 1)


def test_a_key_set_can_be_brought_by_hand(tmp_path: Path) -> None:
    brought = tmp_path / "brought.json"
    brought.write_bytes(FIRST)
    assert sealing(tmp_path, first_key_set=brought).fault == ""
    brought.unlink()
    assert sealing(tmp_path, first_key_set=brought).fault == "", "it was kept"


def test_a_key_set_of_somebody_else_is_never_used(tmp_path: Path) -> None:
    brought = tmp_path / "brought.json"
    brought.write_bytes(Authority().body)
    made = sealing(tmp_path, first_key_set=brought)
    assert made.fault == "SE-06"
    with pytest.raises(SealError, match="SE-06"):
        made.offer(brought.read_bytes())
    assert sealing(tmp_path, pins=(), first_key_set=brought).fault == "SE-06"


def test_a_key_set_goes_forwards_only(tmp_path: Path) -> None:
    authority = Authority()
    old, new = authority.body, authority.rotate()
    made = sealing(tmp_path, pins=(authority.pin,))
    made.offer(new)
    for _ in range(2):
        with pytest.raises(SealError, match="SE-07"):
            made.offer(old)
        made = sealing(tmp_path, pins=(authority.pin,))
        assert made.key_set_version == authority.key_set.version


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[1]", FIRST[:-10]])
def test_a_portals_page_is_no_key_set(tmp_path: Path, body: bytes) -> None:
    made = sealing(tmp_path)
    made.offer(FIRST)
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's own, whose text is not ours
        made.offer(body)
    assert made.fault == ""


def test_a_damaged_key_set_on_the_disk_is_fetched_again(tmp_path: Path) -> None:
    sealing(tmp_path).offer(FIRST)
    path = tmp_path / "keys" / "key-set.json"
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":9'))
    made = sealing(tmp_path)
    assert made.fault == "SE-05"
    assert made.offer(FIRST) is True
    assert made.fault == ""


@pytest.mark.parametrize("text", ["1:" + "A" * 42, "2:AAAA", "rubbish"])
def test_a_pin_that_is_no_key_stops_the_start(tmp_path: Path, text: str) -> None:
    with pytest.raises(SealError):
        sealing(tmp_path, pins=(text,))


# -- sealing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", ["1", "2"])
def test_only_the_backend_reads_what_the_terminal_sealed(tmp_path: Path, suite: str) -> None:
    made = sealing(tmp_path, suite)
    made.offer(FIRST)
    sealed = made.seal_application(document(), [PICTURE], lane="visit")
    envelope = Envelope.model_validate_json(sealed.envelope)
    unsealer = BACKEND.keyring.unsealer(envelope.header.suite, envelope.header.key_id)
    first, page = unseal(unsealer, envelope, [part.data for part in sealed.parts])
    assert ApplicationDocument.model_validate_json(first) == document()
    assert page == PICTURE
    outside = sealed.envelope + b"".join(part.data for part in sealed.parts)
    for secret in (NAME.encode(), PICTURE, b"GG-001", b"form"):
        assert secret not in outside
    assert NAME not in repr(sealed)
    assert (sealed.suite, sealed.key_id, sealed.lane) == (suite, unsealer.key_id, "visit")


def test_what_waits_stays_under_its_old_key_after_a_rotation(tmp_path: Path) -> None:
    authority = Authority()
    made = sealing(tmp_path, pins=(authority.pin,))
    made.offer(authority.body)
    before = made.seal_application(document(), [PICTURE])
    made.offer(authority.rotate())
    after = made.seal_application(document(), [PICTURE])
    assert before.key_id != after.key_id
    for sealed in (before, after):
        envelope = Envelope.model_validate_json(sealed.envelope)
        pair = authority.pairs[sealed.key_id]
        parts = [part.data for part in sealed.parts]
        assert unseal(suite_of(pair.suite).unsealer(pair), envelope, parts)[1] == PICTURE


def test_what_an_older_version_kept_in_clear_is_sealed(tmp_path: Path) -> None:
    made = sealing(tmp_path)
    made.offer(FIRST)
    pages = (b"page a", b"page b")
    kept = Submission(
        id="ab" * 16,
        number="LW042-00001-7",
        document=canonical_bytes(document(pages)),
        parts=tuple(Part(f"form-{i}", "image/jpeg", pages[i]) for i in (1, 0)),
        created_at=NOW,
    )
    sealed = made.reseal(kept)
    envelope = Envelope.model_validate_json(sealed.envelope)
    unsealer = BACKEND.keyring.unsealer(envelope.header.suite, envelope.header.key_id)
    opened = unseal(unsealer, envelope, [part.data for part in sealed.parts])
    assert opened == (kept.document, *pages), "in the document's order"


# -- the chain and the answer -------------------------------------------------------------------


@pytest.mark.parametrize("suite", ["1", "2"])
def test_the_outbox_keeps_a_chain_that_verifies(tmp_path: Path, suite: str) -> None:
    made = sealing(tmp_path, suite)
    made.offer(FIRST)
    limits = Limits(free_least_bytes=0, ballast_bytes=0)
    path = tmp_path / "outbox"
    with Outbox.open(path, terminal="LW042", chain=made.chain, limits=limits) as outbox:
        entries = []
        for at in range(3):
            number = outbox.reserve_number().result()
            told = document().model_copy(
                update={"application_id": f"{at:032x}", "receipt_number": number}
            )
            outbox.enqueue(made.seal_application(told, [PICTURE])).result()
            body = json.loads(outbox.handover(told.application_id).result())
            entries.append(SignedChainEntry.model_validate_json(json.dumps(body["chain"])))
    pair = signing_keys(tmp_path / "keys")[SuiteId(suite)]
    verifier = suite_of(suite).verifier(pair.id, pair.public)
    previous = "0" * 64
    for index, signed in enumerate(entries, start=1):
        verify_entry(verifier, signed)
        assert (signed.entry.index, signed.entry.previous) == (index, previous)
        assert signed.entry.at == NOW
        previous = entry_digest(signed.entry)


@pytest.mark.parametrize("suite", list(SuiteId))
def test_only_a_signed_acknowledgement_for_these_bytes_counts(
    tmp_path: Path, suite: SuiteId
) -> None:
    made = sealing(tmp_path)
    made.offer(FIRST)
    signer = BACKEND.keyring.signer(suite)
    text = AcknowledgementText(
        suite=suite,
        key_id=signer.key_id,
        application_id="ab" * 16,
        digest="1" * 64,
        receipt_number="LW042-00001-7",
        case_number="2026-1",
        sequence=7,
        received_at=NOW,
    )
    good = sign_acknowledgement(signer, text)
    receipt = made.acknowledged(canonical_bytes(good), "ab" * 16, "1" * 64)
    assert (receipt.case_number, receipt.sequence) == ("2026-1", 7)
    forged = good.model_copy(update={"case_number": "2026-2"})
    unsigned = canonical_bytes(text)
    stranger = generate(suite, KeyUse.SIGN)
    foreign = sign_acknowledgement(
        suite_of(suite).signer(stranger), text.model_copy(update={"key_id": stranger.id})
    )
    for body, id_, digest in (
        (canonical_bytes(good), "cd" * 16, "1" * 64),
        (canonical_bytes(good), "ab" * 16, "2" * 64),
        (canonical_bytes(forged), "ab" * 16, "1" * 64),
        (canonical_bytes(foreign), "ab" * 16, "1" * 64),
        (unsigned, "ab" * 16, "1" * 64),
        (b"", "ab" * 16, "1" * 64),
        (b"<html>", "ab" * 16, "1" * 64),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - also pydantic's own
            made.acknowledged(body, id_, digest)
    with pytest.raises(ValueError, match="no key set"):
        sealing(tmp_path / "other").acknowledged(canonical_bytes(good), "ab" * 16, "1" * 64)


def test_the_key_set_of_the_tests_is_a_real_one() -> None:
    assert SignedKeySet.model_validate_json(FIRST).key_set.version == 1


# -- the command --------------------------------------------------------------------------------


def test_the_public_keys_are_printed_for_enrolment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "terminal.toml"
    settings.write_text(
        f'[terminal]\ncode = "LW007"\n[data]\ndirectory = "{tmp_path / "data"}"\n', "utf-8"
    )
    said = []
    for _ in range(2):
        assert main(["keys", "--settings", str(settings)]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    keys = [line.split() for line in said[0].splitlines()]
    assert [terminal for terminal, _ in keys] == ["LW007", "LW007"]
    assert [pin(text).suite for _, text in keys] == list(SuiteId)
    (tmp_path / "data" / "keys" / "signing-keys.json").write_text("", "utf-8")
    assert main(["keys", "--settings", str(settings)]) == 3
    assert "SE-09" in capsys.readouterr().err
