"""A whole terminal as a process: plays a visit up to the commit, tells what it knew, and waits.

Run by `test_disk_search.py`. It reads one JSON object from standard input (where its files go,
how it finds the backend), and writes one line of JSON on the store thread right after the
commit: everything personal of the application, in base64. There it stays until it is killed.
With "recover" it only starts, sees that something was saved, and stops.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer

from kiosk import logs
from kiosk.app import Terminal, application
from kiosk.application.draft import Draft
from kiosk.demo import script
from kiosk.demo.player import Player, Script, Until
from kiosk.demo.prepared import prepare
from kiosk.demo.stage import Stage
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import StepName

ITEM = "CRJ-001"


class Elsewhere:
    """A backend that nobody reaches; its keys lie where the parent put them."""

    key_set = ""

    def __init__(self, url: str, pin: str) -> None:
        self.url = url
        self.authority_pin = pin

    def close(self) -> None:
        pass


def main() -> int:
    told = json.loads(sys.stdin.readline())
    logs.begin()
    app = application()
    backend: Any = Elsewhere(told["url"], told["pin"])
    world = Path(told["world"])
    with Stage(world, backend) as stage:
        settings = stage.settings(
            {
                "data": {"directory": told["data"], "socket": told["socket"]},
                "screen": {"width_px": 1080, "height_px": 1920},
            }
        )
        terminal = Terminal(settings, prepare().pack, stage.equipment())
        player = Player(terminal, stage, world)
        story = recovered(player) if told["recover"] else handed_in(player)
        terminal.begin()
        QTimer.singleShot(0, lambda: player.play(story, app.quit))
        app.exec()
        terminal.close()
    if player.error:
        say({"error": player.error})
    return 1 if player.error else 0


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def handed_in(player: Player) -> Script:
    yield from script.choose(player, ITEM)
    yield from script.up_to_signature(player)
    player.at_once = True
    draft = draft_of(player.terminal.runtime.visit, player.terminal.now())
    player.terminal.outbox.add_listener(lambda _number: tell(draft))
    yield from script.sign(player)
    yield Until(lambda: False, "the end")


def recovered(player: Player) -> Script:
    yield Until(player.is_at(StepName.WELCOME), "the first screen")
    yield Until(lambda: bool(player.terminal.runtime.visit.stubs), "what was saved")


def tell(draft: Draft) -> None:
    party = draft.parties[0]
    texts = {
        "name": party.name,
        "number": party.number,
        "address": party.address,
        "phone": draft.contact,
        **{f"answer {a.question}": f'"{a.question}"' for a in draft.answers if a.question},
        **{f"form {name}": str(value) for name, value in draft.form},
    }
    known = {
        "texts": {name: text for name, text in texts.items() if len(text) > 3 or name == "name"},
        "pages": [base64.b64encode(a.data).decode() for a in draft.attachments],
    }
    say(known)
    threading.Event().wait()  # until the power goes


if __name__ == "__main__":
    raise SystemExit(main())
