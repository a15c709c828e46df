"""CupsPrinter against a real cupsd with a scripted backend."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from devices.errors import DeviceError, Fault
from devices.printers.base import PrintJob
from devices.printers.cups import CupsPrinter
from devices.records import PaperState
from devices.worker import Cancel

PDF = b"%PDF-1.4\n% a receipt\n" + bytes(range(256)) * 40 + b"\n%%EOF\n"
SYSTEM_BIN = Path("/usr/lib/cups")
WAIT_S = 10.0

# The script's queue is the last part of its device address; its orders are files in `orders`.
BACKEND = """#!/bin/sh
[ $# -eq 0 ] && exit 0
BASE={base}
QUEUE=${{DEVICE_URI##*/}}
echo "$5" > "$BASE/out/.told-$1"
if [ $# -ge 6 ]; then cat "$6" > "$BASE/out/.$1"; else cat > "$BASE/out/.$1"; fi
case $QUEUE in
abort|retry|stop) echo x >> "$BASE/out/tries-$QUEUE"; exit 1;;
empty) echo "STATE: +media-empty-error" >&2
  while [ ! -e "$BASE/orders/paper" ]; do sleep 0.02; done
  echo "STATE: -media-empty-error" >&2;;
low) echo "STATE: +media-low-report" >&2;;
cover) echo "STATE: +cover-open-error" >&2
  while :; do sleep 0.02; done;;
jam|coverstop) REASON=media-jam; [ $QUEUE = coverstop ] && REASON=cover-open
  echo "STATE: +$REASON-error" >&2; exit 1;;
slow) touch "$BASE/out/working"
  while [ ! -e "$BASE/orders/go" ]; do sleep 0.02; done;;
esac
mv "$BASE/out/.$1" "$BASE/out/$QUEUE-$1.pdf"
exit 0
"""

POLICIES = {
    "ok": "abort-job",
    "abort": "abort-job",
    "retry": "retry-job",
    "stop": "stop-printer",
    "empty": "abort-job",
    "low": "abort-job",
    "cover": "abort-job",
    "jam": "abort-job",
    "coverstop": "stop-printer",
    "slow": "abort-job",
    "held": "abort-job",
}


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fails after WAIT_S."""
    end = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        pause.wait(0.01)


class Cupsd:
    """A cupsd of our own in `base`, on a free port and a Unix socket."""

    def __init__(
        self, base: Path, backend: str = BACKEND, policies: Mapping[str, str] = POLICIES
    ) -> None:
        """`backend` is the script behind every queue, `policies` each queue's ErrorPolicy."""
        self.base = base
        self._backend, self._policies = backend, policies
        self.socket_path = base / "s"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._write()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        log = (self.base / "cupsd.out").open("ab")
        command = ["/usr/sbin/cupsd", "-f"]
        command += ["-c", str(self.base / "cupsd.conf"), "-s", str(self.base / "cups-files.conf")]
        self._process = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()
        until(self._listens, "cupsd listens")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WAIT_S)
            self._process = None

    def printed(self) -> list[Path]:
        return sorted((self.base / "out").glob("*.pdf"))

    def order(self, name: str) -> None:
        (self.base / "orders" / name).touch()

    def reset(self) -> None:
        for folder in ("out", "orders"):
            for path in (self.base / folder).iterdir():
                path.unlink()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _write(self) -> None:
        base = self.base
        for name in ("bin", "bin/backend", "etc", "spool", "cache", "state", "tmp"):
            (base / name).mkdir()
            (base / name).chmod(0o755)
        for name in ("out", "orders"):
            (base / name).mkdir()
            (base / name).chmod(0o777)
        for entry in SYSTEM_BIN.iterdir():
            if entry.name != "backend":
                (base / "bin" / entry.name).symlink_to(entry)
        backend = base / "bin" / "backend" / "scripted"
        backend.write_text(self._backend.format(base=base))
        backend.chmod(0o755)
        (base / "cups-files.conf").write_text(
            f"ServerRoot {base}/etc\nServerBin {base}/bin\nRequestRoot {base}/spool\n"
            f"CacheDir {base}/cache\nStateDir {base}/state\nTempDir {base}/tmp\n"
            f"AccessLog {base}/access\nErrorLog {base}/error\nPageLog {base}/page\n"
            + ("" if os.getuid() else "SystemGroup root lpadmin\n")
        )
        (base / "cupsd.conf").write_text(
            f"Listen 127.0.0.1:{self.port}\nListen {self.socket_path}\nLogLevel warn\n"
            "Browsing No\nJobRetryInterval 600\nJobKillDelay 1\nDefaultAuthType Basic\n"
            "<Location />\nOrder allow,deny\nAllow all\n</Location>\n"
            "<Policy default>\nJobPrivateAccess default\nJobPrivateValues default\n"
            "<Limit Cancel-Job>\nRequire user @OWNER @SYSTEM\nOrder deny,allow\n</Limit>\n"
            "<Limit All>\nOrder deny,allow\n</Limit>\n</Policy>\n"
        )
        printers = "".join(
            f"<Printer {name}>\nDeviceURI scripted:/{name}\nState Idle\nAccepting Yes\n"
            f"ErrorPolicy {policy}\nJobSheets none none\n"
            + ("Option job-hold-until indefinite\n" if name == "held" else "")
            + "</Printer>\n"
            for name, policy in self._policies.items()
        )
        (base / "etc" / "printers.conf").write_text(printers)
        (base / "etc" / "printers.conf").chmod(0o600)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Cupsd]:
    # Not pytest's tmp_path: the backend runs as another user and cannot enter 0700 folders.
    base = Path(tempfile.mkdtemp(prefix="cups-"))
    base.chmod(0o755)
    cupsd = Cupsd(base)
    try:
        cupsd.start()
        yield cupsd
    finally:
        cupsd.stop()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def cupsd(daemon: Cupsd) -> Cupsd:
    daemon.reset()
    return daemon


