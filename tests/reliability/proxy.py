"""A proxy between terminal and backend that does what networks do.

It forwards HTTP, one request a connection or several, and looks at each request's door ("PUT",
"GET parts", "POST applications"). For a door that has a fault planted it does that instead,
once for each time it was planted. Every request that reached the backend is counted.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

_WAIT_S: Final = 20
_HOP: Final = {"transfer-encoding", "connection", "content-length"}


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def door(self) -> str:
        """Where it goes: the method of a part, or method and last name."""
        return "PUT" if self.method == "PUT" else f"{self.method} {self.path.rsplit('/', 1)[-1]}"


@dataclass(frozen=True)
class Response:
    """An answer, of the backend or of somebody who stands in its place."""

    status: int
    headers: dict[str, str]
    body: bytes

    def raw(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"HTTP/1.1 {self.status} X"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


class Gone(Exception):
    """This connection ends now."""


Fault = Callable[["Proxy", Request, socket.socket], None]


class Proxy:
    """Listens on `url`, forwards to `backend` ("http://host:port"). `close` ends it."""

    def __init__(
        self, backend: str, *, adds: Mapping[str, str] | None = None, source: str = "127.0.0.1"
    ) -> None:
        """`adds` are headers that each request goes on with, `source` where it then comes from."""
        self._adds = dict(adds or {})
        self._source = source
        self._backend = backend.removeprefix("http://")
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._kept: deque[Request] = deque()
        self.reached: Counter[tuple[str, str]] = Counter()  # (door, path) at the backend
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._ended = False
        self._open: set[socket.socket] = set()
        self._gate = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, name="proxy")
        self._accepting.start()

    def close(self) -> None:
        """Refuse and cut everything."""
        self._ended = True
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        with self._gate:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def plant(self, door: str, fault: Fault, times: int = 1) -> None:
        """The next `times` requests at this door meet `fault`."""
        self._faults[door].extend([fault] * times)

    def clear(self) -> int:
        """Plant nothing any more; how many faults were not met."""
        left = sum(len(faults) for faults in self._faults.values())
        self._faults.clear()
        return left

    # --- for faults

    def forward(self, request: Request) -> Response:
        """Ask the backend."""
        self.reached[request.door, request.path] += 1
        connection = http.client.HTTPConnection(
            self._backend, timeout=_WAIT_S, source_address=(self._source, 0)
        )
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
            headers |= self._adds
            connection.request(request.method, request.path, request.body, headers)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
            return Response(answer.status, kept, answer.read())
        finally:
            connection.close()

    def keep(self, request: Request) -> None:
        """Hold a request back until `let_go`."""
        self._kept.append(request)

    def let_go(self) -> list[Response]:
        """What was held back reaches the backend now, the last first."""
        answers = []
        while self._kept:
            answers.append(self.forward(self._kept.pop()))
        return answers

    # --- the wire

    def _accept(self) -> None:
        while not self._ended:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            connection.settimeout(_WAIT_S)
            with self._gate:
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), name="proxied")
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as reader:
                while (request := _read(reader)) is not None:
                    faults = self._faults[request.door]
                    if faults:
                        faults.popleft()(self, request, connection)
                    else:
                        connection.sendall(self.forward(request).raw())
        except (Gone, OSError):
            pass
        finally:
            with self._gate:
                self._open.discard(connection)
            connection.close()


def _read(reader: BinaryIO) -> Request | None:
    line = reader.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    message = http.client.parse_headers(reader)
    headers = dict(message.items())
    length = int(headers.get("Content-Length", "0"))
    return Request(line[0], line[1], headers, reader.read(length))


# --- what networks do

_HTML: Final = {"Content-Type": "text/html"}
_JSON: Final = {"Content-Type": "application/json"}


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    raise Gone


def reset_before(_proxy: Proxy, _request: Request, connection: socket.socket) -> None:
    """The connection is reset; the backend never saw it."""
    _reset(connection)


def reset_after(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The backend did its work, and the answer is lost."""
    proxy.forward(request)
    _reset(connection)


def closed_before(_proxy: Proxy, _request: Request, _connection: socket.socket) -> None:
    """The connection ends in good order, without an answer."""
    raise Gone


