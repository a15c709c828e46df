"""Puts the parts of one terminal together, and nothing else.

The GUI thread paints and routes events; whatever answers from another thread reaches it
through one queued signal. The first screen is painted before any device is opened.
"""

from __future__ import annotations

import gc
import shlex
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication

from config.settings import Camera as CameraSettings
from config.settings import Settings
from config.themes import load_themes
from config.words import load_words
from devices.camera import CameraSpec
from devices.pinyin import open_pinyin
from devices.printers.base import NoPrinter, Printer
from devices.printers.cups import CupsPrinter
from devices.readers import MakesChipReader
from devices.records import PcscStatus
from devices.samv.driver import BAUDS, SamvReader
from devices.voice.voice import Voice
from kiosk.catalogue.model import Pack, Text
from kiosk.catalogue.search import Readings, SearchIndex
from kiosk.clock_command import CLOCK, clock_handler
from kiosk.contract.suites import SuiteId, attach
from kiosk.control import ControlServer
from kiosk.doctor.handler import DOCTOR, NotUpYet, doctor_handler
from kiosk.journey.effects import (
    AimDocumentCamera,
    AskCentral,
    AskWhose,
    CountUse,
    EndReason,
    Enqueue,
    KeepRating,
    MatchFace,
    Print,
    ReadCard,
    ReadCode,
    Say,
    StopCode,
    StopDocumentCamera,
    StopFace,
    StopReading,
    TakePhoto,
)
from kiosk.journey.events import Event, TimedOut, WorldChanged
from kiosk.journey.views import View
from kiosk.journey.visit import Now, Rules, Visit
from kiosk.logs import note
from kiosk.pack_files import PackDirectory
from kiosk.queue_desk import QueueDesk
from kiosk.runtime import Runtime
from kiosk.sealing import KEYS, Sealing
from kiosk.world.central import Asking
from kiosk.world.clock import CLOCK_MARK, Clock, mark_of
from kiosk.world.codes import CodeReading
from kiosk.world.documents import PaperCapture
from kiosk.world.face import FaceMatching
from kiosk.world.heartbeat import Heartbeats
from kiosk.world.packs import PackWatch
from kiosk.world.printing import Printing
from kiosk.world.reader import CardReading
from kiosk.world.scanner import Scanning, telling_pages
from kiosk.world.submitting import Submitting
from kiosk.world.voice import Said, Speaking
from offline_queue.limits import Limits
from offline_queue.outbox import Outbox
from offline_queue.sender import Heartbeat, Sender, SenderSettings
from offline_queue.wire import WireSettings
from screens.ahead import Ahead
from screens.shell import Shell
from screens.theme import Look

if TYPE_CHECKING:
    from devices.pcsc.reader import PcscReader
    from devices.scanners.scanner import CodeScanner
    from kiosk.doctor.examine import Patient

LINE_PROBE_S: Final = 15.0
_OUTBOX_S: Final = 5.0
_LOOK_EVERY_MS: Final = 3_000
_PRINTER_EVERY: Final = 5  # looks
_MARK_EVERY: Final = 20
_TRY_AGAIN_EVERY: Final = 20
_WARM_AFTER_MS: Final = 400
_AHEAD_AFTER_MS: Final = 100  # a person touches again after 300 ms at the soonest
_COLLECT_AFTER: Final = 200_000  # new objects; a touch makes some hundreds


@dataclass(frozen=True, slots=True)
class Equipment:
    """The devices of a terminal: real ones from the settings, or simulated ones of a demo."""

    reader: SamvReader
    face: CameraSpec
    documents: CameraSpec
    receipts: Printer
    sheets: Printer
    wlt_library: Path | None = None
    demo: bool = False
    keep_paper: Callable[[str, bytes], None] | None = field(default=None)
    infrared: CameraSpec | None = None
    chips: MakesChipReader | None = None
    scanner: CodeScanner | None = None
    voice: Voice | None = None
    keep_said: Callable[[Said], None] | None = field(default=None)


