"""EF.SOD: whether a document's files are what a country signed (passive authentication).

ICAO 9303 part 11, section 5.1, and part 12. Three questions, in this order: do the files match
the signed hashes, is the signature that of the certificate inside, and was that certificate
issued by a country whose certificate (CSCA) this terminal was given? The first two failing
means that somebody changed something: `Forged`. The last one failing means only that we do not
know, and is said so.

Not asked: whether a certificate was revoked or had expired (a terminal's clock and line cannot
be relied on, and signer certificates expire long before the documents), and whether the whole
chip is a copy of another (active or chip authentication).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from asn1crypto import (  # type: ignore[import-untyped]
    algos,
    cms,
    core,
    keys,
    pem,
    x509,
)
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from devices.pcsc import tlv
from devices.pcsc.emrtd.curves import CURVES, Curve
from devices.pcsc.emrtd.lds import TAG_SOD
from devices.records import ChipAuthenticity

CERTIFICATE_SUFFIXES = frozenset({".cer", ".crt", ".der", ".pem"})
_SECURITY_OBJECT = "2.23.136.1.1.1"
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,  # old documents are signed with it
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_SMALLEST_RSA_BITS = 1_024


class Forged(Exception):
    """Something was changed after it was signed, or was never signed. `args[0]` says what."""


class _Unknown(Exception):
    """It cannot be told. `args[0]` says why, for a technician."""


class Verdict(NamedTuple):
    """What is known of a document's data, why, and which country vouches for it."""

    authenticity: ChipAuthenticity
    detail: str
    signed_by: str = ""


class _GroupHash(core.Sequence):  # type: ignore[misc]
    _fields = [("group", core.Integer), ("value", core.OctetString)]  # noqa: RUF012


