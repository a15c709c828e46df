"""HTTP towards the backend: bounded in time and size, and it can be cut off.

`requests` alone waits for ever on a peer that sends a byte now and then. Here each
request has a deadline as a whole, enforced by shutting its socket down, and `cut` ends
whatever is under way, so that a terminal can stop while an upload hangs. Nothing is taken
from the environment (proxies, .netrc), no redirect is followed, no cookie is kept.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from offline_queue.answers import Answer, Trouble

TOO_LONG: Final = "answer too long"


@dataclass(frozen=True, slots=True)
class WireSettings:
    """Where the backend is, and how long anything may take.

    `verify` is True (the system's authorities) or the path of a bundle; `certificate` the
    paths of certificate and key for mutual TLS. A request as a whole may take
    `total_timeout_s` plus its size over `slowest_bytes_per_s`. An answer longer than
    `answer_most_bytes` (more than any acknowledgement or list of parts) is a portal's page
    and is not read to its end: trouble, with the detail TOO_LONG.
    """

    url: str
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 20.0
    total_timeout_s: float = 60.0
    slowest_bytes_per_s: float = 4096.0
    verify: bool | str = True
    certificate: tuple[str, str] | None = None
    user_agent: str = "outbox/1"
    answer_most_bytes: int = 1_048_576


class Wire:
    """Requests to one backend. Used by one thread; `cut` and `close` by any."""

    def __init__(self, settings: WireSettings) -> None:
        self._settings = settings
        self._base = settings.url.rstrip("/")
        self._sockets = _Sockets()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = 0
        self._session.verify = settings.verify
        self._session.cert = settings.certificate
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update(
            {"User-Agent": settings.user_agent, "Accept": "application/json"}
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(self._sockets))

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; never raises for anything that the network or the peer does.

        A body goes out with its RFC 9530 `Content-Digest` (sha-256).
        """
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = media_type
            sent["Content-Digest"] = content_digest(body)
        settings = self._settings
        deadline_s = settings.total_timeout_s + len(body or b"") / settings.slowest_bytes_per_s
        guard = threading.Timer(deadline_s, self._sockets.shut)
        guard.daemon = True
        guard.name = "wire-deadline"
        guard.start()
        try:
            return self._exchange(method, self._base + path, body, sent)
        finally:
            guard.cancel()
            guard.join()

    def interrupt(self) -> None:
        """End what is under way; later requests go out as ever."""
        self._sockets.shut()

    def cut(self) -> None:
        """End what is under way and let nothing new begin."""
        self._sockets.shut(for_good=True)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        timeouts = (self._settings.connect_timeout_s, self._settings.read_timeout_s)
        try:
            with self._session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = bytearray()
                for chunk in response.iter_content(65_536):
                    content += chunk
                    if len(content) > self._settings.answer_most_bytes:
                        return _network(TOO_LONG)
                kind = response.headers.get("Content-Type", "").partition(";")[0]
                return Answer(
                    status=response.status_code,
                    media_type=kind.strip().lower(),
                    body=bytes(content),
                    retry_after=response.headers.get("Retry-After", ""),
                    date=response.headers.get("Date", ""),
                )
        except requests.exceptions.SSLError as error:
            return Answer(trouble=Trouble.TLS, detail=type(error).__name__)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            return _network(type(error).__name__)
        except (OSError, ValueError, AttributeError) as error:
            # A socket shut down under its reader ends in one of these.
            return _network(type(error).__name__)


def content_digest(body: bytes) -> str:
    """The RFC 9530 field value for `body`."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _network(detail: str) -> Answer:
    return Answer(trouble=Trouble.NETWORK, detail=detail)


class _Sockets:
    """The open sockets, so that another thread can shut them down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._ended = False

    def add(self, sock: socket.socket) -> None:
        with self._lock:
            self._open = [known for known in self._open if known.fileno() >= 0]
            self._open.append(sock)
            ended = self._ended
        if ended:
            _shut(sock)

    def shut(self, *, for_good: bool = False) -> None:
        with self._lock:
            self._ended = self._ended or for_good
            sockets, self._open = self._open, []
        for sock in sockets:
            _shut(sock)


def _shut(sock: socket.socket) -> None:
    try:
        # Not SSLSocket.shutdown, which takes the TLS object away from under its reader.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already


class _Adapter(HTTPAdapter):
    """An adapter whose connections tell `_Sockets` about themselves."""

    def __init__(self, sockets: _Sockets) -> None:
        self._sockets = sockets
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        sockets = self._sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets.add(self.sock)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
