"""The child process around a vendor's WLT library: block in, pixels out, then it ends.

Run as a script: `wlt_child.py LIBRARY PARENT_PID`. Reads 1,024 bytes from standard input;
writes the library's return code (4 bytes, little endian, signed) and, if that is 1, the
pixels as they came: 38,556 bytes, blue first, bottom row first. It imports nothing of ours,
dies with the thread that started it, and works in a directory that its parent removes.

The library has `unpack(source, target, save_bmp)`, or only `GetBmp(file, port_kind)`, which
writes a bitmap beside the file it reads.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

BLOCK_BYTES = 1_024
PIXEL_BYTES = 38_556
# A bitmap file pads each row of 306 bytes to 308.
ROW_BYTES, PADDED_ROW_BYTES = 306, 308
_PR_SET_PDEATHSIG = 1
# Libraries differ in whether they put a bitmap's header first; none writes as much as this.
_TARGET_BYTES = 65_536
_NO_SUCH_FUNCTION = -100  # our own code, far from any of theirs
_USB = 2
_CPU_S = 30
_MEMORY_BYTES = 512 * 1024 * 1024


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(3)


def _from_bmp(data: bytes) -> bytes:
    """The pixels of a bitmap file, without its header and its rows' padding."""
    start = int.from_bytes(data[10:14], "little")
    body = data[start:]
    if len(body) == PIXEL_BYTES:
        return body
    rows = range(0, len(body) - PADDED_ROW_BYTES + 1, PADDED_ROW_BYTES)
    return b"".join(body[at : at + ROW_BYTES] for at in rows)


def _unpack(library: ctypes.CDLL, block: bytes) -> tuple[int, bytes]:
    target = ctypes.create_string_buffer(_TARGET_BYTES)
    code = int(library.unpack(ctypes.create_string_buffer(block, BLOCK_BYTES), target, 0))
    raw = target.raw
    return code, _from_bmp(raw[: 54 + 126 * 308]) if raw[:2] == b"BM" else raw[:PIXEL_BYTES]


def _get_bmp(library: ctypes.CDLL, block: bytes) -> tuple[int, bytes]:
    with open("card.wlt", "wb") as source:
        source.write(block)
    code = int(library.GetBmp(b"card.wlt", _USB))
    if code != 1:
        return code, b""
    with open("card.bmp", "rb") as made:
        return code, _from_bmp(made.read())


def main() -> None:
    """Decode one block."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the portrait
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))  # if nobody is left to end it
    _die_with_parent(int(sys.argv[2]))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints must not end up among the pixels
    block = sys.stdin.buffer.read(BLOCK_BYTES)
    library = ctypes.CDLL(sys.argv[1])
    if hasattr(library, "unpack"):
        code, pixels = _unpack(library, block)
    elif hasattr(library, "GetBmp"):
        code, pixels = _get_bmp(library, block)
    else:
        code, pixels = _NO_SUCH_FUNCTION, b""
    out.write(code.to_bytes(4, "little", signed=True) + (pixels if code == 1 else b""))
    out.flush()
    out.close()


if __name__ == "__main__":
    main()
