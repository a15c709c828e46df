"""Read a travel document: open the chip, take text and portrait, ask whether they are genuine.

`read_document` ends in a `TravelDocument` or in a DeviceError: DOCUMENT_KEY_WRONG if the data
page is another document's, CARD_WRONG_KIND if there is no such application, CARD_NOT_GENUINE
if something was changed after it was signed, CARD_UNREADABLE for a chip that makes no sense.

The name in the holder's own characters (DG11) is an addition: where it is not there, cannot be
read or makes no sense, the document is read without it. What was read counts as the rest does:
if it is not what was signed, the document is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.errors import DeviceError, Fault
from devices.pcsc import tlv
from devices.pcsc.apdu import SW, CardProtocolError, Command, Refused, Response, exchange
from devices.pcsc.card import Card
from devices.pcsc.emrtd import bac, lds, pace, sod
from devices.pcsc.emrtd.key import DocumentKey, MrzError, Zone
from devices.pcsc.emrtd.messaging import SecureMessaging
from devices.pcsc.emrtd.sod import TrustStore, Verdict
from devices.records import (
    ChipAccess,
    ChipAuthenticity,
    DocumentPortrait,
    Sex,
    TravelDocument,
)

# What a protected answer of 256 bytes can hold with any cipher.
_CHUNK_BYTES = 0xDF
# Portraits are 12 to 40 KB; the largest that a chip can hold is far below this.
_FILE_BYTES_MOST = 256 * 1024
_DETAILS_BYTES_MOST = 8 * 1024  # a scan of another paper in DG11 is not waited for
_PORTRAIT, _DETAILS = 2, 11
_HEADER_BYTES = 8
_SHORT_OFFSETS = 0x8000
_OFFSET_TAG, _DATA_TAG = 0x54, 0x53
_SEX = {"M": Sex.MALE, "F": Sex.FEMALE, "<": Sex.UNSTATED}

Send = Callable[[Command], Response]
Progress = Callable[[str], None]


def _ignore(_: str) -> None:
    pass


def read_document(
    card: Card, key: DocumentKey, trust: TrustStore, progress: Progress = _ignore
) -> TravelDocument:
    """Read the document on the reader. `progress` is told "opening", "text", "portrait"."""
    progress("opening")
    try:
        session, access = _open(card, key)

        def send(command: Command) -> Response:
            return session.send(card.transmit, command)

        return _read(send, access, trust, progress)
    except DeviceError:
        raise
    except (CardProtocolError, tlv.TlvError, MrzError) as error:
        # The texts of all three name places and status words, never what was read.
        reason = str(error)
    raise DeviceError(Fault.CARD_UNREADABLE, reason)


def _open(card: Card, key: DocumentKey) -> tuple[SecureMessaging, ChipAccess]:
    """Open the chip, by PACE if it offers that, else by BAC."""
    session = _open_by_pace(card, key)
    if session is not None:
        return session, ChipAccess.PACE
    if key.can:
        raise DeviceError(Fault.DOCUMENT_KEY_NEEDED, "this chip wants the data page")
    _select(lambda command: exchange(card.transmit, command))
    try:
        return bac.open_chip(card.transmit, key), ChipAccess.BAC
    except Refused as error:
        if bac.is_wrong_key(error):
            raise _wrong_key(error) from None
        raise
    except CardProtocolError as error:
        raise _wrong_key(error) from None


def _open_by_pace(card: Card, key: DocumentKey) -> SecureMessaging | None:
    """None if the chip does not offer PACE, or refuses it for another reason than the key."""
    offers = _offers(card)
    if not offers:
        return None
    try:
        session = pace.open_chip(card.transmit, offers[0], key)
    except Refused as error:
        if key.can or bac.is_wrong_key(error):
            raise _wrong_key(error) from None
        card.reset()
        return None
    except CardProtocolError as error:
        raise _wrong_key(error) from None
    _select(lambda command: session.send(card.transmit, command))
    return session


def _wrong_key(error: CardProtocolError) -> DeviceError:
    return DeviceError(Fault.DOCUMENT_KEY_WRONG, str(error))


def _offers(card: Card) -> tuple[pace.PaceInfo, ...]:
    """How the chip offers PACE; nothing if it has no such file or a broken one."""

    def send(command: Command) -> Response:
        return exchange(card.transmit, command)

    send(Command(0x00, 0xA4, 0x00, 0x0C, b"\x3f\x00"))
    try:
        return pace.offers(read_file(send, lds.EF_CARD_ACCESS))
    except (CardProtocolError, tlv.TlvError):
        return ()


def _select(send: Send) -> None:
    answer = send(Command(0x00, 0xA4, 0x04, 0x0C, lds.APPLICATION))
    if answer.sw in (SW.FILE_NOT_FOUND, SW.WRONG_P1_P2, SW.UNKNOWN_INSTRUCTION):
        raise DeviceError(Fault.CARD_WRONG_KIND, "no travel document application")
    answer.expect("SELECT application")


def read_file(send: Send, file_id: int, most_bytes: int = _FILE_BYTES_MOST) -> bytes:
    """A whole file. Raises Refused if it is not there, TlvError if it makes no sense."""
    chosen = Command(0x00, 0xA4, 0x02, 0x0C, file_id.to_bytes(2, "big"))
    send(chosen).expect(f"SELECT {file_id:04X}")
    data = _read_binary(send, 0, _HEADER_BYTES)
    _, head, size = tlv.header(data)
    total = head + size
    if total > most_bytes:
        raise tlv.TlvError("a file that is too long")
    while len(data) < total:
        data += _read_binary(send, len(data), min(_CHUNK_BYTES, total - len(data)))
    return data[:total]


def _read_binary(send: Send, offset: int, size: int) -> bytes:
    if offset < _SHORT_OFFSETS:
        answer = send(Command(0x00, 0xB0, offset >> 8, offset & 0xFF, le=size))
    else:
        place = tlv.make(_OFFSET_TAG, offset.to_bytes(3, "big"))
        # The answer is wrapped once more, in at most four bytes.
        answer = send(Command(0x00, 0xB1, 0, 0, place, min(size + 4, _CHUNK_BYTES)))
    if answer.sw != SW.END_OF_FILE:
        answer.expect("READ BINARY")
    data = answer.data
    if offset >= _SHORT_OFFSETS:
        data = tlv.find(data, _DATA_TAG)
    if not data:
        raise CardProtocolError("a file that ends too early")
    return data


def _read(send: Send, access: ChipAccess, trust: TrustStore, progress: Progress) -> TravelDocument:
    progress("text")
    signed = _optional(send, lds.EF_SOD)
    dg1 = read_file(send, lds.EF_DG1)
    zone = lds.zone_of(dg1)
    groups = {1: dg1}
    # What there is, is taken from what was signed; EF.COM could be changed.
    listed = sod.signed_groups(signed)
    has_portrait = _PORTRAIT in listed or _com_lists(send, lds.TAG_DG2)
    portrait: DocumentPortrait | None = None
    if has_portrait:
        progress("portrait")
        groups[_PORTRAIT] = dg2 = read_file(send, lds.EF_DG2)
        portrait = lds.portrait_of(dg2)
    native_name = ""
    if _DETAILS in listed or (not listed and _com_lists(send, lds.TAG_DG11)):
        try:  # last of all: a chip that ends the session over it has told the rest
            groups[_DETAILS] = dg11 = read_file(send, lds.EF_DG11, _DETAILS_BYTES_MOST)
            native_name = lds.native_name_of(dg11)
        except (CardProtocolError, tlv.TlvError):
            pass
    try:
        verdict = (
            sod.judge(signed, groups, trust)
            if signed
            else Verdict(ChipAuthenticity.NOT_AUTHENTICATED, "the chip has no EF.SOD")
        )
    except sod.Forged as forged:
        raise DeviceError(Fault.CARD_NOT_GENUINE, str(forged)) from None
    return _document(zone, native_name, portrait, access, verdict)


def _com_lists(send: Send, tag: int) -> bool:
    return tag in lds.data_groups(read_file(send, lds.EF_COM))


def _optional(send: Send, file_id: int) -> bytes:
    try:
        return read_file(send, file_id)
    except Refused:
        return b""


def _document(
    zone: Zone,
    native_name: str,
    portrait: DocumentPortrait | None,
    access: ChipAccess,
    verdict: Verdict,
) -> TravelDocument:
    return TravelDocument(
        document_code=zone.document_code,
        issuing_state=zone.issuing_state,
        number=zone.number,
        surname=zone.surname,
        given_names=zone.given_names,
        nationality=zone.nationality,
        sex=_SEX[zone.sex],
        birth_yymmdd=zone.birth,
        expiry_yymmdd=zone.expiry,
        optional=zone.optional,
        mrz=zone.text,
        portrait=portrait,
        access=access,
        authenticity=verdict.authenticity,
        authenticity_detail=verdict.detail,
        signed_by=verdict.signed_by,
        native_name=native_name,
    )
