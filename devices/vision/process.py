"""A child process that can be killed, and the one worker thread that owns it.

Promises:
- a child is a fresh interpreter (never a fork): it neither inherits Qt nor imports the
  parent's main module again, and it dies with its parent, even when it hangs in C;
- a worker has one command queue and one thread; everything about its child happens there;
- nothing that a child works on reaches a log or a disk: an unhandled error shows its type
  and place, and a crash in C leaves no core.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_QUIET = {
    "OPENCV_LOG_LEVEL": "OFF",  # a missing camera is reported by its code, not on the console
    "OMP_NUM_THREADS": "1",  # the screen needs the other cores
    "OPENBLAS_NUM_THREADS": "1",
}


class Child:
    """One running child process and the pipe of messages to it.

    `module` is run with `-m`; its `main` calls `child_main`. `boot` is the first message it
    gets. The descriptors in `pass_fds` keep their numbers in the child.
    """

    def __init__(self, module: str, boot: object, pass_fds: Sequence[int] = ()) -> None:
        ours, theirs = socket.socketpair()
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", module, str(theirs.fileno())],
                    pass_fds=(theirs.fileno(), *pass_fds),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env={**os.environ, **_QUIET, "PYTHONPATH": path},
                    start_new_session=True,  # Ctrl-C is the parent's to handle
                )
            except BaseException:
                ours.close()
                raise
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        self.send(boot)

    @property
    def pid(self) -> int:
        """The process id, for those who watch or kill it."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Send; a child that is already gone is found out when its end of file is read."""
        with contextlib.suppress(OSError):
            self.connection.send(message)

    def kill(self) -> None:
        """End the process now and reap it."""
        self._process.kill()
        self._process.wait()
        self.connection.close()


def tell(callback: Callable[..., None], *values: object) -> None:
    """Call back; what a callback raises ends no worker, and only its type is logged."""
    try:
        callback(*values)
    except Exception as error:  # noqa: BLE001  somebody else's code, on our thread
        _log.error("a callback of a camera worker raised %s", type(error).__name__)


class Worker:
    """One thread, one command queue, at most one child.

    Subclasses fill in `_message`, `_child_gone` and `_tick`; all three, and every posted
    command, run on the worker's thread.
    """

    def __init__(self, name: str) -> None:
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._gate = threading.Lock()  # between posting and the closing of the eventfd
        self._ending = False
        self._closed = False
        self._child: Child | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def child_pid(self) -> int | None:
        """The child's process id, None while none runs."""
        child = self._child
        return child.pid if child else None

    def close(self) -> None:
        """End child and thread, and wait for both. Safe to call twice."""
        self._post(self._end)
        if self._thread is not threading.current_thread():
            self._thread.join()
            with self._gate:
                if not self._closed:
                    self._closed = True
                    os.close(self._wake_fd)

    def _end(self) -> None:
        self._ending = True

    def _post(self, command: Callable[[], None]) -> bool:
        with self._gate:
            if self._closed:
                return False
            self._commands.put(command)
            os.eventfd_write(self._wake_fd, 1)
            return True

    def _run(self) -> None:
        timeout_s: float | None = 0.0
        try:
            while not self._ending:
                sources: list[Any] = [self._wake_fd]
                if self._child:
                    sources.append(self._child.connection)
                ready = wait(sources, timeout_s)
                if self._wake_fd in ready:
                    os.eventfd_read(self._wake_fd)
                self._drain_commands()
                if self._child and self._child.connection in ready:
                    self._drain_messages(self._child)
                timeout_s = self._tick()
        finally:
            self._drop_child()
            self._ended()

    def _drain_commands(self) -> None:
        while not self._ending:
            try:
                command = self._commands.get_nowait()
            except Empty:
                return
            command()

    def _drain_messages(self, child: Child) -> None:
        try:
            while child is self._child and child.connection.poll():
                self._message(child.connection.recv())
        except (EOFError, OSError):
            self._drop_child()
            self._child_gone()

    def _drop_child(self) -> None:
        child, self._child = self._child, None
        if child:
            child.kill()

    def _message(self, message: tuple[Any, ...]) -> None:
        """A message came from the child."""

    def _child_gone(self) -> None:
        """The child ended without being asked."""

    def _tick(self) -> float | None:
        """Look after deadlines; returns the seconds until the next look, None for none."""
        return None

    def _ended(self) -> None:
        """The worker is closing; what still waits is answered here."""


def child_main(run: Callable[[Any, Connection[Any, Any]], None]) -> None:
    """What a child's `main` is: tie the life to the parent's, take the boot message, run.

    Returns when the parent has closed the pipe.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    # One byte, not none: with none the kernel still feeds a core to a handler that is a pipe.
    resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))
    sys.excepthook = _bare_traceback
    threading.excepthook = _thread_failed
    connection: Connection[Any, Any] = Connection(int(sys.argv[1]))
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        run(connection.recv(), connection)
    os._exit(0)  # a capture thread stuck in C must not keep the process


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """A child without its thread is no use: end, and be started again."""
    if failure.exc_value is not None:
        _bare_traceback(failure.exc_type, failure.exc_value, failure.exc_traceback)
    os._exit(70)


def _bare_traceback(
    kind: type[BaseException], _error: BaseException, trace: TracebackType | None
) -> None:
    """Type and place only: an exception's text may hold what was worked on."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"
    sys.stderr.write(f"{kind.__name__} in {place}\n")
