"""A TLS door before a plain proxy, which can show certificates that must not be believed.

A connection meets the next false certificate that was planted, else the right one, behind
which bytes go to the proxy and back. What a terminal sends towards a false one is kept as it
came over the wire (`raw`), and, should it ever trust one, in clear (`heard`).
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_WAIT_S: Final = 20
_DAY: Final = timedelta(days=1)
HOST: Final = "127.0.0.1"
_HERE: Final = x509.IPAddress(ip_address(HOST))
_CLEAR: Final = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def context(self, place: Path) -> ssl.SSLContext:
        """For a server that shows it; `place` gets a file."""
        path = place / f"{self.certificate.serial_number:x}.pem"
        path.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + self.pem()
        )
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    def pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issue(
    by: Issued | None = None,
    *,
    begins: timedelta = -_DAY,
    ends: timedelta = _DAY,
    host: x509.GeneralName | None = _HERE,
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    authority: bool = False,
) -> Issued:
    """A certificate for this machine, or with one thing about it wrong; signed by itself where
    nobody signs it. Times are from now on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "authority" if authority else HOST)]
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if host is not None and not authority:
        made = made.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    if not authority:
        made = made.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    return Issued(made.sign(by.key if by else key, hashes.SHA256()), key)


def false_ones(authority: Issued) -> dict[str, Issued | None]:
    """Everything that must not be believed; None answers without any TLS."""
    return {
        "another authority": issue(issue(authority=True)),
        "signed by itself": issue(),
        "expired": issue(authority, begins=-2 * _DAY, ends=-timedelta(seconds=1)),
        "not valid yet": issue(authority, begins=_DAY, ends=2 * _DAY),
        "another host": issue(authority, host=x509.DNSName("backend.example")),
        "another address": issue(authority, host=x509.IPAddress(ip_address("127.0.0.2"))),
        "no host": issue(authority, host=None),
        "for clients": issue(authority, use=ExtendedKeyUsageOID.CLIENT_AUTH),
        "no TLS": None,
    }


class TlsDoor:
    """Listens on `url`; the right certificate leads to `behind` ("http://host:port")."""

    def __init__(self, behind: str, right: ssl.SSLContext) -> None:
        self.raw = bytearray()
        self.heard = bytearray()
        self.shown = 0  # false certificates
        host, _, port = behind.removeprefix("http://").partition(":")
        self._behind = (host, int(port))
        self._right = right
        self._false: deque[ssl.SSLContext | None] = deque()
        self._gate = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server((HOST, 0))
        self.url = f"https://{HOST}:{self._listening.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, name="tls-door")
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        self.cut()
        for thread in self._threads:
            thread.join()

    def plant(self, false: ssl.SSLContext | None, times: int) -> None:
        """The next `times` connections meet this."""
        self._false.extend([false] * times)

    @property
    def planted(self) -> int:
        """How many were not met."""
        return len(self._false)

    def cut(self) -> None:
        """End every connection: the next request needs another."""
        with self._gate:
            for connection in self._open:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.settimeout(_WAIT_S)
            meets: Callable[[socket.socket], None] = self._through
            if self._false:
                self.shown += 1
                false = self._false.popleft()
                meets = self._in_clear if false is None else partial(self._deceive, false=false)
            with self._gate:
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection, meets), name="tls")
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, meets: Callable[[socket.socket], None]) -> None:
        try:
            meets(connection)
        except OSError:  # also what TLS says
            pass
        finally:
            with self._gate:
                self._open.discard(connection)
            connection.close()

    def _through(self, connection: socket.socket) -> None:
        tls = self._right.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._gate:  # the connection goes on under another name
            self._open.discard(connection)
            self._open.add(tls)
        try:
            tls.do_handshake()
            with socket.create_connection(self._behind, _WAIT_S) as plain:
                while _pass_on(tls, plain):
                    pass
        finally:
            with self._gate:
                self._open.discard(tls)
            tls.close()

    def _deceive(self, connection: socket.socket, false: ssl.SSLContext) -> None:
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = false.wrap_bio(came, goes, server_side=True)
        shaken = False
        while True:
            try:
                if not shaken:
                    tls.do_handshake()
                    shaken = True
                self.heard += tls.read(65_536)
            except ssl.SSLWantReadError:
                connection.sendall(goes.read())
                data = connection.recv(65_536)
                if not data:
                    return
                self.raw += data
                came.write(data)

    def _in_clear(self, connection: socket.socket) -> None:
        self.raw += connection.recv(65_536)
        connection.sendall(_CLEAR)


def _pass_on(tls: ssl.SSLSocket, plain: socket.socket) -> bool:
    """What comes at either side goes out at the other; False at the end. One thread for both:
    a TLS connection is not for two."""
    ready = [tls] if tls.pending() else select.select([tls, plain], [], [], _WAIT_S)[0]
    for one, other in ((tls, plain), (plain, tls)):
        if one in ready:
            data = one.recv(65_536)
            if not data:
                return False
            other.sendall(data)
    return bool(ready)
