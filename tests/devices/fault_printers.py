"""Printers in front of a real cupsd and of simulated mechanics: printed means one whole page,
any other end but "unknown" means none, and nothing comes out later.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from fault_campaign import SERVES_AGAIN_S, Bench, CaseFailed, Inject, WrongResult
from test_escpos_printer import DOTS, PDF, ROWS, printer_of
from test_printer_cups import PDF as CUPS_PDF
from test_printer_cups import Cupsd

from devices.errors import DeviceError, Fault
from devices.printers.base import PrintJob
from devices.printers.cups import CupsPrinter
from devices.printers.escpos import EscPosPrinter
from devices.records import PaperState
from devices.simulators.escpos import EscPosSimulator
from devices.worker import Cancel

# How a model says that a job is done, what it clears, how much it holds.
MODELS: tuple[dict[str, object], ...] = (
    {},
    {"process_ids": False},
    {"buffer_bytes": 600, "clears": False},
    {"reports_changes": False, "buffer_bytes": 4_096},
)


class SerialReceipts(Bench):
    """ESC/POS printers of several models on pseudo-terminals."""

    device: ClassVar[str] = "receipts-serial"
    deadline_s: ClassVar[float] = 4.0
    # Taking back what was begun, from a printer that is mute.
    slack_s: ClassVar[float] = 2.0
    link: ClassVar[Literal["pty", "tcp"]] = "pty"

    def __init__(self) -> None:
        super().__init__()
        self._all: list[tuple[EscPosSimulator, EscPosPrinter]] = []
        for model in MODELS:
            simulator = EscPosSimulator(self.link, **model)  # type: ignore[arg-type]
            limits = {"stall_s": 0.6, "confirm_s": 0.8}
            self._all.append((simulator, printer_of(simulator, **limits)))
        for pair in self._all:
            self.simulator, self.printer = pair
            self.serve()

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Of paper, cover, cutter, head, line and plug."""
        sim = self.simulator
        return {
            "paper ends in the page": lambda c: sim.paper_ends_after(c.randrange(1, ROWS)),
            "paper ends, and is put in": self._refilled,
            "no paper": lambda _: sim.set_paper(PaperState.OUT),
            "paper low": lambda _: sim.set_paper(PaperState.LOW),
            "cover open": lambda _: sim.set_cover_open(True),
            "cover opened in the page": lambda c: self._in_page(
                c, lambda: sim.set_cover_open(True)
            ),
            "cover opened and closed": self._cover_briefly,
            "cutter sticks": lambda _: sim.jam_cutter(),
            "breaks down": lambda c: self._in_page(c, sim.break_down),
            "head too hot": lambda c: self._in_page(c, lambda: sim.pause(True)),
            "head too hot for a moment": self._hot_briefly,
            "offline": lambda _: sim.set_offline(True),
            "offline in the page": lambda c: self._in_page(c, lambda: sim.set_offline(True)),
            "stalls": lambda _: sim.stall(),
            "stalls in the page": lambda c: self._in_page(c, sim.stall),
            "stalls for a moment": self._stalled_briefly,
            "slow": lambda c: sim.slow(10 ** c.uniform(1.5, 3.0)),
            "garbage for answers": lambda c: sim.garble(c.randrange(1_000)),
            "garbage in the page": lambda c: self._in_page(c, lambda: sim.garble(1)),
            "noise": lambda c: self._in_page(c, lambda: sim.noise(c.randbytes(c.randint(1, 40)))),
            "answers late": lambda c: sim.answer_late(c.uniform(0.01, 0.3)),
            "unplugged": lambda _: sim.unplug(),
            "unplugged in the page": lambda c: sim.unplug_after(c.randrange(1, ROWS)),
            "unplugged, and back": self._unplugged_briefly,
        }

    def prepare(self, chance: random.Random) -> None:
        """One of the models, printing at its speed."""
        self.simulator, self.printer = self._all[chance.randrange(len(self._all))]
        self.simulator.slow(chance.choice((1_200, 3_000)))
        self._before = len(self.simulator.receipts)
        self._known_none = True
        self._stray = len(self.simulator.unexpected)

    def _in_page(self, chance: random.Random, act: Callable[[], object]) -> None:
        rows, sim = chance.randrange(1, ROWS), self.simulator
        self.when(lambda: sim.hanging_rows >= rows, act)

    def _refilled(self, chance: random.Random) -> None:
        sim = self.simulator
        sim.paper_ends_after(chance.randrange(1, ROWS))
        self.after(chance.uniform(0.05, 1.0), lambda: sim.set_paper(PaperState.OK))

    def _cover_briefly(self, chance: random.Random) -> None:
        sim = self.simulator
        self._in_page(chance, lambda: sim.set_cover_open(True))
        self.after(chance.uniform(0.1, 0.6), lambda: sim.set_cover_open(False))

    def _hot_briefly(self, chance: random.Random) -> None:
        sim = self.simulator
        self._in_page(chance, lambda: sim.pause(True))
        self.after(chance.uniform(0.1, 0.6), lambda: sim.pause(False))

    def _stalled_briefly(self, chance: random.Random) -> None:
        self._in_page(chance, self.simulator.stall)
        self.after(chance.uniform(0.1, 0.6), self.simulator.resume)

    def _unplugged_briefly(self, chance: random.Random) -> None:
        self.simulator.unplug_after(chance.randrange(1, ROWS))
        self.after(chance.uniform(0.1, 0.8), self.simulator.plug)

    def call(self, cancel: Cancel) -> object:
        """Print a receipt."""
        deadline_s = self.deadline_s
        try:
            return self.printer.print(PDF, title="receipt", deadline_s=deadline_s, cancel=cancel)
        except DeviceError as error:
            self._known_none = error.fault is not Fault.PRINT_UNKNOWN
            raise

    _known_none = True
    _before = _stray = 0

    def check(self, result: object) -> None:
        """Printed is one whole page, not printed is none."""
        whole = self._whole()
        if isinstance(result, PrintJob):
            if whole != 1:
                raise WrongResult(f"said to be printed, and {whole} came out")
        elif self._known_none and whole:
            raise WrongResult("said not to be printed, and it came out")
        elif whole > 1:
            raise WrongResult("printed twice")

    def _whole(self) -> int:
        pages = self.simulator.receipts[self._before :]
        return sum(page.shape == DOTS.shape and bool((page == DOTS).all()) for page in pages)

    def mend(self) -> None:
        """Paper, plug, cutter, everything."""
        self._before = len(self.simulator.receipts)
        self.simulator.heal()

    def serve(self) -> None:
        """The next receipt comes out whole, and nothing of the one before with it.

        Nothing but a job tells a printer that its cutter was freed, so one is sent.
        """
        sim = self.simulator
        before = len(sim.receipts)

        def right(cancel: Cancel) -> bool:
            self.printer.print(PDF, title="receipt", deadline_s=10.0, cancel=cancel)
            return True

        self.serve_by(right)
        new = sim.receipts[before:]
        whole = [page.shape == DOTS.shape and bool((page == DOTS).all()) for page in new]
        # A model that clears nothing may bring a page of which nobody could tell.
        most = 1 if self._known_none else 2
        if not whole or not whole[-1] or sum(whole) > most:
            raise WrongResult(f"{sum(whole)} of {len(new)} pages are whole after the next receipt")
        if sim.unexpected[self._stray :] or sim.hanging_rows:
            stray = sim.unexpected[self._stray :][:16].hex()
            rows = sim.hanging_rows
            raise WrongResult(f"the next receipt has something of the one before: {stray}, {rows}")

    def close(self) -> None:
        """End all."""
        for simulator, printer in self._all:
            printer.close()
            simulator.close()


