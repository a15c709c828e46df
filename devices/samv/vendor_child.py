"""The child process around a vendor's SDT library: commands in, answers out, until it is killed.

Run as a script: `vendor_child.py LIBRARY PORT PARENT_PID`. A command is one byte from standard
input; its answer is `code (4, signed) | size (4) | that many bytes`, little endian. It
imports nothing of ours and dies with the thread that started it.

    o  open the port        c  close it          s  SAM status     i  SAM id (16 bytes)
    x  reset the SAM        f  find a card       l  select it
    r  read: 3 lengths (4 bytes each) as the library gave them, then text, portrait and
       fingerprint, each as many bytes as it said, at most what a block can hold
    p  the same with the fingerprint             a  added addresses: one length, one block

Buffers are far larger than any block, and what lies behind a block is looked at: a library
that wrote more than it said is reported by the code OVERRUN. One that has no such function
answers with MISSING.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable

MISSING, OVERRUN = -100, -101
TEXT_BYTES, PORTRAIT_BYTES, FINGER_BYTES, ADDRESS_BYTES = 256, 1_024, 1_024, 280
_BUFFER_BYTES = 65_536
_CANARY = 0xA5
_PR_SET_PDEATHSIG = 1
_MEMORY_BYTES = 512 * 1024 * 1024

Answer = tuple[int, bytes]


class Block:
    """A buffer for one block, and the length that the library says it has."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        fill = bytes(size_bytes) + bytes([_CANARY]) * (_BUFFER_BYTES - size_bytes)
        self.buffer = ctypes.create_string_buffer(fill, _BUFFER_BYTES)
        self.length = ctypes.c_uint(0)

    @property
    def arguments(self) -> tuple[object, object]:
        """The two arguments of an SDT function for this block."""
        return self.buffer, ctypes.byref(self.length)

    @property
    def is_overrun(self) -> bool:
        """Whether something was written behind the block."""
        behind = self.buffer.raw[self.size_bytes :]
        return behind.count(_CANARY) != len(behind)

    @property
    def content(self) -> bytes:
        """What was written, as long as the library says, if it can be that long."""
        return self.buffer.raw[: min(self.length.value, self.size_bytes)]


class Library:
    """The functions of the library that is asked for."""

    def __init__(self, path: str, port: int) -> None:
        self._library = ctypes.CDLL(path)
        self._port = port

    def call(self, name: str, *arguments: object) -> int:
        """Call by name, with the port first; MISSING if there is no such function."""
        function = getattr(self._library, name, None)
        return MISSING if function is None else int(function(self._port, *arguments))

    def fixed(self, name: str, size_bytes: int) -> Answer:
        """A function that fills a block of a fixed size."""
        block = Block(size_bytes)
        code = self.call(name, block.buffer, 0)
        return (OVERRUN, b"") if block.is_overrun else (code, block.buffer.raw[:size_bytes])

    def read(self, name: str, *sizes_bytes: int) -> Answer:
        """A function that fills blocks and tells the length of each."""
        blocks = [Block(size) for size in sizes_bytes]
        code = self.call(name, *(part for block in blocks for part in block.arguments), 0)
        if any(block.is_overrun for block in blocks):
            return OVERRUN, b""
        lengths = b"".join(struct.pack("<I", block.length.value) for block in blocks)
        return code, lengths + b"".join(block.content for block in blocks)


_COMMANDS: dict[bytes, Callable[[Library], Answer]] = {
    b"o": lambda library: (library.call("SDT_OpenPort"), b""),
    b"c": lambda library: (library.call("SDT_ClosePort"), b""),
    b"s": lambda library: (library.call("SDT_GetSAMStatus", 0), b""),
    b"i": lambda library: library.fixed("SDT_GetSAMID", 16),
    b"x": lambda library: (library.call("SDT_ResetSAM", 0), b""),
    b"f": lambda library: library.fixed("SDT_StartFindIDCard", 4),
    b"l": lambda library: library.fixed("SDT_SelectIDCard", 8),
    b"r": lambda library: library.read("SDT_ReadBaseMsg", TEXT_BYTES, PORTRAIT_BYTES),
    b"p": lambda library: library.read(
        "SDT_ReadBaseFPMsg", TEXT_BYTES, PORTRAIT_BYTES, FINGER_BYTES
    ),
    b"a": lambda library: library.read("SDT_ReadNewAppMsg", ADDRESS_BYTES),
}


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(3)


def main() -> None:
    """Answer commands until standard input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold a card
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(int(sys.argv[3]))
    out = os.dup(1)
    os.dup2(2, 1)  # what the library prints must not end up among the answers
    library = Library(sys.argv[1], int(sys.argv[2]))
    while command := os.read(0, 1):
        handler = _COMMANDS.get(command)
        code, data = (MISSING, b"") if handler is None else handler(library)
        answer = struct.pack("<iI", code, len(data)) + data
        while answer:
            answer = answer[os.write(out, answer) :]


if __name__ == "__main__":
    main()