class _GroupHashes(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _GroupHash


class _SecurityObject(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("version", core.Integer),
        ("digest", algos.DigestAlgorithm),
        ("hashes", _GroupHashes),
        ("lds", core.Any, {"optional": True}),
    ]


class TrustStore:
    """The country certificates of a terminal."""

    def __init__(self, certificates: Iterable[bytes] = ()) -> None:
        """`certificates` are DER or PEM. What is no certificate of an authority is left out."""
        self._by_subject: dict[bytes, list[x509.Certificate]] = {}
        self.ignored = 0
        for raw in certificates:
            try:
                certificate = _certificate(raw)
                subject = certificate.subject.dump()
                usable = bool(certificate.ca)
            except (ValueError, TypeError, KeyError):
                usable, subject, certificate = False, b"", None
            if usable:
                self._by_subject.setdefault(subject, []).append(certificate)
            else:
                self.ignored += 1

    @staticmethod
    def of_folder(folder: Path | None) -> TrustStore:
        """Every certificate file in a folder; None or a missing folder holds none."""
        if folder is None or not folder.is_dir():
            return TrustStore()
        files = (path for path in sorted(folder.iterdir()) if path.suffix in CERTIFICATE_SUFFIXES)
        return TrustStore(path.read_bytes() for path in files if path.is_file())

    def __len__(self) -> int:
        return sum(map(len, self._by_subject.values()))

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether one of these countries issued a certificate."""
        for authority in self._by_subject.get(certificate.issuer.dump(), ()):
            if _country(authority) != _country(certificate):
                continue
            try:
                if _is_signed(
                    authority.public_key,
                    certificate["signature_algorithm"],
                    None,
                    certificate["signature_value"].native,
                    certificate["tbs_certificate"].dump(),
                ):
                    return True
            except _Unknown:
                continue
        return False


def signed_groups(sod: bytes) -> frozenset[int]:
    """Numbers of the data groups that a country signed; empty if EF.SOD cannot be read."""
    try:
        return frozenset(_hashes_of(_open(sod)[1])[1])
    except _Unknown:
        return frozenset()


def judge(sod: bytes, groups: Mapping[int, bytes], trust: TrustStore) -> Verdict:
    """What is to be thought of `groups` (number of a data group: its file). Raises Forged."""
    try:
        return _judge(sod, groups, trust)
    except _Unknown as unknown:
        return Verdict(ChipAuthenticity.NOT_AUTHENTICATED, str(unknown.args[0]))


def _judge(sod: bytes, groups: Mapping[int, bytes], trust: TrustStore) -> Verdict:
    signed, content = _open(sod)
    digest, expected = _hashes_of(content)
    for number, file in groups.items():
        if number not in expected:
            raise Forged(f"DG{number} is not among the signed files")
        if hashlib.new(digest, file).digest() != expected[number]:
            raise Forged(f"DG{number} was changed")
    signer = _signer(signed)
    _check_signature(signed, signer, content)
    country = _country(signer)
    if not len(trust):
        raise _Unknown("no country certificates are configured")
    if not trust.issued(signer):
        raise _Unknown(f"no certificate of country {country or '?'} vouches for the signer")
    return Verdict(ChipAuthenticity.SIGNED, "signed, unchanged", country)


def _open(sod: bytes) -> tuple[Any, bytes]:
    """The signed data and the bytes that it signs."""
    try:
        info = cms.ContentInfo.load(tlv.find(sod, TAG_SOD))
        signed = info["content"]
        if info["content_type"].native != "signed_data":
            raise _Unknown("EF.SOD is not signed data")
        content = signed["encap_content_info"]
        if content["content_type"].dotted != _SECURITY_OBJECT:
            raise _Unknown("EF.SOD signs something else")
        return signed, bytes(content["content"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise _Unknown("EF.SOD cannot be read") from None


def _hashes_of(content: bytes) -> tuple[str, dict[int, bytes]]:
    try:
        security = _SecurityObject.load(content)
        digest = str(security["digest"]["algorithm"].native)
        values = {int(item["group"]): bytes(item["value"]) for item in security["hashes"]}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _Unknown("the list of hashes cannot be read") from None
    if digest not in _HASHES:
        raise _Unknown("the hash is of an unknown kind")
    return digest, values


def _signer(signed: Any) -> x509.Certificate:
    """The certificate in EF.SOD that its signer names."""
    try:
        named = signed["signer_infos"][0]["sid"]
        for choice in signed["certificates"]:
            certificate = choice.chosen
            if named.name == "issuer_and_serial_number":
                wanted = named.chosen
                if (
                    certificate.serial_number == wanted["serial_number"].native
                    and certificate.issuer == wanted["issuer"]
                ):
                    return certificate
            elif certificate.key_identifier == named.chosen.native:
                return certificate
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        pass
    raise _Unknown("EF.SOD does not hold its signer's certificate")


def _check_signature(signed: Any, signer: x509.Certificate, content: bytes) -> None:
    try:
        info = signed["signer_infos"][0]
        digest = str(info["digest_algorithm"]["algorithm"].native)
        attributes = info["signed_attrs"]
        covered = content
        if attributes.native is not None:
            named = {item["type"].native: item["values"][0] for item in attributes}
            if named["content_type"].dotted != _SECURITY_OBJECT:
                raise Forged("the signature is of something else")
            if digest not in _HASHES:
                raise _Unknown("the signature's hash is of an unknown kind")
            if hashlib.new(digest, content).digest() != named["message_digest"].native:
                raise Forged("the list of hashes was changed")
            covered = attributes.untag().dump()
        sound = _is_signed(
            signer.public_key,
            info["signature_algorithm"],
            digest,
            info["signature"].native,
            covered,
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise _Unknown("the signature cannot be read") from None
    if not sound:
        raise Forged("the signature is wrong")


def _is_signed(
    key: keys.PublicKeyInfo, algorithm: Any, digest: str | None, signature: bytes, data: bytes
) -> bool:
    """Whether `signature` fits; `digest` stands where the algorithm does not name one."""
    try:
        kind = algorithm.signature_algo
        if kind == "rsassa_pss":
            name = str(algorithm["parameters"]["hash_algorithm"]["algorithm"].native)
        elif kind in ("rsassa_pkcs1v15", "ecdsa"):
            try:
                name = algorithm.hash_algo
            except ValueError:
                name = digest or ""
        else:
            raise _Unknown("the signature is of an unknown kind")
        if name not in _HASHES:
            raise _Unknown("the signature's hash is of an unknown kind")
        if kind == "ecdsa":
            return _ecdsa_fits(key, name, signature, data)
        return _rsa_fits(key, name, algorithm if kind == "rsassa_pss" else None, signature, data)
    except (ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm):
        raise _Unknown("key or signature cannot be read") from None


def _rsa_fits(
    key: keys.PublicKeyInfo, digest: str, pss: Any, signature: bytes, data: bytes
) -> bool:
    numbers = key["public_key"].parsed
    public = rsa.RSAPublicNumbers(
        int(numbers["public_exponent"].native), int(numbers["modulus"].native)
    ).public_key()
    if public.key_size < _SMALLEST_RSA_BITS:
        raise _Unknown("the signer's key is too short")
    scheme: padding.PKCS1v15 | padding.PSS = padding.PKCS1v15()
    if pss is not None:
        parameters = pss["parameters"]
        mask = str(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native)
        scheme = padding.PSS(padding.MGF1(_HASHES[mask]()), int(parameters["salt_length"].native))
    try:
        public.verify(signature, data, scheme, _HASHES[digest]())
    except InvalidSignature:
        return False
    return True


def _ecdsa_fits(key: keys.PublicKeyInfo, digest: str, signature: bytes, data: bytes) -> bool:
    curve = _curve_of(key)
    public = curve.decode(key["public_key"].native)
    pair = algos.DSASignature.load(signature)
    value = hashlib.new(digest, data).digest()
    return curve.verify(public, value, int(pair["r"].native), int(pair["s"].native))


def _curve_of(key: keys.PublicKeyInfo) -> Curve:
    """The key's curve, named or, as ICAO wants it, written out."""
    parameters = key["algorithm"]["parameters"]
    if parameters.name == "named":
        name = str(parameters.native).lower()
        matches = [curve for curve in CURVES.values() if curve.name.lower() == name]
    elif parameters.name == "specified":
        domain = parameters.chosen
        prime = int(domain["field_id"]["parameters"].native)
        order, base = int(domain["order"].native), bytes(domain["base"].native)
        a = int.from_bytes(domain["curve"]["a"].native, "big")
        b = int.from_bytes(domain["curve"]["b"].native, "big")
        matches = [
            curve
            for curve in CURVES.values()
            if (curve.p, curve.n, curve.a, curve.b) == (prime, order, a, b)
            and base == curve.encode(curve.g)
        ]
    else:
        matches = []
    if not matches:
        raise _Unknown("the signer's curve is not a standard one")
    return matches[0]


def _certificate(raw: bytes) -> x509.Certificate:
    if pem.detect(raw):
        _, _, raw = pem.unarmor(raw)
    return x509.Certificate.load(raw, strict=True)


def _country(certificate: x509.Certificate) -> str:
    value = certificate.issuer.native.get("country_name", "")
    return str(value).upper()