class NetworkReceipts(SerialReceipts):
    """The same on TCP."""

    device: ClassVar[str] = "receipts-network"
    link: ClassVar[Literal["pty", "tcp"]] = "tcp"

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """And a connection that ends."""
        return {
            **super().kinds,
            "connection ended": lambda c: self._in_page(c, self.simulator.hang_up),
            "connection ended before": lambda _: self.simulator.hang_up(),
        }


# What the backend does stands in a file; a deed is done once for each job that comes.
BACKEND = """#!/bin/sh
[ $# -eq 0 ] && exit 0
BASE={base}
if [ $# -ge 6 ]; then cat "$6" > "$BASE/out/.$1"; else cat > "$BASE/out/.$1"; fi
echo "STATE: -media-empty-error,media-jam-error,cover-open-error,media-low-report" >&2
touch "$BASE/orders/working"
DEED=$(cat "$BASE/orders/deed" 2>/dev/null)
wait_for_mending() {{ while [ -e "$BASE/orders/deed" ]; do sleep 0.02; done; }}
case $DEED in
fail) exit 1;;
fail-stop) exit 4;;
fail-hold) exit 3;;
empty) echo "STATE: +media-empty-error" >&2; wait_for_mending
  echo "STATE: -media-empty-error" >&2;;
jam) echo "STATE: +media-jam-error" >&2; wait_for_mending
  echo "STATE: -media-jam-error" >&2;;
cover) echo "STATE: +cover-open-error" >&2; wait_for_mending
  echo "STATE: -cover-open-error" >&2;;
low) echo "STATE: +media-low-report" >&2;;
slow) wait_for_mending;;
crash) kill -SEGV $$;;
esac
mv "$BASE/out/.$1" "$BASE/out/one-$1.pdf"
exit 0
"""
QUEUES = {"q-abort": "abort-job", "q-retry": "retry-job", "q-stop": "stop-printer"}


