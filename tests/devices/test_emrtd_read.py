"""Reading a whole travel document from a chip in memory: access, files, signatures, damage."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from asn1crypto import core, keys  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from devices.errors import DeviceError, Fault
from devices.pcsc import guard, tlv
from devices.pcsc.emrtd import lds, sod
from devices.pcsc.emrtd.curves import CURVES
from devices.pcsc.emrtd.key import DocumentKey, MrzError, parse
from devices.pcsc.emrtd.read import read_document
from devices.pcsc.emrtd.sod import Forged, TrustStore, judge
from devices.records import ChipAccess, ChipAuthenticity, Sex, TravelDocument
from devices.simulators import passport
from devices.simulators.passport import Country, VirtualPassport, details, make_files, mrz_of

MRZ = mrz_of("L898902C", "690806", "340623", surname="SAMPLE", given="ANNA MARIA")
KEY = DocumentKey.of_mrz(MRZ)
COUNTRY = Country()
TRUST = TrustStore([COUNTRY.authority])


def picture(format_: str = "JPEG", size: tuple[int, int] = (60, 80)) -> bytes:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, format_)
    return out.getvalue()


PHOTO = picture()
FILES = make_files(COUNTRY, MRZ, PHOTO, size_px=(60, 80))


class InMemory:
    """A chip without a reader; the guard has its say all the same."""

    def __init__(self, chip: VirtualPassport) -> None:
        self._chip = chip
        self.commands: list[bytes] = []
        self.resets = 0

    def transmit(self, apdu: bytes) -> bytes:
        guard.check(apdu)
        self.commands.append(apdu)
        return self._chip.respond(apdu)

    def reset(self) -> None:
        self.resets += 1
        self._chip.reset()


def read(
    chip: VirtualPassport, key: DocumentKey = KEY, trust: TrustStore = TRUST
) -> TravelDocument:
    return read_document(InMemory(chip), key, trust)


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(DeviceError) as failed:
        call()
    for secret in ("L898902C", "690806", "SAMPLE", "ANNA", "王", "李"):
        assert secret not in str(failed.value)
    return failed.value.fault


@pytest.mark.parametrize(
    ("card_access", "bac", "access"),
    [
        (None, True, ChipAccess.BAC),
        (passport.PACE_AES128_BP256, True, ChipAccess.PACE),
        (passport.PACE_AES128_BP256, False, ChipAccess.PACE),
        (passport.PACE_3DES_P256, True, ChipAccess.PACE),
        (passport.PACE_AES256_P384_CAM, True, ChipAccess.PACE),
        (passport.PACE_INTEGRATED_ONLY, True, ChipAccess.BAC),
        (b"\x31\x80garbage", True, ChipAccess.BAC),
    ],
    ids=["bac", "pace", "pace-only", "pace-3des", "pace-aes256-cam", "other-mapping", "broken"],
)
def test_a_document_is_read(card_access: bytes | None, bac: bool, access: ChipAccess) -> None:
    document = read(VirtualPassport(FILES, KEY, card_access=card_access, bac=bac))
    assert document.access is access
    assert document.number == "L898902C"
    assert (document.surname, document.given_names) == ("SAMPLE", "ANNA MARIA")
    assert (document.birth_yymmdd, document.expiry_yymmdd) == ("690806", "340623")
    assert document.sex is Sex.FEMALE
    assert (document.issuing_state, document.nationality) == ("UTO", "UTO")
    assert document.mrz == MRZ
    assert document.authenticity is ChipAuthenticity.SIGNED
    assert document.signed_by == "UT"
    assert document.portrait is not None
    assert document.portrait.data == PHOTO
    assert (document.portrait.width_px, document.portrait.height_px) == (60, 80)


def test_the_number_on_the_card_opens_pace_and_not_bac() -> None:
    key = DocumentKey(KEY.number, KEY.birth, KEY.expiry, can="123456")
    pace = VirtualPassport(FILES, key, card_access=passport.PACE_AES128_BP256)
    assert read(pace, DocumentKey(can="123456")).access is ChipAccess.PACE
    bac = VirtualPassport(FILES, key)
    assert fault_of(lambda: read(bac, DocumentKey(can="123456"))) is Fault.DOCUMENT_KEY_NEEDED


@pytest.mark.parametrize("card_access", [None, passport.PACE_AES128_BP256, passport.PACE_3DES_P256])
def test_another_documents_data_page_is_told_as_such(card_access: bytes | None) -> None:
    chip = VirtualPassport(FILES, KEY, card_access=card_access)
    other = DocumentKey(KEY.number, "690807", KEY.expiry)
    assert fault_of(lambda: read(chip, other)) is Fault.DOCUMENT_KEY_WRONG


def test_a_portrait_beyond_32_kilobytes_is_read_by_long_offsets() -> None:
    large = picture(size=(300, 380))
    assert len(large) > 0x9000
    document = read(VirtualPassport(make_files(COUNTRY, MRZ, large), KEY))
    assert document.portrait is not None
    assert document.portrait.data == large


def test_a_chip_that_gives_less_than_asked_is_read_to_the_end() -> None:
    assert read(VirtualPassport(FILES, KEY, most_bytes=97)).authenticity is ChipAuthenticity.SIGNED


def test_jpeg_2000_is_told_by_how_it_begins() -> None:
    document = read(VirtualPassport(make_files(COUNTRY, MRZ, picture("JPEG2000")), KEY))
    assert document.portrait is not None
    assert document.portrait.format == "jpeg2000"


def test_a_document_without_a_portrait() -> None:
    assert read(VirtualPassport(make_files(COUNTRY, MRZ, None), KEY)).portrait is None


def test_a_listed_portrait_cannot_be_hidden() -> None:
    """EF.COM is not signed: that it lists no portrait does not make one disappear."""
    hidden = make_files(COUNTRY, MRZ, None)[lds.EF_COM]
    document = read(VirtualPassport({**FILES, lds.EF_COM: hidden}, KEY))
    assert document.portrait is not None


@pytest.mark.parametrize(
    ("trust", "detail"),
    [
        (TrustStore(), "no country certificates"),
        (TrustStore([Country("UT").authority]), "no certificate of country UT"),
        (TrustStore([Country("XY").authority]), "no certificate of country UT"),
        (TrustStore([COUNTRY.signer]), "no country certificates"),
        (TrustStore([b"no certificate"]), "no country certificates"),
    ],
    ids=["none", "same-name-other-key", "other-country", "a-signer-is-no-authority", "rubbish"],
)
def test_without_the_countrys_certificate_it_is_said_so(trust: TrustStore, detail: str) -> None:
    document = read(VirtualPassport(FILES, KEY), trust=trust)
    assert document.authenticity is ChipAuthenticity.NOT_AUTHENTICATED
    assert detail in document.authenticity_detail
    assert document.signed_by == ""


def test_a_chip_without_signature_is_not_authenticated() -> None:
    files = {number: file for number, file in FILES.items() if number != lds.EF_SOD}
    document = read(VirtualPassport(files, KEY))
    assert document.authenticity is ChipAuthenticity.NOT_AUTHENTICATED


@pytest.mark.parametrize("group", [lds.EF_DG1, lds.EF_DG2])
def test_a_changed_file_is_a_forgery(group: int) -> None:
    other = make_files(COUNTRY, MRZ.replace("ANNA", "EMMA"), picture(), size_px=(60, 80))
    chip = VirtualPassport({**FILES, group: other[group]}, KEY)
    assert fault_of(lambda: read(chip)) is Fault.CARD_NOT_GENUINE


# The name in the holder's own characters.


@pytest.mark.parametrize(
    ("dg11", "name"),
    [
        (None, ""),
        (details("王<<小明"), "王小明"),
        (details("欧阳<<\ue863\U00020bb7"), "欧阳\ue863\U00020bb7"),
        (details("王小明", "李大"), "王小明"),
        (details("WANG<<XIAOMING", "XIAOMING<WANG", "王小明"), "王小明"),
        (details("", "王<<小明"), "王小明"),
        (details("WANG<<XIAOMING"), ""),
        (details("MÜLLER<<JÖRG"), ""),
        (details("Иванов<<Пётр<Ильич"), "Иванов Пётр Ильич"),
        (tlv.make(lds.TAG_DG11, b""), ""),
    ],
)
def test_the_name_in_the_holders_own_characters(dg11: bytes | None, name: str) -> None:
    files = make_files(COUNTRY, MRZ, PHOTO, dg11=dg11)
    for access in (None, passport.PACE_AES128_BP256):
        document = read(VirtualPassport(files, KEY, card_access=access))
        assert document.native_name == name
        assert document.authenticity is ChipAuthenticity.SIGNED
        assert (document.surname, document.given_names) == ("SAMPLE", "ANNA MARIA")


NAMED = make_files(COUNTRY, MRZ, PHOTO, dg11=details("王<<小明"))


@pytest.mark.parametrize(
    "dg11",
    [
        b"\x6b",
        b"\x6b\x05\x5f\x0e\x09\x41\x42",
        tlv.make(lds.TAG_DG11, tlv.make(0x5F0E, "王小明".encode("gbk"))),
        tlv.make(lds.TAG_DG11, tlv.make(0x5F0E, "王\n明".encode())),
        tlv.make(lds.TAG_DG11, tlv.make(0x5F0E, "王\u202e明".encode())),
        tlv.make(lds.TAG_DG11, tlv.make(0x5F0E, "王".encode() * 400)),
        tlv.make(0x61, b"something else"),
        tlv.make(lds.TAG_DG11, tlv.make(0x5F16, bytes(20_000))),
    ],
    ids=["cut", "length", "gbk", "line", "direction", "long", "tag", "large"],
)
def test_a_damaged_addition_costs_nothing_but_itself(dg11: bytes) -> None:
    document = read(VirtualPassport(make_files(COUNTRY, MRZ, PHOTO, dg11=dg11), KEY))
    assert document.native_name == ""
    assert (document.surname, document.number) == ("SAMPLE", "L898902C")
    assert document.portrait is not None
    assert document.authenticity is ChipAuthenticity.SIGNED


def test_an_addition_that_is_signed_and_not_there_is_done_without() -> None:
    files = {number: file for number, file in NAMED.items() if number != lds.EF_DG11}
    document = read(VirtualPassport(files, KEY))
    assert (document.native_name, document.authenticity) == ("", ChipAuthenticity.SIGNED)


def test_somebody_elses_name_is_a_forgery() -> None:
    chip = VirtualPassport({**NAMED, lds.EF_DG11: details("李<<大")}, KEY)
    assert fault_of(lambda: read(chip)) is Fault.CARD_NOT_GENUINE
    damaged = bytearray(NAMED[lds.EF_DG11])
    damaged[-1] = 0xFF
    chip = VirtualPassport({**NAMED, lds.EF_DG11: bytes(damaged)}, KEY)
    assert fault_of(lambda: read(chip)) is Fault.CARD_NOT_GENUINE, "what makes no sense counts too"


def test_a_name_that_nobody_signed_is_not_read() -> None:
    """The unsigned list of files may name what it likes."""
    chip = VirtualPassport(
        {**FILES, lds.EF_DG11: NAMED[lds.EF_DG11], lds.EF_COM: NAMED[lds.EF_COM]}, KEY
    )
    document = read(chip)
    assert (document.native_name, document.authenticity) == ("", ChipAuthenticity.SIGNED)


def test_without_any_signature_the_name_is_as_good_as_the_rest() -> None:
    files = {number: file for number, file in NAMED.items() if number != lds.EF_SOD}
    document = read(VirtualPassport(files, KEY))
    assert document.native_name == "王小明"
    assert document.authenticity is ChipAuthenticity.NOT_AUTHENTICATED


@pytest.mark.parametrize(
    "country",
    [
        Country(make_key=lambda: ec.generate_private_key(ec.BrainpoolP384R1())),
        Country(make_key=lambda: rsa.generate_private_key(65_537, 2_048)),
        Country(make_key=lambda: rsa.generate_private_key(65_537, 2_048), pss=True),
    ],
    ids=["brainpool", "rsa", "rsa-pss"],
)
def test_signatures_of_other_kinds(country: Country) -> None:
    groups = {1: FILES[lds.EF_DG1], 2: FILES[lds.EF_DG2]}
    signed = country.sign(groups)
    verdict = judge(signed, groups, TrustStore([COUNTRY.authority, country.authority]))
    assert verdict.authenticity is ChipAuthenticity.SIGNED, verdict.detail
    signature = signed[-8:]
    broken = signed[:-8] + bytes([signature[0] ^ 1]) + signature[1:]
    with pytest.raises(Forged, match="signature"):
        judge(broken, groups, TrustStore([country.authority]))


@pytest.mark.parametrize("number", sorted(CURVES))
def test_curves_written_out_are_recognised(number: int) -> None:
    """ICAO wants a curve's numbers in the certificate instead of its name."""
    curve = CURVES[number]
    size = curve.size_bytes
    domain = keys.SpecifiedECDomain(
        {
            "version": "ecdpVer1",
            "field_id": {"field_type": "prime_field", "parameters": core.Integer(curve.p)},
            "curve": {"a": curve.a.to_bytes(size, "big"), "b": curve.b.to_bytes(size, "big")},
            "base": curve.encode(curve.g),
            "order": curve.n,
            "cofactor": 1,
        }
    )
    algorithm = {"algorithm": "ec", "parameters": keys.ECDomainParameters("specified", domain)}
    public = keys.PublicKeyInfo(
        {"algorithm": algorithm, "public_key": keys.ECPointBitString(curve.encode(curve.g))}
    )
    assert sod._curve_of(keys.PublicKeyInfo.load(public.dump())) is curve
    assert curve.multiply(curve.n - 1, curve.g) == (curve.g[0], curve.p - curve.g[1])
    assert curve.add(curve.g, curve.multiply(-1, curve.g)) is None


