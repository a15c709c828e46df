"""What the backend's tests share: a real server, and a real PostgreSQL when asked."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from backend_help import WAIT_S

from central_backend.embedded import EmbeddedBackend


def _unprivileged() -> list[str]:
    """PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL of our own, from the system's package, without durability."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        pytest.fail("PostgreSQL is not installed (Debian: postgresql)")
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:
        os.chown(place, 65534, 65534)
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "LC_ALL": "C.UTF-8"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    initdb = [str(programs[-1].parent / "initdb"), "-D", str(place / "d"), "-U", "kiosk"]
    initdb += ["-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(
        [*_unprivileged(), *initdb], check=True, capture_output=True, env=environment, cwd=place
    )
    command = [str(programs[-1]), "-D", str(place / "d"), "-k", str(place), "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen(
        [*_unprivileged(), *command],
        env=environment,
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + WAIT_S
        ready = [str(programs[-1].parent / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        while subprocess.run([*ready, "-q", "-U", "kiosk", "-d", "postgres"]).returncode != 0:
            assert server.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < deadline, "PostgreSQL did not start"
        yield f"postgresql://kiosk@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        server.wait(WAIT_S)
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of either kind, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/central.db"
    return _emptied(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def own_postgresql_url(postgresql_url: str) -> str:
    """A fresh PostgreSQL database, without tables."""
    return _emptied(postgresql_url)


def _emptied(url: str) -> str:
    """The same database without anything in it: much faster than another one."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return url


@pytest.fixture
def backend(database_url: str) -> Iterator[EmbeddedBackend]:
    """The backend on a fresh database of either kind."""
    with EmbeddedBackend(database_url) as running:
        yield running
