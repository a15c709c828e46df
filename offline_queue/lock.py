"""One process per outbox: a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from offline_queue.errors import QueueError, QueueFault

LOCK_NAME = "instance.lock"


class InstanceLock:
    """An exclusive flock on `directory`/instance.lock, held until `release`.

    The file is never deleted: deleting it would let two processes lock two files of the
    same name. Raises QueueError (QU-04) when another holder, in this process or another,
    has it.
    """

    def __init__(self, directory: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._fd = os.open(directory / LOCK_NAME, flags, 0o600)
        except OSError as error:
            fault = QueueFault.DISK_FULL if error.errno == errno.ENOSPC else QueueFault.IO_ERROR
            raise QueueError(fault, f"lock file: {os.strerror(error.errno or 0)}") from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            self._fd = -1
            raise QueueError(QueueFault.LOCKED, f"process {holder}" if holder else "") from None
        # Only for the message above: the lock is the flock, not this text, and a full disk
        # must not keep the outbox shut.
        with suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go. Harmless when called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
