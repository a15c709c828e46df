"""`kiosk queue ...`: what staff do with the queue, from a shell.

While a terminal runs it is asked through its control socket; when none runs the outbox is
opened here, under the same lock. Exit status: 0 done, 1 there is something left to do or to
look at, 2 wrong settings, 3 it could not be done.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from config.settings import Settings, load
from config.words import load_words
from kiosk.control import ControlRefused, NoTerminalRuns, TerminalSilent, ask
from kiosk.queue_desk import QueueDesk
from offline_queue import Outbox, QueueError, QueueStatus, State
from offline_queue.errors import QueueFault
from offline_queue.metrics import write_file

_DONE, _LOOK, _CANNOT = 0, 1, 3
_DEADLINE_S: Final = 20.0
_STICK_DEADLINE_S: Final = 3600.0  # sticks are slow
_REASON: Final = "queue.reason."

Words = Mapping[str, str]


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `kiosk queue`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _command(commands, "status", "what waits, and since when", _status)
    one = _command(commands, "list", "one line for each submission", _list)
    one.add_argument("--state", choices=[state.value for state in State], default="")
    one.add_argument("--after", metavar="NUMBER", default="", help="go on behind this one")
    _number(_command(commands, "show", "one submission, and what to do about it", _show))
    _number(_command(commands, "requeue", "send a quarantined one again", _requeue))
    one = _command(commands, "export", "write what waits to a USB stick, sealed", _export)
    one.add_argument("place", metavar="DIR")
    one = _command(
        commands, "import-acknowledgements", "read what the backend made from an export", _import
    )
    one.add_argument("path", metavar="FILE")
    one = _command(commands, "metrics", "figures for Prometheus", _metrics)
    one.add_argument("--file", metavar="FILE", default="", help="for the textfile collector")


def _command(
    commands: Any, name: str, meaning: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    one: argparse.ArgumentParser = commands.add_parser(name, help=meaning)
    one.add_argument("--settings", metavar="FILE", default="")
    one.add_argument("--json", action="store_true", help="for programs")
    one.add_argument("--language", choices=("zh", "en"), default="zh")
    one.set_defaults(run=lambda arguments: _run(run, arguments))
    return one


def _number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", metavar="NUMBER")


def _run(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    try:
        return command(arguments)
    except (QueueError, TerminalSilent, ControlRefused) as error:
        _complain(_refusal(error))
        return _CANNOT


def _refusal(error: Exception) -> str:
    for fault in QueueFault:
        if isinstance(error, ControlRefused) and error.code == fault.code:
            return f"{fault.code} {fault.meaning}: {fault.next_step}"
    return str(error)


def _ask(
    arguments: argparse.Namespace, command: str, deadline_s: float = _DEADLINE_S, **args: str
) -> dict[str, Any]:
    """The desk's answer: the running terminal's, or our own where none runs."""
    settings = load(Path(arguments.settings) if arguments.settings else None)
    try:
        socket = settings.data.socket
        return ask(socket, f"queue.{command}", deadline_s=deadline_s, **args)
    except NoTerminalRuns:
        return _at_our_own_desk(settings, command, args)


def _at_our_own_desk(settings: Settings, command: str, args: dict[str, str]) -> dict[str, Any]:
    def now() -> datetime:
        return datetime.now(UTC)

    def sealing() -> Any:
        from kiosk.app import sealing_of  # brings the whole terminal: only where it is needed

        return sealing_of(settings, now)

    terminal = settings.terminal.code
    with Outbox.open(Path(settings.data.directory) / "outbox", create=False) as outbox:
        desk = QueueDesk(outbox, sealing, terminal=terminal, now=now)
        return desk.handlers()[f"queue.{command}"](dict(args))


def _status(arguments: argparse.Namespace) -> int:
    plain = _ask(arguments, "status")
    if _as_json(arguments, plain):
        return _DONE
    status = QueueStatus.from_json(plain)
    for state, count in status.counts.items():
        _say(f"{state.value:<12} {count}")
    age = "-" if status.oldest_age_s is None else f"{status.oldest_age_s:.0f} s"
    _say(f"{'oldest':<12} {age}")
    _say(f"{'bytes':<12} {status.payload_bytes}")
    _say(f"{'last ack':<12} {status.last_acknowledged_at or '-'}")
    _say(f"{'intake':<12} {' '.join((status.intake.level.value, status.intake.code)).strip()}")
    return _DONE


def _list(arguments: argparse.Namespace) -> int:
    plain = _ask(arguments, "list", state=arguments.state, after=arguments.after)
    if _as_json(arguments, plain):
        return _DONE
    words = _words(arguments)
    for row in plain["submissions"]:
        meaning = reason_in_words(row["reason"], words)
        _say(f"{row['number']:<16} {row['state']:<12} {row['saved_at'][:16]}  {meaning}".rstrip())
    return _DONE


def _show(arguments: argparse.Namespace) -> int:
    plain = _ask(arguments, "show", number=arguments.number)
    if _as_json(arguments, plain):
        return _DONE
    for name, value in plain.items():
        _say(f"{name:<16} {value if value != '' else '-'}")
    words = _words(arguments)
    meaning = reason_in_words(plain["reason"], words)
    if meaning:
        _say(meaning)
    if plain["state"] == State.QUARANTINED:
        _say(words["queue.quarantined"])
    return _DONE


def _requeue(arguments: argparse.Namespace) -> int:
    plain = _ask(arguments, "requeue", number=arguments.number)
    if not _as_json(arguments, plain):
        words = _words(arguments)
        _say(words["queue.requeued" if plain["requeued"] else "queue.not-quarantined"])
    return _DONE if plain["requeued"] else _LOOK


def _export(arguments: argparse.Namespace) -> int:
    place = str(Path(arguments.place).absolute())
    plain = _ask(arguments, "export", _STICK_DEADLINE_S, place=place)
    if not _as_json(arguments, plain):
        for name in plain["files"]:
            _say(name)
        words = _words(arguments)
        _say(words["queue.exported"].format(**plain))
        if plain["left_out"]:
            _say(words["queue.left-out"].format(**plain))
    return _LOOK if plain["left_out"] else _DONE


def _import(arguments: argparse.Namespace) -> int:
    path = str(Path(arguments.path).absolute())
    plain = _ask(arguments, "import", _STICK_DEADLINE_S, file=path)
    if not _as_json(arguments, plain):
        _say(_words(arguments)["queue.imported"].format(**plain))
    return _LOOK if plain["refused"] or plain["strange"] else _DONE


def _metrics(arguments: argparse.Namespace) -> int:
    text = str(_ask(arguments, "metrics")["text"])
    if not arguments.file:
        sys.stdout.write(text)
        return _DONE
    try:
        write_file(Path(arguments.file), text)
    except OSError as error:
        _complain(f"{arguments.file}: {error.strerror}")
        return _CANNOT
    return _DONE


def reason_in_words(reason: str, words: Words) -> str:
    """What the reason of a submission means to a person; "" where there is none.

    A reason is what the sender noted, such as "refused 422 unreadable": the backend's code,
    else the row of the answer table, else the reason as it stands.
    """
    for name in reversed(reason.split()):
        if _REASON + name in words:
            return words[_REASON + name]
    return reason


def _words(arguments: argparse.Namespace) -> Words:
    words = load_words()
    return words.zh if arguments.language == "zh" else words.en


def _as_json(arguments: argparse.Namespace, plain: dict[str, Any]) -> bool:
    if arguments.json:
        _say(json.dumps(plain, ensure_ascii=False, indent=2))
    return bool(arguments.json)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
