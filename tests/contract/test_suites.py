"""The algorithms behind the ports, against published vectors, and the properties of nonces."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from gmalg import SM2
from hypothesis import given
from hypothesis import strategies as st

from kiosk.contract.sealing import nonce
from kiosk.contract.suites import (
    NONCE_BYTES,
    SUITES,
    TAG_BYTES,
    KeyUse,
    SealError,
    SealFault,
    Suite,
    SuiteId,
    national,
    suite_of,
)

BOTH = pytest.mark.parametrize("suite", SUITES.values(), ids=["suite-1", "suite-2"])


# -- suite 1: HPKE, spelled out from RFC 9180 and checked against its appendix A.1.1 ------------


def _extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    out, block, count = b"", b"", 0
    while len(out) < length:
        count += 1
        block = hmac.new(key, block + info + bytes([count]), hashlib.sha256).digest()
        out += block
    return out[:length]


class _Labelled:
    """LabeledExtract and LabeledExpand of RFC 9180, section 4."""

    def __init__(self, suite_id: bytes) -> None:
        self.suite_id = suite_id

    def extract(self, salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return _extract(salt, b"HPKE-v1" + self.suite_id + label + ikm)

    def expand(self, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
        full = length.to_bytes(2, "big") + b"HPKE-v1" + self.suite_id + label + info
        return _expand(key, full, length)


def _hpke_open(
    private: bytes, sealed: bytes, info: bytes, *, aead_id: int, key_bytes: int, aad: bytes = b""
) -> bytes:
    """Base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-GCM: open the first message."""
    enc, text = sealed[:32], sealed[32:]
    mine = X25519PrivateKey.from_private_bytes(private)
    shared = mine.exchange(X25519PublicKey.from_public_bytes(enc))
    kem = _Labelled(b"KEM" + (0x20).to_bytes(2, "big"))
    context = enc + mine.public_key().public_bytes_raw()
    secret = kem.expand(kem.extract(b"", b"eae_prk", shared), b"shared_secret", context, 32)
    ids = (0x20).to_bytes(2, "big") + (1).to_bytes(2, "big") + aead_id.to_bytes(2, "big")
    schedule = _Labelled(b"HPKE" + ids)
    context = (
        b"\0"
        + schedule.extract(b"", b"psk_id_hash", b"")
        + schedule.extract(b"", b"info_hash", info)
    )
    main = schedule.extract(secret, b"secret", b"")
    key = schedule.expand(main, b"key", context, key_bytes)
    base = schedule.expand(main, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(base, text, aad)


def test_the_hpke_of_this_test_opens_the_vector_of_rfc_9180():
    """A.1.1: the same KEM and KDF, with AES-128-GCM; the RFC has none with AES-256-GCM."""
    plain = _hpke_open(
        bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"),
        bytes.fromhex(
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
            "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9"
            "6d8770ac83d07bea87e13c512a"
        ),
        bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"),
        aead_id=1,
        key_bytes=16,
        aad=b"Count-0",
    )
    assert plain == b"Beauty is truth, truth beauty"


def test_the_data_key_of_suite_1_is_sealed_as_rfc_9180_says():
    suite = suite_of("1")
    pair = suite.generate(KeyUse.SEAL)
    started = suite.sealer(pair.id, pair.public).start(b"the header")
    data_key = _hpke_open(pair.private, started.sealed_key, b"the header", aead_id=2, key_bytes=32)
    sealed = started.seal(nonce(0, True), b"a part")
    assert AESGCM(data_key).decrypt(nonce(0, True), sealed, b"the header") == b"a part"


def test_suite_1_signs_as_rfc_8032_says():
    suite = suite_of("1")
    pair = replace(
        suite.generate(KeyUse.SIGN),
        private=bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
    )
    assert suite.signer(pair).sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


# -- suite 2: the examples of GM/T 0003.5, GB/T 32905 and GB/T 32907 ----------------------------

SM2_PRIVATE = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
SM2_PUBLIC = (
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
SM2_K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
SM2_SIGNATURE = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
SM2_SEALED = (
    "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
    "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
    "59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"
    "21886ca989ca9c7d58087307ca93092d651efa"
)


@pytest.fixture
def sm2_pair():
    pair = suite_of("2").generate(KeyUse.SIGN)
    return replace(pair, public=bytes.fromhex(SM2_PUBLIC), private=bytes.fromhex(SM2_PRIVATE))


def test_sm2_gives_the_signature_and_the_ciphertext_of_the_standard(sm2_pair):
    told = SM2(sm2_pair.private, national.USER_ID, sm2_pair.public, rnd_fn=lambda _: SM2_K)
    assert told.generate_pk(sm2_pair.private) == sm2_pair.public
    assert b"".join(told.sign(b"message digest")).hex() == SM2_SIGNATURE
    assert told.encrypt(b"encryption standard").hex() == SM2_SEALED
    assert told.decrypt(bytes.fromhex(SM2_SEALED)) == b"encryption standard"


def test_suite_2_takes_the_standards_signature_and_no_other(sm2_pair):
    verifier = suite_of("2").verifier(sm2_pair.id, sm2_pair.public)
    verifier.verify(b"message digest", bytes.fromhex(SM2_SIGNATURE))
    with pytest.raises(SealError, match="SE-05"):
        verifier.verify(b"message digesT", bytes.fromhex(SM2_SIGNATURE))


def test_sm3_of_the_standard():
    digest = suite_of("2").hasher.digest
    assert digest(b"abc") == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert digest(b"abcd" * 16) == (
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )


def test_sm4_gcm_of_rfc_8998():
    """Appendix A.1, whose tag stands behind the text as here."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = bytes.fromhex(
        "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
        "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"
    )
    parts = national._Parts(b"", key, bound)
    sealed = parts.seal(bytes.fromhex("00001234567800000000abcd"), plain)
    assert sealed.hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert parts.open(bytes.fromhex("00001234567800000000abcd"), sealed) == plain


