"""`python -m central_backend.steered`: the embedded backend as a process, steered by lines.

For demos: it prints its address as one JSON line, then answers each line of standard input
("pull", "restore", "stored", "stop") with one JSON line. It ends with its standard input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from central_backend.embedded import EmbeddedBackend
from kiosk.contract import canonical_bytes


def main(argv: Sequence[str] | None = None) -> int:
    """Run until "stop" or the end of standard input."""
    parser = argparse.ArgumentParser(prog="central_backend.steered")
    parser.add_argument("--database", default="sqlite://", metavar="URL")
    arguments = parser.parse_args(argv)
    with EmbeddedBackend(arguments.database) as backend:
        _say(
            {
                "url": backend.url,
                "authority_pin": backend.authority_pin,
                "key_set": canonical_bytes(backend.keyring.signed_set).decode(),
            }
        )
        commands: dict[str, Callable[[], Any]] = {
            "pull": backend.pull_network,
            "restore": backend.restore_network,
            "stored": backend.stored,
        }
        for line in sys.stdin:
            command = commands.get(line.strip())
            if command is None:
                break
            _say({"result": command()})
    return 0


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message, ensure_ascii=False), flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
