"""A voice whose two programs do what programs do: crash, hang, write nonsense, or are not there.

What is heard is the beginning of what was spoken, or nothing: a sound carries no checksum.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from fault_campaign import Bench, Inject, WrongResult

from devices.voice.sound import Sound
from devices.voice.voice import Utterance, Voice
from devices.worker import Cancel

TEXT = Utterance("short", "好", "zh")
_HANGS = ("sleep 60", "sleep 60 & wait", "trap '' TERM INT; sleep 60")
_SIGNALS = ("ABRT", "SEGV", "BUS", "KILL", "PIPE")
_HEAD_BYTES = 44
_CAT = 'cat "$DIR/right.wav"'


class SpeechAndPlayer(Bench):
    """Both are scripts; the speech is what espeak-ng once said."""

    device: ClassVar[str] = "voice"
    deadline_s: ClassVar[float] = 4.0

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="ou-voice-"))
        self._right = Voice().speech(TEXT, Cancel(30.0))
        self._wav = self._right.wav()
        self._heard = self._folder / "heard.wav"
        self._pid = self._folder / "pid"
        self.mend()
        self.serve()

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Of the program that speaks, then of the one that plays."""
        return {
            "no speech program": lambda _: (self._folder / "speak").unlink(),
            "speech hangs": lambda c: self._speak(c.choice(_HANGS)),
            "speech crashes": lambda c: self._speak(self._part(c) + f"\nkill -{self._by(c)} $$"),
            "speech fails in the end": lambda c: self._speak(f"{_CAT}\nexit {c.randint(1, 120)}"),
            "speech without an end": lambda _: self._speak("cat /dev/zero"),
            "complaints without an end": lambda _: self._speak("yes >&2"),
            "speech cut off": lambda c: self._speak(self._part(c)),
            "silence": lambda c: self._say_bytes(Sound.silence(c.uniform(0.3, 2.0)).wav()),
            "noise": lambda c: self._say_bytes(c.randbytes(c.randint(0, 5_000))),
            "damaged head": self._damaged,
            "slow speech": lambda c: self._speak(f"sleep {c.uniform(0.1, 0.3):.2f}\n{_CAT}"),
            "no player": lambda _: (self._folder / "play").unlink(),
            "player refuses": lambda c: self._play(f"echo busy >&2\nexit {c.randint(1, 120)}"),
            "player hangs": lambda c: self._play(c.choice(_HANGS)),
            "player crashes": lambda c: self._play(
                f"head -c 99 >/dev/null\nkill -{self._by(c)} $$"
            ),
            "player talks without an end": lambda _: self._play("yes"),
            "player is killed": self._killed,
        }

    def _by(self, chance: random.Random) -> str:
        return chance.choice(_SIGNALS)

    def _part(self, chance: random.Random) -> str:
        return f'head -c {chance.randrange(len(self._wav))} "$DIR/right.wav"'

    def _damaged(self, chance: random.Random) -> None:
        wav = bytearray(self._wav)
        wav[chance.randrange(_HEAD_BYTES)] ^= 1 << chance.randrange(8)
        self._say_bytes(bytes(wav))

    def _killed(self, _: random.Random) -> None:
        self._play('echo $$ > "$DIR/pid.part"; mv "$DIR/pid.part" "$DIR/pid"; sleep 60')

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(self._pid.read_text()), signal.SIGKILL)

        self.when(self._pid.exists, kill)

    def _say_bytes(self, data: bytes) -> None:
        (self._folder / "other.wav").write_bytes(data)
        self._speak('cat "$DIR/other.wav"')

    def _speak(self, script: str) -> None:
        self._write("speak", script)

    def _play(self, script: str) -> None:
        self._write("play", script)

    def _write(self, name: str, script: str) -> None:
        (self._folder / name).write_text(f'DIR="{self._folder}"\n{script}\n', encoding="utf-8")

    def prepare(self, chance: random.Random) -> None:
        """A voice that has not said this yet."""
        del chance
        self._pid.unlink(missing_ok=True)
        self._heard.unlink(missing_ok=True)
        self._voice = self._made()

    def _made(self) -> Voice:
        return Voice(
            program=("sh", str(self._folder / "speak")),
            player=("sh", str(self._folder / "play")),
            speech_s=1.0,
            after_s=0.5,
        )

    def call(self, cancel: Cancel) -> object:
        """Say it."""
        return self._voice.say(TEXT, cancel)

    def check(self, result: object) -> None:
        """What reached the player is how the speech begins."""
        if result is None:
            return
        heard = Sound.of_wav(self._heard.read_bytes())
        if not self._right.samples.startswith(heard.samples) or not heard.samples:
            raise WrongResult("something else was heard")

    def mend(self) -> None:
        """Both do what they should."""
        (self._folder / "right.wav").write_bytes(self._wav)
        self._speak(_CAT)
        self._play('cat > "$DIR/heard.wav"')

    def serve(self) -> None:
        """It is heard whole."""
        voice = self._made()

        def right(cancel: Cancel) -> bool:
            voice.say(TEXT, cancel)
            return self._heard.read_bytes() == self._wav

        self.serve_by(right)

    def close(self) -> None:
        """Clean up."""
        shutil.rmtree(self._folder, ignore_errors=True)