class Cups(Bench):
    """A real cupsd of our own, with three queues whose backend does as it is told."""

    device: ClassVar[str] = "cups"
    deadline_s: ClassVar[float] = 4.0
    # Taking a job back: a request's patience and how long a cancelled job may take to end,
    # and one request for the state before and one after it.
    slack_s: ClassVar[float] = 6.0

    def __init__(self) -> None:
        super().__init__()
        self._base = Path(tempfile.mkdtemp(prefix="cups-"))
        self._base.chmod(0o755)  # the backend runs as another user
        self.cupsd = Cupsd(self._base, BACKEND, QUEUES)
        self.cupsd.start()
        self._printers = {
            queue: CupsPrinter(
                queue, self.cupsd.address, patience_s=0.2, request_s=1.0, retry_s=0.2
            )
            for queue in QUEUES
        }
        self.queue = "q-abort"
        self._known_none = False

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Of the backend, the queue and the server."""
        deeds = {
            "backend fails": "fail",
            "backend stops the queue": "fail-stop",
            "backend holds the job": "fail-hold",
            "backend crashes": "crash",
            "no paper": "empty",
            "jam": "jam",
            "cover open": "cover",
            "paper low": "low",
            "backend hangs": "slow",
        }
        return {
            **{name: self._deed(deed) for name, deed in deeds.items()},
            "no paper for a moment": self._briefly("empty"),
            "slow": self._briefly("slow"),
            "queue stopped": lambda _: self._order("cupsdisable"),
            "queue stopped in the job": lambda _: self._in_job(lambda: self._order("cupsdisable")),
            "queue rejects": lambda _: self._order("cupsreject"),
            "queue removed": lambda _: self._admin("lpadmin", "-x", self.queue),
            "queue removed in the job": lambda _: self._in_job(
                lambda: self._admin("lpadmin", "-x", self.queue)
            ),
            "job cancelled by somebody": lambda _: self._in_job(
                lambda: self._admin("cancel", "-a", self.queue)
            ),
            "server killed": lambda _: self._kill(),
            "server killed in the job": lambda _: self._in_job(self._kill),
            "server killed, and back": lambda _: self._in_job(self._kill_and_back),
            "server stopped": lambda _: self._freeze(),
            "server stopped in the job": lambda _: self._in_job(self._freeze),
        }

    def _deed(self, deed: str) -> Inject:
        def inject(_: random.Random) -> None:
            (self._base / "orders" / "deed").write_text(deed)

        return inject

    def _briefly(self, deed: str) -> Inject:
        def inject(chance: random.Random) -> None:
            (self._base / "orders" / "deed").write_text(deed)
            self.after(chance.uniform(0.05, 1.0), self._undo)

        return inject

    def _undo(self) -> None:
        (self._base / "orders" / "deed").unlink(missing_ok=True)

    def _in_job(self, act: Callable[[], object]) -> None:
        self._deed("slow")(random.Random())
        self.when((self._base / "orders" / "working").exists, act)

    def _order(self, command: str) -> None:
        self._admin(command, self.queue)

    def _admin(self, command: str, *arguments: str) -> None:
        path = f"/usr/sbin/{command}" if Path(f"/usr/sbin/{command}").exists() else command
        subprocess.run(
            [path, "-h", self.cupsd.address, *arguments],
            capture_output=True,
            timeout=20,
            check=False,
        )

    @property
    def _pid(self) -> int:
        process = self.cupsd._process
        assert process is not None
        return process.pid

    def _kill(self) -> None:
        """With all that it started, as systemd does: a backend left alone would print on."""
        pids = [self._pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
                pids += map(int, told.split())
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self.cupsd._process is not None
        self.cupsd._process.wait(20)  # else it may look alive to who starts it again

    def _kill_and_back(self) -> None:
        self._kill()
        self.cupsd.stop()
        self._undo()
        self.cupsd.start()

    def _freeze(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def prepare(self, chance: random.Random) -> None:
        """One of the queues, and an empty tray."""
        self.queue = chance.choice(sorted(QUEUES))
        self.cupsd.reset()

    def call(self, cancel: Cancel) -> object:
        """Print a page."""
        try:
            return self._print(self.deadline_s, cancel)
        except DeviceError as error:
            self._known_none = error.fault is not Fault.PRINT_UNKNOWN
            raise

    def _print(self, deadline_s: float, cancel: Cancel) -> PrintJob:
        printer = self._printers[self.queue]
        return printer.print(CUPS_PDF, title="receipt", deadline_s=deadline_s, cancel=cancel)

    def check(self, result: object) -> None:
        """Printed is one page with all its bytes, not printed is none."""
        pages = [path.read_bytes() for path in self.cupsd.printed()]
        if isinstance(result, PrintJob):
            if pages != [CUPS_PDF]:
                raise WrongResult(f"said to be printed, and {len(pages)} pages came out")
        elif (self._known_none and pages) or len(pages) > 1:
            raise WrongResult(f"said not to be printed, and {len(pages)} pages came out")
        self._failed_with = None if result else self._known_none

    _failed_with: bool | None = None

    def mend(self) -> None:
        """The server runs, the queue is there and goes on, and the backend behaves."""
        process = self.cupsd._process
        if process is None or process.poll() is not None:
            self.cupsd.stop()
            self.cupsd.start()
        else:
            process.send_signal(signal.SIGCONT)
        self._undo()
        where = f"scripted:/{self.queue}"
        policy = f"printer-error-policy={QUEUES[self.queue]}"
        self._admin("lpadmin", "-p", self.queue, "-v", where, "-o", policy, "-E")
        self._order("cupsenable")
        self._order("cupsaccept")

    def serve(self) -> None:
        """The next page comes out, alone: nothing that was taken back comes with it."""
        # A server that was killed may count its jobs from before: names come again.
        for path in self.cupsd.printed():
            path.unlink()
        end = time.monotonic() + SERVES_AGAIN_S
        while True:
            try:
                job = self._print(20.0, Cancel())
            except DeviceError as error:
                if time.monotonic() > end:
                    raise CaseFailed(f"it does not serve again: {error}") from None
                # A complaint of the backend stays until the next job, which may be tried soon.
                Cancel().wait(0.1)
                continue
            break
        new = self.cupsd.printed()
        pages = [path.read_bytes() for path in new]
        own = [path.name for path in new if path.name == f"one-{job.job_id}.pdf"]
        if len(own) != 1 or pages.count(CUPS_PDF) < 1:
            raise WrongResult("the next page is not there once")
        if self._failed_with and pages.count(CUPS_PDF) != 1:
            raise WrongResult("a page that was said not to be printed came out later")

    def close(self) -> None:
        """End the server."""
        self.cupsd.stop()
        shutil.rmtree(self._base, ignore_errors=True)