def go(printer: CupsPrinter, deadline_s: float = WAIT_S, cancel: Cancel | None = None) -> PrintJob:
    return printer.print(PDF, title="receipt", deadline_s=deadline_s, cancel=cancel or Cancel())


def refused(printer: CupsPrinter, **arguments: object) -> Fault:
    with pytest.raises(DeviceError) as caught:
        go(printer, **arguments)  # type: ignore[arg-type]
    return caught.value.fault


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_bytes_arrive_once_and_unchanged(cupsd: Cupsd, over: str) -> None:
    server = cupsd.address if over == "tcp" else str(cupsd.socket_path)
    job = go(CupsPrinter("ok", server))
    assert [path.read_bytes() for path in cupsd.printed()] == [PDF]
    assert cupsd.printed()[0].name == f"ok-{job.job_id}.pdf"


def test_silence_about_paper_is_not_paper(cupsd: Cupsd) -> None:
    assert CupsPrinter("ok", cupsd.address).status().paper is PaperState.UNKNOWN
    trusted = CupsPrinter("ok", cupsd.address, reports_paper=True).status()
    assert trusted.online
    assert trusted.paper is PaperState.OK


def test_low_paper_prints_and_is_told(cupsd: Cupsd) -> None:
    printer = CupsPrinter("low", cupsd.address)
    go(printer)
    assert len(cupsd.printed()) == 1
    assert printer.status().paper is PaperState.LOW
    assert printer.status().online


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_no_paper_takes_the_job_back_so_that_nothing_comes_later(cupsd: Cupsd, over: str) -> None:
    server = cupsd.address if over == "tcp" else str(cupsd.socket_path)
    printer = CupsPrinter("empty", server, patience_s=0.2)
    assert refused(printer) is Fault.PAPER_OUT
    # The reason outlives the job; a second try is refused before anything is sent.
    assert printer.status().paper is PaperState.OUT
    assert refused(printer) is Fault.PAPER_OUT
    cupsd.order("paper")
    go(CupsPrinter("ok", cupsd.address))
    assert [path.name.split("-")[0] for path in cupsd.printed()] == ["ok"]
    clear_reasons("empty", cupsd)


def test_new_paper_is_found_out_by_the_next_job_although_the_queue_still_complains(
    cupsd: Cupsd,
) -> None:
    printer = CupsPrinter("empty", cupsd.address, patience_s=0.2, retry_s=0.0)
    assert refused(printer) is Fault.PAPER_OUT
    assert refused(printer) is Fault.PAPER_OUT, "tried, and taken back"
    assert not cupsd.printed()
    cupsd.order("paper")
    assert printer.status().paper is PaperState.OUT, "nobody has told the queue"
    go(printer)
    assert len(cupsd.printed()) == 1
    until(lambda: printer.status().paper is not PaperState.OUT, "the reason is gone")


