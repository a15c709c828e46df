"""The open sockets of a wire, so that another thread can shut them down."""

from __future__ import annotations

import socket
import threading


class Sockets:
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
