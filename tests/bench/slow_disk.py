"""An ext4 with its journal on a disk whose flush takes a known time, as flash memory's does.

The disk under a virtual machine flushes in a fraction of a millisecond, that of a terminal in
one to several. A file of a file system in user space (FUSE), which waits before it answers a
sync, is made a disk by a loop device: everything above it is the kernel's own, so that a commit
pays as many flushes as on a terminal. It needs root, who may mount, and Debian's
python3-fusepy, with which this file is run as the server.

    /usr/bin/python3 slow_disk.py PLACE BYTES FLUSH_MS
"""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

_FILE = "disk"
_BYTES = 256 * 1024 * 1024
_PYTHON = "/usr/bin/python3"
_CAP_SYS_ADMIN = 21
# What was not written when the file system was made is written while something is measured.
_MAKE = ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard")


def why_not() -> str:
    """Why there can be no such disk here, "" where there can be one."""
    if os.geteuid() != 0 or not _may_mount():
        return "not allowed to mount"
    missing = [name for name in ("/dev/fuse", "/dev/loop-control") if not Path(name).exists()]
    if missing:
        return f"no {missing[0]}"
    asked = subprocess.run([_PYTHON, "-c", "import fusepy"], capture_output=True, check=False)
    return "no python3-fusepy" if asked.returncode else ""


def _may_mount() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = status.partition("CapEff:")[2].split()[0]
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


@contextmanager
def slow_disk(place: Path, flush_ms: float) -> Iterator[tuple[Path, str]]:
    """Where it is mounted, below `place`, and the name of its device as /sys/block has it."""
    served, mounted = place / "served", place / "mounted"
    for folder in (served, mounted):
        folder.mkdir(parents=True)
    with ExitStack() as after:
        server = subprocess.Popen(
            [_PYTHON, __file__, str(served), str(_BYTES), str(flush_ms)], stdout=subprocess.PIPE
        )
        after.callback(server.wait)
        after.callback(server.terminate)
        assert server.stdout is not None
        assert server.stdout.readline(), "the disk is not served"
        _run(*_MAKE, str(served / _FILE))
        device = _run("losetup", "--find", "--show", "--direct-io=on", str(served / _FILE))
        after.callback(_run, "losetup", "--detach", device)
        _run("mount", device, str(mounted))
        after.callback(_run, "umount", str(mounted))
        yield mounted, Path(device).name


def flushes(device: str) -> int:
    """How often the kernel made this device keep what it has (block/stat, 16th figure)."""
    return int(Path(f"/sys/block/{device}/stat").read_text().split()[15])


def _run(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class _Disk:
    """One file in memory, as libfuse asks for it."""

    def __init__(self, size: int, flush_s: float) -> None:
        self._kept = os.memfd_create(_FILE)
        os.ftruncate(self._kept, size)
        self._size, self._flush_s = size, flush_s

    def __call__(self, operation: str, *args: object) -> object:
        return getattr(self, operation)(*args)

    def init(self, _path: str) -> None:
        print("served", flush=True)

    def getattr(self, path: str, _handle: object = None) -> dict[str, int]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        if path != f"/{_FILE}":
            raise FileNotFoundError(errno.ENOENT, "")
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": self._size}

    def open(self, _path: str, _flags: int) -> int:
        return 0

    def read(self, _path: str, size: int, offset: int, _handle: object) -> bytes:
        return os.pread(self._kept, size, offset)

    def write(self, _path: str, data: bytes, offset: int, _handle: object) -> int:
        return os.pwrite(self._kept, data, offset)

    def fsync(self, _path: str, _only_data: object, _handle: object) -> int:
        time.sleep(self._flush_s)
        return 0


if __name__ == "__main__":
    _place, _size, _flush_ms = sys.argv[1:]
    import_module("fusepy").FUSE(
        _Disk(int(_size), float(_flush_ms) / 1000), _place, foreground=True, big_writes=True
    )
