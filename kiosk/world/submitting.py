"""Carries out Enqueue: seals, hands to the outbox, and tells what the sender learns.

"Saved" is said only after the outbox's commit, "received" only after the backend's signed
answer, and always in this order. What reaches the outbox is sealed already: after the commit
nothing on this machine can read it. Whether anything could be taken in is known, and told,
before a visit starts.
"""

from __future__ import annotations

import json
import secrets
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

from kiosk.application.draft import Draft
from kiosk.catalogue.search import MAX_COUNTED
from kiosk.contract import ApplicationDocument
from kiosk.contract.suites import SealError
from kiosk.journey.effects import CountUse, Enqueue, KeepRating
from kiosk.journey.events import (
    Delivered,
    DeliveryWaits,
    Event,
    Recovered,
    Saved,
    SaveFailed,
    WorldChanged,
)
from kiosk.logs import note
from kiosk.wire import document_of
from kiosk.world.binding import bound
from offline_queue import sender as sending
from offline_queue.errors import QueueError
from offline_queue.limits import Intake
from offline_queue.outbox import Outbox
from offline_queue.records import PrintState, Sealed, Unprinted

_RECENT = timedelta(hours=2)
_USES = "uses"  # key of the counts beside the queue
_OWN_FAULT = "QU-07"  # the application does not fit: this one, and no other, cannot be kept


class Seals(Protocol):
    """What seals an application to the backend."""

    @property
    def fault(self) -> str:
        """The code of why nothing can be sealed, "" while it can."""
        ...

    def seal_application(
        self, document: ApplicationDocument, attachments: Sequence[bytes], *, lane: str = ""
    ) -> Sealed:
        """The sealed submission, attachments in the document's order."""
        ...


