"""Everything that a demo simulates: the wire of each device, the people, the backend's line.

The drivers that talk to it are the production drivers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from config.settings import Settings
from devices.records import IdCard, PaperState
from devices.samv.driver import SamvReader
from devices.simulators import cards, photos
from devices.simulators.camera import CODE, SceneControl
from devices.simulators.loudspeaker import Loudspeaker
from devices.simulators.printer import SimulatedPrinter
from devices.simulators.samv import SamvSimulator
from devices.voice.voice import Voice
from kiosk.app import Equipment
from kiosk.demo.chips import BANK_CARD, PASSPORT, SOCIAL, DemoChips
from kiosk.journey.steps.identify import badge_of
from kiosk.journey.views import VerifyFaceView, View
from kiosk.world.voice import Said

_BACKEND_DEADLINE_S: Final = 20.0
KEY_SET: Final = "key-set.json"
SALT: Final = "demo"
FACES: Final[Mapping[str, str]] = {"elder": "astronaut", "man": "hopper", "expired": "hopper"}
"""Whose photograph stands for which invented person."""
_CHIP_CARDS: Final = frozenset({SOCIAL, PASSPORT, BANK_CARD})
GUIDE: Final = "long-term"
"""The invented person whose card is the guide's badge."""


class BackendGone(Exception):
    """The backend's process ended or did not answer."""


class Backend:
    """The reference backend in a process of its own, whose network can be pulled."""

    def __init__(self, database: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "central_backend.steered", "--database", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._answer()
        self.url = str(told["url"])
        self.authority_pin = str(told["authority_pin"])
        self.key_set = str(told["key_set"])

    def pull(self) -> None:
        """The line is dead."""
        self._ask("pull")

    def restore(self) -> None:
        """The line is back."""
        self._ask("restore")

    def stored(self) -> list[dict[str, Any]]:
        """What the backend stored."""
        return list(self._ask("stored"))

    def code(self, name: str, number: str) -> str:
        """A fresh code of the app, for somebody with an ID card."""
        party = {"name": name, "document_kind": "resident-id", "number": number}
        return str(self._ask(f"code {json.dumps(party)}"))

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=_BACKEND_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, command: str) -> Any:
        if self._process.stdin is None:
            raise BackendGone("the backend's process has no input")
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise BackendGone(type(error).__name__) from error
        return self._answer()["result"]

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise BackendGone(f"ended with {self._process.poll()}")
        return dict(json.loads(line))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a demo keeps its files; `own` ones go when it ends."""

    folder: Path
    own: bool


class Stage:
    """The simulated world of one demo."""

    def __init__(
        self, folder: Path | None = None, backend: Backend | None = None, *, chips: bool = False
    ) -> None:
        """In `folder`, else in a temporary one; with its own backend unless one is given.

        `chips`: with a reader of social-security cards and travel documents.
        """
        self._place = (
            Place(folder, own=False)
            if folder is not None
            else Place(Path(tempfile.mkdtemp(prefix="ou-kiosk-demo-")), own=True)
        )
        self.folder = self._place.folder
        self.reader = SamvSimulator(baud=115200)
        self.face = SceneControl("nobody")
        self.desk = SceneControl("empty")
        self.receipts = SimulatedPrinter(self.folder / "receipts")
        self.sheets = SimulatedPrinter(self.folder / "sheets", "a4")
        self.chips = DemoChips(self.folder) if chips else None
        self.cast: Mapping[str, IdCard] = {}  # who has another card than usual, with their face
        self._own_backend = backend is None
        self.backend = backend or Backend(f"sqlite:///{self.folder / 'central.db'}")
        self._leave_keys()
        self.papers: list[tuple[str, bytes]] = []
        self.loudspeaker = Loudspeaker(self.folder / "sounds", "instant")
        self.said: list[Said] = []
        self._portraits: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove what was temporary."""
        self.reader.close()
        if self.chips is not None:
            self.chips.close()
        self.face.close()
        self.desk.close()
        if self._own_backend:
            self.backend.close()
        if self._place.own:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- people and papers ------------------------------------------------------------

    def person(self, name: str) -> IdCard:
        """What the card of an invented person says."""
        return self.cast.get(name, cards.PEOPLE[name])

    def put_card(self, name: str) -> None:
        """Lay somebody's card on its reader: an ID card, or one that has a chip to itself."""
        if name in _CHIP_CARDS:
            if self.chips is not None:
                self.chips.put(name)
            return
        face = FACES.get(name)
        portrait = np.asarray(photos.portrait_image(face)) if face is not None else None
        self.reader.put_card(cards.make_card(self.person(name), portrait))

    def take_card(self) -> None:
        """Take away what lies on the readers."""
        self.reader.take_card()
        if self.chips is not None:
            self.chips.take()

    def stand(self, name: str) -> None:
        """Somebody (or "nobody") stands before the camera."""
        self.face.set(FACES.get(name, name))

    def follow(self, view: View) -> None:
        """Who stands there does what the screen asks: turns the head, and turns it back."""
        if isinstance(view.body, VerifyFaceView):
            self.face.follow(view.body.hint)

    def show_code(self, name: str) -> None:
        """Somebody opens the app, and lays the phone with a fresh code under the camera."""
        person = self.person(name)
        self.desk.set(f"{CODE}{self.backend.code(person.name, person.number)}")

    def lay(self, scene: str) -> None:
        """Lay a paper under the document camera."""
        self.desk.set(scene)

    def paper(self, *, there: bool) -> None:
        """Put paper into the receipt printer, or take it out."""
        self.receipts.set_paper(PaperState.OK if there else PaperState.OUT)

    # -- what the terminal gets -------------------------------------------------------

    def equipment(self) -> Equipment:
        """The production drivers on the simulated wire."""
        return Equipment(
            reader=SamvReader(self.reader.port),
            face=self.face.face_spec(),
            documents=self.desk.document_spec(),
            receipts=self.receipts,
            sheets=self.sheets,
            demo=True,
            keep_paper=self._keep,
            chips=self.chips.start if self.chips is not None else None,
            voice=Voice(player=self.loudspeaker.player),
            keep_said=self.said.append,
        )

    def settings(self, changes: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
        """Settings of a demo terminal, with `changes` by section."""
        guide = cards.PEOPLE[GUIDE]
        values: dict[str, dict[str, Any]] = {
            "terminal": {
                "code": "LW042",
                "site_zh": "永兴街道",
                "site_en": "Yongxing Street",
                "local_prefixes": ("虚构省样例市",),
            },
            "screen": {"full_screen": False},
            "printer": {"kind": "none"},
            "backend": {
                "spread_s": 0,  # one terminal need not wait for others
                "url": self.backend.url,
                "connect_s": 2,
                "answer_s": 10,
                "identity_codes": True,
            },
            "sealing": {
                "authority_keys": (self.backend.authority_pin,),
                "key_set": str(self.folder / KEY_SET),
            },
            "data": {
                "directory": str(self.folder / "data"),
                "socket": str(self.folder / "run" / "control.sock"),
            },
            "staff": {"salt": SALT, "badges": (badge_of(guide.number, SALT),)},
        }
        for section, inner in (changes or {}).items():
            values.setdefault(section, {}).update(inner)
        return Settings.model_validate(values)

    def _leave_keys(self) -> None:
        """The backend's keys are there from the first screen, as a technician would bring them."""
        if self.backend.key_set:
            (self.folder / KEY_SET).write_text(self.backend.key_set, encoding="utf-8")

    def _keep(self, what: str, pdf: bytes) -> None:
        self.papers.append((what, pdf))
