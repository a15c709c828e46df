"""The HTTP library's side of `offline_queue.wire`.

A module of its own because importing the library takes longer than anything else that a
terminal does before its first screen: it is imported with the first request.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from offline_queue.answers import Answer, Trouble
from offline_queue.sockets import Sockets
from offline_queue.wire import TOO_LONG, WireSettings


class Http:
    """One session. What an exchange is given is what goes out: no environment, no cookies."""

    def __init__(self, sockets: Sockets, settings: WireSettings) -> None:
        self._settings = settings
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
            self._session.mount(scheme, _Adapter(sockets))

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def exchange(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        """One request. Never raises."""
        timeouts_s = (self._settings.connect_timeout_s, self._settings.read_timeout_s)
        try:
            with self._session.request(
                method,
                url,
                data=body,
                headers=dict(headers),
                timeout=timeouts_s,
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
            if _hung_up(error):
                return _network("SSLEOFError")
            return Answer(trouble=Trouble.TLS, detail=type(error).__name__)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            return _network(type(error).__name__)
        except (OSError, ValueError, AttributeError) as error:
            # A socket shut down under its reader ends in one of these.
            return _network(type(error).__name__)


def _network(detail: str) -> Answer:
    return Answer(trouble=Trouble.NETWORK, detail=detail)


def _hung_up(error: object) -> bool:
    """Whether the peer only went away, in the handshake or while a body was being written, as
    radios and balancers without a backend do: nobody has to mend a certificate."""
    while isinstance(error, BaseException):
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return True
        # requests and urllib3 keep what they met in one of these two places.
        error = getattr(error, "reason", None) or next(iter(error.args), None)
    return False


class _Adapter(HTTPAdapter):
    """An adapter whose connections tell `Sockets` about themselves."""

    def __init__(self, sockets: Sockets) -> None:
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
