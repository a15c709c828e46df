"""A voice: says short texts through a loudspeaker, one after the other.

Promises:
- a text is heard as a recording where the folder of recordings has one of its key and language,
  else as the synthesizer speaks it;
- what is missing, crashes or hangs ends in a DeviceError in time: VOICE_ABSENT without a player or
  a sound card, SPEECH_FAILED without speech, PLAYER_FAILED for a player that did not do its work;
- a sound that is empty, silent or too long is no speech;
- a cancel silences it at once.

Used by one thread at a time. Whoever calls says only what everybody in the room may hear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devices.errors import DeviceError, Fault
from devices.voice.programs import Ended, NoProgram, Overdue, run
from devices.voice.sound import SILENT_BELOW, Sound, SoundError
from devices.worker import Cancel

ESPEAK: Final = ("espeak-ng", "-v", "{voice}", "-s", "160", "-b", "1", "--stdin", "--stdout")
# Debian 12's espeak-ng 1.51 reads Chinese under "cmn" as the Latin letters and digits of its
# pinyin (its issues 1028, 1236); under this name it speaks.
VOICES: Final[Mapping[str, str]] = {"zh": "cmn-latn-pinyin", "en": "en-gb"}
APLAY: Final = ("aplay", "-q")
LONGEST_S: Final = 20.0
SPEECH_S: Final = 5.0
_SPEECH_BYTES_MOST: Final = 8_000_000
_SHORTEST_S: Final = 0.2
AFTER_S: Final = 3.0
_TRY_S: Final = 0.1
_KEPT_MOST: Final = 64
_CARDS: Final = Path("/proc/asound/cards")
_CARD: Final = re.compile(r"^\s*\d+ \[", re.MULTILINE)
_KEY: Final = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is to be said: its key, which names its recording, and its text in a language."""

    key: str
    text: str
    language: str

    def __post_init__(self) -> None:
        """Raises ValueError for a key or language that could not name a file."""
        if not (_KEY.fullmatch(self.key) and _KEY.fullmatch(self.language) and self.text):
            raise ValueError("key and language are small letters, digits and dashes")


class Voice:
    """A synthesizer, recordings, and a player."""

    def __init__(
        self,
        *,
        program: Sequence[str] = ESPEAK,
        voices: Mapping[str, str] = VOICES,
        player: Sequence[str] = APLAY,
        recordings: Path | None = None,
        speech_s: float = SPEECH_S,
        after_s: float = AFTER_S,
    ) -> None:
        """`program` takes text on its standard input and writes WAV to its output; `{voice}` and
        `{language}` in its arguments are filled in. Without one there are only recordings.

        `player` plays WAV from its standard input. `recordings` has WAV files of 16 bits,
        LANGUAGE/KEY.wav. A synthesizer has `speech_s`, a player `after_s` beyond the sound itself.
        """
        self._program = tuple(program)
        self._voices = dict(voices)
        self._player = tuple(player)
        self.recordings = recordings
        self._speech_s = speech_s
        self._after_s = after_s
        self._spoken: dict[Utterance, Sound] = {}

    @property
    def synthesizes(self) -> bool:
        """Whether it can say what nobody recorded."""
        return bool(self._program)

    @property
    def player(self) -> str:
        """The player's command, for people."""
        return " ".join(self._player)

    def present(self) -> bool | None:
        """Whether there is a sound card; None where another player than `aplay` knows that."""
        if Path(self._player[0]).name != "aplay" or any(a.startswith("-D") for a in self._player):
            return None
        try:
            return bool(_CARD.search(_CARDS.read_text(encoding="utf-8", errors="replace")))
        except OSError:
            return False

    def say(self, utterance: Utterance, cancel: Cancel, *, volume_percent: int = 100) -> float:
        """Say it, and come back when it was heard; how many seconds it took to hear."""
        sound = self.sound(utterance, cancel)
        self._play(sound.at(volume_percent), cancel)
        return sound.seconds

    def try_player(self, cancel: Cancel) -> None:
        """Play a moment of silence: whether that can be done is all that is found out."""
        self._play(Sound.silence(_TRY_S), cancel)

    def sound(self, utterance: Utterance, cancel: Cancel) -> Sound:
        """The recording if there is one that can be used, else speech."""
        recorded = self.recorded(utterance)
        if recorded is not None:
            return recorded
        known = self._spoken.get(utterance)
        if known is None:
            known = self.speech(utterance, cancel)
            if len(self._spoken) >= _KEPT_MOST:
                self._spoken.clear()
            self._spoken[utterance] = known
        return known

    def recorded(self, utterance: Utterance) -> Sound | None:
        """The recording; None if there is none, or if it is of no use."""
        if self.recordings is None:
            return None
        path = self.recordings / utterance.language / f"{utterance.key}.wav"
        try:
            if path.stat().st_size > _SPEECH_BYTES_MOST:
                return None
            return _audible(Sound.of_wav(path.read_bytes()))
        except (OSError, SoundError):
            return None

    def speech(self, utterance: Utterance, cancel: Cancel) -> Sound:
        """What the synthesizer makes of it."""
        if not self._program:
            raise DeviceError(Fault.SPEECH_FAILED, f"no recording {utterance.language}")
        names = {
            "{voice}": self._voices.get(utterance.language, utterance.language),
            "{language}": utterance.language,
        }
        command = [_filled(part, names) for part in self._program]
        try:
            ended = run(
                command,
                utterance.text.encode(),
                cancel,
                deadline_s=self._speech_s,
                most_bytes=_SPEECH_BYTES_MOST,
            )
            if ended.status == 0:
                return _audible(Sound.of_wav(ended.output))
            reason = _how(ended)
        except (NoProgram, Overdue, SoundError) as error:
            reason = str(error)
        raise DeviceError(Fault.SPEECH_FAILED, f"{utterance.language}: {reason}")

    def close(self) -> None:
        """Forget what was spoken."""
        self._spoken.clear()

    def _play(self, sound: Sound, cancel: Cancel) -> None:
        try:
            ended = run(self._player, sound.wav(), cancel, deadline_s=sound.seconds + self._after_s)
        except NoProgram as error:
            raise DeviceError(Fault.VOICE_ABSENT, str(error)) from None
        except Overdue as error:
            raise DeviceError(Fault.PLAYER_FAILED, str(error)) from None
        if ended.status < 0:
            raise DeviceError(Fault.PLAYER_FAILED, _how(ended))
        if ended.status > 0:
            raise DeviceError(Fault.VOICE_ABSENT, _how(ended))


def _filled(part: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        part = part.replace(name, value)
    return part


def _how(ended: Ended) -> str:
    how = f"signal {-ended.status}" if ended.status < 0 else f"status {ended.status}"
    return f"{how}: {ended.complaint}" if ended.complaint else how


def _audible(sound: Sound) -> Sound:
    """The sound itself. Raises SoundError where nobody would hear it, or hear its end."""
    if not _SHORTEST_S <= sound.seconds <= LONGEST_S:
        raise SoundError(f"it takes {sound.seconds:.1f} s")
    if sound.peak < SILENT_BELOW:
        raise SoundError("it is silent")
    return sound
