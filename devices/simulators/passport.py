"""A travel document that exists only in memory: its files, its chip, and a country to sign it.

The chip's side of BAC, PACE and secure messaging is written here on its own, from the other end
of the standard: of the reader's side it shares the ciphers and the curves, no protocol. The
country is Utopia (UTO, certificates UT), which the standard invented; nobody is described.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from asn1crypto import algos, cms, core, x509  # type: ignore[import-untyped]
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from devices.pcsc import tlv
from devices.pcsc.emrtd import crypto, lds
from devices.pcsc.emrtd.crypto import AES128, DES3, Suite
from devices.pcsc.emrtd.curves import CURVES
from devices.pcsc.emrtd.key import DocumentKey, check_digit

ATR = bytes.fromhex("3B8A80010031B873840140829000" + "06")
_OK, _NOT_FOUND = b"\x90\x00", b"\x6a\x82"
_LOCKED, _SM_WRONG, _WRONG_KEY = b"\x69\x82", b"\x69\x88", b"\x63\x00"
_BAD_OFFSET, _NO_INSTRUCTION, _CONDITIONS = b"\x6b\x00", b"\x6d\x00", b"\x69\x85"
_SECURITY_OBJECT = "2.23.136.1.1.1"
_FROM, _TO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2040, 1, 1, tzinfo=dt.UTC)

PACE_AES128_BP256 = bytes.fromhex("31143012060A04007F0007020204020202010202010D")
PACE_3DES_P256 = bytes.fromhex("31143012060A04007F0007020204020102010202010C")
PACE_AES256_P384_CAM = bytes.fromhex("31143012060A04007F0007020204060402010202010F")
PACE_INTEGRATED_ONLY = bytes.fromhex("31143012060A04007F0007020204040202010202010D")

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _name(common: str, country: str) -> certificates.Name:
    return certificates.Name(
        [
            certificates.NameAttribute(NameOID.COUNTRY_NAME, country),
            certificates.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


class Country:
    """A country that signs documents: its authority's certificate and a signer's."""

    def __init__(
        self,
        code: str = "UT",
        *,
        make_key: Callable[[], PrivateKey] = lambda: ec.generate_private_key(ec.SECP256R1()),
        pss: bool = False,
    ) -> None:
        """`make_key` makes the keys of both; `pss` signs with RSASSA-PSS."""
        self._pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else None
        self._authority_key, self._signer_key = make_key(), make_key()
        authority = _name(f"Country signer {code}", code)
        self.authority = self._certificate(authority, authority, self._authority_key, ca=True)
        signer = _name(f"Document signer {code}", code)
        self.signer = self._certificate(signer, authority, self._signer_key, ca=False)

    def _certificate(
        self, subject: certificates.Name, issuer: certificates.Name, key: PrivateKey, *, ca: bool
    ) -> bytes:
        builder = (
            certificates.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(certificates.random_serial_number())
            .not_valid_before(_FROM)
            .not_valid_after(_TO)
            .add_extension(certificates.BasicConstraints(ca, 0 if ca else None), critical=True)
        )
        made = builder.sign(self._authority_key, hashes.SHA256(), rsa_padding=self._pss)
        return made.public_bytes(serialization.Encoding.DER)

    def sign(self, groups: Mapping[int, bytes]) -> bytes:
        """EF.SOD over data groups by their numbers."""
        content = _security_object(groups)
        attributes = cms.CMSAttributes(
            [
                {"type": "content_type", "values": [_SECURITY_OBJECT]},
                {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
            ]
        )
        covered = attributes.dump()
        signer = x509.Certificate.load(self.signer)
        signature, algorithm = self._signature(covered)
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [{"algorithm": "sha256"}],
                "encap_content_info": {
                    "content_type": _SECURITY_OBJECT,
                    "content": core.ParsableOctetString(content),
                },
                "certificates": [signer],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": cms.SignerIdentifier(
                            {
                                "issuer_and_serial_number": {
                                    "issuer": signer.issuer,
                                    "serial_number": signer.serial_number,
                                }
                            }
                        ),
                        "digest_algorithm": {"algorithm": "sha256"},
                        "signed_attrs": attributes,
                        "signature_algorithm": algorithm,
                        "signature": signature,
                    }
                ],
            }
        )
        info = cms.ContentInfo({"content_type": "signed_data", "content": signed})
        return tlv.make(lds.TAG_SOD, info.dump())

    def _signature(self, data: bytes) -> tuple[bytes, algos.SignedDigestAlgorithm]:
        key = self._signer_key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            algorithm = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
            return key.sign(data, ec.ECDSA(hashes.SHA256())), algorithm
        if self._pss is None:
            algorithm = algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"})
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256()), algorithm
        parameters = {
            "hash_algorithm": {"algorithm": "sha256"},
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha256"}},
            "salt_length": 32,
        }
        algorithm = algos.SignedDigestAlgorithm(
            {"algorithm": "rsassa_pss", "parameters": parameters}
        )
        return key.sign(data, self._pss, hashes.SHA256()), algorithm


def _security_object(groups: Mapping[int, bytes]) -> bytes:
    values = b"".join(
        tlv.make(0x30, tlv.make(2, bytes([n])) + tlv.make(4, hashlib.sha256(file).digest()))
        for n, file in sorted(groups.items())
    )
    digest = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
    return tlv.make(0x30, tlv.make(2, b"\x00") + digest + tlv.make(0x30, values))


def mrz_of(
    number: str, birth: str, expiry: str, *, surname: str, given: str, sex: str = "F"
) -> str:
    """The two lines of a passport of Utopia. Dates are YYMMDD."""
    upper = f"P<UTO{surname.replace(' ', '<')}<<{given.replace(' ', '<')}".ljust(44, "<")
    number, optional = number.ljust(9, "<"), "<" * 14
    numbered, born = number + check_digit(number), birth + check_digit(birth)
    ends = expiry + check_digit(expiry)
    lower = f"{numbered}UTO{born}{sex}{ends}{optional}{check_digit(optional)}"
    return upper + lower + check_digit(numbered + born + ends + optional + check_digit(optional))


def face_record(picture: bytes, width_px: int, height_px: int, *, points: int = 1) -> bytes:
    """DG2 with one picture (ISO/IEC 19794-5); JPEG 2000 is told by how it begins."""
    kind = 0 if picture.startswith(b"\xff\xd8") else 1
    body = bytes(8) * points
    body += bytes([1, kind]) + width_px.to_bytes(2, "big") + height_px.to_bytes(2, "big")
    body += bytes(6) + picture
    face = (20 + len(body)).to_bytes(4, "big") + points.to_bytes(2, "big") + bytes(14) + body
    record = b"FAC\x00010\x00" + (14 + len(face)).to_bytes(4, "big") + b"\x00\x01" + face
    header = tlv.make(0xA1, bytes.fromhex("800201018702010188020008"))
    template = tlv.make(0x7F60, header + tlv.make(0x5F2E, record))
    return tlv.make(lds.TAG_DG2, tlv.make(0x7F61, tlv.make(2, b"\x01") + template))


def details(full_name: str, *other_names: str) -> bytes:
    """DG11 with names in any characters; `<<` stands behind a surname."""
    names = [(0x5F0E, full_name.encode())] if full_name else []
    tags = b"".join(tag.to_bytes(2, "big") for tag, _ in names)
    body = b"".join(tlv.make(tag, value) for tag, value in names)
    if other_names:
        count = tlv.make(0x02, bytes([len(other_names)]))
        listed = b"".join(tlv.make(0x5F0F, name.encode()) for name in other_names)
        tags, body = tags + b"\x5f\x0f", body + tlv.make(0xA0, count + listed)
    return tlv.make(lds.TAG_DG11, tlv.make(0x5C, tags) + body)


def make_files(
    country: Country,
    mrz: str,
    picture: bytes | None,
    *,
    size_px: tuple[int, int] = (0, 0),
    dg11: bytes | None = None,
) -> dict[int, bytes]:
    """All files of a document, signed. `picture` is JPEG or JPEG 2000; see `details` for DG11."""
    groups = {1: tlv.make(lds.TAG_DG1, tlv.make(0x5F1F, mrz.encode("ascii")))}
    tags = bytes([lds.TAG_DG1])
    if picture is not None:
        groups[2] = face_record(picture, *size_px)
        tags += bytes([lds.TAG_DG2])
    if dg11 is not None:
        groups[11] = dg11
        tags += bytes([lds.TAG_DG11])
    versions = tlv.make(0x5F01, b"0107") + tlv.make(0x5F36, b"040000")
    files = {lds.EF_DG1 + number - 1: file for number, file in groups.items()}
    files[lds.EF_COM] = tlv.make(lds.TAG_COM, versions + tlv.make(0x5C, tags))
    files[lds.EF_SOD] = country.sign(groups)
    return files


@dataclass(slots=True)
class _Session:
    suite: Suite
    key_enc: bytes = field(repr=False)
    key_mac: bytes = field(repr=False)
    counter: int


@dataclass(slots=True)
class _Pace:
    """Where a run of PACE stands."""

    oid: bytes
    suite: Suite
    curve: int
    step: int = 0
    nonce: bytes = b""
    secret: bytes = field(default=b"", repr=False)
    mapped: object = None
    keys: tuple[bytes, bytes] = (b"", b"")
    ours: bytes = b""
    theirs: bytes = b""


class VirtualPassport:
    """The chip."""

    def __init__(
        self,
        files: Mapping[int, bytes],
        key: DocumentKey,
        *,
        card_access: bytes | None = None,
        bac: bool = True,
        most_bytes: int = 256,
    ) -> None:
        """`card_access` is EF.CardAccess if the chip has PACE; `most_bytes` limits an answer."""
        self.atr = ATR
        self._files = dict(files)
        self._key = key
        self._access = card_access
        self._bac = bac
        self._most_bytes = most_bytes
        self.reset()

    def reset(self) -> None:
        """As after power-up."""
        self._in_application = False
        self._file: bytes | None = None
        self._challenge = b""
        self._session: _Session | None = None
        self._pace: _Pace | None = None

    def respond(self, apdu: bytes) -> bytes:
        """The answer to one command; a command that makes no sense ends what was open."""
        try:
            return self._respond(bytes(apdu))
        except (ValueError, LookupError, AssertionError):
            self.reset()
            return b"\x6f\x00"

    def _respond(self, apdu: bytes) -> bytes:
        if len(apdu) < 4:
            return b"\x67\x00"
        if self._session is not None:
            return self._respond_protected(apdu)
        if apdu[0] & 0x0C:
            return b"\x68\x82"
        data, le = _body(apdu[4:])
        rule = {
            0x84: self._get_challenge,
            0x82: self._mutual_authenticate,
            0x22: self._start_pace,
            0x86: self._go_on_with_pace,
        }.get(apdu[1])
        return rule(data) if rule else self._plain(apdu[:4], data, le)

    # Files.

    def _plain(self, head: bytes, data: bytes, le: int) -> bytes:
        if head[1] == 0xA4:
            return self._select(head[2], data)
        if head[1] == 0xB0:
            return self._read(head[2] << 8 | head[3], le)
        if head[1] == 0xB1:
            offset = int.from_bytes(tlv.find(data, 0x54), "big")
            answer = self._read(offset, max(0, le - 4))
            return tlv.make(0x53, answer[:-2]) + answer[-2:] if len(answer) > 2 else answer
        return _NO_INSTRUCTION

    def _select(self, p1: int, data: bytes) -> bytes:
        self._file = None
        if p1 == 0x04:
            if data != lds.APPLICATION:
                return _NOT_FOUND
            if not self._bac and self._session is None:
                return _LOCKED
            self._in_application = True
            return _OK
        if p1 == 0x00:
            if self._in_application:
                return _CONDITIONS
            return _OK if data == b"\x3f\x00" else _NOT_FOUND
        number = int.from_bytes(data, "big")
        if number == lds.EF_CARD_ACCESS and not self._in_application:
            self._file = self._access
            return _OK if self._access else _NOT_FOUND
        if not self._in_application or self._session is None:
            return _LOCKED
        self._file = self._files.get(number)
        return _OK if self._file is not None else _NOT_FOUND

    def _read(self, offset: int, le: int) -> bytes:
        if self._file is None:
            return _CONDITIONS
        if offset >= len(self._file):
            return _BAD_OFFSET
        piece = self._file[offset : offset + min(le, self._most_bytes)]
        return piece + (_OK if len(piece) == le else b"\x62\x82")

    # Basic access control.

    def _get_challenge(self, _: bytes) -> bytes:
        self._challenge = os.urandom(8)
        return self._challenge + _OK

    def _mutual_authenticate(self, data: bytes) -> bytes:
        seed = hashlib.sha1(self._key.information).digest()[:16]  # noqa: S324
        enc, mac = DES3.derive(seed, 1), DES3.derive(seed, 2)
        if len(data) != 40 or DES3.mac(mac, data[:32]) != data[32:]:
            return _WRONG_KEY
        plain = DES3.decrypt(enc, data[:32])
        nonce, challenge, theirs = plain[:8], plain[8:16], plain[16:]
        if not self._challenge or challenge != self._challenge:
            return _WRONG_KEY
        ours = os.urandom(16)
        answer = DES3.encrypt(enc, challenge + nonce + ours)
        shared = bytes(a ^ b for a, b in zip(ours, theirs, strict=True))
        counter = int.from_bytes(challenge[4:] + nonce[4:], "big")
        self._session = _Session(DES3, DES3.derive(shared, 1), DES3.derive(shared, 2), counter)
        return answer + DES3.mac(mac, answer) + _OK

    # PACE.

    def _start_pace(self, data: bytes) -> bytes:
        oid, reference = tlv.find(data, 0x80), tlv.find(data, 0x83)
        if self._access is None or oid not in self._access:
            return b"\x6a\x80"
        suite = {1: DES3, 2: AES128, 3: crypto.AES192, 4: crypto.AES256}[oid[-1]]
        secret = hashlib.sha1(self._key.information).digest()  # noqa: S324
        if reference == b"\x02":
            secret = self._key.can.encode("ascii")
        self._pace = _Pace(oid, suite, self._access[-1], secret=secret)
        return _OK

    def _go_on_with_pace(self, data: bytes) -> bytes:
        run = self._pace
        if run is None:
            return _CONDITIONS
        run.step += 1
        sent = tlv.find(data, 0x7C)
        step = (self._give_nonce, self._map, self._agree, self._prove)[run.step - 1]
        tag, value = step(run, sent)
        if not tag:
            self._pace = None
            return value
        return tlv.make(0x7C, tlv.make(tag, value)) + _OK

    def _give_nonce(self, run: _Pace, _: bytes) -> tuple[int, bytes]:
        run.nonce = os.urandom(16)
        return 0x80, run.suite.encrypt(run.suite.derive(run.secret, 3), run.nonce)

    def _map(self, run: _Pace, sent: bytes) -> tuple[int, bytes]:
        curve = CURVES[run.curve]
        private = 1 + secrets.randbelow(curve.n - 1)
        shared = curve.multiply(private, curve.decode(tlv.find(sent, 0x81)))
        scaled = curve.multiply(int.from_bytes(run.nonce, "big"), curve.g)
        run.mapped = curve.add(scaled, shared)
        return 0x82, curve.encode(curve.multiply(private, curve.g))

    def _agree(self, run: _Pace, sent: bytes) -> tuple[int, bytes]:
        curve = CURVES[run.curve]
        private = 1 + secrets.randbelow(curve.n - 1)
        assert isinstance(run.mapped, tuple)
        run.theirs = tlv.find(sent, 0x83)
        shared = curve.multiply(private, curve.decode(run.theirs))
        run.ours = curve.encode(curve.multiply(private, run.mapped))
        assert shared is not None
        agreed = shared[0].to_bytes(curve.size_bytes, "big")
        run.keys = run.suite.derive(agreed, 1), run.suite.derive(agreed, 2)
        return 0x84, run.ours

    def _prove(self, run: _Pace, sent: bytes) -> tuple[int, bytes]:
        if tlv.find(sent, 0x85) != self._token(run, run.ours):
            return 0, _WRONG_KEY
        self._session = _Session(run.suite, *run.keys, 0)
        return 0x86, self._token(run, run.theirs)

    @staticmethod
    def _token(run: _Pace, public: bytes) -> bytes:
        data = tlv.make(0x7F49, tlv.make(6, run.oid) + tlv.make(0x86, public))
        return run.suite.mac(run.keys[1], data)

    # Secure messaging.

    def _respond_protected(self, apdu: bytes) -> bytes:
        session = self._session
        assert session is not None
        suite = session.suite
        counter = self._count(session)
        items = {item.tag: item.value for item in tlv.walk(_body(apdu[4:])[0])}
        head = bytes(apdu[:4])
        covered = crypto.pad(head, suite.block)
        body = b"".join(tlv.make(t, items[t]) for t in (0x85, 0x87, 0x97) if t in items)
        if not head[0] & 0x0C or self._mac(session, counter + covered + body) != items.get(0x8E):
            self.reset()
            return _SM_WRONG
        data = b""
        if 0x85 in items or 0x87 in items:
            ciphered = items.get(0x85) or items[0x87][1:]
            iv = suite.start_value(session.key_enc, counter)
            data = crypto.unpad(suite.decrypt(session.key_enc, ciphered, iv))
        le = (items[0x97][0] or 256) if 0x97 in items else 0
        answer = self._plain(head, data, le)
        return self._protect(session, answer[:-2], answer[-2:], odd=bool(head[1] & 1))

    def _protect(self, session: _Session, data: bytes, status: bytes, *, odd: bool) -> bytes:
        counter = self._count(session)
        suite = session.suite
        out = b""
        if data:
            iv = suite.start_value(session.key_enc, counter)
            ciphered = suite.encrypt(session.key_enc, crypto.pad(data, suite.block), iv)
            out = tlv.make(0x85, ciphered) if odd else tlv.make(0x87, b"\x01" + ciphered)
        out += tlv.make(0x99, status)
        return out + tlv.make(0x8E, self._mac(session, counter + out)) + status

    @staticmethod
    def _count(session: _Session) -> bytes:
        session.counter += 1
        return session.counter.to_bytes(session.suite.block, "big")

    @staticmethod
    def _mac(session: _Session, data: bytes) -> bytes:
        suite = session.suite
        return suite.mac(session.key_mac, data if suite.is_des else crypto.pad(data, suite.block))


def _body(rest: bytes) -> tuple[bytes, int]:
    """Data and Le of a short command, after its header."""
    if len(rest) <= 1:
        return b"", (rest[0] or 256) if rest else 0
    size = rest[0]
    left = rest[1 + size :]
    return rest[1 : 1 + size], (left[0] or 256) if left else 0
