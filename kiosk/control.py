"""The control socket: how other processes of this machine ask the running terminal.

A Unix-domain stream socket in a directory of mode 0700. Only root and the terminal's own
user are answered; the kernel says who the peer is. One JSON object per line goes in, one
comes out: `{"command": "...", ...}` -> `{"ok": true, "result": {...}}` or `{"ok": false,
"code": "...", "message": "..."}`. A peer that is silent, slow or too talkative is dropped.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

log = logging.getLogger(__name__)

REQUEST_MOST_BYTES: Final = 64 * 1024
ANSWER_MOST_BYTES: Final = 4 * 1024 * 1024
_PEERS_MOST: Final = 8
_UCRED: Final = struct.Struct("3i")  # pid, uid, gid: struct ucred of Linux

Handler: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


class NoTerminalRuns(Exception):
    """Nobody listens on the control socket."""


class TerminalSilent(Exception):
    """A terminal listens but gave no whole answer in time."""


class ControlRefused(Exception):
    """The terminal answered that it will not, or cannot. `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class ControlBusy(Exception):
    """Another terminal already listens on this socket."""


class ControlServer:
    """Answers on the socket until `close`.

    `handlers` maps a command to a function from its arguments to a JSON-able result; they
    run on the peer's own thread, so they may wait, and must be safe to call from several.
    A handler's exception becomes the answer: its `code` if it has one, and its kind.
    """

    def __init__(
        self, path: Path | str, handlers: Mapping[str, Handler], *, peer_deadline_s: float = 5.0
    ) -> None:
        """Listen at once. Raises ControlBusy, or OSError where there can be no socket."""
        self._path = Path(path)
        self._handlers = dict(handlers)
        self._deadline_s = peer_deadline_s
        self._closing = threading.Event()
        self._peers: dict[socket.socket, threading.Thread] = {}
        self._gate = threading.Lock()
        self._listening = _listen(self._path)
        self._inode = self._path.stat().st_ino
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # a program that fails must end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, drop the peers, take the socket away. Harmless when called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        atexit.unregister(self.close)
        _shut(self._listening)
        self._thread.join()
        self._listening.close()
        with self._gate:
            peers = dict(self._peers)
        for peer, thread in peers.items():
            _shut(peer)
            thread.join()
        # Only our own: a terminal started meanwhile may have put its socket there.
        if self._path.exists() and self._path.stat().st_ino == self._inode:
            self._path.unlink()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                peer, _ = self._listening.accept()
            except OSError:
                if not self._closing.is_set():
                    # Out of descriptors, most likely: not a reason to spin or to end.
                    self._closing.wait(0.2)
                continue
            with self._gate:
                full = len(self._peers) >= _PEERS_MOST
                if not full:
                    thread = threading.Thread(
                        target=self._serve, args=(peer,), name="control-peer", daemon=True
                    )
                    self._peers[peer] = thread
                    thread.start()
            if full:
                peer.close()

    def _serve(self, peer: socket.socket) -> None:
        try:
            if _peer_uid(peer) not in (0, os.geteuid()):
                _send(peer, _refusal("CT-02", "not this user"), self._deadline_s)
                # Closing on a question that was not read would take the answer away with it.
                peer.shutdown(socket.SHUT_WR)
                _read_line(peer, REQUEST_MOST_BYTES, self._deadline_s)
                return
            while not self._closing.is_set():
                line = _read_line(peer, REQUEST_MOST_BYTES, self._deadline_s)
                if line is None:
                    return
                _send(peer, self._answer(line), self._deadline_s)
        except (OSError, _TooLong):
            return  # silent, gone, or too talkative
        finally:
            peer.close()
            with self._gate:
                self._peers.pop(peer, None)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            return _refusal("CT-01", "not JSON")
        if not isinstance(asked, dict) or not isinstance(asked.get("command"), str):
            return _refusal("CT-01", "not a command")
        handler = self._handlers.get(asked.pop("command"))
        if handler is None:
            return _refusal("CT-03", "no such command")
        try:
            return {"ok": True, "result": handler(asked)}
        except Exception as error:  # noqa: BLE001 - a client must not end the terminal
            # The text of an exception may hold anything; its kind and code do not.
            code = getattr(error, "code", "CT-04")
            log.warning("a control command failed: %s", type(error).__name__)
            return _refusal(str(code), type(error).__name__)


def ask(path: Path | str, command: str, *, deadline_s: float = 5.0, **args: Any) -> dict[str, Any]:
    """Ask the running terminal.

    Raises NoTerminalRuns, TerminalSilent (no whole answer within `deadline_s`),
    ControlRefused (it answered no).
    """
    request = json.dumps({**args, "command": command}).encode() + b"\n"
    peer = socket.socket(socket.AF_UNIX)
    try:
        peer.settimeout(deadline_s)
        with _short_path(Path(path)) as short:
            peer.connect(short)
    except OSError as error:
        peer.close()
        if isinstance(error, TimeoutError | BlockingIOError):
            raise TerminalSilent("the terminal takes no connection") from None
        if isinstance(error, PermissionError):
            raise ControlRefused("CT-02", "this user may not ask the terminal") from None
        raise NoTerminalRuns(f"nobody listens ({os.strerror(error.errno or 0)})") from None
    try:
        peer.sendall(request)
        line = _read_line(peer, ANSWER_MOST_BYTES, deadline_s)
        told = json.loads(line) if line is not None else None
    except (OSError, ValueError, _TooLong) as error:
        raise TerminalSilent(f"no whole answer ({type(error).__name__})") from None
    finally:
        peer.close()
    if not isinstance(told, dict):
        raise TerminalSilent("the terminal hung up")
    if told.get("ok") is not True or not isinstance(told.get("result"), dict):
        raise ControlRefused(str(told.get("code", "")), str(told.get("message", "")))
    result: dict[str, Any] = told["result"]
    return result


class _TooLong(Exception):
    """A line beyond its limit."""


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with _short_path(path) as short:
            _remove_dead(path, short)
            listening.bind(short)
        path.chmod(0o600)
        listening.listen(_PEERS_MOST)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_dead(path: Path, short: str) -> None:
    """Take away the socket of a terminal that was killed; leave anything else alone."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path.name} is there and is no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(short)
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError:
            pass
    raise ControlBusy("another terminal listens here")


@contextmanager
def _short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits the 107 bytes of a socket address, however deep it lies."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _peer_uid(peer: socket.socket) -> int:
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(raw)[1])


def _read_line(peer: socket.socket, most_bytes: int, deadline_s: float) -> bytes | None:
    """One line without its end, None at the end of the stream.

    Raises TimeoutError when it is not whole after `deadline_s`, however it trickles.
    """
    end = time.monotonic() + deadline_s
    line = bytearray()
    while not line.endswith(b"\n"):
        left_s = end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        peer.settimeout(left_s)
        # Peek first: what follows the line belongs to the next one.
        seen = peer.recv(65_536, socket.MSG_PEEK)
        if not seen:
            return None
        cut = seen.find(b"\n")
        line += peer.recv(len(seen) if cut < 0 else cut + 1)
        if len(line) > most_bytes:
            raise _TooLong
    return bytes(line[:-1])


def _send(peer: socket.socket, answer: dict[str, Any], deadline_s: float) -> None:
    peer.settimeout(deadline_s)
    peer.sendall(json.dumps(answer).encode() + b"\n")


def _refusal(code: str, message: str) -> dict[str, Any]:
    return {"ok": False, "code": code, "message": message}


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was gone already
