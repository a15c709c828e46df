"""`python -m central_backend.steered`: the embedded backend as a process, steered by lines.

For demos: it prints its address as one JSON line, then answers each line of standard input
("pull", "restore", "stored", "code" and a party in JSON, "stop") with one JSON line. It ends
with its standard input.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from central_backend.embedded import EmbeddedBackend
from kiosk.contract import QuestionParty, canonical_bytes


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

        def code(told: str) -> str:
            return backend.identity_code(QuestionParty.model_validate_json(told))

        commands: dict[str, Callable[[str], Any]] = {
            "pull": lambda _: backend.pull_network(),
            "restore": lambda _: backend.restore_network(),
            "stored": lambda _: backend.stored(),
            "code": code,
        }
        for line in sys.stdin:
            name, _, rest = line.strip().partition(" ")
            command = commands.get(name)
            if command is None:
                break
            _say({"result": command(rest)})
    return 0


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message, ensure_ascii=False), flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