@pytest.mark.parametrize(
    ("number", "named"),
    [(12, ec.SECP256R1()), (18, ec.SECP521R1()), (17, ec.BrainpoolP512R1())],
)
def test_our_arithmetic_agrees_with_the_librarys(number: int, named: ec.EllipticCurve) -> None:
    curve = CURVES[number]
    private = ec.generate_private_key(named)
    numbers = private.public_key().public_numbers()
    assert curve.multiply(private.private_numbers().private_value, curve.g) == (
        numbers.x,
        numbers.y,
    )
    r, s = utils.decode_dss_signature(private.sign(b"text", ec.ECDSA(hashes.SHA384())))
    public, digest = (numbers.x, numbers.y), hashlib.sha384(b"text").digest()
    assert curve.verify(public, digest, r, s)
    assert not curve.verify(public, hashlib.sha384(b"other").digest(), r, s)
    assert not curve.verify(public, digest, r, s + 1)
    assert not curve.verify((1, 1), digest, r, s)


def test_a_signed_list_cannot_be_exchanged() -> None:
    groups = {1: FILES[lds.EF_DG1]}
    content = sod._open(COUNTRY.sign(groups))[1]
    other = {1: tlv.make(0x61, b"something else")}
    swapped = COUNTRY.sign(groups).replace(content, sod._open(COUNTRY.sign(other))[1])
    with pytest.raises(Forged, match="hashes"):
        judge(swapped, other, TRUST)