def test_a_sheet_is_a4_whatever_the_queue_takes_for_usual(cupsd: Cupsd) -> None:
    job = go(CupsPrinter("ok", cupsd.address, media="a4"))
    assert "media=iso_a4_210x297mm" in (cupsd.base / "out" / f".told-{job.job_id}").read_text()
    job = go(CupsPrinter("ok", cupsd.address))
    assert "media=" not in (cupsd.base / "out" / f".told-{job.job_id}").read_text()


def test_paper_put_in_soon_enough_lets_the_job_finish(cupsd: Cupsd) -> None:
    printer = CupsPrinter("empty", cupsd.address, patience_s=WAIT_S)

    def feed() -> None:
        until(lambda: printer.status().paper is PaperState.OUT, "out of paper")
        cupsd.order("paper")

    feeder = threading.Thread(target=feed)
    feeder.start()
    go(printer)
    feeder.join(WAIT_S)
    assert len(cupsd.printed()) == 1


@pytest.mark.parametrize("queue", ["abort", "retry", "stop"])
def test_a_failing_backend_is_tried_once_whatever_the_queue_would_do(
    cupsd: Cupsd, queue: str
) -> None:
    printer = CupsPrinter(queue, cupsd.address, patience_s=0.2)
    assert refused(printer) is (Fault.PRINTER_ABSENT if queue == "stop" else Fault.PRINT_FAILED)
    assert (cupsd.base / "out" / f"tries-{queue}").read_text().split() == ["x"]
    assert not cupsd.printed()


@pytest.mark.parametrize(
    ("queue", "fault"),
    [("jam", Fault.PRINTER_JAMMED), ("coverstop", Fault.PRINTER_COVER_OPEN)],
)
def test_a_queue_that_gives_a_job_back_with_its_reason_is_believed(
    cupsd: Cupsd, queue: str, fault: Fault
) -> None:
    printer = CupsPrinter(queue, cupsd.address, patience_s=0.2)
    assert refused(printer) is fault
    assert not cupsd.printed()
    # The reason outlives the job: known before the next one, which is not even sent.
    assert printer.status().code == fault.code
    jobs = len(list((cupsd.base / "out").iterdir()))
    assert refused(printer) is fault
    assert len(list((cupsd.base / "out").iterdir())) == jobs


def test_open_cover_is_nobody_knows_once_the_backend_has_the_bytes(cupsd: Cupsd) -> None:
    printer = CupsPrinter("cover", cupsd.address, patience_s=0.2)
    assert refused(printer) is Fault.PRINT_UNKNOWN
    assert not printer.status().online
    assert "cover-open" in printer.status().detail


def test_deadline_while_printing_is_unknown_and_the_job_is_gone(cupsd: Cupsd) -> None:
    printer = CupsPrinter("slow", cupsd.address)
    assert refused(printer, deadline_s=0.5) is Fault.PRINT_UNKNOWN
    cupsd.order("go")
    go(CupsPrinter("ok", cupsd.address))
    assert [path.name.split("-")[0] for path in cupsd.printed()] == ["ok"]


def test_cancel_while_printing_is_unknown(cupsd: Cupsd) -> None:
    cancel = Cancel()
    working = cupsd.base / "out" / "working"

    def stop_it() -> None:
        until(working.exists, "backend")
        cancel.cancel()

    helper = threading.Thread(target=stop_it)
    helper.start()
    assert refused(CupsPrinter("slow", cupsd.address), cancel=cancel) is Fault.PRINT_UNKNOWN
    helper.join(WAIT_S)


def test_a_held_job_never_reached_the_printer(cupsd: Cupsd) -> None:
    printer = CupsPrinter(
        "ok", cupsd.address, patience_s=0.2, options={"job-hold-until": "indefinite"}
    )
    assert refused(printer) is Fault.PRINT_FAILED
    assert not cupsd.printed()


def test_cancelled_before_it_began_sends_nothing(cupsd: Cupsd) -> None:
    cancel = Cancel()
    cancel.cancel()
    assert refused(CupsPrinter("ok", cupsd.address), cancel=cancel) is Fault.CANCELLED
    assert not cupsd.printed()


def test_unknown_queue_and_absent_server() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        printer = CupsPrinter("ok", address)
        assert not printer.status().online
        assert refused(printer) is Fault.PRINTER_ABSENT
    assert refused(CupsPrinter("ok", "/nonexistent/socket")) is Fault.PRINTER_ABSENT


def test_queue_that_does_not_exist(cupsd: Cupsd) -> None:
    assert refused(CupsPrinter("nobody", cupsd.address)) is Fault.PRINTER_ABSENT


