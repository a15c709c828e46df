"""The real backend in a thread of this process, on loopback, for demos and tests.

The network can be pulled: the listening socket is then really closed and connections are
cut, so that whoever calls meets the same refusals as on a dead line. What was stored stays.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

import uvicorn
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from central_backend import keyring
from central_backend.app import create_app
from central_backend.database import (
    Case,
    CaseMaterial,
    StoredApplication,
    StoredAttachment,
    StoredDocument,
)
from central_backend.identity_codes import IdentityCodes
from central_backend.listening import bound
from central_backend.migrations import migrate
from central_backend.peers import behind
from central_backend.settings import Database, Settings
from kiosk.contract import QuestionParty

_START_DEADLINE_S: Final = 20.0


class EmbeddedBackend:
    """A running backend. `url` is where it answers; `stop` ends it."""

    def __init__(
        self,
        database_url: str = "sqlite://",
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        settings: Settings | None = None,
        keys: keyring.Made | None = None,
    ) -> None:
        """Start and wait until it answers. `port` 0 takes a free one, kept until `stop`.

        `settings` but for its database and where it listens; `keys`: fresh ones, unless given.

        Raises OSError when the port is taken, RuntimeError when it does not start.
        """
        self._host = host
        self._socket = bound(host, port)
        self._port = int(self._socket.getsockname()[1])
        self._keys = keys or keyring.in_memory(datetime.now(UTC))
        chosen = (settings or Settings()).model_copy(
            update={"database": Database(url=database_url)}
        )
        try:
            self._inner = create_app(chosen, self._keys.keyring)
            self._app = behind(self._inner, chosen.server)
            self._engine: Engine = self._inner.state.engine
            migrate(self._engine)
        except BaseException:
            self._socket.close()
            raise
        self._running: _Running | None = None
        self.restore_network()

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash."""
        return f"http://{self._host}:{self._port}"

    @property
    def authority_pin(self) -> str:
        """What a terminal's settings pin to believe this backend's keys."""
        return self._keys.authority_pin

    @property
    def keyring(self) -> keyring.Keyring:
        """The backend's keys."""
        return self._keys.keyring

    @property
    def engine(self) -> Engine:
        """Its database, to look at."""
        return self._engine

    @property
    def network(self) -> bool:
        """Whether the network is there."""
        return self._running is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def pull_network(self) -> None:
        """Refuse connections and cut those that are open. Harmless when pulled already."""
        if self._running is not None:
            self._running.stop()
            self._running = None
            # Bound but not listening: the port stays ours, and callers are refused.
            self._socket = bound(self._host, self._port)

    def restore_network(self) -> None:
        """Answer again, at the same address."""
        if self._running is None:
            self._running = _Running(self._app, self._socket)

    def stop(self) -> None:
        """End it for good. Harmless when called twice."""
        if self._running is not None:
            self._running.stop()
            self._running = None
        self._socket.close()
        self._engine.dispose()

    def stored(self) -> list[dict[str, Any]]:
        """Everything that was stored, oldest first, as plain JSON values."""
        with Session(self._engine) as session:
            applications = session.scalars(
                select(StoredApplication).order_by(StoredApplication.sequence)
            ).all()
            return [_dump(session, application) for application in applications]

    def identity_code(self, party: QuestionParty) -> str:
        """A fresh code, as the province's app would show it to `party`."""
        codes: IdentityCodes = self._inner.state.identity_codes
        return codes.make(party)

    def effect_count(self, application_id: str) -> int:
        """How many cases one application has caused; must never be more than 1."""
        with Session(self._engine) as session:
            count = session.scalar(
                select(func.count()).select_from(Case).where(Case.application_id == application_id)
            )
        return count or 0


class _Running:
    """One run of the server, from listening to the last closed connection."""

    def __init__(self, app: Any, listening: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",  # the application outlives a pulled network
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.serve_on, args=(listening,), name="embedded-backend"
        )
        self._thread.start()
        if not self._server.listening.wait(_START_DEADLINE_S) or not self._server.started:
            self.stop()
            raise RuntimeError("the backend did not start")

    def stop(self) -> None:
        self._server.cut()
        self._thread.join()


class _Server(uvicorn.Server):
    """A server that tells when it listens and can cut its connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def serve_on(self, listening: socket.socket) -> None:
        """Run until cut; ends with its sockets closed."""
        try:
            asyncio.run(self._serve_on(listening))
        finally:
            listening.close()
            self.listening.set()

    async def _serve_on(self, listening: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        await self.serve(sockets=[listening])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As usual, and tell."""
        await super().startup(sockets=sockets)
        self.listening.set()

    def cut(self) -> None:
        """Close everything, from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(self._cut)
            except RuntimeError:
                return  # the loop ended by itself in between

    def _cut(self) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        self.should_exit = True


def _dump(session: Session, application: StoredApplication) -> dict[str, Any]:
    cases = session.scalars(select(Case).where(Case.application_id == application.id)).all()
    document = session.get(StoredDocument, application.id)
    attachment = StoredAttachment
    parts = session.execute(
        select(attachment.part_id, attachment.sha256, attachment.size, attachment.media_type)
        .where(attachment.application_id == application.id)
        .order_by(attachment.part_id)
    ).all()
    numbers = [case.case_number for case in cases]
    materials = session.scalars(
        select(CaseMaterial).where(CaseMaterial.case_number.in_(numbers)).order_by(CaseMaterial.id)
    ).all()
    return {
        "application_id": application.id,
        "digest": application.digest,
        "receipt_number": application.receipt_number,
        "sequence": application.sequence,
        "effects": len(cases),
        "cases": [{"case_number": c.case_number, "item": c.item, "state": c.state} for c in cases],
        "materials": [
            {"material": m.material, "status": m.status, "due": m.due} for m in materials
        ],
        "parts": [
            {"id": id_, "sha256": sha256, "bytes": size, "media_type": kind}
            for id_, sha256, size, kind in parts
        ],
        "document": json.loads(document.data) if document is not None else None,
        "acknowledgement": json.loads(application.acknowledgement),
    }