class Submitting:
    """The outbox as the runtime sees it."""

    def __init__(
        self,
        outbox: Outbox,
        reply: Callable[[Event], None],
        pledge_text: Callable[[str], str],
        sealing: Seals,
    ) -> None:
        """`pledge_text` gives the pledge's words in a language."""
        self._outbox = outbox
        self._reply = reply
        self._pledge_text = pledge_text
        self._sealing = sealing
        self._run = secrets.token_hex(4)  # visits are numbered anew after a restart
        self._intake = (True, "")
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="submitting")
        self._visits: dict[str, int] = {}  # receipt number -> visit that handed it in
        self._order = threading.Lock()  # "saved" is said before the sender may say more

    def enqueue(self, effect: Enqueue, visit: int) -> None:
        """Number it, write it down durably, say so."""
        self._pool.submit(self._keep, effect.draft, visit)

    def keep_rating(self, effect: KeepRating, _visit: int) -> None:
        """Count a rating by item and level; nobody's identity goes with it."""
        self._pool.submit(self._count, f"rating:{effect.item}:{effect.level}")
        note("rated", item=effect.item, level=effect.level)

    def count_use(self, effect: CountUse, _visit: int) -> None:
        """Count that a matter was begun here; answers WorldChanged with all counts."""
        self._pool.submit(self._used, effect.item)

    def tell_uses(self) -> None:
        """Answer WorldChanged with how often each matter was begun here."""
        self._pool.submit(lambda: self._reply(WorldChanged(uses=self.uses())))

    def uses(self) -> dict[str, int]:
        """How often each matter was begun here of late; waits for the store."""
        try:
            kept = json.loads(self._outbox.get_meta(_USES).result() or "{}")
            return {str(code): int(count) for code, count in kept.items()}
        except (QueueError, ValueError, AttributeError) as error:
            note("failure", kind=type(error).__name__)
            return {}

    def recover(self, now: datetime) -> None:
        """After a restart: which numbers were saved and not printed; answers Recovered.

        `now` is civil time, whose mark outlives a restart: the wall clock may be in 1970.
        """
        wanted = (PrintState.WANTED, PrintState.UNKNOWN)

        def found(done: Future[list[Unprinted]]) -> None:
            error = done.exception()
            if error is not None:
                note("failure", kind=type(error).__name__)
                return
            recent = [u for u in done.result() if abs(now - u.saved_at) < _RECENT]
            self._reply(Recovered(tuple((u.number, u.saved_at) for u in recent)))

        self._outbox.unprinted(wanted).add_done_callback(found)

    def look(self) -> None:
        """See whether anything can be taken in; answers WorldChanged when that has changed."""
        self._outbox.intake().add_done_callback(self._looked)

    def _looked(self, done: Future[Intake]) -> None:
        error = done.exception()
        if error is not None:
            open_, code = False, error.code if isinstance(error, QueueError) else _OWN_FAULT
        else:
            code = self._sealing.fault
            open_ = done.result().open and not code
            if not done.result().open:
                code = done.result().code
        if (open_, code) != self._intake:
            self._intake = (open_, code)
            self._reply(WorldChanged(intake_open=open_, intake_code=code))

    def give_up_printing(self, number: str) -> None:
        """The resident left without paper: the stub is not offered to whoever comes next."""
        future = self._outbox.set_print_state(number, PrintState.FAILED)
        future.add_done_callback(_swallow)

    def sender_says(self, event: sending.SenderEvent) -> None:
        """Translate what the sender learned (called on its thread)."""
        with self._order:
            self._translate(event)

    def _translate(self, event: sending.SenderEvent) -> None:
        match event:
            case sending.Delivered(number=number, case_number=case):
                note("delivered", attempts=event.attempts)
                self._reply(Delivered(self._visits.pop(number, 0), number, case))
            case sending.Waiting(number=number, reason=reason):
                note("waiting", attempts=event.attempts)
                code = "NW-01" if not reason.startswith("QU") else reason
                self._reply(DeliveryWaits(self._visits.get(number, 0), number, code))
            case sending.Quarantined():
                note("quarantined")
            case sending.LineChanged(up=up):
                note("line", up=up)
                self._reply(WorldChanged(line_up=up))
            case sending.Alarm():
                note("alarm")
                self.look()  # it may be the disk: staff read its code on the screen

    def close(self) -> None:
        """Finish what is being saved."""
        self._pool.shutdown(wait=True)

    def _keep(self, draft: Draft, visit: int) -> None:
        draft = bound(draft)
        with self._order:
            try:
                saved = self._save(draft, visit)
            except Exception as error:  # noqa: BLE001 - whatever it is, the resident is told
                self._failed(error, visit)
                return
            note("saved")
            self._reply(saved)

    def _save(self, draft: Draft, visit: int) -> Saved:
        number = self._outbox.reserve_number().result()
        self._visits[number] = visit
        document = document_of(
            draft,
            number=number,
            application_id=uuid.uuid4().hex,
            pledge_text=self._pledge_text(draft.language),
        )
        data = {attachment.id: attachment.data for attachment in draft.attachments}
        sealed = self._sealing.seal_application(
            document,
            [data[attachment.id] for attachment in document.attachments()],
            lane=f"{self._run}-{visit}",
        )
        self._outbox.enqueue(sealed).result()
        return Saved(visit, number, document.application_id)

    def _failed(self, error: Exception, visit: int) -> None:
        code = error.code if isinstance(error, (QueueError, SealError)) else _OWN_FAULT
        note("save-failed", code=code, kind=type(error).__name__)
        self._reply(SaveFailed(visit, code))
        self.look()

    def _used(self, item: str) -> None:
        counts = self.uses()
        counts[item] = counts.get(item, 0) + 1
        if counts[item] > MAX_COUNTED:  # what was used long ago counts less and less
            counts = {code: count // 2 for code, count in counts.items() if count > 1}
        self._outbox.put_meta(_USES, json.dumps(counts)).result()
        self._reply(WorldChanged(uses=counts))

    def _count(self, key: str) -> None:
        kept = self._outbox.get_meta(key).result()
        self._outbox.put_meta(key, str(int(kept or "0") + 1)).result()


def _swallow(future: Future[None]) -> None:
    future.exception()
