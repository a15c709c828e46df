"""A voice under the contract: whether there is a loudspeaker's card, a player, and speech."""

from __future__ import annotations

import time
from collections.abc import Sequence

from devices.contract import (
    Device,
    DeviceIdentity,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Finding,
    Probe,
    VoiceCapabilities,
)
from devices.errors import DeviceError, Fault
from devices.voice.voice import Utterance, Voice
from devices.worker import Cancel, DeviceWorker

_NAMED_MOST = 5


class VoiceDevice(Device):
    """A voice. `sentences` are what it has to be able to say, one for each language.

    With `aloud` the self-test says them for everybody to hear; else it plays nothing but a
    moment of silence, and looks at the speech without playing it.
    """

    absent_fault = Fault.VOICE_ABSENT

    def __init__(
        self,
        voice: Voice,
        sentences: Sequence[Utterance],
        *,
        name: str = "voice",
        worker: DeviceWorker | None = None,
        aloud: bool = False,
    ) -> None:
        super().__init__(DeviceIdentity(DeviceKind.VOICE, name, voice.player), worker)
        self._voice = voice
        self._sentences = tuple(sentences)
        self._aloud = aloud

    @property
    def capabilities(self) -> VoiceCapabilities:
        """As it is configured."""
        return VoiceCapabilities(
            synthesizer=self._voice.synthesizes, recordings=self._voice.recordings is not None
        )

    def present(self) -> bool | None:
        """Whether there is a sound card, where that can be known."""
        return self._voice.present()

    def _ask(self, cancel: Cancel) -> DeviceStatus:
        cancel.raise_if_cancelled()
        there = self._voice.present()
        if there is False:
            raise DeviceError(Fault.VOICE_ABSENT, "no sound card")
        state = DeviceState.ONLINE if there else DeviceState.UNKNOWN
        return DeviceStatus(state, time.monotonic())

    def _probes(self) -> Sequence[Probe]:
        found = [Probe("player", self._player)]
        if self._voice.synthesizes:
            found.append(Probe("speech", self._speech))
        if self._voice.recordings is not None:
            found.append(Probe("recordings", self._recordings))
        if self._aloud:
            found.append(Probe("test-sentence", self._say))
        return tuple(found)

    def _player(self, cancel: Cancel) -> Finding:
        self._voice.try_player(cancel)
        return Finding("it plays; whether it is heard, only somebody there can tell")

    def _speech(self, cancel: Cancel) -> Finding:
        figures = {
            f"speech_{one.language}_s": round(self._voice.speech(one, cancel).seconds, 1)
            for one in self._sentences
        }
        return Finding("", figures)

    def _recordings(self, _: Cancel) -> Finding:
        folder = self._voice.recordings
        assert folder is not None, "probed only with one"
        if not folder.is_dir():
            raise DeviceError(Fault.SPEECH_FAILED, "the folder of recordings is not there")
        useless, usable = [], 0
        for path in sorted(folder.glob("*/*.wav")):
            try:
                one = Utterance(path.stem, path.stem, path.parent.name)
            except ValueError:
                one = None
            if one is None or self._voice.recorded(one) is None:
                useless.append(f"{path.parent.name}/{path.name}")
            else:
                usable += 1
        if useless:
            told = f"of no use: {', '.join(useless[:_NAMED_MOST])}"
            raise DeviceError(Fault.SPEECH_FAILED, told)
        return Finding("", {"recordings": usable})

    def _say(self, cancel: Cancel) -> Finding:
        for one in self._sentences:
            self._voice.say(one, cancel)
        return Finding("said; whether it was heard, only somebody there can tell")

    def _release(self) -> None:
        self._voice.close()
