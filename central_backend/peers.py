"""Which terminal is calling: by the certificate that it shows.

With mutual TLS only terminals get in, and each may speak for itself alone: the common name or a
DNS name of the certificate must be the terminal's code. The certificate is that of the connection
when the backend does TLS itself; behind a proxy that does, it is in the header that the settings
name, and only one of the trusted proxies is believed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
import ssl
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.x509.oid import NameOID
from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from central_backend.faults import Refusal
from central_backend.settings import Server
from kiosk.contract import ProblemCode

_SHOWN: Final = "terminal.certificate"  # key of a scope: the connection's certificate, as DER
_NAMES: Final = "terminal.names"  # key of a scope: whom the request may speak for


class CertificateProtocol(H11Protocol):
    """HTTP that tells the application which certificate its peer showed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As usual; the certificate is known by then."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls is not None else None
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await inner({**scope, _SHOWN: shown}, receive, send)

        self.app = app


def behind(app: ASGIApp, server: Server) -> ASGIApp:
    """`app` that knows who calls, where proxies stand before it as `server` says."""
    inner: ASGIApp = app
    if server.trusted_proxies:
        inner = ProxyHeadersMiddleware(app, list(server.trusted_proxies))  # type: ignore[arg-type, assignment]
    header = server.client_certificate_header.lower().encode()
    networks = [ipaddress.ip_network(one) for one in server.trusted_proxies]

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and server.mutual_tls:
            # A proxy's own certificate is not that of the terminal behind it.
            through = bool(header) and _within(scope.get("client"), networks)
            shown = _told(scope["headers"], header) if through else scope.get(_SHOWN)
            scope = {**scope, _NAMES: names_of(shown) if shown else frozenset()}
        await inner(scope, receive, send)

    return outer


def must_be(request: Request, terminal: str) -> None:
    """Refuse a request that speaks for another terminal than its certificate's. Raises Refusal."""
    names: frozenset[str] | None = request.scope.get(_NAMES)
    if names is not None and terminal.casefold() not in names:
        raise Refusal(
            403, ProblemCode.WRONG_TERMINAL, "the certificate shown is not that of this terminal"
        )


@lru_cache(maxsize=4096)
def names_of(certificate: bytes) -> frozenset[str]:
    """Common and DNS names of a certificate in DER, folded; none where it cannot be read."""
    try:
        read = x509.load_der_x509_certificate(certificate)
        common = [one.value for one in read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        try:
            found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            dns = found.value.get_values_for_type(x509.DNSName)
        except x509.ExtensionNotFound:
            dns = []
    except ValueError:
        return frozenset()
    return frozenset(name.casefold() for name in (*common, *dns) if isinstance(name, str))


def _within(
    client: tuple[str, int] | None,
    networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> bool:
    try:
        address = ipaddress.ip_address(client[0] if client is not None else "")
    except ValueError:
        return False
    return any(address in network for network in networks)


def _told(headers: Iterable[tuple[bytes, bytes]], header: bytes) -> bytes:
    """The certificate in a header, as DER: RFC 9440, or PEM with percent signs; else nothing."""
    found = [value for name, value in headers if name == header]
    if len(found) != 1:
        return b""
    value = found[0].strip()
    try:
        if value.startswith(b":") and value.endswith(b":"):
            return base64.b64decode(value.strip(b":"), validate=True)
        return ssl.PEM_cert_to_DER_cert(unquote_to_bytes(value).decode("ascii"))
    except (binascii.Error, ValueError):
        return b""
