"""IPP 1.1 (RFC 8010, RFC 8011), as much of it as following a print job needs.

One request, one answer, over TCP or CUPS's Unix socket, each with a deadline. The decoder
raises IppError for anything that is not a well-formed answer, and nothing else.
"""

from __future__ import annotations

import http.client
import itertools
import os
import pwd
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_VERSION = b"\x01\x01"
_END, _JOB_GROUP = 0x03, 0x02
_INTEGER_TAGS = frozenset({0x21, 0x23})
_BOOLEAN, _INTEGER, _ENUM = 0x22, 0x21, 0x23
_KEYWORD, _NAME, _URI, _MIME = 0x44, 0x42, 0x45, 0x49
_CHARSET, _LANGUAGE = 0x47, 0x48
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_LAST_OK_STATUS = 0x00FF  # successful-ok and its variants

Value = int | bool | str
Attributes = dict[str, list[Value]]


class Operation(IntEnum):
    """Operation codes (RFC 8011, 5.4.15)."""

    PRINT_JOB = 0x02
    CANCEL_JOB = 0x08
    GET_JOB_ATTRIBUTES = 0x09
    GET_JOBS = 0x0A
    GET_PRINTER_ATTRIBUTES = 0x0B


class IppError(Exception):
    """The server said no, or something that is not IPP; `status` is 0 where there is none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Typed:
    """An attribute value with its tag, for requests."""

    tag: int
    value: Value


def keyword(text: str) -> Typed:
    """A keyword value."""
    return Typed(_KEYWORD, text)


def name(text: str) -> Typed:
    """A name value."""
    return Typed(_NAME, text)


def uri(text: str) -> Typed:
    """A URI value."""
    return Typed(_URI, text)


def mime(text: str) -> Typed:
    """A media type value."""
    return Typed(_MIME, text)


def boolean(value: bool) -> Typed:
    """A boolean value."""
    return Typed(_BOOLEAN, value)


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded answer: one mapping per attribute group that follows the operation's own."""

    status: int
    operation: Attributes
    groups: tuple[Attributes, ...]


def encode(
    operation: Operation,
    request_id: int,
    attributes: Sequence[tuple[str, Sequence[Typed]]],
    job: Sequence[tuple[str, Sequence[Typed]]] = (),
) -> bytes:
    """A request's header; document data follows it directly."""
    out = bytearray(_VERSION + struct.pack(">HI", operation, request_id) + b"\x01")
    out += _attribute("attributes-charset", [Typed(_CHARSET, "utf-8")])
    out += _attribute("attributes-natural-language", [Typed(_LANGUAGE, "en")])
    for key, values in attributes:
        out += _attribute(key, values)
    if job:
        out.append(_JOB_GROUP)
        for key, values in job:
            out += _attribute(key, values)
    out.append(_END)
    return bytes(out)


def _attribute(key: str, values: Sequence[Typed]) -> bytes:
    out = bytearray()
    for index, typed in enumerate(values):
        label = key.encode("ascii") if index == 0 else b""
        if isinstance(typed.value, bool):
            data = bytes([typed.value])
        elif isinstance(typed.value, int):
            data = struct.pack(">i", typed.value)
        else:
            data = typed.value.encode()
        out += struct.pack(">BH", typed.tag, len(label)) + label
        out += struct.pack(">H", len(data)) + data
    return bytes(out)


def decode(data: bytes, request_id: int) -> Answer:
    """An answer's status and attributes. Raises IppError for anything malformed."""
    if len(data) < 9 or data[0] not in (1, 2):
        raise IppError("not an IPP answer")
    status, answered = struct.unpack(">HI", data[2:8])
    if answered != request_id:
        raise IppError("an answer to another request")
    groups: list[Attributes] = []
    values: list[Value] = []
    at = 8
    while True:
        if at >= len(data):
            raise IppError("the answer ends early")
        tag = data[at]
        at += 1
        if tag == _END:
            break
        if tag < 0x10:
            groups.append({})
            continue
        label, at = _counted(data, at)
        raw, at = _counted(data, at)
        if not groups:
            raise IppError("an attribute outside any group")
        if label:
            values = groups[-1].setdefault(label.decode("utf-8", "replace"), [])
        values.append(_value(tag, raw))
    return Answer(status, groups[0] if groups else {}, tuple(groups[1:]))


def _counted(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(data):
        raise IppError("the answer ends early")
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    if end > len(data):
        raise IppError("the answer ends early")
    return data[at + 2 : end], end


def _value(tag: int, raw: bytes) -> Value:
    if tag in _INTEGER_TAGS and len(raw) == 4:
        return int.from_bytes(raw, "big", signed=True)
    if tag == _BOOLEAN and len(raw) == 1:
        return bool(raw[0])
    return raw.decode("utf-8", "replace")


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class IppClient:
    """Sends requests to one CUPS server.

    `server` is "host", "host:port" or the absolute path of its Unix socket, anything else
    raises ValueError. Every call opens
    a connection of its own, so a restarted server is no special case.
    """

    def __init__(self, server: str) -> None:
        host, _, port = server.partition(":")
        if not server.startswith("/") and (not host or not (port or "631").isdecimal()):
            raise ValueError(f"not a CUPS server: {server!r} (host, host:port or /path)")
        self._server = server
        self._ids = itertools.count(1)

    @property
    def base(self) -> str:
        """The scheme and host that printer URIs begin with."""
        return "ipp://localhost" if self._server.startswith("/") else f"ipp://{self._server}"

    def request(
        self,
        operation: Operation,
        path: str,
        attributes: Sequence[tuple[str, Sequence[Typed]]],
        *,
        timeout_s: float,
        job: Sequence[tuple[str, Sequence[Typed]]] = (),
        document: bytes = b"",
    ) -> Answer:
        """One request and its answer.

        Raises OSError or http.client.HTTPException where the connection failed, IppError
        where the server refused (`status`) or did not answer in IPP.
        """
        request_id = next(self._ids)
        body = encode(operation, request_id, attributes, job) + document
        connection = self._connection(timeout_s)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/ipp"})
            answer = connection.getresponse()
            data = answer.read(_MAX_ANSWER_BYTES)
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise IppError(f"HTTP {answer.status}", answer.status)
        decoded = decode(data, request_id)
        if decoded.status > _LAST_OK_STATUS:
            raise IppError(f"IPP status 0x{decoded.status:04x}", decoded.status)
        return decoded

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._server.startswith("/"):
            return _UnixConnection(self._server, timeout_s)
        host, _, port = self._server.partition(":")
        return http.client.HTTPConnection(host, int(port or 631), timeout=timeout_s)


def user_name() -> str:
    """This process's user, by name where it has one."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
