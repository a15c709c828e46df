"""Virtual smart cards on a real pcscd: nothing of the stack is imitated but reader and card.

`PcscStack` starts Debian's pcscd with vsmartcard's virtual reader in namespaces of its own: the
sockets of the host's pcscd and the host's network are not touched, and two stacks do not know of
each other. It can be killed, stopped, and started again, with or without its reader.
`VirtualSlot` is one of its readers' slots: a card is put there, taken away, and made to fail at
any of its commands.

Needs Debian's pcscd, vsmartcard-vpcd and util-linux, and either root or user namespaces.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_ROOT = Path(__file__).resolve().parents[2]
_DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
FIRST_PORT = 35_963
READER = "Virtual PCD"
_START_S = 10.0
_RETRY_S = 0.02

_POWER_OFF, _POWER_ON, _RESET, _ASK_ATR = 0, 1, 2, 4
_LENGTH = struct.Struct(">H")


class VirtualCard(Protocol):
    """A card: how it says hello, and what it answers."""

    @property
    def atr(self) -> bytes:
        """The answer to reset."""

    def reset(self) -> None:
        """Power was cut or the reset line pulled."""

    def respond(self, apdu: bytes) -> bytes:
        """The answer to one command, with its status word."""


@dataclass(slots=True)
class VirtualUidCard:
    """A card of which PC/SC learns nothing but that it has a UID."""

    uid_command: bytes  # the one command that it answers
    uid: bytes = b"\x08\x11\x22\x33"
    atr: bytes = bytes.fromhex("3B80800101")

    def reset(self) -> None:
        """It knows no state."""

    def respond(self, apdu: bytes) -> bytes:
        """The UID, or that it does not know the command."""
        return self.uid + b"\x90\x00" if apdu == self.uid_command else b"\x6d\x00"


@dataclass(slots=True)
class _Fault:
    """What happens to the answer of the command after `skip` others."""

    skip: int
    act: Callable[[bytes], bytes | None]


class VirtualSlot:
    """One slot of a virtual reader. Faults may be injected from any thread."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        """`connect` makes a connection to the slot; it raises OSError while nobody listens."""
        self._connect = connect
        self._lock = threading.Lock()
        self._card: VirtualCard | None = None
        self._wire: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._faults: list[_Fault] = []
        self._go_on = threading.Event()
        self._go_on.set()
        self.commands: list[bytes] = []

    def put_card(self, card: VirtualCard) -> None:
        """Lay a card on the reader; it stays there even if the service is restarted."""
        self.take_card()
        thread = threading.Thread(target=self._lie, args=(card,), name="virtual-card", daemon=True)
        with self._lock:
            self._card, self._thread = card, thread
        thread.start()

    def take_card(self) -> None:
        """Take the card away."""
        with self._lock:
            thread, self._thread, self._card = self._thread, None, None
            self._hang_up()
        self._go_on.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    @property
    def has_card(self) -> bool:
        """Whether a card lies there."""
        with self._lock:
            return self._card is not None

    # What goes wrong. Each is counted from now: `skip` commands go well before it.

    def remove_at(self, skip: int) -> None:
        """The card is taken away before it can answer."""

        def act(_: bytes) -> None:
            with self._lock:
                self._card = None

        self._add(skip, act)

    def stall_at(self, skip: int) -> None:
        """The card says nothing any more, until `resume`."""
        self._go_on.clear()

        def act(answer: bytes) -> bytes:
            self._go_on.wait()
            return answer

        self._add(skip, act)

    def resume(self) -> None:
        """End a stall."""
        self._go_on.set()

    def garbage_at(self, skip: int, seed: int = 0) -> None:
        """Something else is answered, of the same length."""
        self._add(skip, lambda answer: random.Random(seed).randbytes(max(2, len(answer))))

    def cut_at(self, skip: int, size_bytes: int) -> None:
        """Only so many bytes of the answer come."""
        self._add(skip, lambda answer: answer[:size_bytes])

    def flip_at(self, skip: int, bit: int) -> None:
        """One bit of the answer is wrong."""

        def act(answer: bytes) -> bytes:
            changed = bytearray(answer)
            changed[bit // 8 % len(changed)] ^= 1 << bit % 8
            return bytes(changed)

        self._add(skip, act)

    def answer_at(self, skip: int, sw: int) -> None:
        """The card answers with this status word and nothing else."""
        self._add(skip, lambda _: sw.to_bytes(2, "big"))

    def heal(self) -> None:
        """End every fault."""
        with self._lock:
            self._faults.clear()
        self._go_on.set()

    def _add(self, skip: int, act: Callable[[bytes], bytes | None]) -> None:
        with self._lock:
            self._faults.append(_Fault(skip, act))

    # The card's thread.

    def _lie(self, card: VirtualCard) -> None:
        pause = threading.Event()
        while self._is_here(card):
            try:
                wire = self._connect()
            except OSError:
                pause.wait(_RETRY_S)
                continue
            with self._lock:
                if self._card is not card:
                    wire.close()
                    return
                self._wire = wire
            with contextlib.suppress(OSError, ValueError):
                self._talk(wire, card)
            with self._lock:
                self._hang_up()

    def _is_here(self, card: VirtualCard) -> bool:
        with self._lock:
            return self._card is card

    def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()

    def _talk(self, wire: socket.socket, card: VirtualCard) -> None:
        with wire.makefile("rb") as stream:
            while self._is_here(card):
                # vpcd sends a length and, once we have acknowledged it, the message: at once, so.
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                head = stream.read(_LENGTH.size)
                if len(head) < _LENGTH.size:
                    return
                message = stream.read(_LENGTH.unpack(head)[0])
                if len(message) == 1:
                    if message[0] == _ASK_ATR:
                        self._say(wire, card.atr)
                    else:
                        card.reset()
                    continue
                self.commands.append(message)
                answer = self._spoilt(card.respond(message))
                if answer is None or not self._is_here(card):
                    return
                self._say(wire, answer)

    def _spoilt(self, answer: bytes) -> bytes | None:
        with self._lock:
            due = [fault for fault in self._faults if fault.skip == 0]
            self._faults = [fault for fault in self._faults if fault.skip > 0]
            for fault in self._faults:
                fault.skip -= 1
        spoilt: bytes | None = answer
        for fault in due:
            if spoilt is not None:
                spoilt = fault.act(spoilt)
        return spoilt

    @staticmethod
    def _say(wire: socket.socket, data: bytes) -> None:
        wire.sendall(_LENGTH.pack(len(data)) + data)


class PcscStack:
    """pcscd and its virtual readers. Use it as a context manager, or call `close`."""

    def __init__(self, *, reader: bool = True) -> None:
        """Start, with the reader plugged in or not."""
        self._base = Path(tempfile.mkdtemp(prefix="pcsc-"))
        for folder in ("run", "conf"):
            (self._base / folder).mkdir()
        (self._base / "run").chmod(0o755)
        self.socket_path = self._base / "run" / "pcscd.comm"
        self._lock = threading.Lock()
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child"]
        if os.geteuid() != 0:
            namespaces.append("--map-root-user")
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
        with theirs:
            self._process = subprocess.Popen(
                [
                    *("unshare", *namespaces, sys.executable, "-P", "-m", __name__),
                    *(str(theirs.fileno()), str(self._base)),
                ],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": path},
            )
        try:
            self.start(reader=reader)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> PcscStack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, *, reader: bool = True) -> None:
        """Start the service, with or without its reader, and wait until it listens."""
        for old in (self._base / "conf").iterdir():
            old.unlink()
        if reader:
            # The driver knows two slots and no second reader.
            (self._base / "conf" / "reader").write_text(
                f'FRIENDLYNAME "{READER}"\nDEVICENAME /dev/null:0x{FIRST_PORT:X}\n'
                f"LIBPATH {_DRIVER}\nCHANNELID 0x{FIRST_PORT:X}\n"
            )
        self._order("start")
        end = time.monotonic() + _START_S
        while not self._listens(reader):
            if time.monotonic() > end:
                raise TimeoutError("pcscd did not start")
            time.sleep(_RETRY_S)

    def kill(self) -> None:
        """SIGKILL, as a crash would do it."""
        self._order("kill")

    def stop(self) -> None:
        """SIGTERM, as an update would do it."""
        self._order("stop")

    def slot(self, number: int = 0) -> VirtualSlot:
        """A slot of the reader, 0 or 1."""
        return VirtualSlot(lambda: self._connect(FIRST_PORT + number))

    def close(self) -> None:
        """End everything."""
        self._ours.close()
        self._process.wait()
        shutil.rmtree(self._base, ignore_errors=True)

    def _listens(self, reader: bool) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket_path))
        except OSError:
            return False
        return True if not reader else self._driver_listens()

    def _driver_listens(self) -> bool:
        """By the kernel's list of the namespace: a connection would be a card put there."""
        return self._order(f"listening {FIRST_PORT}") == "yes"

    def _connect(self, port: int) -> socket.socket:
        with self._lock:
            self._ours.send(f"connect {port}".encode())
            answer, handles, _, _ = socket.recv_fds(self._ours, 64, 1)
        if answer != b"done" or not handles:
            raise ConnectionRefusedError
        return socket.socket(fileno=handles[0])

    def _order(self, order: str) -> str:
        with self._lock:
            self._ours.send(order.encode())
            answer = self._ours.recv(64).decode()
        if answer == "failed" or not answer:
            raise OSError(f"the stack could not {order.split()[0]}")
        return answer


