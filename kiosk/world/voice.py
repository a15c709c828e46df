"""Carries out Say: one thing at a time, and whatever comes new cuts off what was being said.

- A voice that does not work changes nothing but a status and one line in the log.
- What is said has no personal data in it, so it may be heard to its end after a visit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from devices.errors import Fault
from devices.voice.voice import LONGEST_S, Utterance, Voice
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Ticket
from kiosk.journey.aloud import Spoken
from kiosk.journey.effects import Say
from kiosk.logs import note

_MARGIN_S: Final = 10.0  # for the synthesizer before and the player after
_TEST: Final = "test"


@dataclass(frozen=True, slots=True)
class Said:
    """What became of one thing that was to be said."""

    key: str
    language: str
    at_s: float  # monotonic, when it was asked for
    heard_s: float | None  # how long it was heard; None if not to its end
    code: str = ""  # why not, of the fault


class Speaking:
    """The voice of a terminal, with its only queue."""

    def __init__(
        self,
        voice: Voice,
        words: Mapping[str, Mapping[str, str]],
        volume_percent: Callable[[], int],
        *,
        keep: Callable[[Said], None] | None = None,
    ) -> None:
        """`words` has all words by language; `keep` hears what was said (for the demo)."""
        self._voice = voice
        self._words = words
        self._volume_percent = volume_percent
        self._keep = keep
        self._worker = DeviceWorker("voice", unexpected=Fault.VOICE_ABSENT)
        self._lock = threading.Lock()
        self._ticket: Ticket | None = None
        self._saying: Spoken | None = None
        self._waiting = 0
        self._code: str | None = None  # of what is wrong, "" when it spoke; None is unknown

    @property
    def voice(self) -> Voice:
        """The driver, for diagnosis: only by way of `worker`."""
        return self._voice

    @property
    def worker(self) -> DeviceWorker:
        """The voice's only queue."""
        return self._worker

    @property
    def well(self) -> bool | None:
        """Whether it spoke when it was last asked to; None if it was not asked yet."""
        return None if self._code is None else not self._code

    @property
    def busy(self) -> bool:
        """Something is being said, or about to be."""
        return self._waiting > 0

    def say(self, effect: Say, _visit: int = 0) -> None:
        """Say it now, at the volume of this hour."""
        self.stop()
        volume = self._volume_percent()
        if volume == 0:
            return
        language = effect.language.value
        one = utterance(self._words, effect.what.value, language)
        asked_s = time.monotonic()

        def command(cancel: Cancel) -> float:
            return self._voice.say(one, cancel, volume_percent=volume)

        def done(outcome: Outcome[float]) -> None:
            failed = outcome.error.fault if isinstance(outcome, Failed) else None
            self._learn(failed)
            if self._keep is not None:
                heard_s = None if isinstance(outcome, Failed) else outcome.value
                code = failed.code if failed is not None else ""
                self._keep(Said(one.key, language, asked_s, heard_s, code))
            with self._lock:
                self._waiting -= 1

        self._saying = effect.what
        with self._lock:
            self._waiting += 1
        self._ticket = self._worker.submit(command, deadline_s=LONGEST_S + _MARGIN_S, done=done)

    def stop(self) -> None:
        """Be silent."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.cancel()

    def visit_over(self) -> None:
        """Be silent, but for what is meant for who has just gone."""
        if self._saying is not None and not self._saying.outlasts:
            self.stop()

    def close(self) -> None:
        """End it."""
        self.stop()
        self._worker.close()
        self._voice.close()

    def _learn(self, failed: Fault | None) -> None:
        if failed is Fault.CANCELLED:
            return
        code = failed.code if failed is not None else ""
        with self._lock:
            news, self._code = code != (self._code or ""), code
        if news:
            note("device", name="voice", code=code, up=not code)


def utterance(words: Mapping[str, Mapping[str, str]], key: str, language: str) -> Utterance:
    """What stands under `voice.<key>`."""
    return Utterance(key, words[language][f"voice.{key}"], language)


def trial_sentences(words: Mapping[str, Mapping[str, str]]) -> tuple[Utterance, ...]:
    """What the doctor has it say, in each language."""
    return tuple(utterance(words, _TEST, language) for language in words)
