"""HTTP towards the backend: bounded in time and size, and it can be cut off.

`requests` alone waits for ever on a peer that sends a byte now and then. Here each
request has a deadline as a whole, enforced by shutting its socket down, and `cut` ends
whatever is under way, so that a terminal can stop while an upload hangs. Nothing is taken
from the environment (proxies, .netrc), no redirect is followed, no cookie is kept.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from offline_queue.answers import Answer
from offline_queue.sockets import Sockets

if TYPE_CHECKING:
    from offline_queue.http import Http

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
        self._sockets = Sockets()
        self._http: Http | None = None  # made with the first request

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
            return self._opened().exchange(method, self._base + path, body, sent)
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
        if self._http is not None:
            self._http.close()

    def _opened(self) -> Http:
        if self._http is None:
            from offline_queue.http import Http

            self._http = Http(self._sockets, self._settings)
        return self._http


def content_digest(body: bytes) -> str:
    """The RFC 9530 field value for `body`."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
