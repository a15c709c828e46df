"""`central-backend serve`: the backend as a process of its own."""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from central_backend.app import create_app


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        app = create_app(arguments.database, public_url=arguments.public_url)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        # The text of a database error may hold the password of its URL.
        what = f"central-backend: BE-01 cannot open the database ({type(error).__name__})"
        print(what, file=sys.stderr)  # noqa: T201
        return 2
    config = uvicorn.Config(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    server = _Announcing(config)
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    return 0 if server.started else 3


class _Announcing(uvicorn.Server):
    """Says on standard output where it answers, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As usual, and tell."""
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            where = f"[{host}]" if ":" in host else host
            print(f"central-backend ready at http://{where}:{port}", flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="central-backend", description="Reference backend with invented sample records."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer terminals until interrupted")
    serve.add_argument(
        "--database",
        default="sqlite:///central.db",
        metavar="URL",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME (default: %(default)s)",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    serve.add_argument("--port", type=int, default=8400, metavar="N", help="default: %(default)s")
    serve.add_argument(
        "--public-url", default=None, metavar="URL", help="where certificates can be verified"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
