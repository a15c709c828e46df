"""Key sets are believed only from a pinned authority, only forwards, and never strand a queue."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kiosk.contract import KeySet, KeyState, SignedKeySet, canonical_bytes
from kiosk.contract.keys import (
    check_newer,
    generate,
    key_text,
    pin,
    published,
    rotated,
    sealer_from,
    sign_key_set,
    verified,
    verifier_from,
    without,
)
from kiosk.contract.suites import KeyUse, SealError, SealFault, SuiteId, suite_of

NOW = datetime(2026, 3, 4, tzinfo=UTC)
LATER = datetime(2027, 3, 4, tzinfo=UTC)
PAIRS = {
    (suite, use): tuple(generate(suite, use) for _ in range(3))
    for suite in SuiteId
    for use in KeyUse
}
AUTHORITIES = {suite: generate(suite, KeyUse.SIGN) for suite in SuiteId}


def _set(version: int = 1) -> KeySet:
    keys = tuple(published(pairs[0]) for pairs in PAIRS.values())
    return KeySet(authority="浙江省", version=version, issued_at=NOW, keys=keys)


def _signed(suite: SuiteId, key_set: KeySet) -> SignedKeySet:
    return sign_key_set(suite_of(suite).signer(AUTHORITIES[suite]), key_set)


def _pin(suite: SuiteId):
    return pin(key_text(suite, AUTHORITIES[suite].public))


@pytest.mark.parametrize("suite", list(SuiteId))
def test_a_set_is_believed_when_a_pinned_authority_signed_it(suite):
    signed = _signed(suite, _set())
    read = SignedKeySet.model_validate_json(canonical_bytes(signed))
    assert verified(read, [_pin(other) for other in SuiteId]) == _set()
    with pytest.raises(SealError) as told:
        verified(read, [_pin(other) for other in SuiteId if other is not suite])
    assert told.value.fault is SealFault.NOT_PINNED
    with pytest.raises(SealError) as told:
        verified(read, [])
    assert told.value.fault is SealFault.NOT_PINNED


@pytest.mark.parametrize("suite", list(SuiteId))
@pytest.mark.parametrize(
    "changed",
    [{"version": 2}, {"authority": "x"}, {"issued_at": LATER}, {"keys": ()}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_set_is_not_believed(suite, changed):
    signed = _signed(suite, _set())
    forged = signed.model_copy(update={"key_set": _set().model_copy(update=changed)})
    with pytest.raises(SealError) as told:
        verified(forged, [_pin(suite)])
    assert told.value.fault is SealFault.BAD_SIGNATURE


def test_a_key_under_anothers_name_is_refused_though_the_authority_signed():
    one, other = PAIRS[SuiteId.INTERNATIONAL, KeyUse.SEAL][:2]
    false = published(one).model_copy(update={"public": other.public})
    with pytest.raises(SealError) as told:
        verified(
            _signed(SuiteId.INTERNATIONAL, _set().model_copy(update={"keys": (false,)})),
            [_pin(SuiteId.INTERNATIONAL)],
        )
    assert told.value.fault is SealFault.BAD_KEY


def test_a_key_twice_in_a_set_is_no_set():
    key = _set().keys[0]
    with pytest.raises(ValidationError):
        KeySet(authority="", version=1, issued_at=NOW, keys=(key, key))


@pytest.mark.parametrize(
    "text", ["", "1", "1:", "3:AAAA", "1:!!!!", "2:AAAA", "1:" + "A" * 42, ":", "1:é"]
)
def test_what_is_no_pin_is_refused(text):
    with pytest.raises(SealError):
        pin(text)


@given(st.text(max_size=60))
def test_a_pin_is_read_or_refused_with_a_code(text):
    try:
        read = pin(text)
    except SealError:
        return
    assert pin(key_text(read.suite, read.public)) == read


def test_only_a_newer_set_replaces():
    check_newer(None, _set(1))
    check_newer(_set(1), _set(2))
    for version in (1, 2, 3):
        with pytest.raises(SealError) as told:
            check_newer(_set(3), _set(version))
        assert told.value.fault is SealFault.OLDER


@pytest.mark.parametrize("suite", list(SuiteId))
def test_sealing_takes_the_active_key_of_the_suite(suite):
    first, second = PAIRS[suite, KeyUse.SEAL][:2]
    assert sealer_from(_set(), suite).key_id == first.id
    turned = rotated(_set(), [published(second)], LATER)
    assert sealer_from(turned, suite).key_id == second.id
    only_signing = turned.model_copy(
        update={"keys": tuple(k for k in turned.keys if k.use is KeyUse.SIGN)}
    )
    with pytest.raises(SealError) as told:
        sealer_from(only_signing, suite)
    assert told.value.fault is SealFault.NO_KEY


def test_a_rotation_retires_its_own_kind_and_nothing_else():
    fresh = PAIRS[SuiteId.INTERNATIONAL, KeyUse.SEAL][1]
    before, after = _set(), rotated(_set(), [published(fresh)], LATER)
    assert (after.version, after.issued_at) == (before.version + 1, LATER)
    states = {key.id: key.state for key in after.keys}
    for key in before.keys:
        turned = (key.suite, key.use) == (fresh.suite, fresh.use)
        assert states[key.id] is (KeyState.RETIRED if turned else KeyState.ACTIVE)
    assert states[fresh.id] is KeyState.ACTIVE


def test_old_words_verify_after_the_signing_key_was_retired():
    old, new = PAIRS[SuiteId.NATIONAL, KeyUse.SIGN][:2]
    after = rotated(_set(), [published(new)], LATER)
    for pair in (old, new):
        signature = suite_of(pair.suite).signer(pair).sign(b"received")
        verifier_from(after, pair.id).verify(b"received", signature)
    for id_ in ("1-" + "0" * 20, PAIRS[SuiteId.NATIONAL, KeyUse.SEAL][0].id):
        with pytest.raises(SealError) as told:
            verifier_from(after, id_)
        assert told.value.fault is SealFault.UNKNOWN_KEY


def test_a_retired_key_can_go_and_an_active_one_cannot():
    old, new = PAIRS[SuiteId.INTERNATIONAL, KeyUse.SEAL][:2]
    after = rotated(_set(), [published(new)], LATER)
    gone = without(after, {old.id}, LATER)
    assert old.id not in {key.id for key in gone.keys}
    assert gone.version == after.version + 1
    with pytest.raises(ValueError, match="active"):
        without(after, {new.id}, LATER)