class _Room:
    """Process 1 of the namespaces: it starts pcscd and hands connections out."""

    def __init__(self, orders: socket.socket, base: Path) -> None:
        self._orders = orders
        self._base = base
        self._service: subprocess.Popen[bytes] | None = None
        for command in (
            ("mount", "-t", "tmpfs", "none", "/run"),
            ("mkdir", "/run/pcscd"),
            ("mount", "--bind", str(base / "run"), "/run/pcscd"),
            ("ip", "link", "set", "lo", "up"),
        ):
            subprocess.run(command, check=True)

    def serve(self) -> None:
        """Carry orders out until nobody is left who gives them."""
        while order := self._orders.recv(64).decode().split():
            try:
                self._carry_out(*order)
            except OSError:
                self._orders.send(b"failed")

    def _carry_out(self, verb: str, port: str = "0") -> None:
        if verb == "connect":
            with socket.create_connection(("127.0.0.1", int(port))) as wire:
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                socket.send_fds(self._orders, [b"done"], [wire.fileno()])
            return
        if verb == "listening":
            # Local address, remote address, state 0A: listening.
            wanted = f"00000000:{int(port):04X} 00000000:0000 0A"
            listening = wanted in Path("/proc/self/net/tcp").read_text()
            self._orders.send(b"yes" if listening else b"no")
            return
        self._end(signal.SIGTERM if verb == "stop" else signal.SIGKILL)
        if verb == "start":
            for left in (self._base / "run").iterdir():
                left.unlink()
            with open(self._base / "log", "ab") as log:
                self._service = subprocess.Popen(
                    ["pcscd", "-f", "-c", str(self._base / "conf")],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        self._orders.send(b"done")

    def _end(self, how: signal.Signals) -> None:
        service, self._service = self._service, None
        if service is not None:
            service.send_signal(how)
            service.wait()


def _main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        _Room(orders, Path(sys.argv[2])).serve()


if __name__ == "__main__":
    _main()