class Proxy(threading.Thread):
    """Passes requests on to cupsd, but keeps the answer to Print-Job to itself."""

    def __init__(self, target: int, deliver: bool, answer_later: bool) -> None:
        super().__init__()
        self._target = target
        self._deliver = deliver  # whether cupsd gets the job at all
        self._answer_later = answer_later  # whether requests after it are answered
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(WAIT_S)
        self.port = self._server.getsockname()[1]
        self.sent = 0

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # wakes accept, which close alone does not
        self.join(WAIT_S)
        self._server.close()

    def run(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                request = self._request(client)
                printing = b"application/pdf" in request
                self.sent += printing
                if printing and not self._deliver:
                    continue
                if self.sent and not printing and not self._answer_later:
                    continue
                answer = self._forward(request)
                if not printing:
                    client.sendall(answer)

    @staticmethod
    def _request(client: socket.socket) -> bytes:
        client.settimeout(WAIT_S)
        data = b""
        while True:
            data += client.recv(65536)
            head, found, body = data.partition(b"\r\n\r\n")
            if found:
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                if len(body) >= length:
                    return data

    def _forward(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._target), WAIT_S) as server:
            server.sendall(request.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n"))
            answer = b""
            while part := server.recv(65536):
                answer += part
            return answer


@pytest.mark.parametrize(
    ("deliver", "answer_later", "fault"),
    [(True, True, None), (False, True, Fault.PRINT_UNKNOWN), (True, False, Fault.PRINT_UNKNOWN)],
)
def test_a_lost_answer_never_doubles_a_receipt(
    cupsd: Cupsd, deliver: bool, answer_later: bool, fault: Fault | None
) -> None:
    proxy = Proxy(cupsd.port, deliver, answer_later)
    proxy.start()
    try:
        printer = CupsPrinter("ok", f"127.0.0.1:{proxy.port}")
        if fault is None:
            go(printer)
        else:
            assert refused(printer) is fault
    finally:
        proxy.close()
    assert proxy.sent == 1
    if deliver:
        until(lambda: len(cupsd.printed()) >= 1, "the one page")
    go(CupsPrinter("ok", cupsd.address))  # a later job ends after any double of the first
    assert len(cupsd.printed()) == 1 + deliver


def test_the_daemon_may_restart_while_a_job_waits(cupsd: Cupsd) -> None:
    printer = CupsPrinter("slow", cupsd.address, patience_s=WAIT_S)
    working = cupsd.base / "out" / "working"

    def restart() -> None:
        until(working.exists, "backend")
        cupsd.stop()
        cupsd.order("go")
        cupsd.start()

    helper = threading.Thread(target=restart)
    helper.start()
    go(printer)
    helper.join(WAIT_S)
    assert len(cupsd.printed()) == 1


@pytest.mark.parametrize(
    "reply", [None, b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"]
)
def test_a_server_that_says_nothing_or_nonsense_is_absent(reply: bytes | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WAIT_S)
        done = threading.Event()

        def serve() -> None:
            for _ in range(2):
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    if reply is None:
                        done.wait(WAIT_S)
                    else:
                        client.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        printer = CupsPrinter("ok", f"127.0.0.1:{server.getsockname()[1]}", request_s=0.2)
        assert not printer.status().online
        done.set()
        assert refused(printer) is Fault.PRINTER_ABSENT
        thread.join(WAIT_S)


def test_the_commands_own_deadline_counts_too(cupsd: Cupsd) -> None:
    printer = CupsPrinter("slow", cupsd.address)
    assert refused(printer, cancel=Cancel(0.5)) is Fault.PRINT_UNKNOWN
    expired = Cancel(0.0)
    assert refused(printer, cancel=expired) is Fault.DEADLINE


@pytest.mark.parametrize("server", ["host:port", ":631"])
def test_an_address_that_is_none_is_refused_at_once(server: str) -> None:
    with pytest.raises(ValueError, match="CUPS server"):
        CupsPrinter("ok", server)


def clear_reasons(queue: str, cupsd: Cupsd) -> None:
    """Let the backend take its complaint back, as a printer with new paper does."""
    subprocess.run(
        ["lp", "-h", cupsd.address, "-d", queue, "-"],
        input=PDF, check=True, capture_output=True, timeout=WAIT_S,
    )  # fmt: skip
    printer = CupsPrinter(queue, cupsd.address)
    until(lambda: printer.status().paper is not PaperState.OUT, "the reason is gone")