def test_certificates_come_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "utopia.cer").write_bytes(COUNTRY.authority)
    (tmp_path / "broken.cer").write_bytes(b"broken")
    (tmp_path / "readme.txt").write_text("no certificate")
    store = TrustStore.of_folder(tmp_path)
    assert (len(store), store.ignored) == (1, 1)
    assert len(TrustStore.of_folder(None)) == len(TrustStore.of_folder(tmp_path / "none")) == 0


@settings(max_examples=60)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
def test_no_change_of_the_signature_goes_unnoticed(at: int, value: int) -> None:
    """A changed byte ends in a forgery, in "not known", or was not part of what is signed."""
    signed = bytearray(FILES[lds.EF_SOD])
    signed[at % len(signed)] = value
    groups = {1: FILES[lds.EF_DG1], 2: FILES[lds.EF_DG2]}
    try:
        verdict = judge(bytes(signed), groups, TRUST)
    except Forged:
        return
    changed = {1: FILES[lds.EF_DG1] + b"x", 2: FILES[lds.EF_DG2]}
    if verdict.authenticity is ChipAuthenticity.SIGNED:
        with pytest.raises(Forged):
            judge(bytes(signed), changed, TRUST)


@given(st.binary(max_size=80))
def test_files_are_taken_apart_or_refused(data: bytes) -> None:
    names = tlv.make(0x6B, tlv.make(0x5F0E, data) + tlv.make(0xA0, data))
    for parse_file in (lds.zone_of, lds.portrait_of, lds.data_groups, lds.native_name_of):
        for wrapped in (data, tlv.make(0x61, data), tlv.make(0x75, tlv.make(0x7F61, data)), names):
            try:
                parse_file(wrapped)
            except (tlv.TlvError, MrzError):
                continue
    assert judge(data, {}, TRUST).authenticity is ChipAuthenticity.NOT_AUTHENTICATED


