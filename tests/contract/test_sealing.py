"""What was sealed opens whole, in order, under its own header and key; else one typed error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kiosk.contract import (
    AcknowledgementText,
    ChainEntry,
    Envelope,
    Handover,
    SignedAcknowledgement,
    SignedChainEntry,
    canonical_bytes,
)
from kiosk.contract.canonical import canonical_object
from kiosk.contract.envelope import FIRST_PREVIOUS, MOST_PARTS
from kiosk.contract.sealing import (
    Sealed,
    chained,
    entry_digest,
    envelope_digest,
    seal,
    sign_acknowledgement,
    sign_entry,
    unseal,
    verify_acknowledgement,
    verify_entry,
)
from kiosk.contract.suites import SUITES, KeyPair, KeyUse, SealError, SealFault, Suite

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECRET = "张伟 330302196001011234".encode()
PARTS = (SECRET + b"-document", b"page one " * 40, b"", b"page three")


@dataclass(frozen=True)
class Party:
    suite: Suite
    keys: KeyPair
    other: KeyPair
    signing: KeyPair
    sealed: Sealed


def _party(suite: Suite) -> Party:
    keys = suite.generate(KeyUse.SEAL)
    return Party(
        suite,
        keys,
        suite.generate(KeyUse.SEAL),
        suite.generate(KeyUse.SIGN),
        _seal(suite, keys, PARTS),
    )


def _seal(suite: Suite, keys: KeyPair, parts, id_: str = "ab" * 16) -> Sealed:
    return seal(
        suite.sealer(keys.id, keys.public),
        parts,
        application_id=id_,
        receipt_number="LW042-00317-6",
        terminal="LW042",
        created=NOW,
    )


PARTIES = {id_: _party(suite) for id_, suite in SUITES.items()}


@pytest.fixture(params=list(PARTIES), ids=["suite-1", "suite-2"])
def party(request) -> Party:
    return PARTIES[request.param]


def _opened(party: Party, envelope: Envelope, parts) -> tuple[bytes, ...]:
    return unseal(party.suite.unsealer(party.keys), envelope, parts)


def _fault(party: Party, envelope: Envelope, parts) -> SealFault:
    with pytest.raises(SealError) as told:
        _opened(party, envelope, parts)
    return told.value.fault


def _again(envelope: Envelope, parts) -> Envelope:
    """The envelope as somebody writes it who can hash, but has no key."""
    plain = envelope.model_dump()
    hasher = SUITES[envelope.header.suite].hasher
    plain["parts"] = tuple(
        {"ordinal": i, "size": len(part), "digest": hasher.digest(part)}
        for i, part in enumerate(parts)
    )
    return Envelope.model_validate(plain)


# -- round trip -----------------------------------------------------------------------------


def test_what_was_sealed_opens(party):
    assert _opened(party, party.sealed.envelope, party.sealed.parts) == PARTS


def test_it_opens_after_the_wire_and_keeps_its_digest(party):
    body = canonical_bytes(party.sealed.envelope)
    read = Envelope.model_validate_json(body)
    assert canonical_bytes(read) == body
    assert envelope_digest(read) == envelope_digest(party.sealed.envelope)
    assert _opened(party, read, party.sealed.parts) == PARTS


def test_nothing_of_the_content_is_in_clear(party):
    outside = canonical_bytes(party.sealed.envelope) + b"".join(party.sealed.parts)
    assert SECRET not in outside
    assert b"page" not in outside
    assert "page" not in repr(party.sealed.envelope)


def test_the_envelope_tells_no_item_and_no_names(party):
    told = canonical_bytes(party.sealed.envelope.header).decode()
    assert set(party.sealed.envelope.header.model_dump()) == {
        "version",
        "suite",
        "key_id",
        "application_id",
        "receipt_number",
        "terminal",
        "created",
        "parts",
    }
    assert "item" not in told
    assert "media" not in told


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8))
def test_any_parts_come_back(parts):
    party = PARTIES[next(iter(PARTIES))]
    sealed = _seal(party.suite, party.keys, parts)
    assert _opened(party, sealed.envelope, sealed.parts) == tuple(parts)


def test_too_many_parts_and_none_are_refused(party):
    for parts in ((), (b"x",) * (MOST_PARTS + 1)):
        with pytest.raises(ValidationError):
            _seal(party.suite, party.keys, parts)


# -- whatever is changed, it does not open ------------------------------------------------------


@pytest.mark.parametrize("suite", list(PARTIES))
def test_any_flipped_bit_of_a_part(suite):
    party = PARTIES[suite]

    @given(st.data())
    def flip(data):
        at = data.draw(st.integers(0, len(PARTS) - 1))
        part = bytearray(party.sealed.parts[at])
        bit = data.draw(st.integers(0, len(part) * 8 - 1))
        part[bit // 8] ^= 1 << bit % 8
        parts = [*party.sealed.parts[:at], bytes(part), *party.sealed.parts[at + 1 :]]
        assert _fault(party, party.sealed.envelope, parts) is SealFault.ALTERED
        # Nor when the digests were made to fit.
        assert _fault(party, _again(party.sealed.envelope, parts), parts) is SealFault.ALTERED

    flip()


@pytest.mark.parametrize("suite", list(PARTIES))
def test_any_flipped_bit_of_the_sealed_key(suite):
    party = PARTIES[suite]
    key = party.sealed.envelope.sealed_key

    @given(st.integers(0, len(key) * 8 - 1))
    def flip(bit):
        changed = bytearray(key)
        changed[bit // 8] ^= 1 << bit % 8
        envelope = party.sealed.envelope.model_copy(update={"sealed_key": bytes(changed)})
        assert _fault(party, envelope, party.sealed.parts) is SealFault.ALTERED

    flip()


def test_a_key_or_a_part_that_was_cut_or_grew(party):
    key = party.sealed.envelope.sealed_key
    for changed in (key[:-1], key[:32], key + b"\0"):
        envelope = party.sealed.envelope.model_copy(update={"sealed_key": changed})
        assert _fault(party, envelope, party.sealed.parts) is SealFault.ALTERED
    for at, part in enumerate(party.sealed.parts):
        for changed in (part[:-1], part[:15], part + b"\0"):
            parts = [*party.sealed.parts[:at], changed, *party.sealed.parts[at + 1 :]]
            assert _fault(party, party.sealed.envelope, parts) is SealFault.ALTERED


def test_parts_in_another_order_dropped_or_doubled(party):
    one = _seal(party.suite, party.keys, (b"same size", b"SAME SIZE", b"sAME sIZE"))
    first, second, third = one.parts
    for parts in ((second, first, third), (first, third, second), (first, first, third)):
        assert _fault(party, one.envelope, parts) is SealFault.ALTERED
        assert _fault(party, _again(one.envelope, parts), parts) is SealFault.ALTERED
    for other in ((), (first,), (first, second), (first, second, third, third)):
        assert _fault(party, one.envelope, other) is SealFault.ALTERED


def test_a_header_that_was_rewritten_to_drop_the_last_part(party):
    plain = party.sealed.envelope.model_dump()
    places = [dict(place) for place in plain["header"]["parts"][:-1]]
    places[-1]["last"] = True
    plain["header"]["parts"] = tuple(places)
    plain["parts"] = plain["parts"][:-1]
    envelope = Envelope.model_validate(plain)
    assert _fault(party, envelope, party.sealed.parts[:-1]) is SealFault.ALTERED


@pytest.mark.parametrize(
    "changed",
    [
        {"application_id": "cd" * 16},
        {"receipt_number": "LW042-00318-4"},
        {"terminal": "LW043"},
        {"created": NOW.replace(year=2027)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_any_changed_header(party, changed):
    header = party.sealed.envelope.header.model_copy(update=changed)
    envelope = party.sealed.envelope.model_copy(update={"header": header})
    assert _fault(party, envelope, party.sealed.parts) is SealFault.ALTERED


def test_a_part_of_another_application(party):
    other = _seal(party.suite, party.keys, PARTS, "ef" * 16)
    parts = (other.parts[0], *party.sealed.parts[1:])
    assert _fault(party, _again(party.sealed.envelope, parts), parts) is SealFault.ALTERED


def test_another_key_and_a_key_that_only_has_the_right_name(party):
    unsealer = party.suite.unsealer(party.other)
    with pytest.raises(SealError) as told:
        unseal(unsealer, party.sealed.envelope, party.sealed.parts)
    assert told.value.fault is SealFault.UNKNOWN_KEY
    header = party.sealed.envelope.header.model_copy(update={"key_id": party.other.id})
    renamed = party.sealed.envelope.model_copy(update={"header": header})
    with pytest.raises(SealError) as told:
        unseal(unsealer, renamed, party.sealed.parts)
    assert told.value.fault is SealFault.ALTERED


@pytest.mark.parametrize(
    "broken",
    [
        lambda plain: plain["header"]["parts"][0].update(ordinal=1),
        lambda plain: plain["header"]["parts"][0].update(last=True),
        lambda plain: plain["header"]["parts"][-1].update(last=False),
        lambda plain: plain["parts"][0].update(size=plain["parts"][0]["size"] + 1),
        lambda plain: plain["parts"][0].update(digest="0"),
        lambda plain: plain.update(parts=()),
        lambda plain: plain["header"].update(suite="3"),
        lambda plain: plain["header"].update(version=2),
        lambda plain: plain["header"].update(item="marriage"),
        lambda plain: plain.update(sealed_key=b""),
    ],
)
def test_an_envelope_that_contradicts_itself_is_none(party, broken):
    plain = party.sealed.envelope.model_dump()
    plain["header"]["parts"] = tuple(dict(place) for place in plain["header"]["parts"])
    plain["parts"] = tuple(dict(part) for part in plain["parts"])
    broken(plain)
    with pytest.raises(ValidationError):
        Envelope.model_validate(plain)


# -- the chain ----------------------------------------------------------------------------------


def _entry(party: Party, index: int, previous: str) -> ChainEntry:
    return ChainEntry(
        suite=party.suite.id,
        terminal="LW042",
        index=index,
        previous=previous,
        application_id="ab" * 16,
        digest=envelope_digest(party.sealed.envelope),
        at=NOW,
    )


def test_a_chain_entry_is_signed_and_travels(party):
    entry = _entry(party, 1, FIRST_PREVIOUS)
    signed = sign_entry(party.suite.signer(party.signing), entry)
    handover = Handover(envelope=party.sealed.envelope, chain=signed)
    read = Handover.model_validate_json(canonical_bytes(handover))
    assert read == handover
    verifier = party.suite.verifier(party.signing.id, party.signing.public)
    verify_entry(verifier, read.chain)
    for changed in ({"index": 2}, {"previous": "1" * 64}, {"digest": "2" * 64}):
        forged = SignedChainEntry(
            entry=entry.model_copy(update=changed),
            key_id=signed.key_id,
            signature=signed.signature,
        )
        with pytest.raises(SealError, match="SE-05"):
            verify_entry(verifier, forged)


# -- acknowledgements ---------------------------------------------------------------------------


def test_an_acknowledgement_counts_only_with_its_signature(party):
    text = AcknowledgementText(
        suite=party.suite.id,
        key_id=party.signing.id,
        application_id="ab" * 16,
        digest="0" * 64,
        receipt_number="LW042-00317-6",
        case_number="3303-2026-000001",
        sequence=1,
        received_at=NOW,
    )
    signed = sign_acknowledgement(party.suite.signer(party.signing), text)
    read = SignedAcknowledgement.model_validate_json(canonical_bytes(signed))
    verifier = party.suite.verifier(party.signing.id, party.signing.public)
    verify_acknowledgement(verifier, read)
    for changed in (
        {"application_id": "cd" * 16},
        {"digest": "1" * 64},
        {"case_number": "3303-2026-000002"},
        {"sequence": 2},
        {"signature": bytes(64)},
    ):
        with pytest.raises(SealError, match="SE-05"):
            verify_acknowledgement(verifier, read.model_copy(update=changed))
    elsewhere = read.model_copy(update={"key_id": party.other.id})
    with pytest.raises(SealError, match="SE-02"):
        verify_acknowledgement(verifier, elsewhere)
    with pytest.raises(SealError, match="SE-02"):
        sign_acknowledgement(party.suite.signer(party.signing), elsewhere)


@pytest.mark.parametrize("suite", list(SUITES.values()), ids=["suite-1", "suite-2"])
def test_an_entry_spelt_once_is_the_model_spelt_in_full(suite: Suite) -> None:
    keys = suite.generate(KeyUse.SIGN)
    entry = ChainEntry(
        suite=suite.id,
        terminal="LW042",
        index=7,
        previous=FIRST_PREVIOUS,
        application_id="ab" * 16,
        digest="c" * 64,
        at=NOW,
    )
    spelt, digest = chained(suite.signer(keys), entry)
    signed = SignedChainEntry.model_validate_json(spelt)
    assert (signed.entry, digest) == (entry, entry_digest(entry))
    assert canonical_bytes(signed) == spelt
    verify_entry(suite.verifier(keys.id, keys.public), signed)


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), st.text(), max_size=5))
def test_an_object_of_canonical_members_is_canonical(members: dict[str, str]) -> None:
    plain = {"inner": members, **{f"t_{name}": text for name, text in members.items()}}
    inner = json.dumps(members, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    told = canonical_object(
        inner=inner.encode(),
        **{name: text for name, text in plain.items() if isinstance(text, str)},
    )
    whole = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert told == whole.encode()