def equipment_of(settings: Settings) -> Equipment:
    """The real devices that the settings name; nothing is opened yet."""
    printer = settings.printer
    server = printer.server or None
    receipts: Printer
    sheets: Printer | None = None
    if printer.kind == "none":
        receipts, sheets = NoPrinter("80mm"), NoPrinter("a4")
    elif printer.kind == "escpos":
        from devices.printers.escpos import EscPosPrinter  # brings NumPy: only where it is used
        from devices.printers.escpos_wire import wire_of

        receipts = EscPosPrinter(wire_of(printer.address))
        sheets = NoPrinter("a4")  # a certificate a third as large, on a roll, is none
    else:
        receipts = CupsPrinter(printer.queue, server)
    if printer.a4_queue:
        sheets = CupsPrinter(printer.a4_queue, server, media="a4")
    camera, documents = settings.camera, settings.document_camera
    wlt, second = settings.reader.wlt_library, settings.face.infrared_device
    return Equipment(
        reader=_reader_of(settings),
        face=replace(_camera_of(camera), mirror=True),
        documents=replace(_camera_of(documents), preview_width_px=960),
        receipts=receipts,
        sheets=sheets or receipts,
        wlt_library=Path(wlt) if wlt else None,
        infrared=replace(_camera_of(camera), device=second, exposure=0, mirror=True)
        if settings.face.liveness == "infrared"
        else None,
        chips=_chips_of(settings),
        scanner=_scanner_of(settings),
        voice=voice_of(settings),
    )


def voice_of(settings: Settings) -> Voice | None:
    """The voice that the settings name."""
    told = settings.voice
    if told.kind == "none":
        return None
    return Voice(
        program=shlex.split(told.program),
        voices={"zh": told.voice_zh, "en": told.voice_en},
        player=shlex.split(told.player),
        recordings=Path(told.recordings) if told.recordings else None,
    )


def _chips_of(settings: Settings) -> MakesChipReader | None:
    told = settings.chip_reader
    if told.kind == "none":
        return None

    def make(on_status: Callable[[PcscStatus], None]) -> PcscReader:
        from devices.pcsc.reader import PcscReader

        folder = Path(told.certificates) if told.certificates else None
        return PcscReader(reader=told.name, certificates=folder, on_status=on_status)

    return make


def _scanner_of(settings: Settings) -> CodeScanner | None:
    told = settings.scanner
    if told.kind == "none":
        return None
    from devices.scanners.scanner import CodeScanner

    if told.kind == "serial":
        from devices.scanners.serial_line import serial_line

        return CodeScanner(serial_line(told.port, told.baud), aim=told.aim)
    from devices.scanners.wedge import WedgeId, wedge_line

    vendor, _, product = told.usb.partition(":")
    wanted = WedgeId(int(vendor, 16), int(product, 16), told.socket)
    return CodeScanner(wedge_line(wanted), aim=told.aim)


def _camera_of(told: CameraSettings) -> CameraSpec:
    return CameraSpec(
        "v4l2", told.device, told.width_px, told.height_px, told.fps, exposure=told.exposure
    )


def _reader_of(settings: Settings) -> SamvReader:
    reader = settings.reader
    if reader.kind == "samv-vendor":
        from devices.samv.vendor import VendorReader

        return VendorReader(Path(reader.library), int(reader.port))
    if reader.kind == "samv-usb":
        from devices.samv.usb import open_usb

        return SamvReader(reader.port, serial_factory=open_usb)
    if reader.baud == "auto":
        return SamvReader(reader.port, bauds=BAUDS)
    return SamvReader(reader.port, baud=reader.baud)


def volume_of(settings: Settings, now: Now) -> int:
    """Of the voice at this hour, in percent; as by day when the clock is wrong."""
    voice = settings.voice
    begin, _, end = voice.quiet_hours.partition("-")
    if not (begin and now.trusted):
        return voice.volume
    first, last, here = time.fromisoformat(begin), time.fromisoformat(end), now.civil.time()
    quiet = first <= here < last if first < last else here >= first or here < last
    return voice.quiet_volume if quiet else voice.volume


def wire_of(settings: Settings) -> WireSettings:
    """How the backend is reached."""
    backend = settings.backend
    return WireSettings(
        backend.url,
        connect_timeout_s=backend.connect_s,
        read_timeout_s=backend.answer_s,
        verify=backend.authorities or True,
        certificate=certificate_of(settings),
    )


def certificate_of(settings: Settings) -> tuple[str, str] | None:
    """The terminal's own certificate and key, for TLS that asks for one."""
    backend = settings.backend
    return (backend.certificate, backend.certificate_key) if backend.certificate else None


