"""What the sender tells the backend of this terminal now and then, and what it hears.

Nothing personal is told. The backend learns which keys what waits here was sealed to, and so
how long it must keep them; the terminal learns that there are newer keys.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata

from kiosk.contract import Heartbeat, HeartbeatAnswer, canonical_bytes
from kiosk.contract.suites import SealError
from kiosk.logs import note
from kiosk.sealing import Sealing
from offline_queue.records import QueueStatus, State


class Heartbeats:
    """Makes and reads what the sender carries (`offline_queue.sender.Heartbeat`)."""

    def __init__(
        self, terminal: str, pack: str, sealing: Sealing, line_up: Callable[[], bool]
    ) -> None:
        """`pack` names the catalogue pack in service."""
        self._terminal = terminal
        self._pack = pack
        self._sealing = sealing
        self._line_up = line_up
        self._version = metadata.version("ou-kiosk")

    def tell(self, queue: QueueStatus) -> bytes:
        """The body of a heartbeat."""
        intake, no_key = queue.intake, self._sealing.fault
        return canonical_bytes(
            Heartbeat(
                terminal=self._terminal,
                version=self._version,
                pack=self._pack,
                queue_depth=queue.undelivered,
                oldest_age_s=queue.oldest_age_s,
                quarantined=queue.counts.get(State.QUARANTINED, 0),
                bytes=queue.payload_bytes,
                key_ids_in_use=queue.key_ids,
                key_set_version=self._sealing.key_set_version,
                line=self._line_up(),
                intake="closed" if no_key else intake.level.value,
                intake_code=no_key if no_key and intake.open else intake.code,
            )
        )

    def told(self, body: bytes) -> bool:
        """Whether the backend has newer keys. Raises ValueError."""
        answer = HeartbeatAnswer.model_validate_json(body)
        return answer.key_set_version > self._sealing.key_set_version

    def keys(self, body: bytes) -> None:
        """Use the key set that the backend gave. Raises ValueError when it cannot be."""
        try:
            self._sealing.offer(body)
        except SealError as error:
            note("failure", code=error.code, kind="key-set")
            raise ValueError(error.code) from None
        except OSError as error:
            raise ValueError(type(error).__name__) from None