def test_signatures_of_suite_2_keep_their_length(sm2_pair, monkeypatch):
    """r and s lose their leading zeros in the library."""

    class Short:
        def sign(self, _data):
            return b"\x01" * 31, b"\x02" * 30

    signer = suite_of("2").signer(sm2_pair)
    assert len(signer.sign(b"x")) == 64
    monkeypatch.setattr(national, "_sm2", lambda *_: Short())
    assert signer.sign(b"x") == b"\0" + b"\x01" * 31 + b"\0\0" + b"\x02" * 30


# -- both ---------------------------------------------------------------------------------------


@BOTH
def test_a_data_key_is_never_used_twice(suite: Suite):
    pair = suite.generate(KeyUse.SEAL)
    sealer = suite.sealer(pair.id, pair.public)
    one, other = sealer.start(b""), sealer.start(b"")
    assert one.sealed_key != other.sealed_key
    assert one.seal(nonce(0, True), b"same") != other.seal(nonce(0, True), b"same")
    assert len(one.seal(nonce(1, True), b"same")) == 4 + TAG_BYTES


@BOTH
def test_keys_of_the_wrong_shape_are_refused_before_use(suite: Suite):
    pair = suite.generate(KeyUse.SEAL)
    for public in (b"", pair.public[:-1], pair.public + b"\0", bytes(len(pair.public))):
        with pytest.raises(SealError) as told:
            suite.sealer(pair.id, public)
        assert told.value.fault is SealFault.BAD_KEY
    for private in (b"", pair.private[:-1], pair.private + b"\0"):
        with pytest.raises(SealError):
            suite.unsealer(replace(pair, private=private))


def test_a_point_beside_the_curve_is_no_key_and_opens_nothing():
    suite = suite_of("2")
    pair = suite.generate(KeyUse.SEAL)
    beside = pair.public[:-1] + bytes([pair.public[-1] ^ 1])
    with pytest.raises(SealError):
        suite.verifier(pair.id, beside)
    started = suite.sealer(pair.id, pair.public).start(b"")
    with pytest.raises(SealError):
        suite.unsealer(pair).start(beside + started.sealed_key[65:], b"")


@BOTH
@pytest.mark.parametrize("length", [0, 1, 31, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_none(suite: Suite, length: int):
    pair = suite.generate(KeyUse.SIGN)
    with pytest.raises(SealError) as told:
        suite.verifier(pair.id, pair.public).verify(b"x", bytes(length))
    assert told.value.fault is SealFault.BAD_SIGNATURE


@BOTH
def test_nothing_secret_shows(suite: Suite):
    pair = suite.generate(KeyUse.SEAL)
    started = suite.sealer(pair.id, pair.public).start(b"")
    for shown in (repr(pair), repr(started), repr(suite.unsealer(pair))):
        assert repr(pair.private) not in shown
        assert "private" not in shown
        assert "data_key" not in shown


def test_a_suite_that_is_not_there_has_its_own_error():
    with pytest.raises(SealError, match="SE-03"):
        suite_of("3")
    assert [suite_of(id_).id for id_ in SuiteId] == ["1", "2"]


@given(
    st.tuples(st.integers(0, 2**88 - 1), st.booleans()),
    st.tuples(st.integers(0, 2**88 - 1), st.booleans()),
)
def test_no_two_places_share_a_nonce(one, other):
    assert len(nonce(*one)) == NONCE_BYTES
    assert (nonce(*one) == nonce(*other)) == (one == other)