def sealing_of(settings: Settings, now: Callable[[], datetime]) -> Sealing:
    """The terminal's keys. Raises SealError for a pinned key or a module that is none."""
    sealing = settings.sealing
    attach(sealing.module)
    return Sealing(
        Path(settings.data.directory) / KEYS,
        terminal=settings.terminal.code,
        suite=SuiteId(sealing.suite),
        authority_keys=sealing.authority_keys,
        now=now,
        first_key_set=Path(sealing.key_set) if sealing.key_set else None,
    )


def rules_of(settings: Settings, *, demo: bool) -> Rules:
    """What the settings fix for every visit."""
    terminal, face, idle = settings.terminal, settings.face, settings.idle
    return Rules(
        terminal=terminal.code,
        site=Text(terminal.site_zh, terminal.site_en),
        counter=Text(terminal.counter_zh, terminal.counter_en),
        phone=terminal.phone,
        tier=terminal.tier,
        demo=demo,
        face_threshold=face.threshold,
        face_frames=face.frames,
        face_tries=face.tries,
        face_deadline_s=face.deadline_s,
        face_liveness=face.liveness,
        app_codes=settings.backend.identity_codes,
        card_wait_s=settings.reader.wait_s,
        idle_normal_s=idle.normal_s,
        idle_large_s=idle.large_s,
        idle_warning_s=idle.warning_s,
        badge_salt=settings.staff.salt,
        badges=settings.staff.badges,
        local_prefixes=terminal.local_prefixes,
    )


class _Bridge(QObject):
    """The one way from other threads to the GUI thread."""

    happened = Signal(object)

    def __init__(self, post: Callable[[Event], None]) -> None:
        super().__init__()
        self._post = post
        self._open = True
        self.happened.connect(self._arrived, Qt.ConnectionType.QueuedConnection)

    def reply(self, event: Event) -> None:
        """From any thread."""
        if self._open:
            self.happened.emit(event)

    def shut(self) -> None:
        """Drop whatever still comes."""
        self._open = False

    @Slot(object)
    def _arrived(self, event: Event) -> None:
        if self._open:
            self._post(event)


