"""Secure messaging: commands and answers that nobody between reader and chip can read or change.

ICAO 9303 part 11, section 9.8. The send sequence counter is counted up before each command and
before each answer, so an answer that is replayed, cut or exchanged is refused. After the first
refusal a session is over: every later use raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.pcsc import tlv
from devices.pcsc.apdu import LE_ANY, CardProtocolError, Command, Response, Transmit, exchange
from devices.pcsc.emrtd import crypto
from devices.pcsc.emrtd.crypto import Suite

_SECURE = 0x0C
_PADDED = b"\x01"  # the padding-content indicator of DO 87
_CIPHERED, _CIPHERED_ODD, _LE, _STATUS, _MAC = 0x87, 0x85, 0x97, 0x99, 0x8E


@dataclass(slots=True)
class SecureMessaging:
    """One session. `counter` is the send sequence counter, as long as a cipher's block."""

    suite: Suite
    key_enc: bytes = field(repr=False)
    key_mac: bytes = field(repr=False)
    counter: int = 0
    _broken: bool = False

    def send(self, transmit: Transmit, command: Command) -> Response:
        """Protect, send, check, and give the plain answer. Raises CardProtocolError."""
        return self.unwrap(exchange(transmit, self.wrap(command)), odd=bool(command.ins & 1))

    def wrap(self, command: Command) -> Command:
        """The protected form of a command. Raises ValueError if it is too long for one."""
        self._require_sound()
        cla = command.cla | _SECURE
        header = bytes([cla, command.ins, command.p1, command.p2])
        body = b""
        counter = self._count()
        if command.data:
            iv = self.suite.start_value(self.key_enc, counter)
            padded = crypto.pad(command.data, self.suite.block)
            ciphered = self.suite.encrypt(self.key_enc, padded, iv)
            if command.ins & 1:
                body += tlv.make(_CIPHERED_ODD, ciphered)
            else:
                body += tlv.make(_CIPHERED, _PADDED + ciphered)
        if command.le is not None:
            body += tlv.make(_LE, bytes([command.le & 0xFF]))
        covered = counter + crypto.pad(header, self.suite.block)
        if body:
            covered += body
        mac = self._mac(covered)
        return Command(cla, command.ins, command.p1, command.p2, body + tlv.make(_MAC, mac), LE_ANY)

    def unwrap(self, response: Response, *, odd: bool = False) -> Response:
        """The plain form of a protected answer. Raises CardProtocolError if it is not one."""
        self._require_sound()
        self._broken = True
        counter = self._count()
        try:
            items = list(tlv.walk(response.data))
        except tlv.TlvError:
            items = []
        if not items or items[-1].tag != _MAC:
            raise CardProtocolError(f"an answer without protection ({response.sw:04X})")
        covered = counter + response.data[: items[-2].end if len(items) > 1 else 0]
        if not crypto.same(self._mac(covered), items[-1].value):
            raise CardProtocolError("an answer whose checksum is wrong")
        plain, sw = b"", None
        for item in items[:-1]:
            if item.tag == _STATUS and len(item.value) == 2:
                sw = int.from_bytes(item.value, "big")
            elif item.tag == (_CIPHERED_ODD if odd else _CIPHERED):
                plain = self._plain(item.value if odd else item.value[1:], counter)
        if sw is None:
            raise CardProtocolError("a protected answer without a status")
        self._broken = False
        return Response(plain, sw)

    def _plain(self, ciphered: bytes, counter: bytes) -> bytes:
        iv = self.suite.start_value(self.key_enc, counter)
        try:
            return crypto.unpad(self.suite.decrypt(self.key_enc, ciphered, iv))
        except ValueError:
            reason = "padding"
        raise CardProtocolError(f"a protected answer that cannot be deciphered ({reason})")

    def _mac(self, covered: bytes) -> bytes:
        # AES-CMAC and the retail MAC alike are over padded data here (9.8.6.1).
        if self.suite.is_des:
            return self.suite.mac(self.key_mac, covered)
        return self.suite.mac(self.key_mac, crypto.pad(covered, self.suite.block))

    def _count(self) -> bytes:
        self.counter = (self.counter + 1) % (1 << 8 * self.suite.block)
        return self.counter.to_bytes(self.suite.block, "big")

    def _require_sound(self) -> None:
        if self._broken:
            raise CardProtocolError("the protected session is over")
