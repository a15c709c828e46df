"""`python -m central_backend.worker FD`: one worker, its settings on standard input.

It ends with that input, that is with its parent, at any moment: also while it still loads what
it serves with, which takes seconds on a busy machine. So nothing large is imported before the
lifeline is held.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import Any

READY = "ready"
_ENDED_TOO_SOON = 3


class Lifeline:
    """Ends the server, or the process where there is none yet, when standard input ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: Any = None
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def holds(self, server: Any) -> None:
        """From now on there is a server to end in good order."""
        with self._lock:
            self._server = server

    def _watch(self) -> None:
        sys.stdin.read()  # ends with the parent
        with self._lock:
            if self._server is None:
                os._exit(_ENDED_TOO_SOON)
            self._server.should_exit = True


def main() -> int:
    """Serve until the lifeline ends."""
    told = sys.stdin.readline()
    lifeline = Lifeline()
    from central_backend.settings import Settings
    from central_backend.workers import server_of

    listening = socket.socket(fileno=int(sys.argv[1]))

    def ready() -> None:
        print(READY, flush=True)  # noqa: T201

    server = server_of(Settings.model_validate_json(told), ready)
    lifeline.holds(server)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        return 0
    finally:
        # The interpreter would wait for the lifeline's lock on standard input.
        sys.stdout.flush()
    os._exit(0 if server.started else _ENDED_TOO_SOON)


if __name__ == "__main__":
    raise SystemExit(main())