class _Finder:
    """The search, built on a thread of its own so that no touch waits for it."""

    def __init__(
        self,
        pack: Pack,
        uses: Callable[[], Mapping[str, int]],
        readings: Callable[[], Readings] | None = None,
    ) -> None:
        """`uses` says how often each was begun on this terminal; it may wait for the disk."""
        self._pack = pack
        self._uses = uses
        self._readings = readings
        self._index: SearchIndex | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Build the index now."""
        with self._lock:
            if self._index is None:
                readings = self._readings() if self._readings is not None else None
                self._index = SearchIndex.build(self._pack, readings, self._uses())

    def find(self, query: str) -> tuple[str, ...]:
        """Codes of items, best first."""
        self.prepare()
        assert self._index is not None
        return self._index.find(query, 40)


class _Window(Shell):
    """The terminal's window; closing it ends the program in order."""

    closed = Signal()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell, then close."""
        self.closed.emit()
        super().closeEvent(event)


class Terminal(QObject):
    """One running terminal.

    Raises (on construction): SealError where the settings pin what is no key, QueueError where
    the outbox cannot be opened, WordsError, ControlBusy where another terminal listens, OSError
    where there can be no control socket.
    """

    painted = Signal()

    def __init__(
        self,
        settings: Settings,
        pack: Pack,
        equipment: Equipment,
        *,
        staffed: Callable[[Now], bool] | None = None,
        readings: Callable[[], Readings] | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._equipment = equipment
        self._pack = pack
        self._up = False
        self._staffed_now = staffed or self._by_hours
        self._words = load_words()
        self._bridge = _Bridge(self._post)
        self._clock = Clock()  # until the outbox tells the mark
        self._sealing = sealing_of(settings, lambda: self._clock.now().civil)
        self._outbox = Outbox.open(
            Path(settings.data.directory) / "outbox",
            terminal=settings.terminal.code,
            chain=self._sealing.chain,
            reseal=self._sealing.reseal,
            limits=Limits(),
        )
        self._clock = Clock(self._kept_mark())
        packs = settings.catalogue.packs
        self._packs = (
            PackWatch(PackDirectory(Path(packs)), self._bridge.reply, self._uses) if packs else None
        )
        self._control = self._listen()
        self._wake = QTimer(self)
        self._wake.setSingleShot(True)
        self._wake.setTimerType(Qt.TimerType.PreciseTimer)
        self._wake.timeout.connect(self._time_out)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_EVERY_MS)
        self._look.timeout.connect(self._look_around)
        self._warm = QTimer(self)
        self._warm.setSingleShot(True)
        self._warm.setInterval(_WARM_AFTER_MS)
        self._warm.timeout.connect(self._build_ahead)
        self._ahead_timer = QTimer(self)
        self._ahead_timer.timeout.connect(self._look_ahead)
        self._looks = 0
        self._closed = False
        self._pinyin = open_pinyin()
        self._make_carriers()
        self._finder = _Finder(pack, self._uses, readings)
        self.window = _Window(
            self._words,
            Look.of(load_themes(), settings.screen.mm_per_px),
            self._post,
            self._face,
            documents=self._documents,
            pinyin=self._pinyin,
        )
        self.watch: Callable[[View], None] = _ignore
        rules = rules_of(settings, demo=equipment.demo)
        self.runtime = Runtime(
            pack=pack,
            rules=rules,
            find=self._finder.find,
            now=self._clock.now,
            carriers={
                ReadCard: self._reader.read,
                StopReading: self._reader.stop,
                MatchFace: self._face.match,
                StopFace: self._face.stop,
                AimDocumentCamera: self._documents.aim,
                TakePhoto: self._documents.take,
                StopDocumentCamera: self._documents.stop,
                ReadCode: self._codes.read,
                StopCode: self._codes.stop,
                Enqueue: self._submitting.enqueue,
                KeepRating: self._submitting.keep_rating,
                CountUse: self._submitting.count_use,
                AskCentral: self._asking.ask,
                AskWhose: self._asking.ask_whose,
                Print: self._printing.print,
                **({Say: self._speaking.say} if self._speaking is not None else {}),
            },
            show=self._show,
            wake_at=self._wake_at,
            ended=self._ended,
        )
        self._ahead = Ahead(self.window, self.runtime.foresee)

    # -- life -------------------------------------------------------------------------

    def begin(self) -> None:
        """Paint the first screen, then start what it does not need."""
        screen = self._settings.screen
        if screen.full_screen:
            self.window.showFullScreen()
        else:
            self.window.resize(screen.width_px, screen.height_px)
            self.window.show()
        self.runtime.begin()
        QTimer.singleShot(0, self._start_world)

    @Slot()
    def _start_world(self) -> None:
        self.painted.emit()
        if self._closed:
            return
        self._up = True
        self._submitting.look()
        self._submitting.tell_uses()
        self._submitting.recover(self._clock.now().civil)
        self._reader.start()
        self._face.start()
        self._documents.start()
        self._sender.start()
        self._look.start()
        self._look_around()
        threading.Thread(target=self._finder.prepare, name="search", daemon=True).start()
        self._warm.start()
        rest_the_collector()
        note("started", trusted=self._clock.now().trusted)

    def close(self) -> None:
        """End everything in order; harmless when called twice."""
        if self._closed:
            return
        self._closed = True
        self._bridge.shut()
        self._wake.stop()
        self._look.stop()
        self._warm.stop()
        self._ahead_timer.stop()
        self._control.close()
        if self._packs is not None:
            self._packs.close()
        self._sender.close()
        self._submitting.close()
        self._asking.close()
        self._printing.close()
        self._reader.close()
        if self._scanning is not None:
            self._scanning.close()
        if self._speaking is not None:
            self._speaking.close()
        self._face.close()
        self._documents.close()
        if self._pinyin is not None:
            self._pinyin.close()
        self._outbox.put_meta(CLOCK_MARK, self._clock.mark.isoformat())
        self._outbox.close()
        self.window.close()
        note("stopped")

    # -- parts ------------------------------------------------------------------------

    def _uses(self) -> Mapping[str, int]:
        """How often each matter was begun here; waits for the disk."""
        return self._submitting.uses()

    def _make_carriers(self) -> None:
        settings, reply, equipment = self._settings, self._bridge.reply, self._equipment
        wlt = equipment.wlt_library
        self._reader = CardReading(equipment.reader, reply, wlt_library=wlt, chips=equipment.chips)
        self._face = FaceMatching(
            equipment.face, reply, wlt_library=wlt, infrared=equipment.infrared
        )
        self._documents = PaperCapture(equipment.documents, reply)
        scanner = equipment.scanner
        self._scanning = Scanning(scanner, reply) if scanner is not None else None
        scanning = (self._scanning,) if self._scanning is not None else ()
        self._codes = CodeReading((*scanning, self._documents), telling_pages(reply))
        self._submitting = Submitting(self._outbox, reply, self._pledge_text, self._sealing)
        self._printing = Printing(
            equipment.receipts,
            equipment.sheets,
            self._outbox,
            {"zh": self._words.zh, "en": self._words.en},
            reply,
            keep=equipment.keep_paper,
        )
        self._speaking = (
            Speaking(
                equipment.voice,
                {"zh": self._words.zh, "en": self._words.en},
                lambda: volume_of(settings, self._clock.now()),
                keep=equipment.keep_said,
            )
            if equipment.voice is not None
            else None
        )
        backend = settings.backend
        self._asking = Asking(
            backend.url,
            settings.terminal.code,
            reply,
            connect_s=backend.connect_s,
            answer_s=backend.answer_s,
            verify=backend.authorities or True,
            certificate=certificate_of(settings),
        )
        heartbeats = Heartbeats(
            settings.terminal.code,
            self._pack.hash,
            self._sealing,
            lambda: self._sender.line_up is True,
        )
        self._sender = Sender(
            self._outbox,
            SenderSettings(
                wire_of(settings),
                spread_s=settings.backend.spread_s,
                idle_probe_s=LINE_PROBE_S,
            ),
            on_change=self._submitting.sender_says,
            acknowledge=self._sealing.acknowledged,
            heartbeat=Heartbeat(heartbeats.tell, heartbeats.told, heartbeats.keys),
        )

    @property
    def outbox(self) -> Outbox:
        """The outbox, for diagnosis."""
        return self._outbox

    def now(self) -> Now:
        """Both clocks."""
        return self._clock.now()

    def document_preview(self) -> tuple[bytes, int, int, int] | None:
        """What the document camera sees, None while it is off."""
        return self._documents.latest()

    @property
    def speaking(self) -> bool:
        """Something is being said aloud, or about to be."""
        return self._speaking is not None and self._speaking.busy

    def poke_sender(self) -> None:
        """Try to deliver now, whatever is being waited for."""
        self._sender.poke()

    def _examined(self, print_page: bool, aloud: bool) -> Patient:
        """This terminal for the doctor; from the control socket's threads."""
        if not self._up:
            raise NotUpYet
        # The doctor comes when called: the first screen does not wait for its instruments.
        from kiosk.doctor.further import further_in_service
        from kiosk.doctor.patients import Needs, Running, patient_in_service

        running = Running(
            reader=self._reader.reader,
            reader_worker=self._reader.worker,
            reader_address=self._reader.reader.port,
            station=self._face.station,
            documents=self._documents.camera,
            receipts=self._equipment.receipts,
            sheets=self._equipment.sheets,
            printer_worker=self._printing.worker,
            world=self.runtime.visit.world,
            in_use=lambda: not self.runtime.at_rest,
            closing=lambda: self._closed,
            demo=self._equipment.demo,
            further=further_in_service(
                self._settings,
                self._reader,
                self._scanning,
                self._speaking,
                self.runtime.visit.world,
                aloud=aloud,
            ),
        )
        needs = Needs(
            self._settings,
            pack=lambda: self._pack,
            outbox=lambda: self._outbox.status().result(_OUTBOX_S),
            now=self._clock.now,
            demo=self._equipment.demo,
        )
        return patient_in_service(running, needs, print_page=print_page)

    def _pledge_text(self, language: str) -> str:
        return self._words.text("sign.statement.owed", language)

    def _kept_mark(self) -> datetime | None:
        return mark_of(self._outbox.get_meta(CLOCK_MARK).result())

    def _listen(self) -> ControlServer:
        """Taken before anything else is started: it also tells that no other terminal runs."""
        desk = QueueDesk(
            self._outbox,
            lambda: self._sealing,
            terminal=self._settings.terminal.code,
            now=lambda: self._clock.now().civil,
            poke=self.poke_sender,
        )
        try:
            return ControlServer(
                Path(self._settings.data.socket),
                {
                    **desk.handlers(),
                    DOCTOR: doctor_handler(self._examined),
                    CLOCK: clock_handler(self._clock, self._outbox),
                },
            )
        except BaseException:
            self._outbox.close()
            raise

    # -- events -----------------------------------------------------------------------

    def _post(self, event: Event) -> None:
        if not self._closed:
            self.runtime.post(event)

    def _show(self, view: View) -> None:
        self.window.show_view(view)
        self.watch(view)
        if self._ahead.shown(view):
            self._ahead_timer.start(_AHEAD_AFTER_MS)

    def _wake_at(self, at_s: float | None) -> None:
        if at_s is None:
            self._wake.stop()
            return
        left_s = at_s - self._clock.now().monotonic_s
        self._wake.start(max(0, round(left_s * 1000) + 1))

    @Slot()
    def _build_ahead(self) -> None:
        """Destroy what the last visit left; build what the next is likely to touch first."""
        self.window.sweep()
        if not self._closed and self.runtime.at_rest:
            # All generations: screens refer to one another, and the set that stood ready for
            # the visit has outlived a younger one.
            gc.collect()
            self.window.warm()

    @Slot()
    def _look_ahead(self) -> None:
        """Prepare the next touch, a few milliseconds at a time between what else happens."""
        self._ahead_timer.setInterval(0)
        if self._closed or not self._ahead.work():
            self._ahead_timer.stop()

    @Slot()
    def _time_out(self) -> None:
        self._post(TimedOut())

    def _ended(self, _reason: EndReason, over: Visit) -> None:
        """The one end of every visit: forget, cancel, wipe, build the screens anew."""
        self._reader.visit_over()
        self._face.stop()
        self._codes.stop()
        self._documents.stop()
        self._asking.stop()
        if self._speaking is not None:
            self._speaking.visit_over()
        if self._pinyin is not None:
            self._pinyin.wipe()
        number = over.submission.number
        if number and over.printing.get("receipt") != "printed":
            self._submitting.give_up_printing(number)
        if over.printing.get("stub") == "printed":
            self._submitting.recover(self._clock.now().civil)
        self.window.rebuild()
        self._warm.start()

    @Slot()
    def _look_around(self) -> None:
        """What the terminal can do now, asked for while it runs."""
        self._reader.look()
        if self._scanning is not None:
            self._scanning.look()
        self._face.look()
        self._documents.look()
        if self._packs is not None:
            self._packs.look()
        self._submitting.look()
        if self._looks % _PRINTER_EVERY == 0:
            self._printing.look()
        now = self._clock.now()
        self._post(WorldChanged(staffed=self._staffed_now(now)))
        if self._looks % _TRY_AGAIN_EVERY == 0 and self.runtime.at_rest:
            # Cameras are off between visits: whether a broken one is back shows only in use.
            self._post(WorldChanged(camera_ok=True, document_camera_ok=True))
        if self._looks % _MARK_EVERY == 0 and now.trusted:
            self._outbox.put_meta(CLOCK_MARK, self._clock.mark.isoformat())
        self._looks += 1

    def _by_hours(self, now: Now) -> bool:
        """A guide is here by the settings' hours; nobody is assumed when the clock is wrong."""
        if not now.trusted:
            return False
        terminal = self._settings.terminal
        begin, _, end = terminal.staffed_hours.partition("-")
        here = time.fromisoformat(begin) <= now.civil.time() < time.fromisoformat(end)
        return here and str(now.civil.isoweekday()) in terminal.staffed_days


def rest_the_collector() -> None:
    """Let the garbage collector wait for the end of a visit: a full pass stops the screen.

    What exists at the start stays for good and is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.enable()  # where starting had to be quick it was off
    gc.set_threshold(_COLLECT_AFTER, 50, 1000)


def _ignore(_: View) -> None:
    pass


def application(arguments: list[str] | None = None) -> QApplication:
    """The Qt application, made once."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    made = QApplication(arguments if arguments is not None else sys.argv[:1])
    made.setApplicationName("ou-kiosk")
    return made
