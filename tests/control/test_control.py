"""The control socket: who may ask, what is answered, and that nothing hangs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk import control
from kiosk.control import (
    REQUEST_MOST_BYTES,
    ControlBusy,
    ControlRefused,
    ControlServer,
    NoTerminalRuns,
    TerminalSilent,
    ask,
)

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20


class PlantedError(Exception):
    """What a handler may raise."""

    code = "QU-01"


def echo(args: dict[str, Any]) -> dict[str, Any]:
    return {"echo": args}


def fail(args: dict[str, Any]) -> dict[str, Any]:
    raise PlantedError("planted-personal-text")


@pytest.fixture
def path(short_dir: Path) -> Path:
    return short_dir / "run" / "control.sock"


@pytest.fixture
def server(path: Path) -> Iterator[ControlServer]:
    with ControlServer(path, {"echo": echo, "fail": fail}, peer_deadline_s=0.3) as running:
        yield running


def test_a_question_and_its_answer(server: ControlServer, path: Path) -> None:
    assert ask(path, "echo", a=1, b="二") == {"echo": {"a": 1, "b": "二"}}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nobody_listens(path: Path) -> None:
    with pytest.raises(NoTerminalRuns):
        ask(path, "echo")


def test_an_unknown_command_is_refused(server: ControlServer, path: Path) -> None:
    with pytest.raises(ControlRefused, match="CT-03"):
        ask(path, "format-disk")


@pytest.mark.expected_logs("a control command failed: PlantedError", reason="the handler raises")
def test_a_failing_handler_gives_its_code_and_not_its_text(
    server: ControlServer, path: Path
) -> None:
    with pytest.raises(ControlRefused) as caught:
        ask(path, "fail")
    assert caught.value.code == "QU-01"
    assert "planted" not in str(caught.value)
    assert ask(path, "echo") == {"echo": {}}, "the server lives on"


def raw(path: Path, data: bytes) -> bytes:
    """Send bytes as they are; everything that comes back until the server hangs up."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(WAIT_S)
        peer.connect(str(path))
        got = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(data)
            while chunk := peer.recv(65_536):
                got += chunk
        return got


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b"{}", b'{"command":1}', b"\xff", b""])
def test_nonsense_is_refused(server: ControlServer, path: Path, line: bytes) -> None:
    assert json.loads(raw(path, line + b"\n"))["code"] == "CT-01"


def test_two_lines_in_one_packet_get_two_answers(server: ControlServer, path: Path) -> None:
    lines = raw(path, b'{"command":"echo","n":1}\n{"command":"echo","n":2}\n').splitlines()
    assert [json.loads(line)["result"]["echo"]["n"] for line in lines] == [1, 2]


def test_a_line_without_end_is_dropped(server: ControlServer, path: Path) -> None:
    assert raw(path, b"x" * (REQUEST_MOST_BYTES + 2)) == b""
    assert raw(path, b'{"command":') == b"", "also one that just stops"


def test_silent_peers_keep_nobody_from_asking(server: ControlServer, path: Path) -> None:
    silent = []
    for _ in range(5):
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(str(path))
        silent.append(peer)
    assert ask(path, "echo", n=1) == {"echo": {"n": 1}}
    for peer in silent:
        peer.settimeout(WAIT_S)
        assert peer.recv(1) == b"", "dropped after its deadline"
        peer.close()


def test_a_silent_terminal_costs_a_deadline(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen(1)
        with pytest.raises(TerminalSilent):
            ask(path, "echo", deadline_s=0.2)


def test_closing_drops_peers_and_takes_the_socket_away(path: Path) -> None:
    server = ControlServer(path, {"echo": echo}, peer_deadline_s=600)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.sendall(b'{"command":"echo"}\n')
        assert peer.recv(100)
        server.close()
        server.close()
        peer.settimeout(WAIT_S)
        assert peer.recv(1) == b""
    assert not path.exists()
    assert not [t for t in threading.enumerate() if t.name.startswith("control")]


def test_a_terminal_that_fails_ends(path: Path) -> None:
    failing = (
        "import sys; from kiosk.control import ControlServer;"
        "ControlServer(sys.argv[1], {}); raise RuntimeError"
    )
    ended = subprocess.run(
        [sys.executable, "-c", failing, str(path)],
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 1
    assert not path.exists()


def test_a_second_terminal_is_told_and_a_dead_ones_socket_is_replaced(path: Path) -> None:
    with ControlServer(path, {"echo": echo}):
        with pytest.raises(ControlBusy):
            ControlServer(path, {})
        assert ask(path, "echo") == {"echo": {}}, "it was not disturbed"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with ControlServer(path, {"echo": echo}):
        assert ask(path, "echo") == {"echo": {}}


def test_a_file_in_its_place_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        ControlServer(path, {})
    assert path.read_text() == "precious"


def test_a_deep_path_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "control.sock"
    with ControlServer(deep, {"echo": echo}):
        assert ask(deep, "echo", n=1) == {"echo": {"n": 1}}


def test_another_user_is_not_answered(
    server: ControlServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_peer_uid", lambda _: 54321)
    with pytest.raises(ControlRefused, match="CT-02"):
        ask(path, "echo")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_kernel_says_who_another_user_is(server: ControlServer, path: Path) -> None:
    os.chmod(path.parent.parent, 0o755)
    os.chmod(path.parent, 0o755)
    os.chmod(path, 0o666)
    code = (
        "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "print(s.recv(500).decode()); s.close()"
    )
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    ran = subprocess.run(
        [*command, "/usr/bin/python3", "-c", code, str(path)],
        capture_output=True, text=True, timeout=WAIT_S, cwd="/",
    )  # fmt: skip
    assert "CT-02" in ran.stdout, ran.stderr