def stall_before(_proxy: Proxy, _request: Request, connection: socket.socket) -> None:
    """Nothing comes; the caller has to give up."""
    connection.recv(1)
    raise Gone


def stall_after(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The backend did its work; nothing comes."""
    proxy.forward(request)
    connection.recv(1)
    raise Gone


def truncated(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """Half of the answer."""
    raw = proxy.forward(request).raw()
    connection.sendall(raw[: len(raw) // 2])
    raise Gone


def truncated_body(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """All but the last byte of the answer."""
    connection.sendall(proxy.forward(request).raw()[:-1])
    raise Gone


def shortened(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """Half of the body, with a length that fits."""
    answer = proxy.forward(request)
    half = answer.body[: len(answer.body) // 2]
    connection.sendall(Response(answer.status, answer.headers, half).raw())


def cut_upload(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The backend sees the beginning of the request, and then the line breaks."""
    head = f"{request.method} {request.path} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    host, _, port = proxy._backend.partition(":")
    with socket.create_connection((host, int(port)), _WAIT_S) as wire:
        wire.sendall(head.encode() + b"\r\n" + request.body[: len(request.body) // 2])
    _reset(connection)


def slow(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The answer comes byte by byte."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in proxy.forward(request).raw():
        connection.sendall(bytes([byte]))


def duplicate(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The backend gets it twice, the caller the second answer."""
    proxy.forward(request)
    connection.sendall(proxy.forward(request).raw())


def at_once(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The backend gets it four times at the same moment."""
    answers: list[Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(proxy.forward(request))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.sendall(answers[0].raw())


def late(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """It is held back, and reaches the backend after those that follow."""
    proxy.keep(request)
    _reset(connection)


def swapped(proxy: Proxy, request: Request, connection: socket.socket) -> None:
    """The answer says other things: an acknowledgement that is not for this one."""
    answer = proxy.forward(request)
    other = answer.body.replace(b'"digest":"', b'"digest":"0')
    connection.sendall(Response(answer.status, answer.headers, other).raw())


def says(
    status: int, body: bytes = b"{}", headers: dict[str, str] | None = None, *, after: bool = False
) -> Fault:
    """Somebody answers in the backend's place; with `after`, when it has done its work."""

    def fault(proxy: Proxy, request: Request, connection: socket.socket) -> None:
        if after:
            proxy.forward(request)
        connection.sendall(Response(status, {**_JSON, **(headers or {})}, body).raw())

    return fault


def noise(_proxy: Proxy, _request: Request, connection: socket.socket) -> None:
    """Bytes that are no HTTP."""
    connection.sendall(b"\x16\x03\x01\x00" * 20)
    raise Gone


PORTAL: Final = b"<html><body>Please sign in</body></html>"
FAULTS: Final[dict[str, Fault]] = {
    "reset": reset_before,
    "reset after commit": reset_after,
    "closed": closed_before,
    "stall": stall_before,
    "stall after commit": stall_after,
    "truncated": truncated,
    "last byte lost": truncated_body,
    "shortened": shortened,
    "cut upload": cut_upload,
    "slow bytes": slow,
    "duplicate": duplicate,
    "four at once": at_once,
    "late": late,
    "swapped": swapped,
    "noise": noise,
    "portal": says(200, PORTAL, _HTML),
    "portal says created": says(201, PORTAL, _HTML),
    "empty 200": says(200, b""),
    "redirect": says(302, b"", {"Location": "http://127.0.0.1:1/login"}),
    "moved": says(308, b"", {"Location": "/elsewhere"}),
    "500 after commit": says(500, b"", after=True),
    "502": says(502, b"<html>", _HTML),
    "503 and when": says(503, b"", {"Retry-After": "7"}),
    "429": says(429, b"", {"Retry-After": "3"}),
    "408": says(408),
    "409 in progress": says(409, b'{"code":"in-progress"}'),
    "409 in progress after commit": says(409, b'{"code":"in-progress"}', after=True),
    "409 incomplete": says(409, b'{"code":"incomplete"}', after=True),
    "202": says(202),
    "202 after commit": says(202, after=True),
    "401": says(401),
    "403": says(403),
    "404": says(404, b"", _HTML),
}
