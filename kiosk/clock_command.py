"""`kiosk clock`: whether the terminal trusts its clock, and how somebody says that it is right.

While a terminal runs it is asked through its control socket, and believes at once; when none runs
the mark is set where it is kept, under the same lock. Saying so needs the day, which has to be the
one that the clock shows: nobody blesses a wrong clock by pressing a key.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import Any, Final

from config.settings import load
from config.words import load_words
from kiosk.control import ControlRefused, Handler, NoTerminalRuns, TerminalSilent, ask
from kiosk.logs import note
from kiosk.world.clock import CLOCK_MARK, Clock, WrongDay, mark_of
from offline_queue import Outbox, QueueError

CLOCK: Final = "clock"  # name of the control command
_TRUSTED, _DISTRUSTED, _CANNOT = 0, 1, 3
_WAIT_S: Final = 10.0
_DEADLINE_S: Final = 20.0


def clock_handler(clock: Clock, outbox: Outbox) -> Handler:
    """For `ControlServer` under CLOCK. With `today`, an ISO date, the wall clock is believed."""

    def handle(args: dict[str, Any]) -> dict[str, Any]:
        today = args.get("today")
        if isinstance(today, str) and today:
            clock.believe(date.fromisoformat(today))
            outbox.put_meta(CLOCK_MARK, clock.mark.isoformat()).result(_WAIT_S)
            note("clock", kind="believed")
        now = clock.now()
        shown = {"wall": clock.wall, "civil": now.civil}
        told = {name: at.isoformat(" ", "minutes") for name, at in shown.items()}
        return {"trusted": now.trusted, **told}

    return handle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `kiosk clock` takes."""
    parser.add_argument("--settings", metavar="FILE", default="")
    parser.add_argument("--today", metavar="YYYY-MM-DD", type=date.fromisoformat, default=None)
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    words = load_words()

    def say(key: str, **values: str) -> None:
        sys.stdout.write(words.text(f"clock.{key}", arguments.language, **values) + "\n")

    try:
        told = _ask(arguments)
    except (ControlRefused, WrongDay) as error:
        if error.code != WrongDay.code:
            sys.stderr.write(f"kiosk clock: {error}\n")
            return _CANNOT
        say("other-day", today=arguments.today.isoformat())
        return _CANNOT
    except (QueueError, TerminalSilent) as error:
        sys.stderr.write(f"kiosk clock: {error}\n")
        return _CANNOT
    say("trusted" if told["trusted"] else "distrusted", wall=told["wall"], civil=told["civil"])
    return _TRUSTED if told["trusted"] else _DISTRUSTED


def _ask(arguments: argparse.Namespace) -> dict[str, Any]:
    settings = load(Path(arguments.settings) if arguments.settings else None)
    args = {"today": arguments.today.isoformat()} if arguments.today is not None else {}
    try:
        return ask(settings.data.socket, CLOCK, deadline_s=_DEADLINE_S, **args)
    except NoTerminalRuns:
        with Outbox.open(Path(settings.data.directory) / "outbox", create=False) as outbox:
            clock = Clock(mark_of(outbox.get_meta(CLOCK_MARK).result(_WAIT_S)))
            return clock_handler(clock, outbox)(dict(args))
