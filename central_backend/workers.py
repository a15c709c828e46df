"""Serving: one process, or several behind one listening socket.

The first process binds the socket, starts the workers by spawn and starts one again that ended
by itself. A worker lives no longer than its parent: it ends when its standard input does,
through which it also got its settings, so that no password is on a command line.
"""

from __future__ import annotations

import logging
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from central_backend.app import create_app
from central_backend.keyring import DirectoryKeyring
from central_backend.listening import bound
from central_backend.peers import CertificateProtocol, behind
from central_backend.settings import Settings
from central_backend.worker import READY
from kiosk.contract.suites import attach

log = logging.getLogger(__name__)

_STOP_DEADLINE_S: Final = 15.0
_RESTARTS_MOST: Final = 10
_RESTARTS_SPAN_S: Final = 60.0


class ServeError(Exception):
    """It does not start, or its workers do not stay."""


def serve(settings: Settings, say: Callable[[str], None]) -> int:
    """Answer until a signal; the exit status. `say` gets the address once it answers.

    Raises OSError when the address is taken, ServeError when the workers do not start.
    """
    listening = bound(settings.server.host, settings.server.port)
    host, port = listening.getsockname()[:2]
    where = f"[{host}]" if ":" in host else host
    scheme = "https" if settings.server.certificate else "http"
    address = f"{scheme}://{where}:{port}"
    with listening:
        if settings.server.workers == 1:
            return _serve_here(settings, listening, lambda: say(address))
        return _Supervisor(settings, listening).run(lambda: say(address))


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As usual, and tell."""
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def server_of(settings: Settings, ready: Callable[[], None]) -> _Server:
    """What answers for one process; `ready` is called once it does."""
    server = settings.server
    attach(settings.keys.module)  # in each worker
    app = create_app(settings, DirectoryKeyring(Path(settings.keys.directory)))
    return _Server(
        uvicorn.Config(
            behind(app, server),
            http=CertificateProtocol,
            # Tracebacks would repeat what residents entered; `app` logs the kind of an error.
            log_level="critical",
            access_log=False,
            server_header=False,
            # A TLS peer that left without a word would be waited for; an upload that is cut
            # is sent again.
            timeout_graceful_shutdown=3,
            proxy_headers=False,  # `behind` believes the trusted ones
            ssl_certfile=server.certificate or None,
            ssl_keyfile=server.certificate_key or None,
            ssl_ca_certs=server.client_ca or None,
            ssl_cert_reqs=ssl.CERT_REQUIRED if server.client_ca else ssl.CERT_NONE,
        ),
        ready,
    )


def _serve_here(settings: Settings, listening: socket.socket, ready: Callable[[], None]) -> int:
    server = server_of(settings, ready)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return 0
    return 0 if server.started else 3


class _Supervisor:
    """Starts the workers, and starts one again that ended by itself."""

    def __init__(self, settings: Settings, listening: socket.socket) -> None:
        self._settings = settings
        self._listening = listening
        self._stopping = threading.Event()
        self._workers: list[subprocess.Popen[str]] = []
        self._restarts: list[float] = []

    def run(self, ready: Callable[[], None]) -> int:
        """Until SIGTERM or SIGINT. Raises ServeError."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_stop)
        try:
            for _ in range(self._settings.server.workers):
                self._workers.append(self._start())
            for worker in self._workers:
                self._await(worker)
            if not self._stopping.is_set():
                ready()
            while not self._stopping.wait(0.2):
                self._look_after()
        finally:
            self._stop()
        return 0

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _start(self) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-m", "central_backend.worker", str(self._listening.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[self._listening.fileno()],
        )
        assert worker.stdin is not None
        try:
            worker.stdin.write(self._settings.model_dump_json() + "\n")
            worker.stdin.flush()
        except OSError:
            log.error("a worker was gone before it had its settings")
        return worker

    def _await(self, worker: subprocess.Popen[str]) -> None:
        """Until the worker answers. Raises ServeError."""
        assert worker.stdout is not None
        if worker.stdout.readline().strip() != READY and not self._stopping.is_set():
            raise ServeError("a worker did not start")

    def _look_after(self) -> None:
        for index, worker in enumerate(self._workers):
            if worker.poll() is None:
                continue
            log.error("a worker ended with %s; another is started", worker.returncode)
            now = time.monotonic()
            self._restarts = [at for at in self._restarts if at > now - _RESTARTS_SPAN_S]
            self._restarts.append(now)
            if len(self._restarts) > _RESTARTS_MOST:
                raise ServeError("workers do not stay")
            _end(worker)
            self._workers[index] = self._start()
            self._await(self._workers[index])

    def _stop(self) -> None:
        for worker in self._workers:
            if worker.stdin is not None:
                worker.stdin.close()
        for worker in self._workers:
            _end(worker)


def _end(worker: subprocess.Popen[str]) -> None:
    if worker.stdin is not None and not worker.stdin.closed:
        try:
            worker.stdin.close()
        except OSError:
            log.debug("a worker was gone before its input")
    try:
        worker.wait(_STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
    if worker.stdout is not None:
        worker.stdout.close()
