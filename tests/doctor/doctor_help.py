"""What the doctor's tests share: a healthy terminal at rest, on simulated wires."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from shipped import shipped_pack

from central_backend import keyring
from config.settings import Settings
from devices.camera import CameraSpec
from devices.samv.driver import SamvReader
from devices.simulators.camera import SceneControl
from devices.simulators.printer import SimulatedPrinter
from devices.simulators.samv import SamvSimulator
from kiosk.catalogue.model import Pack
from kiosk.contract import canonical_bytes
from kiosk.doctor.examine import Patient, examine
from kiosk.doctor.patients import Attached, Needs, patient_at_rest
from kiosk.doctor.report import DeviceReport, Report
from kiosk.world.clock import BUILT, Clock


@cache
def sample_pack() -> Pack:
    return shipped_pack()


@cache
def confirmed_pack() -> Pack:
    """The pack as if authorities had confirmed all of it."""
    pack = sample_pack()
    return replace(pack, matters={c: replace(m, sample=False) for c, m in pack.matters.items()})


@contextmanager
def backend(
    status: int = 200,
    media_type: str = "application/json",
    ahead_s: float = 0.0,
    hang: threading.Event | None = None,
) -> Iterator[str]:
    """A backend that says it is well, or something else."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if hang is not None:
                hang.wait(30)
            self.send_response_only(status)
            self.send_header("Content-Type", media_type)
            date = datetime.now(UTC) + timedelta(seconds=ahead_s)
            self.send_header("Date", date.strftime("%a, %d %b %Y %H:%M:%S GMT"))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@cache
def _keys() -> keyring.Made:
    return keyring.in_memory(datetime.now(UTC))


def keys_of(folder: Path) -> dict[str, Any]:
    """What a technician brings: whose signature counts, and a key set of the backend."""
    path = folder / "key-set.json"
    path.write_bytes(canonical_bytes(_keys().keyring.signed_set))
    return {"authority_keys": (_keys().authority_pin,), "key_set": str(path)}


@dataclass
class Ward:
    """Everything a healthy terminal has; tests take parts away."""

    folder: Path
    url: str
    reader: SamvSimulator
    desk: SceneControl
    printer: SimulatedPrinter
    settings: Settings
    pack: Callable[[], Pack] = confirmed_pack
    now: Callable[[], Any] = field(default_factory=lambda: Clock(wall=lambda: BUILT).now)
    face: CameraSpec | None = None
    with_desk: bool = False
    print_page: bool = False

    def patient(self) -> Patient:
        attached = Attached(
            reader=SamvReader(self.reader.port, reply_deadline_s=0.3, quiet_s=0.05),
            face=self.face,
            documents=self.desk.document_spec() if self.with_desk else None,
            receipts=self.printer,
            sheets=None,
        )
        needs = Needs(self.settings, self.pack, lambda: None, self.now)
        return patient_at_rest(attached, needs, print_page=self.print_page)

    def examine(self, **changes: Any) -> Report:
        patient = self.patient()
        try:
            return examine(replace(patient, **changes))
        finally:
            patient.close()


@contextmanager
def ward(folder: Path) -> Iterator[Ward]:
    with ExitStack() as stack:
        url = stack.enter_context(backend())
        reader = stack.enter_context(SamvSimulator())
        desk = SceneControl("empty")
        stack.callback(desk.close)
        settings = Settings.model_validate(
            {
                "terminal": {"code": "LW042"},
                "reader": {"port": reader.port},
                "backend": {"url": url},
                "sealing": keys_of(folder),
                "data": {"directory": str(folder), "socket": str(folder / "s" / "c.sock")},
            }
        )
        printer = SimulatedPrinter(folder / "paper")
        yield Ward(folder, url, reader, desk, printer, settings)


def device(report: Report, name: str) -> DeviceReport:
    return next(one for one in report.devices if one.name == name)


def check(report: Report, name: str) -> Any:
    return next(one for one in report.checks if one.name == name)
