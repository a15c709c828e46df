"""Runs a program that may hang, crash or be missing, and always comes back in time.

Promises:
- `run` returns by its deadline or right after a cancel; the program and what it started have
  ended by then, or are killed;
- the program dies with this process;
- what it reads and writes lies in memory, never on a disk, and neither side waits for the other.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

from devices.worker import Cancel

_POLL_S: Final = 0.02
_DIES_S: Final = 1.0
_SAID_BYTES: Final = 2_000
_SAID_BYTES_MOST: Final = 1_000_000
_SAID_CHARS: Final = 100
# Debian's util-linux has it everywhere: whoever kills the terminal silences it as well.
_TIE: Final = ("setpriv", "--pdeathsig", "KILL", "--")


class NoProgram(Exception):
    """There is no such program, or it cannot be started."""


class Overdue(Exception):
    """It did not end in time, or wrote without an end, and was killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its status (negative: the signal that killed it), what it wrote."""

    status: int
    output: bytes = field(repr=False)
    complaint: str  # the last line of its standard error, for technicians


def run(
    command: Sequence[str],
    given: bytes,
    cancel: Cancel,
    *,
    deadline_s: float,
    most_bytes: int = 0,
) -> Ended:
    """Run `command` with `given` as its standard input.

    Raises NoProgram, Overdue (also for more than `most_bytes` on its standard output), and
    DeviceError once `cancel` says so.
    """
    path = shutil.which(command[0])
    if path is None:
        raise NoProgram(f"there is no program {command[0]}")
    cancel.raise_if_cancelled()
    with ExitStack() as stack:
        files = [_memory(stack, name) for name in ("given", "output", "complaint")]
        os.write(files[0], given)
        os.lseek(files[0], 0, os.SEEK_SET)
        try:
            process = subprocess.Popen(
                [*_tie(), path, *command[1:]],
                stdin=files[0],
                stdout=files[1] if most_bytes else subprocess.DEVNULL,
                stderr=files[2],
                start_new_session=True,
            )
        except OSError as error:
            raise NoProgram(f"{command[0]}: {error.strerror}") from None
        try:
            limits = {files[1]: most_bytes, files[2]: _SAID_BYTES_MOST}
            _await(process, cancel, Cancel(deadline_s), limits)
        finally:
            _end(process)
        output = os.pread(files[1], most_bytes, 0) if most_bytes else b""
        return Ended(process.returncode, output, _last_line(os.pread(files[2], _SAID_BYTES, 0)))


def _memory(stack: ExitStack, name: str) -> int:
    file = os.memfd_create(name)
    stack.callback(os.close, file)
    return file


def _tie() -> tuple[str, ...]:
    return _TIE if shutil.which(_TIE[0]) else ()


def _await(
    process: subprocess.Popen[bytes], cancel: Cancel, time: Cancel, most_bytes: Mapping[int, int]
) -> None:
    """Until it has ended. It is not reaped yet, so that its number is nobody else's."""
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if cancel.wait(_POLL_S):
            cancel.raise_if_cancelled()
        if time.cancelled:
            raise Overdue("it did not end in time")
        if any(os.fstat(file).st_size > most for file, most in most_bytes.items()):
            raise Overdue("it writes too much")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of it and of what it started, and reap it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_DIES_S)
    except subprocess.TimeoutExpired:  # stuck in the kernel: reaped whenever that lets it go
        threading.Thread(target=process.wait, name="reaper", daemon=True).start()


def _last_line(said: bytes) -> str:
    lines = said.decode("ascii", "replace").strip().splitlines()
    return lines[-1].strip()[:_SAID_CHARS] if lines else ""