@given(size=st.integers(0, 2_000), at=st.integers(0, 200), value=st.integers(0, 255))
def test_a_damaged_face_record_gives_a_picture_or_is_refused(
    size: int, at: int, value: int
) -> None:
    damaged = bytearray(FILES[lds.EF_DG2])
    damaged[at] = value
    try:
        portrait = lds.portrait_of(bytes(damaged[: size or None]))
    except tlv.TlvError:
        return
    assert portrait.data[:2] == b"\xff\xd8"


@given(st.text(alphabet="ABZ0189<", min_size=85, max_size=95))
def test_a_zone_is_parsed_or_refused(text: str) -> None:
    try:
        zone = parse(text)
    except MrzError:
        return
    assert zone.number


@pytest.mark.parametrize(
    ("written", "today", "born"),
    [
        ("690806", date(2026, 1, 1), date(1969, 8, 6)),
        ("120806", date(2026, 1, 1), date(2012, 8, 6)),
        ("260101", date(2026, 1, 1), date(2026, 1, 1)),
        ("260102", date(2026, 1, 1), date(1926, 1, 2)),
        ("000229", date(2026, 1, 1), date(2000, 2, 29)),
        ("69<<<<", date(2026, 1, 1), None),
        ("691306", date(2026, 1, 1), None),
    ],
)
def test_the_century_comes_from_today(written: str, today: date, born: date | None) -> None:
    document = replace(read(VirtualPassport(FILES, KEY)), birth_yymmdd=written)
    assert document.birth(today) == born
    assert document.expiry() == date(2034, 6, 23)


def test_nothing_personal_in_a_repr() -> None:
    text = repr(read(VirtualPassport(NAMED, KEY)))
    for secret in ("王小明", "L898902C", "SAMPLE", "690806", "JFIF"):
        assert secret not in text
