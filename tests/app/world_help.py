"""What the tests of the world share: an ear for events, a backend that follows a script."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from kiosk.journey.events import Event

WAIT_S = 25.0
_E = TypeVar("_E", bound=Event)


class Ear:
    """Hears what carriers answer, from any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait(
        self, kind: type[_E], holds: Callable[[_E], bool] = lambda _: True, within_s: float = WAIT_S
    ) -> _E:
        """The first event of this kind that holds; fails when none comes in time."""

        def found() -> _E | None:
            return next((e for e in self.events if isinstance(e, kind) and holds(e)), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, within_s), (
                f"no {kind.__name__}; heard {self.events}"
            )
            event = found()
        assert event is not None
        return event

    def forget(self) -> None:
        """Begin to listen anew."""
        with self._news:
            self.events.clear()


def spin(holds: Callable[[], bool], what: str, within_s: float = WAIT_S) -> None:
    """Wait for what no event tells."""
    until_s = time.monotonic() + within_s
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < until_s, f"did not come: {what}"
        pause.wait(0.005)


@dataclass(slots=True)
class Said:
    """What a scripted backend does with one connection: raw bytes, in pieces, then an end."""

    pieces: tuple[bytes, ...] = ()
    every_s: float = 0.0
    hang: bool = False  # keep the connection open and say nothing more


def http(status: str, kind: str, body: bytes) -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


@dataclass
class ScriptedBackend:
    """Answers every request with the same script. A plain socket, so that nothing helps it."""

    answer: Callable[[bytes], Said]
    requests: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._end = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(0.05)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, name="scripted-backend")]
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        for thread in tuple(self._threads):
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._end.is_set():
            try:
                peer, _ = self._listening.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(peer,), name="scripted-peer")
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(0.05)
            try:
                request = self._whole_request(peer)
                self.requests.append(request)
                said = self.answer(request.partition(b"\r\n\r\n")[2])
                for piece in said.pieces:
                    peer.settimeout(5.0)
                    peer.sendall(piece)
                    if said.every_s and self._end.wait(said.every_s):
                        return
                if said.hang:
                    self._end.wait()
            except OSError:
                return  # the asker hung up

    def _whole_request(self, peer: socket.socket) -> bytes:
        got = b""
        while not self._end.is_set():
            try:
                got += (chunk := peer.recv(65_536))
            except TimeoutError:
                continue
            head, _, body = got.partition(b"\r\n\r\n")
            length = _length(head)
            if not chunk or (length is not None and len(body) >= length):
                return got
        raise ConnectionAbortedError


def _length(head: bytes) -> int | None:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return None


def no_answer(_: Any) -> Said:
    """Take the request and say nothing."""
    return Said(hang=True)
