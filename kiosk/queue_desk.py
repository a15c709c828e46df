"""What staff can ask of the queue: one desk, the same whether a terminal runs or not.

`QueueDesk` answers in plain values, so that a running terminal can send them through the
control socket and a command can print them. No answer holds anything personal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from kiosk.contract import canonical_bytes
from kiosk.contract.export import ExportedApplication, ExportManifest, SignedExportManifest
from kiosk.contract.suites import SealError
from kiosk.control import Handler
from kiosk.sealing import Sealing
from offline_queue import Outbox, QueueError, QueueFault, State
from offline_queue.export import Exported, export, import_acknowledgements
from offline_queue.metrics import prometheus

Plain: TypeAlias = dict[str, Any]

COMMANDS: Final = ("status", "list", "show", "requeue", "export", "import", "metrics")
_WAIT_S: Final = 10.0
_LISTED_MOST: Final = 500


class QueueDesk:
    """Questions to one open outbox. Used by several threads."""

    def __init__(
        self,
        outbox: Outbox,
        sealing: Callable[[], Sealing],
        *,
        terminal: str,
        now: Callable[[], datetime],
        poke: Callable[[], None] = lambda: None,
    ) -> None:
        """`sealing` gives the terminal's keys when they are needed; `poke` wakes the sender."""
        self._outbox = outbox
        self._sealing = sealing
        self._terminal = terminal
        self._now = now
        self._poke = poke

    def handlers(self) -> Mapping[str, Handler]:
        """For `ControlServer`: queue.status, queue.list, ..."""
        return {f"queue.{name}": getattr(self, f"answer_{name}") for name in COMMANDS}

    def answer_status(self, _args: Plain) -> Plain:
        """The figures of the whole queue."""
        return self._outbox.status(self._now()).result(_WAIT_S).to_json()

    def answer_list(self, args: Plain) -> Plain:
        """Submissions, oldest first, in `state` or in any but delivered, behind `after`."""
        state = _text(args, "state")
        states = [s for s in State if s not in (State.DELIVERED, State.PURGED)]
        wanted = [State(state)] if state else states
        rows = self._outbox.listing(wanted, most=_LISTED_MOST, after=_text(args, "after"))
        return {"submissions": [row.to_json() for row in rows.result(_WAIT_S)]}

    def answer_show(self, args: Plain) -> Plain:
        """One submission by its number. Raises QueueError (QU-08)."""
        found = self._outbox.delivery(_text(args, "number")).result(_WAIT_S)
        if found is None:
            raise QueueError(QueueFault.ABSENT, "no submission of this number")
        return found.to_json()

    def answer_requeue(self, args: Plain) -> Plain:
        """Send a quarantined submission again."""
        moved = self._outbox.requeue(_text(args, "number")).result(_WAIT_S)
        if moved:
            self._poke()
        return {"requeued": moved}

    def answer_export(self, args: Plain) -> Plain:
        """Write what waits to the directory `place`. Raises QueueError (QU-10, QU-11)."""
        done = export(
            self._outbox,
            Path(_text(args, "place")),
            self._manifest,
            terminal=self._terminal,
            at=self._now().isoformat(),
        )
        return {**done._asdict(), "files": [path.name for path in done.files]}

    def answer_import(self, args: Plain) -> Plain:
        """Believe the acknowledgements in `file`. Raises QueueError (QU-12)."""
        acknowledge = self._sealing().acknowledged
        return import_acknowledgements(
            self._outbox, Path(_text(args, "file")), acknowledge
        )._asdict()

    def answer_metrics(self, _args: Plain) -> Plain:
        """The figures for Prometheus."""
        now = self._now()
        return {"text": prometheus(self._outbox.status(now).result(_WAIT_S), now)}

    def _manifest(self, items: tuple[Exported, ...]) -> bytes:
        manifest = ExportManifest(
            terminal=self._terminal,
            created=self._now(),
            applications=tuple(
                ExportedApplication(
                    application_id=item.id,
                    receipt_number=item.number,
                    handover=item.handover,
                    parts=item.parts,
                )
                for item in items
            ),
        )
        try:
            signer = self._sealing().signer
        except SealError as error:
            raise QueueError(QueueFault.REFUSED, error.fault.code) from None
        return canonical_bytes(
            SignedExportManifest(
                manifest=manifest,
                suite=signer.suite,
                key_id=signer.key_id,
                signature=signer.sign(canonical_bytes(manifest)),
            )
        )


def _text(args: Plain, name: str) -> str:
    value = args.get(name, "")
    if not isinstance(value, str):
        raise QueueError(QueueFault.REFUSED, f"{name} is no text")
    return value
